"""Count: a tally that grows, call by call."""

# ruff: noqa: PLR1730 - `max` takes three times as long as to look
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import ceil, log2
from operator import itemgetter, mul
from typing import Any

from huidu.model.answered import HTTP_DOORS, answers_5xx, how_many_5xx
from huidu.model.histogram import PER_DOUBLING, Histogram
from huidu.model.invocation import Record, Status
from huidu.model.sheet import ID, Columns
from huidu.model.tally import MOSTS, SUMS, Tally

Buckets = dict[int | None, int]


def _fields(*names: str) -> Callable[[Record], Any]:
    return itemgetter(*map(Record._fields.index, names))


OF_ALL = _fields(
    *("status", "cold", "queue_ms", "init_ms", "memory_mb", "event_bytes", "result_bytes")
)
ANSWERED = _fields("status", "trigger", "result")
OF_RUNS = _fields("instance", "status", "cold", "duration_ms", "memory_bytes", "memory_mb")
SUCCESS = int(Status.SUCCESS)


class Count:
    """What was counted so far. To add is on the way of every call, and does the least it can.

    How long calls took that are on sheets is counted by the microsecond, and comes into buckets
    when it is told: a logarithm for each length that there was, and not for each call.
    """

    __slots__ = (*SUMS, *MOSTS, "durations", "lengths", "statuses", "steady")

    cold: int
    init_us: int
    duration_us: int
    billed_ms: int
    memory_bytes: int
    billed_mb_ms: int
    queue_us: int
    event_bytes: int
    result_bytes: int
    answered_5xx: int
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
        self.lengths = Counter[int]()  #: Microseconds of good calls of warm instances.

    def add_columns(self, some: Columns) -> None:
        """Count calls that are on a sheet."""
        calls, waited_ms, took_ms = len(some[ID]), some["queue_ms"], some["duration_ms"]
        self.statuses[SUCCESS] = self.statuses.get(SUCCESS, 0) + calls
        self.event_bytes += sum(some["event_bytes"])
        self.result_bytes += sum(some["result_bytes"])
        self.answered_5xx += how_many_5xx(calls, some["trigger"], some["result"])
        self.queue_us += round(sum(waited_ms) * 1000)  # no call's own is told, but the most
        self.most_queue_us = max(self.most_queue_us, round(max(waited_ms) * 1000))
        took = [round(ms * 1000) for ms in took_ms]
        self.lengths.update(took)
        self.duration_us += sum(took)
        self.most_duration_us = max(self.most_duration_us, *took)
        self._bill(list(map(ceil, took_ms)), some["memory_mb"])
        used = some["memory_bytes"]
        self.memory_bytes += sum(used)
        self.most_memory_bytes = max(self.most_memory_bytes, *used)

    def _bill(self, billed_ms: Sequence[int], megabytes: Sequence[int]) -> None:
        self.billed_ms += sum(billed_ms)
        self.most_memory_mb = max(self.most_memory_mb, *megabytes)
        if len(megabytes) == 1:
            self.billed_mb_ms += sum(billed_ms) * megabytes[0]
        else:
            self.billed_mb_ms += sum(map(mul, billed_ms, megabytes))

    def add(self, records: Sequence[Record]) -> None:
        """Count calls that have ended; some at once cost less than each alone."""
        statuses, queue_us, most_queue_us, events, results = self.statuses, 0, 0, 0, 0
        for status, cold, queue_ms, init_ms, mb, event_bytes, result_bytes in map(OF_ALL, records):
            statuses[status] = statuses.get(status, 0) + 1
            events += event_bytes
            results += result_bytes
            queue_us += (us := round(queue_ms * 1000))
            if us > most_queue_us:
                most_queue_us = us
            if mb > self.most_memory_mb:
                self.most_memory_mb = mb
            if cold:
                self.cold += 1
                self.init_us += round(init_ms * 1000)
        self.event_bytes += events
        self.result_bytes += results
        self.queue_us += queue_us
        self.most_queue_us = max(self.most_queue_us, most_queue_us)
        self.answered_5xx += sum(map(_answered_5xx, records))
        self._add_runs(records)

    def _add_runs(self, records: Sequence[Record]) -> None:
        """Count what only calls have that ran."""
        durations, steady = self.durations, self.steady
        took_us, billed, used, mb_ms, most_us, most_bytes = 0, 0, 0, 0, 0, 0
        for instance, status, cold, took_ms, memory_bytes, mb in map(OF_RUNS, records):
            if not instance:
                continue
            took_us += (us := round(took_ms * 1000))
            billed += (ms := ceil(took_ms))
            mb_ms += ms * mb
            used += memory_bytes
            if us > most_us:
                most_us = us
            if memory_bytes > most_bytes:
                most_bytes = memory_bytes
            index = _bucket(us)
            durations[index] = durations.get(index, 0) + 1
            if status == SUCCESS and not cold:
                steady[index] = steady.get(index, 0) + 1
        self.duration_us += took_us
        self.billed_ms += billed
        self.billed_mb_ms += mb_ms
        self.memory_bytes += used
        self.most_duration_us = max(self.most_duration_us, most_us)
        self.most_memory_bytes = max(self.most_memory_bytes, most_bytes)

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
        buckets: Buckets = {}
        for us, count in self.lengths.items():
            index = _bucket(us)
            buckets[index] = buckets.get(index, 0) + count
        return Tally(
            statuses=tuple(sorted(self.statuses.items())),
            durations=_histogram(self.durations, buckets),
            steady=_histogram(self.steady, buckets),
            **{name: getattr(self, name) for name in (*SUMS, *MOSTS)},
        )


def _absorb(buckets: Buckets, histogram: Histogram) -> None:
    if histogram.zeros:
        buckets[None] = buckets.get(None, 0) + histogram.zeros
    for index, count in histogram.buckets:
        buckets[index] = buckets.get(index, 0) + count


def _answered_5xx(record: Record) -> bool:
    status, trigger, result = ANSWERED(record)
    return status == SUCCESS and trigger in HTTP_DOORS and answers_5xx(result)


def _bucket(us: int) -> int | None:
    """Return the bucket of a number of microseconds, as `index_of` has it."""
    return ceil(log2(us / 1e6) * PER_DOUBLING) - 1 if us else None


def _histogram(buckets: Buckets, more: Mapping[int | None, int]) -> Histogram:
    whole = buckets | {index: buckets.get(index, 0) + count for index, count in more.items()}
    full = sorted((index, count) for index, count in whole.items() if index is not None)
    return Histogram(whole.get(None, 0), tuple(full))
