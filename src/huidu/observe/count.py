"""Count: a tally that grows, call by call."""

from __future__ import annotations

import math

from huidu.model.histogram import LEAST, PER_DOUBLING, Histogram
from huidu.model.invocation import Record, Status
from huidu.model.tally import MOSTS, SUMS, Tally

Buckets = dict[int | None, int]


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

    def add(self, record: Record) -> None:
        """Count a call that has ended."""
        status = record.status
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.event_bytes += record.event_bytes
        self.result_bytes += record.result_bytes
        queue_us = round(record.queue_ms * 1000)
        self.queue_us += queue_us
        self.most_queue_us = max(self.most_queue_us, queue_us)
        self.most_memory_mb = max(self.most_memory_mb, record.memory_mb)
        if record.cold:
            self.cold += 1
            self.init_us += round(record.init_ms * 1000)
        if record.ran:
            self._add_run(record, steady=status == Status.SUCCESS and not record.cold)

    def _add_run(self, record: Record, *, steady: bool) -> None:
        """Count what only a call has that ran."""
        took_us, billed_ms = round(record.duration_ms * 1000), math.ceil(record.duration_ms)
        self.duration_us += took_us
        self.billed_ms += billed_ms
        self.billed_mb_ms += billed_ms * record.memory_mb
        self.memory_bytes += record.memory_bytes
        self.most_duration_us = max(self.most_duration_us, took_us)
        self.most_memory_bytes = max(self.most_memory_bytes, record.memory_bytes)
        seconds = took_us / 1e6
        # As `index_of`, without the call.
        index = math.ceil(math.log2(seconds) * PER_DOUBLING) - 1 if seconds > LEAST else None
        self.durations[index] = self.durations.get(index, 0) + 1
        if steady:
            self.steady[index] = self.steady.get(index, 0) + 1

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


def _absorb(buckets: Buckets, histogram: Histogram) -> None:
    if histogram.zeros:
        buckets[None] = buckets.get(None, 0) + histogram.zeros
    for index, count in histogram.buckets:
        buckets[index] = buckets.get(index, 0) + count


def _histogram(buckets: Buckets) -> Histogram:
    full = sorted((index, count) for index, count in buckets.items() if index is not None)
    return Histogram(buckets.get(None, 0), tuple(full))
