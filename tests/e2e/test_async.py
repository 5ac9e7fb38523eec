"""Events that nobody waits for: accepted is as good as run."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.scf.v20180416 import models

from tests.platform import Platform, until

#: The functions here leave marks on the host's disk, as from a sandbox they cannot.
PLAIN = ("--set", "tier=none")

#: Writes down each run as it ends, after as long as it was told to take.
WRITER = """
import json, os, time

def main_handler(event, context):
    with open(event["file"] + ".begun", "a") as begun:
        begun.write(f"{event['n']}\\n")
    time.sleep(event.get("takes", 0))
    while "gate" in event and not os.path.exists(event["gate"]):
        time.sleep(0.02)
    with open(event["file"], "a") as kept:
        kept.write(f"{event['n']} {context['function_version']} {context['request_id']}\\n")
    if event.get("fail"):
        raise ValueError("told to")
    return event["n"]
"""


def send(platform: Platform, name: str, event: object, **more: Any) -> str:
    """Send an event, and return the id of its run."""
    request = models.InvokeRequest()
    request.FunctionName, request.InvocationType = name, "Event"
    request.ClientContext = json.dumps(event)
    for field, value in more.items():
        setattr(request, field, value)
    result = platform.client().Invoke(request).Result
    assert (result.RetMsg, result.ErrMsg, result.Log, result.InvokeResult) == ("", "", "", 0)
    return str(result.FunctionRequestId)


def runs(file: Path) -> list[list[str]]:
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def status(platform: Platform, name: str, request_id: str, **more: str) -> list[dict[str, Any]]:
    answer = platform.call(
        "GetRequestStatus", FunctionName=name, FunctionRequestId=request_id, **more
    )
    assert answer["TotalCount"] == len(answer["Data"])
    return list(answer["Data"])


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    running = Platform.start(tmp_path_factory.mktemp("plain") / "data", *PLAIN)
    yield running
    assert running.stop() == 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def test_an_event_is_accepted_at_once_and_run_once(
    platform: Platform, name: str, file: Path
) -> None:
    platform.make(name, WRITER)
    began = time.monotonic()
    request_id = send(platform, name, {"n": 7, "file": str(file), "takes": 0.5})
    assert time.monotonic() - began < 0.45

    (waiting,) = status(platform, name, request_id)
    assert (waiting["RetCode"], waiting["RequestId"]) == (1, request_id)  # it still runs
    until(lambda: status(platform, name, request_id)[0]["RetCode"] == 0)
    (done,) = status(platform, name, request_id)
    assert (done["FunctionName"], done["RetMsg"], done["RetryNum"]) == (name, "7", 0)
    assert done["Duration"] >= 500
    assert done["MemUsage"] > 1  # in MB here
    assert runs(file) == [["7", "$LATEST", request_id]]
    logs = platform.call("GetFunctionLogs", FunctionName=name, FunctionRequestId=request_id)
    assert [(log["RetCode"], log["Alias"]) for log in logs["Data"]] == [(0, "$DEFAULT")]


def test_many_events_are_each_run_once(platform: Platform, name: str, file: Path) -> None:
    platform.make(name, WRITER)
    with ThreadPoolExecutor(4) as senders:
        ids = set(
            senders.map(lambda n: send(platform, name, {"n": n, "file": str(file)}), range(60))
        )

    until(lambda: len(runs(file)) >= 60)
    until(lambda: all(row["RetCode"] == 0 for one in ids for row in status(platform, name, one)))
    assert Counter(run[0] for run in runs(file)) == {str(n): 1 for n in range(60)}
    assert {run[2] for run in runs(file)} == ids


def test_a_run_that_fails_is_an_end_too(platform: Platform, name: str, file: Path) -> None:
    platform.make(name, WRITER)
    request_id = send(platform, name, {"n": 1, "file": str(file), "fail": True})

    until(lambda: status(platform, name, request_id)[0]["RetCode"] == -1)
    (row,) = status(platform, name, request_id)
    assert "told to" in row["RetMsg"]
    assert len(runs(file)) == 1


def test_the_alias_is_resolved_when_a_run_begins_so_a_rollback_saves_what_still_waits(
    platform: Platform, name: str, file: Path
) -> None:
    platform.make(name, WRITER, Timeout=30)
    for _ in range(2):
        platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    gate = file.with_name("gate")
    for n in range(40):  # more than are run at once
        event = {"n": n, "file": str(file), "gate": str(gate)}
        send(platform, name, event, Qualifier="release")
    until(file.with_name("runs.begun").exists)
    platform.call("UpdateAlias", FunctionName=name, Name="release", FunctionVersion="2")
    gate.touch()

    until(lambda: len(runs(file)) == 40, within_s=30)
    versions = {n: version for n, version, _ in runs(file)}
    first = file.with_name("runs.begun").read_text().split()[0]
    assert (versions[first], versions["39"]) == ("1", "2")


def test_a_routing_key_is_kept_with_its_event(platform: Platform, name: str, file: Path) -> None:
    platform.make(name, WRITER)
    for _ in range(2):
        platform.publish(name)
    bob = {"Version": "2", "Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob"}
    platform.call(
        "CreateAlias",
        FunctionName=name,
        Name="release",
        FunctionVersion="1",
        RoutingConfig={"AddtionVersionMatchs": [bob]},
    )
    for n, user in enumerate(("Bob", "Ann")):
        key = json.dumps({"User": user})
        send(platform, name, {"n": n, "file": str(file)}, Qualifier="release", RoutingKey=key)

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
    platform: Platform, name: str, asked: dict[str, Any], code: str
) -> None:
    platform.make(name, WRITER)

    refused = platform.refusal(
        "Invoke", **{"FunctionName": name, "InvocationType": "Event"} | asked
    )
    assert refused.get_code() == code


def test_the_status_of_a_call_is_told_within_its_window(platform: Platform, name: str) -> None:
    platform.make(name)
    request_id = platform.invoke(name, {"a": 1})["FunctionRequestId"]

    (row,) = status(platform, name, request_id)
    assert row["RetCode"] == 0
    assert json.loads(row["RetMsg"])["event"] == {"a": 1}
    started = time.strptime(row["StartTime"], "%Y-%m-%d %H:%M:%S")
    day = time.strftime("%Y-%m-%d", started)
    late = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.mktime(started) + 60))
    assert len(status(platform, name, request_id, StartTime=f"{day} 00:00:00", EndTime=late)) == 1
    assert (
        status(
            platform,
            name,
            request_id,
            StartTime="2020-01-01 00:00:00",
            EndTime="2020-01-02 00:00:00",
        )
        == []
    )
    assert status(platform, name, "00000000-0000-4000-8000-000000000000") == []


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
    platform: Platform, name: str, asked: dict[str, Any], code: str
) -> None:
    platform.make(name)
    known = {"FunctionName": name, "FunctionRequestId": "00000000-0000-4000-8000-000000000000"}

    assert platform.refusal("GetRequestStatus", **known | asked).get_code() == code


def test_fifty_events_that_were_acknowledged_survive_a_kill(
    start: Callable[..., Platform], file: Path
) -> None:
    first = start(*PLAIN)
    first.make("writer", WRITER)
    ids = {n: send(first, "writer", {"n": n, "file": str(file)}) for n in range(50)}
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    second = start(*PLAIN, data=first.data)

    until(lambda: {run[0] for run in runs(file)} >= {str(n) for n in range(50)}, within_s=20)
    assert {(run[0], run[2]) for run in runs(file)} == {(str(n), ids[n]) for n in ids}

    def over() -> bool:
        rows = [row for one in ids.values() for row in status(second, "writer", one)]
        return all(row["RetCode"] == 0 for row in rows)

    until(over)


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
