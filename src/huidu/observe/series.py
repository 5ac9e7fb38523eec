"""Series: what was counted of calls, read by function, version, alias and time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Protocol, TypeVar

import structlog

from huidu.model.errors import Refusal
from huidu.model.packed import unpack
from huidu.model.rollup import MINUTE, Kept, Selection, floor
from huidu.model.tally import Lane, Tally, merged
from huidu.observe.count import Count
from huidu.observe.counters import Counters
from huidu.observe.ledger import Bodies, Ledger

T = TypeVar("T")

#: Which of the gauges tells how many calls ran at once, by whether alias and version are given.
CONCURRENT: Mapping[tuple[bool, bool], Callable[[Tally], int]] = {
    (False, False): attrgetter("most_of_function"),
    (False, True): attrgetter("most_of_version"),
    (True, False): attrgetter("most_of_alias"),
    (True, True): attrgetter("most_of_lane"),
}

log = structlog.get_logger("huidu.series")


class Store(Protocol):
    """Where counts are kept and rolled up."""

    async def add(self, seconds: Mapping[int, Bodies]) -> None: ...

    async def fold(self, sealed: int) -> None: ...

    async def read(self, wanted: Selection) -> Sequence[Kept]: ...

    async def since(self, second: int) -> Sequence[Kept]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What was counted within a period; there is none for a period in which nothing was."""

    start: int  #: Seconds since the epoch, a multiple of the period.
    period_s: int
    tally: Tally
    concurrent: int  #: The most calls that ran at once, of all that was asked for together.


