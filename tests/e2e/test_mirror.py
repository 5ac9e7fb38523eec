"""Mirrors: a candidate answers live calls a second time, and no user meets it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.e2e.serving import publish as publish_web
from tests.platform import ROOT_ASKED, Platform, until

#: Answers what the event says that this version is to answer, and behaves as it says.
PLAYS = """
import os, time

def main_handler(event, context):
    me = event.get("v" + context["function_version"], {})
    time.sleep(me.get("sleep_s", 0))
    if me.get("die"):
        os._exit(3)
    if me.get("fail"):
        raise ValueError("as told")
    shown = {"alias": context["alias"], "mirror": context.get("mirror", False)}
    return {"answer": me.get("answer", 1), "id": context["request_id"], "shown": shown,
            "pid": os.getpid()}
"""
ASIDE = ["$.id", "$.shown.mirror", "$.pid"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    options = ("--set", "tier=none", "--set", "warm_s=0", "--set", "max_waiting=200")
    running = Platform.start(tmp_path_factory.mktemp("mirrors") / "data", *options)
    yield running
    assert running.stop() == 0


def ready(platform: Platform, name: str, *, marked: bool = True) -> str:
    """Make a function with versions 1 and 2, and `release` at 1."""
    platform.make(name, PLAYS, Timeout=30)
    for _ in "12":
        platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    if marked:
        platform.ours("MarkMirrorSafe", FunctionName=name, Reason="it writes nothing")
    return name


def put(platform: Platform, name: str, **more: Any) -> dict[str, Any]:
    known = {"Name": "release", "FunctionVersion": "2", "IgnorePaths": ASIDE}
    return platform.ours("PutMirror", FunctionName=name, **known | {"MostPerSecond": 100} | more)


def found(platform: Platform, name: str) -> dict[str, Any]:
    return platform.ours("GetMirror", FunctionName=name, Name="release")


def skipped(report: dict[str, Any]) -> dict[str, int]:
    return {one["Reason"]: one["Count"] for one in report["Skipped"]}


def mirrored(platform: Platform, name: str, least: int) -> dict[str, Any]:
    """Wait until so many calls have been mirrored."""
    until(lambda: found(platform, name)["Mirrored"] >= least, 20)
    return found(platform, name)


def ask(platform: Platform, name: str, **event: Any) -> Any:
    """Call `release`; return what version 1 answered."""
    result = platform.invoke(name, event, Qualifier="release")
    assert (result["FunctionVersion"], result["Alias"]) == ("1", "release")
    return json.loads(result["RetMsg"])


def refusal(platform: Platform, action: str, **asked: Any) -> TencentCloudSDKException:
    with pytest.raises(TencentCloudSDKException) as refused:
        platform.ours(action, **asked)
    return refused.value


def kinds(platform: Platform, name: str) -> list[str]:
    asked = {"FunctionName": name, "Kinds": ["mirror.*", "throttle.*"], "Order": "ASC"}
    return [one["Kind"] for one in platform.ours("ListEvents", **asked)["Events"]]


# What is found


def test_differences_are_found_and_users_have_the_answers_that_they_would_have_had(
    server: Platform, name: str
) -> None:
    ready(server, name)
    put(server, name)
    for n in range(4):
        told = ask(server, name, v1={"answer": n}, v2={"answer": n or "other"})
        assert told["answer"] == n
        assert told["shown"] == {"alias": "release", "mirror": False}
    report = mirrored(server, name, 4)

    assert (report["Seen"], report["Mirrored"], report["Same"]) == (4, 4, 3)
    (difference,) = report["Differences"]
    assert (difference["Path"], difference["Count"]) == ("$.answer", 1)
    (sample,) = difference["Samples"]
    assert (sample["Live"], sample["Candidate"]) == ("0", '"other"')
    assert report["State"] == "mirroring"
    assert (report["MarkWho"], report["MarkReason"]) == (ROOT_ASKED, "it writes nothing")
    assert (report["Failures"], report["Skipped"]) == ([], [])
    assert report["Latency"]["Pairs"] in (2, 3)  # one met cold instances, or two


def test_what_is_not_ignored_counts(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name, IgnorePaths=["$.answer", "$.pid"])
    ask(server, name, v1={"answer": 1}, v2={"answer": 2})
    found_there = {one["Path"]: one for one in mirrored(server, name, 1)["Differences"]}

    assert found_there.keys() == {"$.id", "$.shown.mirror"}
    (mark,) = found_there["$.shown.mirror"]["Samples"]
    assert (mark["Live"], mark["Candidate"]) == ("false", "true")


def test_a_copy_is_recorded_with_whose_it_is_and_counted_nowhere(
    server: Platform, name: str
) -> None:
    ready(server, name)
    put(server, name, IgnorePaths=["$.pid"])
    ask(server, name)
    mirrored(server, name, 1)
    (place,) = (one for one in found(server, name)["Differences"] if one["Path"] == "$.id")
    live, copy = (place["Samples"][0][key] for key in ("RequestId", "MirrorRequestId"))
    asked = {"FunctionName": name, "FunctionRequestId": copy}
    (log,) = until(lambda: server.call("GetFunctionLogs", **asked)["Data"])

    assert live != copy
    assert (log["Source"], log["Alias"], log["Qualifier"]) == ("mirror", "", "2")
    counted = server.metrics("huidu_invocations_total", function=name)
    assert {version: count for (version, _), count in counted.items()} == {"1": 1.0}


def test_calls_that_the_candidate_answers_itself_are_not_copied(
    server: Platform, name: str
) -> None:
    ready(server, name)
    put(server, name)
    share = {"AdditionalVersionWeights": [{"Version": "2", "Weight": 0.5}]}
    server.call(
        "UpdateAlias",
        FunctionName=name,
        Name="release",
        FunctionVersion="1",
        RoutingConfig=share,
    )
    for _ in range(6):
        server.invoke(name, {}, Qualifier="release")
    report = mirrored(server, name, 3)

    assert (report["Seen"], report["Mirrored"]) == (6, 3)
    assert skipped(report) == {"the candidate answered it itself": 3}


def test_events_that_nobody_waits_for_are_mirrored_too(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name)
    server.call(
        "Invoke",
        FunctionName=name,
        Qualifier="release",
        InvocationType="Event",
        ClientContext=json.dumps({"v2": {"answer": 2}}),
    )

    assert mirrored(server, name, 1)["Different"] == 1


# What it cannot do to users


def test_a_candidate_that_fails_or_dies_harms_nobody(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name)
    for how in ({"fail": True}, {"die": True}, {"die": True}, {}):
        assert ask(server, name, v2=how)["answer"] == 1
    report = mirrored(server, name, 4)

    assert (report["Same"], report["Different"]) == (1, 3)
    assert {one["Path"]: one["Count"] for one in report["Differences"]} == {"status": 3}
    failures = {one["StatusCode"]: one for one in report["Failures"]}
    assert {status: one["Count"] for status, one in failures.items()} == {430: 1, 439: 2}
    assert {one["Fault"] for one in failures.values()} == {"user"}
    assert len(failures[439]["RequestIds"]) == 2
    assert kinds(server, name) == ["mirror.marked", "mirror.began"]


def test_a_candidate_may_be_killed_while_it_runs_a_copy(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name, IgnorePaths=["$.id", "$.shown.mirror"])
    users_pid = ask(server, name)["pid"]
    (place,) = mirrored(server, name, 1)["Differences"]
    pid = int(place["Samples"][0]["Candidate"])
    assert (place["Path"], pid != users_pid) == ("$.pid", True)
    ask(server, name, v2={"sleep_s": 20})
    time.sleep(0.1)  # the copy begins behind the answer
    os.kill(pid, signal.SIGKILL)
    report = mirrored(server, name, 2)

    assert [one["StatusCode"] for one in report["Failures"]] == [439]
    assert ask(server, name)["pid"] == users_pid


def test_a_slow_candidate_holds_up_no_call(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name, MostPerSecond=100)
    for _ in range(30):
        ask(server, name, v2={"sleep_s": 25})
    report = found(server, name)

    assert (report["Seen"], report["Mirrored"]) == (30, 0)  # users were before the first copy
    assert skipped(report).get("too many copies waited", 0) >= 30 - 16 - 4
    server.ours("DeleteMirror", FunctionName=name, Name="release")


def test_a_mirror_waits_where_users_wait(server: Platform, name: str) -> None:
    """More calls come than there may be instances of a version: none of them is copied."""
    ready(server, name)
    put(server, name)
    with ThreadPoolExecutor(16) as users:
        sent = [users.submit(ask, server, name, v1={"sleep_s": 0.05}) for _ in range(60)]
        assert {one.result()["answer"] for one in sent} == {1}
    report = found(server, name)

    assert report["Seen"] == 60
    assert report["Mirrored"] + sum(skipped(report).values()) <= 60
    assert kinds(server, name) == ["mirror.marked", "mirror.began"]


def test_a_slow_candidate_of_one_alias_leaves_room_for_the_mirrors_of_others(
    server: Platform, name: str
) -> None:
    slow, quick = ready(server, f"{name}-slow"), ready(server, f"{name}-quick")
    put(server, slow)
    put(server, quick)
    for _ in range(6):
        ask(server, slow, v2={"sleep_s": 25})
    ask(server, quick)

    assert mirrored(server, quick, 1)["Same"] == 1
    server.ours("DeleteMirror", FunctionName=slow, Name="release")


# How it ends


def test_it_ends_with_its_last_call_and_what_it_found_stays(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name, MaxCalls=2)
    for _ in range(5):
        ask(server, name)
    until(lambda: found(server, name)["State"] == "ended")
    report = found(server, name)

    assert (report["Mirrored"], report["EndReason"]) == (2, "it has had all its calls")
    assert report["EndTime"]
    until(lambda: kinds(server, name)[-1] == "mirror.ended")
    assert found(server, name)["Mirrored"] == 2


def test_it_ends_when_its_time_is_over(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name, Until="1s")
    ask(server, name)
    time.sleep(1.1)
    ask(server, name)
    until(lambda: found(server, name)["State"] == "ended")

    assert found(server, name)["EndReason"] == "its time is over"


def test_it_ends_with_the_mark(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name)
    ask(server, name)
    mirrored(server, name, 1)
    server.ours("UnmarkMirrorSafe", FunctionName=name, Reason="it sends mail now")
    server.ours("UnmarkMirrorSafe", FunctionName=name)
    ask(server, name)
    report = found(server, name)

    assert (report["State"], report["Seen"], report["Mirrored"]) == ("ended", 1, 1)
    assert (report["MarkWho"], report["MarkReason"]) == ("", "")
    assert kinds(server, name)[2:] == ["mirror.unmarked", "mirror.ended"]
    assert refusal(server, "PutMirror", FunctionName=name, Name="release", FunctionVersion="2")


def test_it_ends_with_its_candidate(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name)
    ask(server, name, v2={"sleep_s": 20})
    server.call("DeleteFunctionVersion", FunctionName=name, Qualifier="2")
    assert ask(server, name)["answer"] == 1
    report = found(server, name)

    assert (report["State"], report["EndReason"]) == ("ended", "version 2 was deleted")
    assert report["Mirrored"] == 0


def test_it_goes_with_its_alias(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name)
    ask(server, name, v2={"sleep_s": 20})
    server.call("DeleteAlias", FunctionName=name, Name="release")
    asked = {"FunctionName": name, "Name": "release"}
    assert refusal(server, "GetMirror", **asked).code == "ResourceNotFound.Alias"
    server.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    assert ask(server, name)["answer"] == 1

    assert refusal(server, "GetMirror", **asked).code == "ResourceNotFound.Mirror"


def test_it_goes_with_its_function_and_so_does_the_mark(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name)
    ask(server, name, v2={"sleep_s": 20})
    server.call("DeleteFunction", FunctionName=name)
    ready(server, name, marked=False)
    assert ask(server, name)["answer"] == 1

    asked = {"FunctionName": name, "Name": "release"}
    assert refusal(server, "GetMirror", **asked).code == "ResourceNotFound.Mirror"
    assert refusal(server, "PutMirror", **asked, FunctionVersion="2").code == (
        "FailedOperation.MirrorNotSafe"
    )


def test_another_takes_its_place_and_begins_with_nothing(server: Platform, name: str) -> None:
    ready(server, name)
    first = put(server, name)
    ask(server, name)
    mirrored(server, name, 1)
    second = put(server, name, Reason="once more", Share=0.5)
    report = found(server, name)

    assert (report["MirrorId"], report["Seen"]) == (second["MirrorId"], 0)
    assert (report["Share"], report["Reason"]) == (0.5, "once more")
    assert first["MirrorId"] != second["MirrorId"]
    assert kinds(server, name)[1:] == ["mirror.began", "mirror.ended", "mirror.began"]
    server.ours("DeleteMirror", FunctionName=name, Name="release")
    asked = {"FunctionName": name, "Name": "release"}
    assert refusal(server, "GetMirror", **asked).code == "ResourceNotFound.Mirror"


def test_it_goes_on_after_a_crash_with_what_it_had_found(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name, Reason="over night")
    ask(server, name, v2={"answer": 2})
    until(lambda: kept(server, name))
    before = found(server, name)
    crash(server)
    after = found(server, name)
    ask(server, name)
    report = mirrored(server, name, 2)

    assert (after["Different"], after["State"], after["Reason"]) == (1, "mirroring", "over night")
    assert after["Differences"] == before["Differences"]
    assert (report["Same"], report["Different"], report["Seen"]) == (1, 1, 2)


def crash(platform: Platform) -> None:
    """Kill a server, and have another in its place."""
    platform.stop(signal.SIGKILL)
    again = platform.again()
    platform.process, platform.api, platform.gateway = again.process, again.api, again.gateway
    platform.clients.clear()


def kept(platform: Platform, name: str) -> int:
    """Return how many pairs are written down, as another server would find them."""
    with sqlite3.connect(platform.data / "huidu.db") as database:
        query = "SELECT findings FROM mirror JOIN function f ON f.id = function_id WHERE f.name = ?"
        (text,) = database.execute(query, (name,)).fetchone()
    told = json.loads(text)
    return int(told.get("same", 0)) + int(told.get("different", 0))


# What is refused


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"FunctionVersion": "$LATEST"}, "InvalidParameterValue.FunctionVersion"),
        ({"FunctionVersion": "1"}, "InvalidParameterValue.FunctionVersion"),
        ({"FunctionVersion": "9"}, "ResourceNotFound.FunctionVersion"),
        ({"Name": "nobody"}, "ResourceNotFound.Alias"),
        ({"FunctionName": "no-such"}, "ResourceNotFound.FunctionName"),
        ({"Share": 0}, "InvalidParameterValue.Share"),
        ({"IgnorePaths": ["requestId"]}, "InvalidParameterValue.IgnorePaths"),
        ({"MostPerSecond": 101}, "InvalidParameterValue.MostPerSecond"),
        ({"MaxCalls": 0}, "InvalidParameterValue.MaxCalls"),
        ({"Until": "0s"}, "InvalidParameterValue.Until"),
        ({"Until": "31d"}, "InvalidParameterValue.Until"),
        ({"Until": "soon"}, "InvalidParameterValue.DateTime"),
    ],
)
def test_a_mirror_that_cannot_be_is_refused(
    server: Platform, wrong: dict[str, Any], code: str
) -> None:
    if not server.call("ListFunctions", SearchKey="refusals")["TotalCount"]:
        ready(server, "refusals")
    asked = {"FunctionName": "refusals", "Name": "release", "FunctionVersion": "2"}
    refused = refusal(server, "PutMirror", **asked | wrong)

    assert refused.code == code
    (field,) = wrong
    assert field in str(refused.message) or code.startswith("ResourceNotFound")


def test_a_function_that_nobody_marked_is_refused_with_the_next_command(
    server: Platform, name: str
) -> None:
    ready(server, name, marked=False)
    asked = {"FunctionName": name, "Name": "release", "FunctionVersion": "2"}
    refused = refusal(server, "PutMirror", **asked)

    assert refused.code == "FailedOperation.MirrorNotSafe"
    assert f"huidu mirror mark {name}" in str(refused.message)
    unsaid = refusal(server, "MarkMirrorSafe", FunctionName=name, Reason=" ")
    assert unsaid.code == "InvalidParameterValue.Reason"


def test_a_web_function_is_refused_by_name(server: Platform, name: str) -> None:
    publish_web(server, name)
    refused = refusal(server, "MarkMirrorSafe", FunctionName=name, Reason="it only reads")

    assert refused.code == "UnsupportedOperation.FunctionType"
    assert "Type HTTP" in str(refused.message)
