"""Count: a tally that grows, call by call."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter, mul
from typing import Any

from huidu.model.histogram import LEAST, PER_DOUBLING, Histogram
from huidu.model.invocation import Record, Status
from huidu.model.tally import MOSTS, SUMS, Tally

Buckets = dict[int | None, int]


def _fields(*names: str) -> Callable[[Record], Any]:
    return itemgetter(*map(Record._fields.index, names))


OF_ALL = _fields(
    *("status", "instance", "cold", "queue_ms", "memory_mb", "event_bytes", "result_bytes")
)
OF_RUNS = _fields("status", "cold", "duration_ms", "memory_bytes", "memory_mb")


class Count:
    """What was counted so far. `add` is on the way of every call, and does the least it can."""

    __slots__ = (*SUMS, *MOSTS, "durations", "statuses", "steady")

    cold: int
    init_us: int
    duration_us: int
    billed_ms: int
    memory_bytes: int
    billed_mb_ms: int
    queue_us: int
    event_bytes: int
    result_bytes: int
    most_duration_us: int
    most_memory_bytes: int
    most_memory_mb: int
    most_queue_us: int
    most_of_function: int
    most_of_version: int
    most_of_alias: int
    most_of_lane: int

    def __init__(self) -> None:
        for name in (*SUMS, *MOSTS):
            setattr(self, name, 0)
        self.statuses: dict[int, int] = {}
        self.durations: Buckets = {}
        self.steady: Buckets = {}

    def add(self, records: Sequence[Record]) -> None:
        """Count calls that have ended; some at once, column by column, cost much less than one."""
        statuses, instances, colds, queues_ms, mbs, events, results = zip(
            *map(OF_ALL, records), strict=True
        )
        for status in set(statuses):
            self.statuses[status] = self.statuses.get(status, 0) + statuses.count(status)
        self.event_bytes += sum(events)
        self.result_bytes += sum(results)
        queues_us = [round(queue_ms * 1000) for queue_ms in queues_ms]
        self.queue_us += sum(queues_us)
        self.most_queue_us = max(self.most_queue_us, *queues_us)
        self.most_memory_mb = max(self.most_memory_mb, *mbs)
        if True in colds:
            self.cold += colds.count(True)
            self.init_us += sum(round(one.init_ms * 1000) for one in records if one.cold)
        ran = records if all(instances) else [one for one in records if one.ran]
        if ran:
            self._add_runs(ran)

    def _add_runs(self, records: Sequence[Record]) -> None:
        """Count what only calls have that ran."""
        statuses, colds, took_ms, memories, mbs = zip(*map(OF_RUNS, records), strict=True)
        took_us = [round(ms * 1000) for ms in took_ms]
        billed_ms = [math.ceil(ms) for ms in took_ms]
        self.duration_us += sum(took_us)
        self.billed_ms += sum(billed_ms)
        self.billed_mb_ms += sum(map(mul, billed_ms, mbs))
        self.memory_bytes += sum(memories)
        self.most_duration_us = max(self.most_duration_us, *took_us)
        self.most_memory_bytes = max(self.most_memory_bytes, *memories)
        buckets = [_bucket(us / 1e6) for us in took_us]
        _grow(self.durations, buckets)
        if colds.count(False) < len(colds) or statuses.count(Status.SUCCESS) < len(statuses):
            buckets = [
                bucket
                for bucket, status, cold in zip(buckets, statuses, colds, strict=True)
                if status == Status.SUCCESS and not cold
            ]
        _grow(self.steady, buckets)

    def absorb(self, tally: Tally) -> None:
        """Count all the calls of a tally, too."""
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(tally, name))
        for name in MOSTS:
            setattr(self, name, max(getattr(self, name), getattr(tally, name)))
        for status, count in tally.statuses:
            self.statuses[status] = self.statuses.get(status, 0) + count
        _absorb(self.durations, tally.durations)
        _absorb(self.steady, tally.steady)

    def tally(self) -> Tally:
        """Return what was counted."""
        return Tally(
            statuses=tuple(sorted(self.statuses.items())),
            durations=_histogram(self.durations),
            steady=_histogram(self.steady),
            **{name: getattr(self, name) for name in (*SUMS, *MOSTS)},
        )


def _bucket(seconds: float) -> int | None:
    # As `index_of`, without the call.
    return math.ceil(math.log2(seconds) * PER_DOUBLING) - 1 if seconds > LEAST else None


def _grow(buckets: Buckets, more: Iterable[int | None]) -> None:
    for index in more:
        buckets[index] = buckets.get(index, 0) + 1


def _absorb(buckets: Buckets, histogram: Histogram) -> None:
    if histogram.zeros:
        buckets[None] = buckets.get(None, 0) + histogram.zeros
    for index, count in histogram.buckets:
        buckets[index] = buckets.get(index, 0) + count


def _histogram(buckets: Buckets) -> Histogram:
    full = sorted((index, count) for index, count in buckets.items() if index is not None)
    return Histogram(buckets.get(None, 0), tuple(full))
