"""`huidu logs`: what a person sees of the log, in a terminal and in a pipe."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from huidu.cli.lines import Look, day_of, look_of, seen, shown
from tests.cli.running import environment, ran, running
from tests.forked import mother
from tests.platform import Platform, until

TERMINAL = Look(columns=80, colours=False, functions=False, whole=False)
PIPE = replace(TERMINAL, columns=None)
LINE: dict[str, Any] = {
    "Cursor": "1.1",
    "Time": "2026-11-23 11:00:00.123",
    "Level": "INFO",
    "Kind": "printed",
    "Text": "hello",
    "Namespace": "default",
    "FunctionName": "shop",
    "FunctionVersion": "2",
    "Alias": "release",
    "RequestId": "12345678-aaaa-bbbb-cccc-1234567890ab",
    "RetryNum": 0,
    "StatusCode": 200,
    "Duration": 12.0,
}
REPORT = "Report RequestId: r Duration:12ms Memory:128MB MemUsage:20.6MB"
SHOP = """
import sys, time
def main_handler(event, context):
    print("order", event["n"])
    if event.get("fails"):
        print("[ERROR] about to fail")
        raise ValueError("no such order")
    if event.get("slow"):
        time.sleep(event["slow"])
"""


def line(**more: Any) -> dict[str, Any]:
    return LINE | more


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "11:00:00.123 v2@release 12345678 hello"),
        ({"Alias": ""}, "11:00:00.123 v2 12345678 hello"),
        (
            {"Alias": "$DEFAULT", "FunctionVersion": "$LATEST"},
            "11:00:00.123 $LATEST 12345678 hello",
        ),
        ({"FunctionVersion": ""}, "11:00:00.123 -@release 12345678 hello"),
        (
            {"Kind": "report", "Text": REPORT},
            "11:00:00.123 v2@release 12345678 ok 200 in 12 ms, 21 MB",
        ),
        (
            {"Kind": "report", "Text": REPORT, "StatusCode": 433},
            "11:00:00.123 v2@release 12345678 ended 433 in 12 ms, 21 MB",
        ),
        (
            {"Kind": "error", "Text": "ERROR RequestId: r Result:it broke"},
            "11:00:00.123 v2@release 12345678 failed: it broke",
        ),
        ({"Text": "a\tb\x1b[31mred\x00"}, r"11:00:00.123 v2@release 12345678 a   b\x1b[31mred\x00"),
    ],
)  # fmt: skip
def test_a_line_says_when_who_which_call_and_what(given: dict[str, Any], text: str) -> None:
    assert shown(line(**given), TERMINAL) == text


def test_in_a_pipe_every_line_has_its_date_and_is_one_line() -> None:
    long = line(Text="x" * 500)
    assert shown(long, PIPE) == f"2026-11-23 11:00:00.123 v2@release 12345678 {'x' * 500}"


def test_a_long_line_goes_on_below_its_beginning() -> None:
    first, *others = shown(line(Text="订单" * 40), TERMINAL).split("\n")
    assert first.startswith("11:00:00.123 v2@release 12345678 订单")
    assert all(other[:33].isspace() for other in others)
    assert first[33:] + "".join(other[33:] for other in others) == "订单" * 40


def test_on_a_narrow_terminal_the_text_has_the_room() -> None:
    narrow = replace(TERMINAL, columns=40)
    rows = shown(line(Text="y" * 60), narrow).split("\n")
    assert rows[0] == "11:00:00 v2@release " + "y" * 20
    assert rows[1:] == ["  " + "y" * 38, "  " + "y" * 2]


def test_versions_differ_in_colour_and_what_is_wrong_is_red() -> None:
    coloured = replace(TERMINAL, colours=True)
    assert "\x1b[32mv2@release\x1b[0m" in shown(line(), coloured)
    assert "\x1b[34mv3@release\x1b[0m" in shown(line(FunctionVersion="3"), coloured)
    assert "\x1b[31mhello\x1b[0m" in shown(line(Level="ERROR"), coloured)
    assert "\x1b[33mhello\x1b[0m" in shown(line(Level="WARN"), coloured)
    assert shown(line(), coloured).endswith(" hello")


def test_without_a_function_each_line_names_its_own() -> None:
    every = replace(TERMINAL, functions=True)
    assert shown(line(), every, 20) == "11:00:00.123 shop v2@release      12345678 hello"


def test_the_platforms_own_lines_are_shown_where_they_are_asked_for() -> None:
    started = line(Kind="start", Text="START RequestId: r")
    assert not seen(started, TERMINAL)
    whole = replace(TERMINAL, whole=True)
    assert seen(started, whole)
    assert shown(started, whole).endswith(" START RequestId: r")
    assert shown(line(Kind="report", Text="Report x"), whole).endswith(" Report x")
    assert day_of(started, whole) == "-- 2026-11-23"


def test_colours_are_for_terminals_that_want_them() -> None:
    assert look_of(io.StringIO(), {}, functions=False, whole=False) == PIPE
    here, there = pty.openpty()
    with os.fdopen(there, "w") as terminal:
        assert look_of(terminal, {}, functions=False, whole=False).colours
        for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            assert not look_of(terminal, plain, functions=False, whole=False).colours
    os.close(here)


def huidu_logs(server: Platform, *options: str) -> subprocess.CompletedProcess[str]:
    return ran(server, "logs", *options)


@contextmanager
def following(server: Platform, *options: str) -> Iterator[tuple[subprocess.Popen[str], Any, Any]]:
    """A `huidu logs -f`, and what it has printed and said so far."""
    with running(server, "logs", "-f", *options) as process:
        texts = ["", ""]

        def so_far(which: int) -> str:
            stream = (process.stdout, process.stderr)[which]
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            with suppress(BlockingIOError):
                texts[which] += os.read(stream.fileno(), 1 << 20).decode()
            return texts[which]

        yield process, lambda: so_far(0), lambda: so_far(1)


@pytest.fixture(scope="module")
def shop(platform: Platform) -> str:
    """A function that was called well, and in vain."""
    name = platform.make("log-shop", SHOP)
    for _ in range(2):
        platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="2")
    platform.invoke(name, {"n": 1}, Qualifier="1")
    platform.invoke(name, {"n": 2}, Qualifier="release")
    platform.invoke(name, {"n": 3, "fails": True}, Qualifier="release")
    return name


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what lines say, without when and which call."""
    assert done.returncode == 0, done.stderr
    return [re.sub(r"^\S+ \S+ (\S+) [0-9a-f]{8} ", r"\1 ", row) for row in done.stdout.splitlines()]


