"""`huidu events`: what a person and a program see."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import pytest

from huidu.cli.events import line
from tests.cli.running import ran, running
from tests.platform import Platform

EVENT: Mapping[str, Any] = {
    "Time": "2026-11-23 12:00:00",
    "Kind": "alias.moved",
    "Namespace": "default",
    "FunctionName": "hello",
    "Alias": "release",
    "FunctionVersion": "1",
    "Subject": "",
    "Who": "AKID",
    "Reason": "ticket 12",
    "Before": "all calls to version 1",
    "After": "all calls to version 2",
}


def plain(event: Mapping[str, Any]) -> str:
    """Return the line of an event without the colours that it has on a terminal."""
    return re.sub("\x1b\\[[0-9]+m", "", line(event))


def huidu(platform: Platform, *words: str) -> subprocess.CompletedProcess[str]:
    return ran(platform, "events", *words)


def following(platform: Platform, *words: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return running(platform, "events", "-f", *words)


def test_an_event_is_a_line_of_when_what_of_what_by_whom_and_why() -> None:
    assert plain(EVENT) == (
        "2026-11-23 12:00:00  alias.moved        default/hello:release  all calls to version 1 -> "
        "all calls to version 2  by AKID: ticket 12"
    )


def test_an_event_of_the_platform_itself_says_what_there_is() -> None:
    bare = dict.fromkeys(EVENT, "") | {"Time": "t", "Kind": "webhook.dead", "Subject": "chat"}

    assert plain(bare) == "t  webhook.dead       chat"


def test_a_reason_cannot_move_the_cursor_of_a_terminal() -> None:
    assert "\x1b" not in plain({**EVENT, "Reason": "\x1b[2Jgone\n"})


def test_events_are_shown_in_order_without_colours_where_no_terminal_is(
    platform: Platform, name: str
) -> None:
    platform.make(name)
    platform.publish(name)
    ran = huidu(platform, "--function", name)

    assert ran.returncode == 0, ran.stderr
    assert [text.split()[2] for text in ran.stdout.splitlines()] == [
        "function.created",
        "version.published",
    ]
    assert "\x1b" not in ran.stdout


def test_events_are_narrowed_and_limited(platform: Platform, name: str) -> None:
    platform.make(name)
    for _ in range(3):
        platform.publish(name)
    asked = ("--function", name, "--json")
    for words, count in (
        (("--limit", "2"), 2),
        (("--since", "1h"), 4),
        (("--kind", "function.*"), 1),
        (("--kind", "function.*", "--kind", "version.published"), 4),
        (("--alias", "other"), 0),
        (("--namespace", "default", "--limit", "1"), 1),
    ):
        ran = huidu(platform, *asked, *words)
        told = [json.loads(text) for text in ran.stdout.splitlines()]
        assert len(told) == count, (words, ran.stderr)
        assert [one["Id"] for one in told] == sorted((one["Id"] for one in told), key=int)


def test_what_cannot_be_asked_for_is_told(platform: Platform) -> None:
    ran = huidu(platform, "--kind", "nothing")

    assert ran.returncode == 1
    assert ran.stderr.startswith("huidu: InvalidParameterValue.Kinds: Kinds 'nothing'")


def test_events_are_followed_as_they_happen(platform: Platform, name: str) -> None:
    platform.make(name)
    with following(platform, "--function", name, "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["Kind"] == "function.created"
        platform.publish(name)
        assert json.loads(process.stdout.readline())["Kind"] == "version.published"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


@pytest.mark.timeout(120)
def test_whoever_follows_waits_for_a_server_that_starts_again(tmp_path: Any, name: str) -> None:
    first = Platform.start(tmp_path / "data")
    port = first.api.rpartition(":")[2]
    first.make(name)
    with following(first, "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["Kind"] == "function.created"
        first.stop()
        assert "trying again" in process.stderr.readline()
        second = Platform.start(tmp_path / "data", "--api", f"127.0.0.1:{port}")
        try:
            second.publish(name)
            assert json.loads(process.stdout.readline())["Kind"] == "version.published"
        finally:
            second.stop()


def test_in_a_narrow_terminal_an_event_goes_on_in_rows_below() -> None:
    told = re.sub("\x1b\\[[0-9]+m", "", line({**EVENT, "Reason": "order fails 订单失败"}, 44))

    assert told.splitlines() == [
        "2026-11-23 12:00:00  alias.moved      ",
        "  default/hello:release",
        "  all calls to version 1 -> all calls to",
        "  version 2  by AKID: order fails 订单失败",
    ]


def test_where_nothing_happened_it_is_said_what_to_do(platform: Platform) -> None:
    ran = huidu(platform, "--function", "nobody-knows")

    assert (ran.returncode, ran.stdout) == (0, "")
    assert "ask for less" in ran.stderr