class Series:
    """The counts of calls: newest in memory, all others on the disk; whoever reads sees both.

    A call is counted in the second in which it ended. Once a second what was counted is kept, so
    that `kill -9` costs at most the second that runs and the one that is just being kept.
    """

    def __init__(
        self,
        counters: Counters,
        store: Store,
        clock: Callable[[], float],
        ledger: Ledger | None = None,
    ) -> None:
        self._counters = counters
        self._store = store
        self._clock = clock
        self._ledger = ledger or Ledger()
        self._thread = ThreadPoolExecutor(1, "series")
        self._folded = 0
        self._keeping = asyncio.Lock()
        self._closing = asyncio.Event()

    @property
    def lost(self) -> int:
        """How many counts of a lane and second the disk did not take in time."""
        return self._ledger.lost

    async def open(self) -> None:
        """Go on where the process before this one ended, be it within this very second."""
        now = int(self._clock())
        self._ledger.begin(now, await self._store.since(now))

    async def read(self, wanted: Selection) -> Sequence[Point]:
        """Return what was counted in each period, in the order of time.

        `wanted.period_s` is a second, a minute, an hour, or whole minutes or hours; periods begin
        at multiples of it, and those are whole in which `since` lies, and the last moment before
        `until`. The newest calls are in it: those that ended before this was asked.
        """
        found = await self._found(wanted)
        return await asyncio.to_thread(_points, found, wanted)

    async def by_version(self, wanted: Selection) -> Mapping[str, Sequence[Point]]:
        """Return the same for each version apart."""
        found = await self._found(wanted)
        return await asyncio.to_thread(_apart, found, wanted)

    async def latest(
        self, function_id: str, alias: str | None, window_s: int
    ) -> Mapping[str, Sequence[Point]]:
        """Return what was counted through an alias in the last seconds, by version and second.

        The second that runs is not in it: what this returns of a second is all there will be.
        From memory alone, for windows of up to ten minutes and unless traffic is very wide.
        """
        now = int(self._clock())
        asked = Selection(function_id=function_id, alias=alias, since=now - window_s, until=now)
        return await self.by_version(asked)

    async def lanes(
        self, since: int, until: int, function_id: str | None
    ) -> Mapping[Lane, Sequence[Point]]:
        """Return what was counted in [since, until) by the way that calls took, by second.

        Of one function, or of all, and from memory alone: for the last minutes, unless traffic is
        very wide.
        """
        await self._settle()
        found = await self._in_thread(self._ledger.every, since, until, function_id)
        return await asyncio.to_thread(_by_lane, found)

    async def with_totals(self, tell: Callable[[dict[Lane, Count]], T]) -> T:
        """Return what `tell` makes, in a thread, of all that was counted since the start.

        It may take lanes out that are of no interest any more.
        """
        await self._settle()
        return await self._in_thread(tell, self._ledger.totals)

    async def keep(self, *, whole: bool = False) -> None:
        """Keep what was counted in seconds that are over; with `whole`, in this one, too.

        Raises nothing where the disk cannot: it is tried again with the next second.
        """
        async with self._keeping:
            await self._settle()
            now = int(self._clock())
            try:
                await self._add(now + 1 if whole else now)
                sealed = await self._in_thread(self._ledger.sealed, now)
                if floor(sealed, MINUTE) > self._folded:
                    await self._store.fold(sealed)
                    self._folded = floor(sealed, MINUTE)
            except Refusal as refusal:
                log.warning("series.waits", reason=refusal.message)
            except Exception:  # whatever it is, the next second is counted all the same
                log.exception("series.waits")

    async def _add(self, before: int) -> None:
        over = await self._in_thread(self._ledger.hand_over, before)
        if not over:
            return
        try:
            await self._store.add(over)
        except BaseException:
            await self._in_thread(self._ledger.not_kept)
            raise
        await self._in_thread(self._ledger.kept)

    async def run(self) -> None:
        """Keep what was counted, once a second, until `close`."""
        while not self._closing.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), 1.0 - self._clock() % 1.0)
            await self.keep()

    async def close(self, running: asyncio.Task[None]) -> None:
        """End `run`, and return when everything that was counted is kept."""
        self._closing.set()
        await running
        await self.keep(whole=True)
        await asyncio.to_thread(self._thread.shutdown)

    async def _found(self, wanted: Selection) -> Sequence[Kept]:
        period_s = wanted.period_s
        asked = replace(
            wanted,
            since=floor(wanted.since, period_s),
            until=-floor(-wanted.until, period_s),
        )
        await self._settle()
        whole_from, fresh = await self._in_thread(self._ledger.recent, asked)
        if asked.since >= whole_from:
            return fresh
        until = min(asked.until, whole_from)
        return [*await self._store.read(replace(asked, until=until)), *fresh]

    async def _settle(self) -> None:
        """Have everything that was counted so far in the ledger."""
        seconds = self._counters.take()
        await self._in_thread(self._ledger.take, seconds, int(self._clock()))

    async def _in_thread(self, work: Callable[..., T], *given: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *given)


def _points(found: Iterable[Kept], wanted: Selection) -> Sequence[Point]:
    """Put together what lies in one period."""
    periods: dict[int, list[Tally]] = {}
    for kept in found:
        start = floor(kept.start, wanted.period_s)
        periods.setdefault(start, []).append(unpack(kept.tally))
    return [_point(start, merged(periods[start]), wanted) for start in sorted(periods)]


def _point(start: int, tally: Tally, wanted: Selection) -> Point:
    return Point(
        start=start,
        period_s=wanted.period_s,
        tally=tally,
        concurrent=CONCURRENT[wanted.alias is not None, wanted.version is not None](tally),
    )


def _by_lane(found: Iterable[Kept]) -> Mapping[Lane, Sequence[Point]]:
    """Return the seconds of each lane; how many ran at once is told of the lane."""
    lanes: dict[Lane, list[Point]] = {}
    for start, lane, body in found:
        tally = unpack(body)
        point = Point(start=start, period_s=1, tally=tally, concurrent=tally.most_of_lane)
        lanes.setdefault(lane, []).append(point)
    return lanes


def _apart(found: Iterable[Kept], wanted: Selection) -> Mapping[str, Sequence[Point]]:
    versions: dict[str, list[Kept]] = {}
    for kept in found:
        versions.setdefault(kept.lane.version, []).append(kept)
    return {
        version: _points(own, replace(wanted, version=version))
        for version, own in sorted(versions.items())
    }
