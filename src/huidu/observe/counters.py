"""Counters: every call is counted at once, in the second in which it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from huidu.model.invocation import Record
from huidu.model.sheet import Columns, Way
from huidu.model.tally import Lane
from huidu.observe.count import Count

WAY = itemgetter(*map(Record._fields.index, Lane._fields))


@dataclass(slots=True)
class Running:
    """How many calls run at once, and the most that there were in this second."""

    now: int = 0
    most: int = 0


class Busy:
    """How many calls run in a lane, and in what it is a part of."""

    __slots__ = ("of",)

    def __init__(self, of: tuple[Running, ...]) -> None:
        self.of = of  #: Function, version, alias, and the lane itself.

    @property
    def now(self) -> int:
        """How many run in the lane."""
        return self.of[-1].now

    def began(self) -> None:
        """One more runs."""
        for running in self.of:
            running.now = now = running.now + 1
            if now > running.most:  # noqa: PLR1730 - `max` takes three times as long
                running.most = now

    def ended(self) -> None:
        """One of them runs no more."""
        for running in self.of:
            running.now -= 1


@dataclass(frozen=True, slots=True)
class Second:
    """What was counted within a second, or within a part of it."""

    start: int
    counts: Mapping[Lane, Count]


class Counters:
    """Counts calls by lane and second. Lives in the event loop, and never waits."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start = int(clock())
        self._end = self._start + 1
        self._open: dict[Lane, Count] = {}
        self._closed: list[Second] = []
        self._running: dict[tuple[str, ...], Running] = {}
        self._busy: dict[Way, Busy] = {}
        self.settle: Callable[[], None] = lambda: None  #: Has all that has ended counted.

    def began(self, lane: Way) -> Busy:
        """An instance has a call; what this returns is to be told when it has it no more."""
        self.turn()
        busy = self._busy.get(lane)
        if busy is None:
            busy = self._begun(Lane(*lane))
        busy.began()
        return busy

    def _begun(self, lane: Lane) -> Busy:
        of = tuple(self._running.setdefault(key, Running()) for key in _keys(lane))
        busy = self._busy[lane] = Busy(of)
        return busy

    def count(self, records: Sequence[Record]) -> None:
        """Count calls that have ended in the second that runs."""
        lanes: dict[Way, list[Record]] = {}
        for record, lane in zip(records, map(WAY, records), strict=True):
            if lane in lanes:
                lanes[lane].append(record)
            else:
                lanes[lane] = [record]
        for lane, some in lanes.items():
            self._of(lane).add(some)

    def count_columns(self, lane: Way, some: Columns) -> None:
        """Count calls of a lane that have ended in the second that runs."""
        self._of(lane).add_columns(some)

    def _of(self, lane: Way) -> Count:
        count = self._open.get(lane)  # type: ignore[call-overload] # one that equals it will do
        if count is None:
            count = self._open[Lane(*lane)] = Count()
        return count

    def take(self) -> Sequence[Second]:
        """Return all that was counted since this was asked for last."""
        self.turn()
        self.settle()
        self._close()
        taken, self._closed = self._closed, []
        return taken

    def running(self) -> Mapping[Lane, int]:
        """Return how many calls run now, by lane."""
        return {Lane(*lane): busy.now for lane, busy in self._busy.items() if busy.now}

    def running_in(self, lane: Lane) -> int:
        """Return how many calls run in a lane now."""
        busy = self._busy.get(lane)
        return busy.now if busy else 0

    def turn(self) -> None:
        """Begin a new second where it has begun. The clock may be set back; so be it."""
        now = self._clock()
        if not self._start <= now < self._end:
            self._begin(int(now))

    def _begin(self, start: int) -> None:
        self.settle()  # what has ended by now, ended in the second that is over
        self._close()
        self._start, self._end = start, start + 1
        for running in self._running.values():
            running.most = running.now
        self._rest()

    def _close(self) -> None:
        """Put what was counted aside, with how many calls ran at once."""
        for way, busy in self._busy.items():
            lane = Lane(*way)
            count = self._open.get(lane)
            if count is None:
                count = self._open[lane] = Count()
            most = [running.most for running in busy.of]
            count.most_of_function, count.most_of_version, count.most_of_alias, _ = most
            count.most_of_lane = most[-1]
        if self._open:
            self._closed.append(Second(self._start, self._open))
            self._open = {}

    def _rest(self) -> None:
        """Forget the lanes in which nothing runs, and what runs of their versions and aliases."""
        self._busy = {lane: busy for lane, busy in self._busy.items() if busy.now}
        self._running = {key: running for key, running in self._running.items() if running.now}


def _keys(lane: Lane) -> Sequence[tuple[str, ...]]:
    """Return what a lane is a part of: its function, version and alias; and itself."""
    return (
        (lane.function_id,),
        ("version", lane.function_id, lane.version),
        ("alias", lane.function_id, lane.alias),
        ("lane", *lane),
    )
