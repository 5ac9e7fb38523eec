"""Durations: how long the stable version's calls take of late, as quantiles that forget."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

GROWTH = 1.02  #: Each bucket ends two percent above where it begins.
LOG_GROWTH = math.log(GROWTH)


class Durations:
    """Counts in buckets that grow by two percent; decay makes the past count for less."""

    __slots__ = ("_buckets", "count")

    def __init__(self) -> None:
        self._buckets: dict[int, float] = {}
        self.count = 0.0

    def add(self, duration_ms: float) -> None:
        """Count one call."""
        bucket = math.floor(math.log(max(duration_ms, 1e-3)) / LOG_GROWTH)
        self._buckets[bucket] = self._buckets.get(bucket, 0.0) + 1.0
        self.count += 1.0

    def add_all(self, durations_ms: Iterable[float]) -> None:
        """Count many."""
        log, floor = math.log, math.floor
        counted = Counter(floor(log(max(ms, 1e-3)) / LOG_GROWTH) for ms in durations_ms)
        for bucket, count in counted.items():
            self._buckets[bucket] = self._buckets.get(bucket, 0.0) + count
            self.count += count

    def decay(self, factor: float) -> None:
        """Have all that was counted so far count for so much less."""
        self._buckets = {bucket: kept * factor for bucket, kept in self._buckets.items()}
        self.count *= factor

    def quantile(self, share: float) -> float | None:
        """Return the upper edge of the bucket that a quantile lies in, or None."""
        return self.quantiles((share,))[0]

    def quantiles(self, shares: Sequence[float]) -> list[float | None]:
        """Return the same for several at once."""
        found: list[float | None] = [None] * len(shares)
        left = sorted(range(len(shares)), key=shares.__getitem__, reverse=True)
        reached = 0.0
        for bucket in sorted(self._buckets):
            reached += self._buckets[bucket]
            while left and reached >= shares[left[-1]] * self.count:
                found[left.pop()] = GROWTH ** (bucket + 1)
        return found
