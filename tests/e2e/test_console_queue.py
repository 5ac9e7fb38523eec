"""What nobody waits for, in the console: it is seen, played again, discarded and stopped there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.e2e.eventing import send
from tests.e2e.visiting import Visitor
from tests.platform import ECHO, Platform, until, zipped

HOSTILE = "<script>alert(1)</script> \x1b[31mred\x1b[0m \u202egnp.exe"
SHOWN = "<script>alert(1)</script> ␛[31mred␛[0m ⟨U+202E⟩gnp.exe"
FAILS = f"def main_handler(event, context):\n    raise ValueError({HOSTILE!r})\n"


def dead(platform: Platform, name: str) -> list[str]:
    found = platform.ours("ListDeadEvents", FunctionName=name)["Events"]
    return [one["InvokeRequestId"] for one in found]


def state(platform: Platform, request_id: str) -> Any:
    return platform.ours("GetAsyncEvent", InvokeRequestId=request_id)["State"]


def letters(platform: Platform, name: str, count: int) -> list[str]:
    """Make a function with a good version and a bad one, and dead letters of the bad one."""
    platform.make(name)
    platform.publish(name)
    platform.call("UpdateFunctionCode", FunctionName=name, ZipFile=zipped(FAILS))
    platform.publish(name)
    for alias, version in (("release", "1"), ("canary", "2")):
        platform.call("CreateAlias", FunctionName=name, Name=alias, FunctionVersion=version)
    once = {"RetryConfig": [{"RetryNum": 0}]}
    platform.call("UpdateFunctionEventInvokeConfig", FunctionName=name, AsyncTriggerConfig=once)
    sent = [send(platform, name, {"s": HOSTILE}, Qualifier="canary") for _ in range(count)]
    until(lambda: len(dead(platform, name)) == count)
    return sent


def test_dead_letters_are_seen_and_played_again_through_another_alias(
    platform: Platform, name: str
) -> None:
    first, *others = letters(platform, name, 3)
    visitor, page = Visitor(platform).sign_in(), f"/console/queue?function={name}"
    seen = visitor.see(page)

    for text in (SHOWN, "canary@1: main version", "given up: failed", "END RequestId"):
        assert text in seen.text
    for never in ("<script>alert", "\x1b", "\u202e"):
        assert never not in seen.markup
        assert never not in visitor.see(f"/console/queue?event={first}").markup
    assert "dead letter" in visitor.see(f"/console/queue?event={first}").text
    assert f"{name} 3 dead letters" in visitor.see("/console/").text
    assert f"{name} v2 Dead letters: 3" in visitor.see("/console/queue").text

    redrive = f"/console/queue/{name}/redrive"
    one = visitor.fill(page, redrive, event=first, to="release", reason="<b>back</b> on 1")
    assert "Played again through release: 1." in one.text
    assert (
        "None of them is a dead letter any more." in visitor.fill(page, redrive, event=first).text
    )
    every = visitor.fill(page, redrive, version="2", to="release")
    assert "Played again through release: 2." in every.text
    until(lambda: [state(platform, sent) for sent in (first, *others)] == ["finished"] * 3)
    done = visitor.see(f"{page}&state=FINISHED")
    assert len(re.findall(r"v1 api", done.text)) == 3
    played = visitor.see(f"/console/queue?event={first}")
    assert "Played again 1 ×" in played.text
    assert "It is not kept once a call is over." in played.text
    told = visitor.see(f"/console/events?function={name}&kind=event.*").text
    assert "event redriven" in told
    assert "root (console) : <b>back</b> on 1" in told


def test_dead_letters_of_a_function_that_is_gone_can_be_discarded(
    platform: Platform, name: str
) -> None:
    (sent,) = letters(platform, name, 1)
    platform.call("DeleteFunction", FunctionName=name)
    visitor, page = Visitor(platform).sign_in(), f"/console/queue?function={name}"

    assert f"There is no function {name} any more." in visitor.see(page).text
    refused = visitor.fill(page, f"/console/queue/{name}/redrive", version="2")
    assert "is not found" in refused.text
    nothing = visitor.fill(page, f"/console/queue/{name}/discard")
    assert "a form must say which are meant" in nothing.text
    assert state(platform, sent) == "dead"
    gone = visitor.fill(page, f"/console/queue/{name}/discard", version="2")
    assert "Discarded: 1." in gone.text
    assert f"There is no function {name}." in gone.text


def test_each_role_does_in_the_queue_what_the_api_lets_it_do(platform: Platform, name: str) -> None:
    (sent,) = letters(platform, name, 1)
    page = f"/console/queue?function={name}"
    for role, shows, may in (("view", (), ()), ("release", ("redrive",), ("redrive",))):
        key = platform.ours("CreateKey", Name=f"{name}-{role}", Role=role)
        visitor = Visitor(platform).sign_in(key["SecretId"], key["SecretKey"])
        markup = visitor.see(page).markup
        for verb in ("redrive", "discard"):
            assert (f"/{name}/{verb}" in markup) == (verb in shows)
            if verb not in may:
                seen = visitor.fill(page, f"/console/queue/{name}/{verb}", event=sent)
                assert (seen.status, state(platform, sent)) == (403, "dead")
    assert (
        "Played again: 1." in visitor.fill(page, f"/console/queue/{name}/redrive", event=sent).text
    )


def test_what_waits_is_seen_live_and_stopped(platform: Platform, name: str) -> None:
    platform.make(name)
    platform.call("PutReservedConcurrencyConfig", FunctionName=name, ReservedConcurrencyMem=0)
    sent, other = (send(platform, name, {"n": n}) for n in range(2))
    visitor, page = Visitor(platform).sign_in(), f"/console/queue?function={name}"

    assert sent[:8] in visitor.see(page).text
    assert f"{name} 2 wait or run" in visitor.see("/console/").text
    with visitor.listening(f"/console/queue/live?function={name}") as stream:
        said = b"".join(stream.readline() for _ in range(6))
    assert b"event: queue" in said
    stopped = visitor.fill(page, f"/console/queue/{name}/stop", event=sent)
    assert f"The call {sent[:8]} is ended." in stopped.text
    assert "ended by somebody" in stopped.text
    again = visitor.fill(page, f"/console/queue/{name}/stop", event=sent, graceful="1")
    assert "only what is RUNNING can be ended" in again.text
    assert sent[:8] in visitor.see(f"{page}&state=ABORTED").text
    assert visitor.see(f"{page}&state=nonsense").status == 400
    assert visitor.see("/console/queue?event=nobody").status == 404
    visitor.fill(page, f"/console/queue/{name}/stop", event=other)
    assert "huidu invoke" in visitor.see(page).text


def test_a_function_is_shown_with_its_timers_its_room_and_its_events(
    platform: Platform, name: str
) -> None:
    onward = platform.make(f"{name}-onward", ECHO)
    platform.make(name)
    platform.publish(name)
    named = {"FunctionName": name}
    platform.call("CreateAlias", **named, Name="release", FunctionVersion="1")
    platform.ours("UpdateAliasRetry", **named, Name="release", RetryOn="first")
    timer = {"Type": "timer", "Qualifier": "release"}
    for trigger, cron in (("yearly", "0 0 9 1 1 * 2095-2099"), ("over", "0 0 9 1 1 * 2020")):
        platform.call("CreateTrigger", **named, TriggerName=trigger, TriggerDesc=cron, **timer)
    platform.call("CreateTrigger", **named, TriggerName="off", TriggerDesc="0 9 * * *",
                  Enable="CLOSE", Missed="once", **timer)  # fmt: skip
    platform.call("PutReservedConcurrencyConfig", **named, ReservedConcurrencyMem=512)
    platform.call("PutProvisionedConcurrencyConfig", **named, Qualifier="1",
                  VersionProvisionedConcurrencyNum=1)  # fmt: skip
    platform.ours("PutEventDestinations", **named, OnFailure={"FunctionName": onward})
    seen = Visitor(platform).sign_in().see(f"/console/functions/{name}").text

    for text in (
        *(f"{year}-01-01 09:00:00+08:00" for year in range(2095, 2100)),
        *("It never fires again.", "closed", "missed ticks: one for all"),
        *("512 MB at least and at most; 4 instances of $LATEST", "of 1 there"),
        *("By the first version release", "On success nowhere", f"On failure {onward}:$DEFAULT"),
        *("2 × within 6 h", "Waiting or running 0"),
    ):
        assert text in seen


def test_programs_can_ask_how_much_waits_over_all_functions(platform: Platform, name: str) -> None:
    platform.make(name)
    platform.call("PutReservedConcurrencyConfig", FunctionName=name, ReservedConcurrencyMem=0)
    sent = send(platform, name, {})

    queues = platform.ours("ListEventQueues")["Queues"]
    assert {"FunctionName": name, "Waiting": 1, "Dead": 0} in queues
    platform.call("TerminateAsyncEvent", FunctionName=name, InvokeRequestId=sent)
    until(lambda: name not in str(platform.ours("ListEventQueues")))
    with pytest.raises(TencentCloudSDKException) as refused:
        platform.ours("ListEventQueues", Namespace="nowhere")
    assert refused.value.get_code() == "ResourceNotFound.Namespace"
