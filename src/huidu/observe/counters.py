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


#: Of a function, a version, an alias, and the lane itself.
Quarters = tuple[Running, Running, Running, Running]


class Busy:
    """How many calls run in a lane, and in what it is a part of."""

    __slots__ = ("each", "of")

    def __init__(self) -> None:
        self.of: Quarters = (Running(),) * 4
        self.each: Sequence[Running] = self.of[:1]  #: The same, once each.

    @property
    def now(self) -> int:
        """How many run in the lane."""
        return self.of[-1].now

    def part_of(self, of: Quarters) -> None:
        """Count from now on in these."""
        self.of = of
        self.each = tuple({id(one): one for one in of}.values())

    def began(self) -> None:
        """One more runs."""
        for running in self.each:
            running.now = now = running.now + 1
            if now > running.most:  # noqa: PLR1730 - `max` takes three times as long
                running.most = now

    def ended(self) -> None:
        """One of them runs no more."""
        for running in self.each:
            running.now -= 1


class Crowd:
    """What runs of one function.

    What holds the same lanes is counted once: mostly all calls of a function go through one alias
    to one version, and then there is one number to keep up, and not four.
    """

    __slots__ = ("busy",)

    def __init__(self) -> None:
        self.busy: dict[Lane, Busy] = {}

    def begin(self, lane: Lane) -> Busy:
        """Count in one more lane."""
        busy = self.busy[lane] = Busy()
        if len(self.busy) > 1:
            self._part()
        return busy

    def _part(self) -> None:
        """Count apart what does not hold the same lanes any more."""
        lanes: dict[tuple[str, ...], list[Lane]] = {}
        most: dict[tuple[str, ...], int] = {}
        for lane, busy in self.busy.items():
            for key, running in zip(_keys(lane), busy.of, strict=True):
                lanes.setdefault(key, []).append(lane)
                most[key] = max(most.get(key, 0), running.most)
        now = {lane: busy.now for lane, busy in self.busy.items()}
        shared: dict[tuple[Lane, ...], Running] = {}
        for key, held in lanes.items():
            shared.setdefault(tuple(held), Running(sum(now[lane] for lane in held), most[key]))
        for lane, busy in self.busy.items():
            function, version, alias, own = (shared[tuple(lanes[key])] for key in _keys(lane))
            busy.part_of((function, version, alias, own))

    def turn(self) -> None:
        """Begin a new second; forget the lanes in which nothing runs."""
        self.busy = {lane: busy for lane, busy in self.busy.items() if busy.now}
        for busy in self.busy.values():
            for running in busy.each:
                running.most = running.now


@dataclass(frozen=True, slots=True)
class Second:
    """What was counted within a second, or within a part of it."""

    start: int
    counts: Mapping[Lane, Count]


class Counters:
    """Counts calls by lane and second. Lives in the event loop, and never waits."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        #: The second that runs: who sees the clock within it need not `turn`.
        self.start = int(clock())
        self.end = self.start + 1
        self._open: dict[Lane, Count] = {}
        self._closed: list[Second] = []
        self._crowds: dict[str, Crowd] = {}
        self._busy: dict[Way, Busy] = {}
        self.settle: Callable[[], None] = lambda: None  #: Has all that has ended counted.

    def began(self, lane: Way) -> Busy:
        """An instance has a call; what this returns is to be told when it has it no more.

        This does not look at the clock: a second may be over, and is until somebody looks.
        """
        busy = self._busy.get(lane)
        if busy is None:
            busy = self._begun(Lane(*lane))
        busy.began()
        return busy

    def _begun(self, lane: Lane) -> Busy:
        crowd = self._crowds.get(lane.function_id)
        if crowd is None:
            crowd = self._crowds[lane.function_id] = Crowd()
        busy = self._busy[lane] = crowd.begin(lane)
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
            self._of(Lane(*lane)).add(some)

    def count_columns(self, lane: Way, some: Columns) -> None:
        """Count calls of a lane that have ended in the second that runs."""
        self._of(Lane(*lane)).add_columns(some)

    def _of(self, lane: Lane) -> Count:
        count = self._open.get(lane)
        if count is None:
            count = self._open[lane] = Count()
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
        now = self.clock()
        if not self.start <= now < self.end:
            self._begin(int(now))

    def _begin(self, start: int) -> None:
        self.settle()  # what has ended by now, ended in the second that is over
        self._close()
        self.start, self.end = start, start + 1
        for crowd in self._crowds.values():
            crowd.turn()
        self._crowds = {key: crowd for key, crowd in self._crowds.items() if crowd.busy}
        self._busy = {lane: busy for lane, busy in self._busy.items() if busy.now}

    def _close(self) -> None:
        """Put what was counted aside, with how many calls ran at once."""
        for way, busy in self._busy.items():
            count, most = self._of(Lane(*way)), [running.most for running in busy.of]
            count.most_of_function, count.most_of_version, count.most_of_alias, _ = most
            count.most_of_lane = most[-1]
        if self._open:
            self._closed.append(Second(self.start, self._open))
            self._open = {}


def _keys(lane: Lane) -> Sequence[tuple[str, ...]]:
    """Return what a lane is a part of: its function, version and alias; and itself."""
    return (
        (lane.function_id,),
        ("version", lane.function_id, lane.version),
        ("alias", lane.function_id, lane.alias),
        ("lane", *lane),
    )
