"""Beyond capacity, at a real server: all are answered, none runs whose caller left the line."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.calling import Caller
from tests.e2e.eventing import PLAIN
from tests.e2e.serving import url_of
from tests.platform import Platform, until

WAITING = 4
#: Leaves a mark, and goes on once a file is there, if the caller names one. Never so soon that a
#: call is sent ahead of its turn: that one is in no line any more.
GATED = """
import os, time
def main_handler(event, context):
    asked = event["queryString"]
    with open(asked["marks"], "a") as marks:
        marks.write(asked["who"] + "\\n")
    while "gate" in asked and not os.path.exists(asked["gate"]):
        time.sleep(0.005)
    time.sleep(0.003)
    return asked["who"]
"""


@pytest.fixture
def small(start: Callable[..., Platform]) -> Platform:
    """A server with one instance, and a short line before it."""
    return start(*PLAIN, "--set", "max_instances=1", "--set", f"max_waiting={WAITING}")


@contextmanager
def sent(url: str) -> Iterator[socket.socket]:
    """A client that has asked, and has not read its answer."""
    at = urlsplit(url)
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=30) as client:
        client.sendall(f"GET {at.path}?{at.query} HTTP/1.1\r\nhost: h\r\n\r\n".encode())
        yield client


def test_a_crowd_is_answered_to_the_last_call_and_who_left_the_line_is_not_run(
    small: Platform, name: str, tmp_path: Path
) -> None:
    small.make(name, GATED, Timeout=30)
    url, marks, gate = url_of(small, name), tmp_path / "marks", tmp_path / "gate"

    def path(who: str, more: str = "") -> str:
        return f"{url}?marks={marks}&who={who}{more}"

    def waiting() -> float:
        return sum(small.metrics("huidu_waiting_calls", function=name).values())

    def stubborn(number: int) -> Counter[int]:
        caller = Caller(url)
        path = f"?marks={marks}&who=crowd{number}"
        met = Counter(caller.ask(path).status for _ in range(10))
        caller.close()
        return met

    with ThreadPoolExecutor(30) as callers:
        met = sum(callers.map(stubborn, range(30)), Counter[int]())
    assert set(met) <= {200, 432}
    assert met.total() == 300
    assert marks.read_text().count("crowd") == met[200] > WAITING

    with sent(path("runs", f"&gate={gate}")) as runs:
        until(lambda: "runs" in marks.read_text())
        with sent(path("left")):
            until(lambda: waiting() == 1)
        until(lambda: waiting() == 0)
        gate.touch()
        assert b"200 OK" in runs.recv(65536)
    last = Caller(url)
    assert last.ask(f"?marks={marks}&who=last").status == 200
    last.close()
    assert marks.read_text().split()[-2:] == ["runs", "last"]
