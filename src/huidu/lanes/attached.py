"""Attached: a lane as the server holds it, from the start of its process to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from huidu.instances.descriptors import STDERR, STDIN, STDOUT, spawn
from huidu.lanes import keeping
from huidu.lanes.lending import Lending
from huidu.lanes.link import Link
from huidu.lanes.telling import News
from huidu.lanes.words import (
    Answered,
    Ask,
    Back,
    Begin,
    Borrow,
    Close,
    Forgo,
    Hand,
    Heard,
    Key,
    Kill,
    Ping,
    Printed,
    Ready,
    Told,
)
from huidu.model.function import FunctionName
from huidu.model.log import Chunk
from huidu.model.trigger import Trigger
from huidu.model.version import Version

LINK = 3
OURS = "TENCENTCLOUD_"  #: The variables of the root key, which a lane has no need of.


class House(Protocol):
    """What a lane asks of the server."""

    def find(self, url_id: str) -> Trigger | None:
        """Return where a URL leads."""
        ...

    def news(self, named: FunctionName, urls: Iterable[str], known_as: str) -> News:
        """Return what a lane may know of a function."""
        ...

    def adopt(self, connection: socket.socket, said: bytes) -> None:
        """Go on with a connection."""
        ...

    def printed(self, chunk: Chunk) -> None:
        """Take what a call has printed."""
        ...


@dataclass(slots=True)
class Subject:
    """A function that a lane knows."""

    named: FunctionName
    urls: set[str] = field(default_factory=set)
    function_id: str = ""
    versions: dict[Key, Version] = field(default_factory=dict)


class Attached:
    """One lane. `gone` is set once nothing of it runs, whatever ended it."""

    def __init__(
        self,
        house: House,
        lending_of: Callable[[Callable[[object, Sequence[int]], None]], Lending],
        recorder: keeping.Recorder,
        level: str,
    ) -> None:
        self.ready, self.gone = asyncio.Event(), asyncio.Event()
        self._house = house
        self._loop = asyncio.get_running_loop()
        self._subjects: dict[FunctionName, Subject] = {}
        self._told = self._heard = 0
        self._caught_up = asyncio.Event()
        ours, theirs = socket.socketpair()
        reading, self._writing = keeping.pipe()
        self._kept = keeping.Kept(reading, recorder)
        with theirs:
            self.pid = _start(theirs, level)
        self._pidfd = os.pidfd_open(self.pid)
        self._loop.add_reader(self._pidfd, self._ended)
        self._link = Link(ours, self._hear, self.kill)
        self.lending = lending_of(self._link.send)

    def begin(self, begin: Begin, listening: socket.socket) -> None:
        """Have it take connections that come to a socket."""
        self._link.send(begin, (listening.fileno(), self._writing))
        os.close(self._writing)

    def close(self) -> None:
        """Have it answer what it has, and end."""
        self._link.send(Close())

    async def end(self, patience_s: float) -> None:
        """Return once it has ended; one that says nothing for so long is ended."""
        self.close()
        while not self.gone.is_set():
            self._told += 1
            self._link.send(Ping(self._told))
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await self.gone.wait()
            if self.behind:
                self.kill()
                await self.gone.wait()

    def kill(self) -> None:
        """End it at once."""
        if not self.gone.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def take(self) -> None:
        """Have recorded what ended there."""
        if not self.gone.is_set():
            self._kept.take()

    def changed(self, those: Iterable[FunctionName | str]) -> None:
        """Tell it of those functions that it knows."""
        for one in set(those):
            found = (
                [subject for subject in self._subjects.values() if subject.function_id == one]
                if isinstance(one, str)
                else filter(None, [self._subjects.get(one)])
            )
            for subject in found:
                self._tell(subject)

    @property
    def behind(self) -> bool:
        """Whether it may still go by what is no longer so."""
        return self._heard < self._told and not self.gone.is_set()

    async def catch_up(self) -> None:
        """Return once it goes by all that it was told, or is gone."""
        while self.behind:
            self._caught_up.clear()
            await self._caught_up.wait()

    def _tell(self, subject: Subject) -> None:
        news = self._house.news(subject.named, sorted(subject.urls), subject.function_id)
        subject.function_id, subject.versions = news.function_id, dict(news.versions)
        self._told += 1
        shared = tuple((name, turns.shared) for name, turns in news.turns.items())
        counters = [turns.fd for turns in news.turns.values()]
        self._link.send(Told(self._told, subject.named, news.effects, shared), counters)

    def _hear(self, said: object, fds: Sequence[int]) -> None:
        match said:
            case Borrow():
                self.lending.borrow(said, self._version(said.key))
            case Back():
                self.lending.back(said.returned)
            case Forgo(number):
                self.lending.forgo(number)
            case Kill(name):
                self.lending.kill(name)
            case Ask(url_id):
                self._asked(url_id)
            case Heard(number):
                self._heard = number
                self._caught_up.set()
            case Hand(data):
                self._house.adopt(socket.socket(fileno=fds[0]), data)
            case Printed(chunk):
                self._house.printed(chunk)
            case Ready():
                self.ready.set()

    def _asked(self, url_id: str) -> None:
        trigger = self._house.find(url_id)
        if trigger is not None:
            named = trigger.function
            subject = self._subjects.setdefault(named, Subject(named))
            subject.urls.add(url_id)
            self._tell(subject)
        self._link.send(Answered(url_id))

    def _version(self, key: Key) -> Version | None:
        """Return a version that the lane may have answer by what it was told last."""
        every = (subject.versions.get(key) for subject in self._subjects.values())
        return next(filter(None, every), None)

    def _ended(self) -> None:
        """See it off: count what it left, and end what it had of ours."""
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        os.waitpid(self.pid, 0)
        self.gone.set()
        self._caught_up.set()
        self._kept.close()
        self.lending.end()
        self._link.close()


def _start(link: socket.socket, level: str) -> int:
    """Start the process, which has no secret of ours and no descriptor but its link."""
    environment = {name: value for name, value in os.environ.items() if OURS not in name}
    program = (sys.executable, "-m", "huidu.lanes", str(os.getpid()), level)
    with Path(os.devnull).open("rb") as nothing:
        placed = {STDIN: nothing.fileno(), STDOUT: STDERR, STDERR: STDERR, LINK: link.fileno()}
        return spawn(program, placed, environment)
