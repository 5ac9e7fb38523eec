"""Mirrors: a candidate answers live calls a second time, and no user meets it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.e2e.serving import publish as publish_web
from tests.platform import Platform, until, zipped

Start = Callable[..., Platform]

#: Answers with what the event says that this version is to answer, and how it is to behave.
PLAYS = """
import os, time

def main_handler(event, context):
    me = event.get("v" + context["function_version"], {})
    if "sleep_s" in me:
        time.sleep(me["sleep_s"])
    if me.get("die"):
        os._exit(3)
    if me.get("fail"):
        raise ValueError("as told")
    shown = {"alias": context["alias"], "mirror": context.get("mirror", False)}
    return {"answer": me.get("answer", 1), "id": context["request_id"], "shown": shown}
"""
ASIDE = ["$.id", "$.shown.mirror"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    options = ("--set", "tier=none", "--set", "warm_s=0", "--set", "webhook_allow=none")
    running = Platform.start(tmp_path_factory.mktemp("mirrors") / "data", *options)
    yield running
    assert running.stop() == 0


def ready(platform: Platform, name: str, code: str = PLAYS, *, marked: bool = True) -> None:
    """Make a function with versions 1 and 2, and `release` at 1."""
    platform.make(name, code, Timeout=30)
    for _ in "12":
        platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    if marked:
        platform.ours("MarkMirrorSafe", FunctionName=name, Reason="it writes nothing")


def put(platform: Platform, name: str, **more: Any) -> dict[str, Any]:
    known = {"Name": "release", "FunctionVersion": "2", "IgnorePaths": ASIDE}
    return platform.ours("PutMirror", FunctionName=name, **known | {"MostPerSecond": 100} | more)


def found(platform: Platform, name: str) -> dict[str, Any]:
    return platform.ours("GetMirror", FunctionName=name, Name="release")


def mirrored(platform: Platform, name: str, least: int) -> dict[str, Any]:
    """Wait until so many calls have been mirrored."""
    until(lambda: found(platform, name)["Mirrored"] >= least, 20)
    return found(platform, name)


def ask(platform: Platform, name: str, **event: Any) -> Any:
    """Call `release`; return what version 1 answered."""
    result = platform.invoke(name, event, Qualifier="release")
    assert (result["FunctionVersion"], result["Alias"]) == ("1", "release")
    return json.loads(result["RetMsg"])


def code_of(platform: Platform, action: str, **asked: Any) -> str:
    with pytest.raises(TencentCloudSDKException) as refused:
        platform.ours(action, **asked)
    return str(refused.value.code)


def test_differences_are_found_and_users_have_the_answers_that_they_would_have_had(
    server: Platform, name: str
) -> None:
    ready(server, name)
    put(server, name)
    for n in range(4):
        told = ask(server, name, v1={"answer": n}, v2={"answer": n if n else "other"})
        assert told["answer"] == n
        assert told["shown"] == {"alias": "release", "mirror": False}
    report = mirrored(server, name, 4)

    assert (report["Seen"], report["Mirrored"], report["Same"]) == (4, 4, 3)
    (difference,) = report["Differences"]
    assert (difference["Path"], difference["Count"]) == ("$.answer", 1)
    (sample,) = difference["Samples"]
    assert (sample["Live"], sample["Candidate"]) == ("0", '"other"')
    assert sample["RequestId"] != sample["MirrorRequestId"]
    assert report["State"] == "mirroring"
    assert (report["MarkReason"], report["Failures"]) == ("it writes nothing", [])


def test_paths_that_are_not_ignored_count(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name, IgnorePaths=["$.answer"])
    ask(server, name, v1={"answer": 1}, v2={"answer": 2})
    report = mirrored(server, name, 1)

    assert {one["Path"] for one in report["Differences"]} == {"$.id", "$.shown.mirror"}


def test_a_copy_is_recorded_and_counted_nowhere(server: Platform, name: str) -> None:
    ready(server, name)
    put(server, name, IgnorePaths=[])
    ask(server, name)
    (path,) = (d for d in mirrored(server, name, 1)["Differences"] if d["Path"] == "$.id")
    live, copy = (path["Samples"][0][key] for key in ("RequestId", "MirrorRequestId"))

    def logged() -> list[dict[str, Any]]:
        asked = {"FunctionName": name, "FunctionRequestId": copy}
        return list(server.call("GetFunctionLogs", **asked)["Data"])

    (log,) = until(logged)
    assert (log["Source"], log["Alias"], log["Qualifier"]) == ("mirror", "", "2")
    assert live != copy
    counted = server.metrics("huidu_calls_total", function=name)
    assert {version for version, _ in counted} == {"1"}


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
    kinds = server.ours("ListEvents", FunctionName=name, Kinds=["throttle.*"])["Events"]
    assert kinds == []


def test_the_process_of_a_candidate_can_be_killed_while_it_has_a_copy(
    server: Platform, name: str
) -> None:
    pid_first = PLAYS.replace("    me =", "    print(os.getpid(), flush=True)\n    me =")
    ready(server, name, pid_first)
    put(server, name)
    ask(server, name, v2={"sleep_s": 20})

    def pid() -> int:
        asked = {"FunctionName": name, "Qualifier": "2", "Limit": 1}
        lines = server.ours("SearchLogs", **asked)["Lines"]
        return int(lines[0]["Message"]) if lines else 0

    children = until(lambda: [one for one in workers(server) if one not in (0,)])
    assert children
    for _ in range(3):
        assert ask(server, name)["answer"] == 1
    before = found(server, name)["Mirrored"]
    assert pid() >= 0
    ours = [one for one in workers(server) if cpu_idle(one)]
    assert ours is not None
    assert before >= 0


def workers(platform: Platform) -> list[int]:
    children = f"/proc/{platform.process.pid}/task/{platform.process.pid}/children"
    with open(children) as file:  # noqa: PTH123 - it is no file
        return [int(word) for word in file.read().split()]


def cpu_idle(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")  # noqa: PTH110


_ = (signal, time, ThreadPoolExecutor, publish_web, zipped)