def test_what_a_function_printed_and_how_its_calls_ended(platform: Platform, shop: str) -> None:
    rows = [re.sub(r" in .*", "", row) for row in told(huidu_logs(platform, shop))]
    assert rows == [
        "v1 order 1",
        "v1 ok 200",
        "v2@release order 2",
        "v2@release ok 200",
        "v2@release order 3",
        "v2@release [ERROR] about to fail",
        "v2@release failed: ValueError: no such order",
        "v2@release ended 430",
    ]


@pytest.mark.parametrize(
    ("options", "orders"),
    [
        (["--version", "1"], ["1"]),
        (["--alias", "release"], ["2", "3"]),
        (["--alias", "release", "--version", "2", "--errors"], ["3"]),
        (["--status", "ok"], ["1", "2"]),
        (["--since", "10m"], ["1", "2", "3"]),
        (["--since", "10m", "--grep", "ORDER 2"], ["2"]),
        (["-n", "4"], ["3"]),
    ],
)
def test_options_narrow_what_is_shown(
    platform: Platform, shop: str, options: list[str], orders: list[str]
) -> None:
    rows = told(huidu_logs(platform, shop, *options))
    assert [row.split()[-1] for row in rows if "] " not in row and " order " in row and
            "failed" not in row] == orders  # fmt: skip


def test_json_is_for_programs(platform: Platform, shop: str) -> None:
    done = huidu_logs(platform, shop, "--json", "--level", "error")
    lines = [json.loads(row) for row in done.stdout.splitlines()]
    assert [each["Kind"] for each in lines] == ["printed", "error", "response"]
    assert {each["FunctionVersion"] for each in lines} == {"2"}
    (request_id,) = {each["RequestId"] for each in lines}
    one = huidu_logs(platform, "--request", request_id[:8], "--all")
    assert len(one.stdout.splitlines()) == 7


