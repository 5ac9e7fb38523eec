"""Counters: every call is counted at once, in the second in which it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from huidu.model.invocation import Record
from huidu.model.tally import Lane
from huidu.observe.count import Count


@dataclass(slots=True)
class Running:
    """How many calls run at once, and the most that there were in this second."""

    now: int = 0
    most: int = 0


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
        self._open: dict[Lane, Count] = {}
        self._closed: list[Second] = []
        self._running: dict[tuple[str, ...], Running] = {}
        self._busy: dict[Lane, tuple[Running, ...]] = {}

    def began(self, lane: Lane) -> None:
        """An instance has a call."""
        self._turn()
        of = self._busy.get(lane)
        if of is None:
            of = self._busy[lane] = tuple(
                self._running.setdefault(key, Running()) for key in _keys(lane)
            )
        for running in of:
            running.now += 1
            running.most = max(running.most, running.now)

    def ended(self, lane: Lane) -> None:
        """It has it no more."""
        for running in self._busy[lane]:
            running.now -= 1

    def count(self, record: Record) -> None:
        """Count a call that has ended."""
        self._turn()
        lane = Lane(record.function_id, record.alias, record.version)
        count = self._open.get(lane)
        if count is None:
            count = self._open[lane] = Count()
        count.add(record)

    def take(self) -> Sequence[Second]:
        """Return all that was counted since this was asked for last."""
        self._turn()
        self._close()
        taken, self._closed = self._closed, []
        return taken

    def running(self) -> Mapping[Lane, int]:
        """Return how many calls run now, by lane."""
        return {lane: of[-1].now for lane, of in self._busy.items() if of[-1].now}

    def _turn(self) -> None:
        """Begin a new second where it has begun. The clock may be set back; so be it."""
        start = int(self._clock())
        if start != self._start:
            self._close()
            self._start = start
            for running in self._running.values():
                running.most = running.now
            self._rest()

    def _close(self) -> None:
        """Put what was counted aside, with how many calls ran at once."""
        for lane, of in self._busy.items():
            count = self._open.get(lane)
            if count is None:
                count = self._open[lane] = Count()
            most = [running.most for running in of]
            count.most_of_function, count.most_of_version, count.most_of_alias, _ = most
            count.most_of_lane = most[-1]
        if self._open:
            self._closed.append(Second(self._start, self._open))
            self._open = {}

    def _rest(self) -> None:
        """Forget the lanes in which nothing runs, and what runs of their versions and aliases."""
        self._busy = {lane: of for lane, of in self._busy.items() if of[-1].now}
        self._running = {key: running for key, running in self._running.items() if running.now}


def _keys(lane: Lane) -> Sequence[tuple[str, ...]]:
    """Return what a lane is a part of: its function, version and alias; and itself."""
    return (
        (lane.function_id,),
        ("version", lane.function_id, lane.version),
        ("alias", lane.function_id, lane.alias),
        ("lane", *lane),
    )
