"""Series: whoever reads sees every call that has ended, wherever it is kept just then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from huidu.model.errors import Unavailable
from huidu.model.rollup import HOUR, MINUTE, Kept, Selection
from huidu.model.tally import Lane
from huidu.observe.counters import Counters
from huidu.observe.ledger import Ledger
from huidu.observe.series import Point, Series
from huidu.store.series import Series as KeptSeries
from tests.fakes import Clock
from tests.fakes_store import BACKENDS, record, soon
from tests.tallies import DIRECT_2, OTHER, RELEASE_1, RELEASE_2

NOW = 1_800_000_000


class Moody:
    """A store that refuses when it is told to, and otherwise keeps."""

    def __init__(self, kept: KeptSeries) -> None:
        self._kept = kept
        self.refusals: list[Exception] = []
        self.adds = self.reads = 0

    async def add(self, seconds: Mapping[int, Mapping[Lane, bytes]]) -> None:
        self.adds += 1
        if self.refusals:
            raise self.refusals.pop()
        await self._kept.add(seconds)

    async def fold(self, sealed: int) -> None:
        await self._kept.fold(sealed)

    async def read(self, wanted: Selection) -> Sequence[Kept]:
        self.reads += 1
        return await self._kept.read(wanted)

    async def since(self, second: int) -> Sequence[Kept]:
        return await self._kept.since(second)


class Setting:
    """A series over a real file, and time that passes when it is told to."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = Clock(NOW)

    async def begin(self) -> None:
        self.database = BACKENDS["sqlite"](self.home)
        await self.database.open("series")
        self.store = Moody(KeptSeries(self.database))
        self.counters = Counters(self.clock.time)
        self.ledger = Ledger()
        self.series = Series(self.counters, self.store, self.clock.time, self.ledger)
        await self.series.open()
        self.running = asyncio.create_task(asyncio.sleep(0))

    async def end(self) -> None:
        await self.series.close(self.running)
        await self.database.close()

    async def killed(self) -> None:
        """What is not on the disk is lost."""
        await self.database.close()
        await self.begin()

    def call(self, lane: Lane = RELEASE_1, count: int = 1, **more: Any) -> None:
        for _ in range(count):
            one = record(
                function_id=lane.function_id, alias=lane.alias, version=lane.version, **more
            )
            self.counters.turn()
            self.counters.count([one])

    async def read(self, since: int = NOW - HOUR, **more: Any) -> Sequence[Point]:
        known: dict[str, Any] = {"function_id": "lam-1", "since": since}
        known["until"] = int(self.clock.now) + 1
        known |= more
        return await self.series.read(Selection(**known))

    async def calls(self, **more: Any) -> dict[int, int]:
        return {point.start - NOW: point.tally.calls for point in await self.read(**more)}


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    made = Setting(tmp_path)
    await made.begin()
    yield made
    await made.end()


async def test_whoever_asks_reads_a_call_that_has_just_ended(setting: Setting) -> None:
    setting.call()
    assert await setting.calls() == {0: 1}
    setting.call()
    assert await setting.calls() == {0: 2}
    assert setting.store.adds == 0


async def test_a_second_that_is_over_is_kept_and_read_no_second_time(setting: Setting) -> None:
    setting.call()
    setting.clock.move(1)
    setting.call(count=2)
    await setting.series.keep()

    assert setting.store.adds == 1
    assert await setting.calls() == {0: 1, 1: 2}
    assert await setting.calls(period_s=MINUTE) == {0: 3}


async def test_nothing_is_counted_twice_wherever_memory_ends(setting: Setting) -> None:
    """A call a second for ten minutes; memory holds less and less of that."""
    for most in (10_000, 100, 7):
        setting.ledger.most_recent = most
        for _ in range(200):
            setting.call()
            setting.clock.move(1)
        await setting.series.keep()
        done = int(setting.clock.now) - NOW
        assert sum((await setting.calls()).values()) == done
        for period_s in (MINUTE, 300, HOUR):
            found = await setting.calls(period_s=period_s, since=NOW)
            assert sum(found.values()) == done
            assert all(count <= period_s for count in found.values())
    assert setting.store.reads > 0


async def test_periods_in_which_nothing_was_are_not_there(setting: Setting) -> None:
    setting.call()
    setting.clock.move(180)
    setting.call()

    assert await setting.calls(period_s=MINUTE) == {0: 1, 180: 1}


