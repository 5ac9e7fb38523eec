"""What the official client can ask of events: their state, their end, how they are retried."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.scf.v20180416 import models

from tests.e2e.eventing import WRITER, runs, send
from tests.platform import Platform, until, zipped

#: Runs until it is told to end; then says so, and goes.
PATIENT = """
import signal, time
ends = []
signal.signal(signal.SIGTERM, lambda *_: ends.append(1))

def main_handler(event, context):
    print("it runs", flush=True)
    while not ends:
        time.sleep(0.01)
    ends.clear()
    print("it was told", flush=True)
    return "gone"
"""
DEAF = "import time\n\ndef main_handler(event, context):\n    time.sleep(60)\n"
FAILS = "def main_handler(event, context):\n    print('so much for', event)\n    1 / 0\n"


def of(platform: Platform, request_id: str) -> dict[str, Any]:
    return platform.ours("GetAsyncEvent", InvokeRequestId=request_id)


def state(platform: Platform, request_id: str) -> str:
    return str(of(platform, request_id)["State"])


def status_of(platform: Platform, request_id: str) -> tuple[str, int]:
    asked = models.GetAsyncEventStatusRequest()
    asked.InvokeRequestId = request_id
    result = platform.client().GetAsyncEventStatus(asked).Result
    assert result.InvokeRequestId == request_id
    return result.Status, result.StatusCode


def terminate(platform: Platform, name: str, request_id: str, *, grace: bool = False) -> None:
    asked = models.TerminateAsyncEventRequest()
    asked.FunctionName, asked.InvokeRequestId, asked.GraceShutdown = name, request_id, grace
    platform.client().TerminateAsyncEvent(asked)


def test_the_official_client_follows_an_event_from_its_acceptance_to_its_end(
    quick: Platform, name: str, tmp_path: Path
) -> None:
    quick.make(name, WRITER)
    gate = tmp_path / "gate"
    event = {"n": 1, "file": str(tmp_path / "runs"), "gate": str(gate)}
    request_id = send(quick, name, event)
    assert status_of(quick, request_id) == ("RUNNING", 0)

    asked = models.ListAsyncEventsRequest()
    asked.FunctionName, asked.Status = name, ["RUNNING"]
    answer = quick.client().ListAsyncEvents(asked)
    assert [one.InvokeRequestId for one in answer.EventList] == [request_id]
    gate.touch()
    until(lambda: status_of(quick, request_id) == ("FINISHED", 200))

    asked.Status, asked.Orderby, asked.Order = ["FINISHED"], "EndTime", "ASC"
    answer = quick.client().ListAsyncEvents(asked)
    (one,) = answer.EventList
    assert (answer.TotalCount, one.Qualifier, one.InvokeType) == (1, "$LATEST", "api")
    assert one.StartTime < one.EndTime
    assert len(one.StartTime) == len("2026-11-01 00:00:00.000000")
    interval = models.TimeInterval()
    interval.Start, interval.End = one.StartTime[:19], "2999-01-01 00:00:00"
    asked.StartTimeInterval = interval
    assert quick.client().ListAsyncEvents(asked).TotalCount == 1
    interval.Start, interval.End = "2000-01-01 00:00:00", one.StartTime[:19]
    assert quick.client().ListAsyncEvents(asked).TotalCount == 0


def test_an_event_that_runs_is_ended_gracefully_where_it_listens(
    platform: Platform, name: str
) -> None:
    platform.make(name, PATIENT, Timeout=60)
    request_id = send(platform, name, {})
    until(lambda: "it runs" in tailed(platform, name))
    terminate(platform, name, request_id, grace=True)

    until(lambda: status_of(platform, request_id) == ("ABORTED", 499))
    until(lambda: "it was told" in tailed(platform, name))
    (log,) = platform.call("GetFunctionLogs", FunctionName=name)["Data"]
    assert "[PLATFORM] Signal received successfully." in log["Log"]
    with pytest.raises(TencentCloudSDKException) as refused:
        terminate(platform, name, request_id)
    assert refused.value.get_code() == "FailedOperation.AsyncEventStatus"


def tailed(platform: Platform, name: str) -> str:
    found = platform.ours("SearchLogs", FunctionName=name, Since="1h")
    return json.dumps(found)


@pytest.mark.parametrize(("grace", "ends"), [(True, 439), (False, 499)])
def test_an_event_that_does_not_listen_is_killed_and_not_tried_again(
    platform: Platform, name: str, *, grace: bool, ends: int
) -> None:
    platform.make(name, DEAF, Timeout=60)
    request_id = send(platform, name, {})
    until(lambda: platform.metrics("huidu_instances", function=name, state="busy"))
    terminate(platform, name, request_id, grace=grace)

    until(lambda: status_of(platform, request_id) == ("ABORTED", ends))
    assert len(of(platform, request_id)["Attempts"]) == 1


def test_how_a_function_is_retried_is_set_and_read_by_the_official_client(
    platform: Platform, name: str
) -> None:
    platform.make(name)
    asked = models.GetFunctionEventInvokeConfigRequest()
    asked.FunctionName, asked.Qualifier = name, "$LATEST"

    def read() -> tuple[list[int], int]:
        config = platform.client().GetFunctionEventInvokeConfig(asked).AsyncTriggerConfig
        return [one.RetryNum for one in config.RetryConfig], config.MsgTTL

    assert read() == ([2, -1], 21600)
    change = models.UpdateFunctionEventInvokeConfigRequest()
    change.from_json_string(
        json.dumps(
            {
                "FunctionName": name,
                "AsyncTriggerConfig": {"RetryConfig": [{"RetryNum": 1}], "MsgTTL": 600},
            }
        )
    )
    platform.client().UpdateFunctionEventInvokeConfig(change)
    assert read() == ([1, -1], 600)
    for config, code in (
        ({"RetryConfig": [{"RetryNum": 3}]}, "LimitExceeded.RetryNum"),
        ({"MsgTTL": 59}, "LimitExceeded.MsgTTL"),
        ({}, "InvalidParameterValue.AsyncTriggerConfig"),
        ({"RetryConfig": [{"RetryNum": 1}] * 2}, "InvalidParameterValue.AsyncTriggerConfig"),
    ):
        refused = platform.refusal(
            "UpdateFunctionEventInvokeConfig", FunctionName=name, AsyncTriggerConfig=config
        )
        assert refused.get_code() == code
    assert read() == ([1, -1], 600)


@pytest.mark.parametrize(
    ("action", "asked", "code"),
    [
        ("GetAsyncEventStatus", {"InvokeRequestId": "no"}, "ResourceNotFound.AsyncEvent"),
        ("ListAsyncEvents", {"Status": ["DONE"]}, "InvalidParameterValue.Status"),
        ("ListAsyncEvents", {"InvokeType": ["?"]}, "InvalidParameterValue.InvokeType"),
        ("ListAsyncEvents", {"Order": "UP"}, "InvalidParameterValue.Order"),
        ("ListAsyncEvents", {"FunctionName": "no"}, "ResourceNotFound.FunctionName"),
        ("TerminateAsyncEvent", {"InvokeRequestId": "no"}, "ResourceNotFound.AsyncEvent"),
        ("GetFunctionEventInvokeConfig", {"Qualifier": "9"}, "ResourceNotFound.Version"),
    ],
)
def test_what_is_not_there_is_refused_by_name(
    platform: Platform, name: str, action: str, asked: dict[str, Any], code: str
) -> None:
    platform.make(name)
    named = {} if action == "GetAsyncEventStatus" else {"FunctionName": name}

    assert platform.refusal(action, **named | asked).get_code() == code


def test_after_a_rollback_what_the_bad_version_failed_is_played_again_through_the_good_one_once(
    quick: Platform, name: str, tmp_path: Path
) -> None:
    file = tmp_path / "runs"
    quick.make(name, WRITER)
    quick.publish(name)
    bad = "def main_handler(event, context):\n    raise ValueError('bad')\n"
    quick.call("UpdateFunctionCode", FunctionName=name, ZipFile=zipped(bad))
    quick.publish(name)
    quick.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="2")
    config = {"RetryConfig": [{"RetryNum": 0}]}
    quick.call("UpdateFunctionEventInvokeConfig", FunctionName=name, AsyncTriggerConfig=config)
    with ThreadPoolExecutor(4) as senders:
        ids = list(
            senders.map(
                lambda n: send(quick, name, {"n": n, "file": str(file)}, Qualifier="release"),
                range(500),
            )
        )

    def dead(**more: Any) -> dict[str, Any]:
        return quick.ours("ListDeadEvents", FunctionName=name, **more)

    until(lambda: dead()["TotalCount"] == 500, within_s=30)
    (of_version,) = dead()["Versions"]
    assert (of_version["FunctionVersion"], of_version["Count"]) == ("2", 500)
    assert {one["StatusCode"] for one in dead(Limit=100)["Events"]} == {430}
    quick.call("UpdateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    one = quick.ours("RedriveEvents", FunctionName=name, InvokeRequestIds=ids[:1])
    again = quick.ours("RedriveEvents", FunctionName=name, InvokeRequestIds=ids[:1])
    assert (one["Count"], again["Count"], again["Skipped"]) == (1, 0, 1)
    redriven = [
        quick.ours("RedriveEvents", FunctionName=name, FunctionVersion="2", Reason="back to 1")
        for _ in range(2)
    ]
    assert [answer["Count"] for answer in redriven] == [499, 0]

    until(lambda: len(runs(file)) == 500, within_s=30)
    assert Counter(run[0] for run in runs(file)) == {str(n): 1 for n in range(500)}
    assert {run[1] for run in runs(file)} == {"1"}
    assert {run[2] for run in runs(file)} == set(ids)
    until(lambda: state(quick, ids[7]) == "finished")
    told = of(quick, ids[7])
    assert [(a["RetryNum"], a["FunctionVersion"], a["Alias"]) for a in told["Attempts"]] == [
        (0, "2", "release"),
        (1, "1", "release"),
    ]
    assert told["Attempts"][1]["RoutingReason"] == "main version"
    assert (dead()["TotalCount"], told["Redriven"]) == (0, 1)


def test_a_dead_letter_is_kept_with_its_log_till_discarded(quick: Platform, name: str) -> None:
    quick.make(name, FAILS)
    request_id = send(quick, name, {"a": 1})
    until(lambda: state(quick, request_id) == "dead")

    told = of(quick, request_id)
    assert (told["Status"], told["StatusCode"], told["Event"]) == ("FAILED", 430, '{"a": 1}')
    assert "so much for" in told["Log"]
    assert "division by zero" in told["ErrMsg"]
    assert told["Attempts"][-1]["Then"] == "given up: failed 3 times, RetryNum is 2"
    named = {"FunctionName": name, "InvokeRequestIds": [request_id]}
    assert quick.ours("DiscardEvents", **named)["Count"] == 1
    assert state(quick, request_id) == "discarded"
    with pytest.raises(TencentCloudSDKException) as refused:
        quick.ours("RedriveEvents", FunctionName=name, InvokeRequestIds=["nobody's"])
    assert refused.value.get_code() == "ResourceNotFound.AsyncEvent"


def test_events_of_a_deleted_function_or_alias_are_dead_letters_that_can_go_elsewhere(
    quick: Platform, name: str, tmp_path: Path
) -> None:
    file = tmp_path / "runs"
    quick.make(name, WRITER)
    quick.publish(name)
    quick.call("CreateAlias", FunctionName=name, Name="old", FunctionVersion="1")
    gate = tmp_path / "gate"
    event = {"n": 0, "file": str(file), "gate": str(gate)}
    ids = [send(quick, name, event | {"n": n}, Qualifier="old") for n in range(40)]
    quick.call("DeleteAlias", FunctionName=name, Name="old")
    gate.touch()
    until(lambda: state(quick, ids[-1]) == "dead")
    assert of(quick, ids[-1])["StatusCode"] == 442
    moved = quick.ours("RedriveEvents", FunctionName=name, Qualifier="$DEFAULT")
    until(lambda: state(quick, ids[-1]) == "finished")
    assert len(runs(file)) == 40
    assert moved["Count"] > 0

    gate.unlink()
    ids = [send(quick, name, event | {"n": n}) for n in range(40)]
    quick.call("DeleteFunction", FunctionName=name)
    gate.touch()
    until(lambda: state(quick, ids[-1]) == "dead")
    assert of(quick, ids[-1])["StatusCode"] == 435
    quick.make(name, WRITER)
    assert quick.ours("RedriveEvents", FunctionName=name)["Count"] > 0
    until(lambda: state(quick, ids[-1]) == "finished")


def test_an_alias_says_where_retries_go(quick: Platform, name: str) -> None:
    quick.make(name, FAILS)
    quick.publish(name)
    quick.call("UpdateFunctionCode", FunctionName=name, ZipFile=zipped("main_handler = print"))
    quick.publish(name)
    quick.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    named = {"FunctionName": name, "Name": "release"}
    assert quick.ours("GetAliasRetry", **named)["RetryOn"] == "current"
    quick.ours("UpdateAliasRetry", RetryOn="first", **named)
    assert quick.ours("GetAliasRetry", **named)["RetryOn"] == "first"
    request_id = send(quick, name, {}, Qualifier="release")
    until(lambda: of(quick, request_id)["Attempts"])
    quick.call("UpdateAlias", FunctionName=name, Name="release", FunctionVersion="2")

    until(lambda: state(quick, request_id) == "dead")
    attempts = of(quick, request_id)["Attempts"]
    assert [one["FunctionVersion"] for one in attempts] == ["1", "1", "1"]
    assert attempts[-1]["RoutingReason"] == "stays on the version that had it first"
    with pytest.raises(TencentCloudSDKException) as refused:
        quick.ours("UpdateAliasRetry", RetryOn="elsewhere", **named)
    assert refused.value.get_code() == "InvalidParameterValue.RetryOn"
