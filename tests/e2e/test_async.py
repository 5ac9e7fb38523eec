"""Events that nobody waits for: accepted is as good as run."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.eventing import PLAIN, WRITER, runs, send, status
from tests.platform import Platform, until


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def test_an_event_is_accepted_at_once_and_run_once(quick: Platform, name: str, file: Path) -> None:
    quick.make(name, WRITER)
    began = time.monotonic()
    request_id = send(quick, name, {"n": 7, "file": str(file), "takes": 0.5})
    assert time.monotonic() - began < 0.45

    (waiting,) = status(quick, name, request_id)
    assert (waiting["RetCode"], waiting["RequestId"]) == (1, request_id)  # it still runs
    until(lambda: status(quick, name, request_id)[0]["RetCode"] == 0)
    (done,) = status(quick, name, request_id)
    assert (done["FunctionName"], done["RetMsg"], done["RetryNum"]) == (name, "7", 0)
    assert done["Duration"] >= 500
    assert done["MemUsage"] > 1  # in MB here
    assert runs(file) == [["7", "$LATEST", request_id]]
    logs = quick.call("GetFunctionLogs", FunctionName=name, FunctionRequestId=request_id)
    assert [(log["RetCode"], log["Alias"]) for log in logs["Data"]] == [(0, "$DEFAULT")]


def test_many_events_are_each_run_once(quick: Platform, name: str, file: Path) -> None:
    quick.make(name, WRITER)
    with ThreadPoolExecutor(4) as senders:
        ids = set(senders.map(lambda n: send(quick, name, {"n": n, "file": str(file)}), range(60)))

    until(lambda: len(runs(file)) >= 60)
    until(lambda: all(row["RetCode"] == 0 for one in ids for row in status(quick, name, one)))
    assert Counter(run[0] for run in runs(file)) == {str(n): 1 for n in range(60)}
    assert {run[2] for run in runs(file)} == ids


def test_a_run_that_fails_is_tried_again_and_given_up(
    quick: Platform, name: str, file: Path
) -> None:
    quick.make(name, WRITER)
    request_id = send(quick, name, {"n": 1, "file": str(file), "fail": True})

    until(lambda: len(status(quick, name, request_id)) == 3)
    rows = status(quick, name, request_id)
    assert [(row["RetCode"], row["RetryNum"]) for row in rows] == [(-1, 0), (-1, 1), (-1, 2)]
    assert "told to" in rows[0]["RetMsg"]
    assert {run[2] for run in runs(file)} == {request_id}


def test_the_alias_is_resolved_when_a_run_begins_so_a_rollback_saves_what_still_waits(
    quick: Platform, name: str, file: Path
) -> None:
    quick.make(name, WRITER, Timeout=30)
    for _ in range(2):
        quick.publish(name)
    quick.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    gate = file.with_name("gate")
    for n in range(40):  # more than are run at once
        event = {"n": n, "file": str(file), "gate": str(gate)}
        send(quick, name, event, Qualifier="release")
    until(file.with_name("runs.begun").exists)
    quick.call("UpdateAlias", FunctionName=name, Name="release", FunctionVersion="2")
    gate.touch()

    until(lambda: len(runs(file)) == 40, within_s=30)
    versions = {n: version for n, version, _ in runs(file)}
    first = file.with_name("runs.begun").read_text().split()[0]
    assert (versions[first], versions["39"]) == ("1", "2")


def test_a_routing_key_is_kept_with_its_event(quick: Platform, name: str, file: Path) -> None:
    quick.make(name, WRITER)
    for _ in range(2):
        quick.publish(name)
    bob = {"Version": "2", "Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob"}
    quick.call(
        "CreateAlias",
        FunctionName=name,
        Name="release",
        FunctionVersion="1",
        RoutingConfig={"AddtionVersionMatchs": [bob]},
    )
    for n, user in enumerate(("Bob", "Ann")):
        key = json.dumps({"User": user})
        send(quick, name, {"n": n, "file": str(file)}, Qualifier="release", RoutingKey=key)

    until(lambda: len(runs(file)) == 2)
    assert {(n, version) for n, version, _ in runs(file)} == {("0", "2"), ("1", "1")}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"FunctionName": "nobody"}, "ResourceNotFound.FunctionName"),
        ({"Qualifier": "nobody"}, "ResourceNotFound.Qualifier"),
        ({"ClientContext": "{"}, "InvalidParameterValue.Param"),
        ({"RoutingKey": "{"}, "InvalidParameterValue.Param"),
        ({"ClientContext": json.dumps("x" * 128 * 1024)}, "InvalidParameter.RequestTooLarge"),
        ({"InvocationType": "Later"}, "InvalidParameterValue"),
    ],
)
def test_what_could_never_be_run_is_not_accepted(
    quick: Platform, name: str, asked: dict[str, Any], code: str
) -> None:
    quick.make(name, WRITER)

    refused = quick.refusal("Invoke", **{"FunctionName": name, "InvocationType": "Event"} | asked)
    assert refused.get_code() == code


def test_the_status_of_a_call_is_told_within_its_window(quick: Platform, name: str) -> None:
    quick.make(name)
    request_id = quick.invoke(name, {"a": 1})["FunctionRequestId"]

    (row,) = status(quick, name, request_id)
    assert row["RetCode"] == 0
    assert json.loads(row["RetMsg"])["event"] == {"a": 1}
    started = time.strptime(row["StartTime"], "%Y-%m-%d %H:%M:%S")
    day = time.strftime("%Y-%m-%d", started)
    late = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.mktime(started) + 60))
    assert len(status(quick, name, request_id, StartTime=f"{day} 00:00:00", EndTime=late)) == 1
    assert (
        status(
            quick,
            name,
            request_id,
            StartTime="2020-01-01 00:00:00",
            EndTime="2020-01-02 00:00:00",
        )
        == []
    )
    assert status(quick, name, "00000000-0000-4000-8000-000000000000") == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"FunctionRequestId": "no id!"}, "InvalidParameterValue.FunctionRequestId"),
        ({"FunctionRequestId": ""}, "InvalidParameterValue.FunctionRequestId"),
        ({"FunctionName": "nobody"}, "ResourceNotFound.FunctionName"),
        ({"StartTime": "2026-01-01 00:00:00"}, "InvalidParameterValue.StartTimeOrEndTime"),
        ({"EndTime": "2026-01-01 00:00:00"}, "InvalidParameterValue.StartTimeOrEndTime"),
        ({"StartTime": "yesterday", "EndTime": "today"}, "InvalidParameterValue.DateTime"),
        (
            {"StartTime": "2026-01-02 00:00:00", "EndTime": "2026-01-01 00:00:00"},
            "InvalidParameterValue.StartTimeOrEndTime",
        ),
    ],
)
def test_a_wrong_question_after_a_call_is_refused(
    quick: Platform, name: str, asked: dict[str, Any], code: str
) -> None:
    quick.make(name)
    known = {"FunctionName": name, "FunctionRequestId": "00000000-0000-4000-8000-000000000000"}

    assert quick.refusal("GetRequestStatus", **known | asked).get_code() == code


def test_a_run_that_was_cut_off_begins_again_and_says_that_it_does(
    start: Callable[..., Platform], file: Path
) -> None:
    first = start(*PLAIN)
    first.make("writer", WRITER, Timeout=10)
    begun = file.with_name("runs.begun")
    request_id = send(first, "writer", {"n": 1, "file": str(file), "takes": 1})
    until(begun.exists)
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    second = start(*PLAIN, data=first.data)

    until(lambda: runs(file))
    until(lambda: status(second, "writer", request_id)[0]["RetCode"] == 0)
    assert [row["RetryNum"] for row in status(second, "writer", request_id)] == [1]
    assert begun.read_text().split() == ["1", "1"]


def test_an_event_that_runs_comes_to_its_end_before_a_server_that_is_told_to_stop(
    start: Callable[..., Platform], file: Path
) -> None:
    server = start(*PLAIN)
    server.make("writer", WRITER)
    send(server, "writer", {"n": 1, "file": str(file), "takes": 1})
    until(file.with_name("runs.begun").exists)

    assert server.stop(signal.SIGTERM) == 0
    assert [run[0] for run in runs(file)] == ["1"]
    again = start(*PLAIN, data=server.data)
    logs = again.call("GetFunctionLogs", FunctionName="writer")
    assert [log["RetryNum"] for log in logs["Data"]] == [0]
    assert os.path.getsize(file) < 100  # noqa: PTH202 - and it is not run again