async def test_it_goes_on_after_an_end_within_the_very_second(setting: Setting) -> None:
    setting.call(count=3)
    await setting.end()
    await setting.begin()
    setting.call(count=2)

    assert await setting.calls() == {0: 5}
    setting.clock.move(1)
    await setting.series.keep()
    assert await setting.calls() == {0: 5}
    assert await setting.calls(period_s=HOUR) == {NOW // HOUR * HOUR - NOW: 5}


async def test_a_kill_costs_what_was_not_yet_kept_and_no_more(setting: Setting) -> None:
    setting.call(count=3)
    setting.clock.move(1)
    await setting.series.keep()
    setting.call(count=2)
    await setting.killed()

    assert await setting.calls() == {0: 3}


async def test_what_the_disk_refuses_is_kept_later(setting: Setting) -> None:
    setting.store.refusals = [OSError("the disk fell out"), Unavailable("Storage", "full")]
    for _ in range(3):
        setting.call()
        setting.clock.move(1)
        await setting.series.keep()
        assert await setting.calls() == dict.fromkeys(range(int(setting.clock.now) - NOW), 1)

    assert (setting.store.adds, setting.series.lost) == (3, 0)
    await setting.killed()
    assert await setting.calls() == {0: 1, 1: 1, 2: 1}


async def test_a_disk_that_refuses_for_long_costs_the_oldest_seconds_and_says_so(
    setting: Setting,
) -> None:
    setting.ledger.most_unkept = 2
    for _ in range(4):
        setting.store.refusals = [Unavailable("Storage", "full")]
        setting.call()
        setting.clock.move(1)
        await setting.series.keep()
    await setting.series.keep()
    assert setting.series.lost == 2

    await setting.killed()
    assert await setting.calls() == {2: 1, 3: 1}


async def test_seconds_that_come_late_are_in_their_minute_all_the_same(setting: Setting) -> None:
    setting.call()
    setting.clock.move(1000)
    for _ in range(2):  # memory lets go of what is on the disk
        await setting.series.keep()
    setting.clock.now = NOW + 30.0  # somebody set it right
    setting.call()
    await setting.series.keep(whole=True)
    setting.clock.now = NOW + 1001.0

    assert await setting.calls() == {0: 1, 30: 1}
    for period_s in (MINUTE, HOUR):
        assert sum((await setting.calls(period_s=period_s)).values()) == 2


async def test_the_latest_seconds_of_an_alias_are_told_by_version_from_memory(
    setting: Setting,
) -> None:
    setting.clock.move(60)
    for lane in (RELEASE_1, RELEASE_2, DIRECT_2, OTHER):
        setting.call(lane, status=430 if lane == RELEASE_2 else 200)
    setting.clock.move(1)
    setting.call(RELEASE_1)
    await setting.series.keep()
    found = await setting.series.latest("lam-1", "release", 30)

    shown = {version: [p.start - NOW for p in points] for version, points in found.items()}
    assert shown == {"1": [60], "2": [60]}, "this second is not over"
    assert found["2"][0].tally.statuses == ((430, 1),)
    assert setting.store.reads == 0


async def test_the_seconds_of_a_span_are_told_of_all_functions_from_memory(
    setting: Setting,
) -> None:
    for lane in (RELEASE_1, RELEASE_1, DIRECT_2, OTHER):
        setting.call(lane)
    setting.clock.move(1)
    setting.call(RELEASE_1)
    found = await setting.series.lanes(NOW, NOW + 1, None)
    alone = await setting.series.lanes(NOW, NOW + 2, OTHER.function_id)

    shown = {
        lane: [(p.start - NOW, p.tally.calls) for p in points] for lane, points in found.items()
    }
    assert shown == {RELEASE_1: [(0, 2)], DIRECT_2: [(0, 1)], OTHER: [(0, 1)]}
    assert [*alone] == [OTHER]
    assert setting.store.reads == 0


@pytest.mark.parametrize(
    ("asked", "calls", "at_once"),
    [
        ({}, 4, 4),
        ({"version": "2"}, 3, 3),
        ({"alias": "release"}, 3, 3),
        ({"alias": ""}, 1, 1),
        ({"alias": "release", "version": "2"}, 2, 2),
    ],
)
async def test_calls_are_read_by_version_by_alias_and_by_both(
    setting: Setting, asked: dict[str, Any], calls: int, at_once: int
) -> None:
    lanes = (RELEASE_1, RELEASE_2, RELEASE_2, DIRECT_2)
    running = [setting.counters.began(lane) for lane in lanes]
    for lane, busy in zip(lanes, running, strict=True):
        busy.ended()
        setting.call(lane)

    (point,) = await setting.read(period_s=MINUTE, **asked)
    assert (point.tally.calls, point.concurrent) == (calls, at_once)


async def test_what_was_counted_since_the_start_is_told_the_newest_last(setting: Setting) -> None:
    for lane in (RELEASE_1, OTHER, RELEASE_1):
        setting.call(lane)
        setting.clock.move(1)

    told = await setting.series.with_totals(lambda totals: [*totals])
    assert told == [OTHER, RELEASE_1]


async def test_what_was_counted_is_kept_once_a_second_and_at_the_end(setting: Setting) -> None:
    setting.running = asyncio.create_task(setting.series.run())
    setting.call()
    setting.clock.move(1)
    await soon(lambda: setting.store.adds == 1)
    setting.call()
    await setting.end()
    await setting.begin()

    assert await setting.calls() == {0: 1, 1: 1}
