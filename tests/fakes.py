"""Fakes for what a test cannot wait for: time, and slowness."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count


class Alarm:
    """Something that rings when a clock is moved past it."""

    def __init__(self, when: float, ring: Callable[[], object]) -> None:
        self.when = when
        self.ring = ring
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """Time that passes when it is told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.alarms: list[Alarm] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object], /) -> Alarm:
        alarm = Alarm(when, callback)
        self.alarms.append(alarm)
        return alarm

    def move(self, seconds: float) -> None:
        """Let time pass, and ring what was to ring meanwhile, each at its moment."""
        until = self.now + seconds
        while due := [one for one in self.alarms if one.when <= until and not one.cancelled]:
            alarm = min(due, key=lambda one: one.when)
            self.alarms.remove(alarm)
            self.now = max(self.now, alarm.when)
            alarm.ring()
        self.now = until


class Sitter:
    """An instance that does nothing, and ends when it is told to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.ahead = False
        self.took_s = 0.001
        self._tell: Callable[[], None] | None = None

    def when_gone(self, tell: Callable[[], None]) -> None:
        self._tell = tell

    def die(self) -> None:
        self.alive = False
        if self._tell is not None:
            self._tell()

    async def stop(self) -> None:
        self.alive = False


class Nursery:
    """Instances whose start takes until a test says so."""

    def __init__(self) -> None:
        self.expected: list[asyncio.Future[Sitter]] = []
        self.ahead = False  #: Whether those that come can be sent calls ahead.
        self._numbers = count(1)

    async def start(self) -> Sitter:
        coming: asyncio.Future[Sitter] = asyncio.get_running_loop().create_future()
        self.expected.append(coming)
        return await coming

    async def deliver(self) -> Sitter:
        """Let the oldest start come to its end."""
        sitter = Sitter(f"s{next(self._numbers)}")
        sitter.ahead = self.ahead
        self.expected.pop(0).set_result(sitter)
        await turns()
        return sitter

    async def fail(self, why: Exception) -> None:
        """Let the oldest start fail."""
        self.expected.pop(0).set_exception(why)
        await turns()


class Rooms:
    """Room for so many instances, and nobody to share it with."""

    def __init__(self, room: int = 100) -> None:
        self.room = self.most = room
        self.complaints = 0

    def let(self) -> None:
        self.room -= 1

    def vacated(self) -> None:
        self.room += 1

    def cramped(self) -> None:
        self.complaints += 1


async def turns(count: int = 6) -> None:
    """Let the event loop go round until everybody who could go on has done so."""
    for _ in range(count):
        await asyncio.sleep(0)