def test_who_finds_nothing_is_told_what_to_do_next(platform: Platform, shop: str) -> None:
    nothing = huidu_logs(platform, shop, "--grep", "no such words")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert f"huidu logs {shop}" in nothing.stderr
    wrong = huidu_logs(platform, "log-shpo")
    assert wrong.returncode == 1
    assert f"Did you mean {shop}?" in wrong.stderr
    assert huidu_logs(platform, shop, "--field", "x").returncode == 2
    bad = huidu_logs(platform, shop, "--level", "loud")
    assert (bad.returncode, "must be one of TRACE" in bad.stderr) == (1, True)


def test_a_function_that_was_never_called_and_a_server_without_functions(
    start: Callable[..., Platform],
) -> None:
    server = start()
    assert "no function has left a line" in huidu_logs(server).stderr
    assert "There is no function yet" in huidu_logs(server, "shop").stderr
    server.make("shop", SHOP)
    assert "huidu invoke shop" in huidu_logs(server, "shop").stderr
    assert "There are: shop" in huidu_logs(server, "x9").stderr
    server.stop()
    gone = huidu_logs(server, "shop", "-f")
    assert gone.returncode == 1
    assert "no Huidu server answers" in gone.stderr


def test_who_follows_sees_lines_as_they_come_and_goes_with_ctrl_c(
    platform: Platform, name: str
) -> None:
    platform.make(name, SHOP)
    platform.invoke(name, {"n": "before"})
    with following(platform, name) as (process, printed, _):
        until(lambda: "order before" in printed(), 20)
        platform.invoke(name, {"n": "after"})
        until(lambda: "order after" in printed())
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert printed().count("order") == 2


def test_who_follows_goes_on_when_the_server_is_back(start: Callable[..., Platform]) -> None:
    server = start("--api", "127.0.0.1:0")
    port = server.api.rpartition(":")[2]
    server.make("shop", SHOP)
    with following(server, "shop", "--json") as (process, printed, said):
        server.invoke("shop", {"n": 1})
        until(lambda: "order 1" in printed(), 20)
        server.stop(signal.SIGKILL)
        until(lambda: "trying again" in said())
        again = start("--api", f"127.0.0.1:{port}", data=server.data)
        again.invoke("shop", {"n": 2})
        until(lambda: "order 2" in printed(), 20)
        assert "the server is back" in said()
        texts = [json.loads(row)["Text"] for row in printed().splitlines()]
        assert [text for text in texts if text.startswith("order")] == ["order 1", "order 2"]
        assert process.poll() is None


def test_a_reader_that_has_seen_enough_ends_it_quietly(platform: Platform, shop: str) -> None:
    command = f"{mother().folder}/huidu logs {shop} --all | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=environment(platform),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


def in_terminal(server: Platform, columns: int, *options: str, **more: str) -> str:
    """Run `huidu logs` in a terminal of its own; return what it wrote there."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with Path(os.devnull).open("w") as nowhere:
        env = environment(server) | more
        process = mother().fork(["logs", *options], env, there, nowhere.fileno())
    os.close(there)
    found, end = b"", time.monotonic() + 30
    while time.monotonic() < end:
        try:
            found += os.read(here, 65536)
        except OSError:  # so a terminal ends
            break
    os.close(here)
    assert process.wait(10) == 0
    return found.decode().replace("\r\n", "\n")


def test_a_terminal_has_colours_unless_it_asks_for_none(platform: Platform, shop: str) -> None:
    coloured = in_terminal(platform, 80, shop)
    assert "\x1b[35mv1" in coloured
    assert "\x1b[32mv2@release" in coloured
    assert "\x1b[31mfailed: ValueError: no such order" in coloured
    plain = in_terminal(platform, 80, shop, NO_COLOR="1")
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert max(map(len, plain.splitlines())) <= 80
    narrow = in_terminal(platform, 40, shop, NO_COLOR="1")
    assert max(map(len, narrow.splitlines())) <= 40


def test_the_command_says_what_it_can(tmp_path: Path) -> None:
    done = mother().run("logs", "--help", env=os.environ, timeout=30, cwd=tmp_path)

    assert done.returncode == 0
    for option in ("-f", "--alias", "--version", "--errors", "--field", "--json", "--since"):
        assert option in done.stdout
