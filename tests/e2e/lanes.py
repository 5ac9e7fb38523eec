"""What tests of several gateway processes share: who of them has a connection, and callers."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Lock
from typing import NamedTuple

from tests.e2e.calling import Answer, at_once
from tests.platform import Platform, until

PROCESSES = 3
TRIES = 60


def lanes(platform: Platform) -> list[int]:
    """Return the processes beside the server's own, once all of them are there."""
    until(lambda: platform.metrics("huidu_gateway_processes") == {("", ""): PROCESSES}, 30)
    return children(platform)


def children(platform: Platform) -> list[int]:
    """Return the lanes that run, by what they were started as."""
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"huidu.lanes" in words and str(platform.process.pid).encode() in words:
                found.append(int(folder.name))
    return sorted(found)


def owner(mine: socket.socket, processes: list[int]) -> int | None:
    """Return which of these processes has the other end of a connection."""
    ends = f"{mine.getpeername()[1]:04X} {mine.getsockname()[1]:04X}".split()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if [words[1].rpartition(":")[2], words[2].rpartition(":")[2]] != ends:
            continue
        for pid in processes:
            with suppress(OSError):
                for fd in Path(f"/proc/{pid}/fd").iterdir():
                    if str(fd.readlink()) == f"socket:[{words[9]}]":
                        return pid
    return None


def connected(platform: Platform, among: list[int]) -> HTTPConnection:
    """Return a connection that one of these processes has accepted."""
    for _ in range(TRIES):
        connection = HTTPConnection(platform.gateway.removeprefix("http://"), timeout=30)
        connection.connect()
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            if owner(connection.sock, among) is not None:
                return connection
            time.sleep(0.01)
        connection.close()
    raise AssertionError("no connection came to them")


def asked(connection: HTTPConnection, path: str, method: str = "GET", body: str = "") -> Answer:
    """Ask over a connection, and return the answer."""
    connection.request(method, path, body or None)
    answer = connection.getresponse()
    return Answer(answer.status, answer.headers, answer.read().decode())


class Called(NamedTuple):
    """A call: when it began and ended, and what was answered; 0 where the connection broke."""

    began: float
    ended: float
    status: int
    version: str


class Crowd:
    """Callers of a path, each with connections of its own, and another where one breaks."""

    def __init__(self, platform: Platform, path: str, count: int, most: int = 1 << 30) -> None:
        self.calls: list[Called] = []
        self._address = platform.gateway.removeprefix("http://")
        self._path, self._count, self._most = path, count, most
        self._over = Event()
        self._lock, self._begun = Lock(), 0

    @contextmanager
    def calling(self) -> Iterator[Crowd]:
        """Call until the end of the block, or until as many calls were made as were to be."""
        with at_once(self._call, self._count, self._over):
            yield self

    def finished(self) -> None:
        """Wait until all calls were made."""
        until(lambda: len(self.calls) >= self._most, 60)

    @property
    def broken(self) -> list[Called]:
        """Calls that had no answer."""
        return [call for call in [*self.calls] if not call.status]

    @property
    def answered(self) -> list[Called]:
        """Calls that had one."""
        return [call for call in [*self.calls] if call.status]

    def later(self, count: int) -> list[Called]:
        """Return so many calls that began after this was asked."""
        asked_at = time.monotonic()

        def found() -> list[Called]:
            return [call for call in [*self.calls] if call.began >= asked_at]

        until(lambda: len(found()) >= count, 60)
        return found()

    def _call(self) -> None:
        connection = HTTPConnection(self._address, timeout=30)
        while not self._over.is_set() and self._may():
            began, status, version = time.monotonic(), 0, ""
            try:
                answer = asked(connection, self._path)
                status, version = answer.status, answer.headers.get("x-scf-version", "")
            except (OSError, HTTPException):
                connection.close()
            self.calls.append(Called(began, time.monotonic(), status, version))
        connection.close()

    def _may(self) -> bool:
        with self._lock:
            self._begun += 1
            return self._begun <= self._most


def url(platform: Platform, name: str, qualifier: str = "$LATEST") -> str:
    """Give a function a URL; return its path."""
    platform.call(
        "CreateTrigger",
        FunctionName=name,
        TriggerName=f"url-{qualifier.strip('$')}",
        Type="http",
        Qualifier=qualifier,
        TriggerDesc=json.dumps({"AuthType": "NONE", "NetConfig": {"EnableExtranet": True}}),
    )
    triggers = platform.call("ListTriggers", FunctionName=name)["Triggers"]
    desc = next(t["TriggerDesc"] for t in triggers if t["Qualifier"] == qualifier)
    path: str = json.loads(desc)["NetConfig"]["ExtranetUrl"]
    return path.removeprefix(platform.gateway)


def counted(platform: Platform, name: str) -> float:
    """Return how many calls of a function were counted, whatever their end."""
    return sum(
        value
        for status in ("200", "405", "432", "433", "439", "499")
        for value in platform.metrics(
            "huidu_invocations_total", function=name, status=status
        ).values()
    )
