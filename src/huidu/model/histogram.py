"""Histogram: how values are spread, in buckets that grow by a fixed factor."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

#: As OpenTelemetry's exponential histogram has it: bucket `i` holds what is above `BASE**i` and
#: at most `BASE**(i + 1)`, and `BASE` is 2**(2**-SCALE). With 5 the middle of a bucket is within
#: 1.1 % of all that is in it; with 4 it would be 2.2 %.
#: https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
SCALE = 5
PER_DOUBLING = 1 << SCALE
#: Whatever is not more than this is as good as nothing: a microsecond, where values are seconds.
LEAST = 2.0**-20
LOWEST = -20 * PER_DOUBLING  #: The index of the first bucket above that.


def index_of(value: float) -> int:
    """Return the bucket that a value above `LEAST` falls into."""
    return math.ceil(math.log2(value) * PER_DOUBLING) - 1


def upper(index: int) -> float:
    """Return the largest value that a bucket holds."""
    return math.pow(2.0, (index + 1) / PER_DOUBLING)


def middle(index: int) -> float:
    """Return the value that is, in proportion, nearest to all that a bucket holds."""
    low, high = upper(index - 1), upper(index)
    return 2 * low * high / (low + high)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of values. To merge two is exact: it is as if all had been recorded in one."""

    zeros: int = 0  #: Values of at most `LEAST`.
    buckets: tuple[tuple[int, int], ...] = ()  #: Index and count, by index, none of them empty.

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.zeros + sum(count for _, count in self.buckets)

    def quantile(self, q: float) -> float:
        """Return what a share `q` of the values does not exceed, to 1.1 %; 0 where there are none.

        That is the value which stands, in the order of size, at place `q · count`, rounded up.
        """
        left = max(1, math.ceil(q * self.count)) - self.zeros
        if left <= 0:
            return 0.0
        for index, count in self.buckets:
            left -= count
            if left <= 0:
                return middle(index)
        return 0.0


EMPTY = Histogram()


def of(values: Iterable[float]) -> Histogram:
    """Return the histogram of some values."""
    indexes = Counter(index_of(value) if value > LEAST else None for value in values)
    zeros = indexes.pop(None, 0)
    return Histogram(zeros, tuple(sorted((i, n) for i, n in indexes.items() if i is not None)))


def merged(parts: Iterable[Histogram]) -> Histogram:
    """Return the histogram of all that is in any of these."""
    zeros, counts = 0, Counter[int]()
    for part in parts:
        zeros += part.zeros
        for index, count in part.buckets:
            counts[index] += count
    return Histogram(zeros, tuple(sorted(counts.items())))
