"""Throttles are told once when they begin and once when they end, whatever the disk does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import Any

from huidu.model.errors import Unavailable
from huidu.model.function import FunctionName
from huidu.model.happening import Happening
from huidu.model.invocation import Record
from huidu.model.throttle import QUIET_S
from huidu.observe.counters import Counters
from huidu.observe.recorder import Recorder
from huidu.observe.throttles import Throttles
from tests.fakes_store import MoodyJournal


class Teller:
    """Keeps what it is told, once there is room."""

    def __init__(self, open_ones: Sequence[Happening] = ()) -> None:
        self.told: list[Happening] = []
        self.full = 0
        self._open = open_ones

    async def tell(self, happening: Happening) -> None:
        if self.full:
            self.full -= 1
            raise Unavailable("Storage", "no room")
        self.told.append(happening)

    async def open_throttles(self) -> Sequence[Happening]:
        return self._open

    def kinds(self) -> list[str]:
        return [one.kind for one in self.told]


def refused(status: int = 432, version: str = "1") -> Record:
    named = FunctionName("default", "hello")
    return Record(request_id="r", function=named, qualifier="a", version=version, status=status)


@asynccontextmanager
async def running(throttles: Throttles, teller: Teller) -> Any:
    task = asyncio.create_task(throttles.run(teller))
    yield
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_only_refusals_for_want_of_room_are_looked_at() -> None:
    seen: list[int] = []
    told = Counters(lambda: 10.0)
    recorder = Recorder(MoodyJournal(), told, lambda record: seen.append(int(record.status)))
    for status in (200, 430, 432, 433, 429, 435):
        recorder.record(refused(status))

    assert seen == [432, 429]


async def test_a_throttle_is_told_once_however_many_calls_are_refused() -> None:
    throttles, teller = Throttles(lambda: 10.0), Teller()
    async with running(throttles, teller):
        for _ in range(1000):
            throttles.refused(refused())
        throttles.refused(refused(version="2"))

    assert teller.kinds() == ["throttle.began"] * 2
    assert {one.version for one in teller.told} == {"1", "2"}


async def test_it_has_ended_when_it_was_quiet_for_long_enough() -> None:
    now = [10.0]
    throttles, teller = Throttles(lambda: now[0]), Teller()
    throttles.refused(refused())
    now[0] += QUIET_S
    throttles.look()
    async with running(throttles, teller):
        pass

    assert teller.kinds() == ["throttle.began", "throttle.ended"]


async def test_one_that_ended_unseen_is_told_before_the_next_begins() -> None:
    now = [10.0]
    throttles, teller = Throttles(lambda: now[0]), Teller()
    throttles.refused(refused())
    now[0] += QUIET_S
    throttles.refused(refused())
    async with running(throttles, teller):
        pass

    assert teller.kinds() == ["throttle.began", "throttle.ended", "throttle.began"]


async def test_a_full_disk_holds_up_what_is_told_and_loses_none() -> None:
    throttles, teller = Throttles(lambda: 10.0), Teller()
    teller.full = 1
    throttles.refused(refused())
    async with running(throttles, teller):
        for _ in range(20):
            await asyncio.sleep(0)
        throttles.refused(refused(version="2"))

    assert [one.version for one in teller.told] == ["1", "2"]


async def test_one_that_had_begun_before_the_restart_ends_after_it() -> None:
    now = [10.0]
    first, told = Throttles(lambda: now[0]), Teller()
    first.refused(refused())
    async with running(first, told):
        pass
    second, teller = Throttles(lambda: now[0]), Teller(told.told)
    async with running(second, teller):
        for _ in range(20):
            await asyncio.sleep(0)
        second.refused(refused())
        now[0] += 2 * QUIET_S
        second.look()
        second.refused(refused(version="3"))

    assert teller.kinds() == ["throttle.ended", "throttle.began"]
