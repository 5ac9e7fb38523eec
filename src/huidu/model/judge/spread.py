"""Spread: what values the stable version's calls have had of late, as quantiles that forget."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

GROWTH = 1.02  #: Each bucket ends two percent above where it begins.
LOG_GROWTH = math.log(GROWTH)
LEAST, MOST = 1e-9, 1e12  #: What is nearer to zero counts as zero; what is farther off, as this.
#: Buckets above zero have numbers from 1 on, those below it from -1 down; 0 is zero itself.
OFFSET = 1 - math.floor(math.log(LEAST) / LOG_GROWTH)


class Spread:
    """Counts in buckets that grow by two percent; decay makes the past count for less."""

    __slots__ = ("_buckets", "count")

    def __init__(self) -> None:
        self._buckets: dict[int, float] = {}
        self.count = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        bucket = bucket_of(value)
        self._buckets[bucket] = self._buckets.get(bucket, 0.0) + 1.0
        self.count += 1.0

    def add_all(self, values: Sequence[float]) -> None:
        """Count many."""
        for bucket, count in Counter(map(bucket_of, values)).items():
            self._buckets[bucket] = self._buckets.get(bucket, 0.0) + count
        self.count += len(values)

    def decay(self, factor: float) -> None:
        """Have all that was counted so far count for so much less."""
        self._buckets = {bucket: kept * factor for bucket, kept in self._buckets.items()}
        self.count *= factor

    def quantile(self, share: float) -> float | None:
        """Return the upper edge of the bucket that a quantile lies in, or None."""
        return self.quantiles((share,))[0]

    def quantiles(self, shares: Sequence[float]) -> list[float | None]:
        """Return the same of several shares, at the price of one."""
        reached, edges = 0.0, []
        for bucket in sorted(self._buckets):
            reached += self._buckets[bucket]
            edges.append((reached, bucket))
        found = (
            next((at for reached, at in edges if reached >= share * self.count), None)
            for share in shares
        )
        return [None if at is None else upper_of(at) for at in found]

    @property
    def state(self) -> list[list[float]]:
        """What is known, for `resumed`: each bucket and its count."""
        return [[bucket, kept] for bucket, kept in self._buckets.items()]

    @classmethod
    def resumed(cls, count: float, state: list[list[float]]) -> Spread:
        """Return one that knows what another knew."""
        spread = cls()
        spread.count = count
        spread._buckets = {int(bucket): kept for bucket, kept in state}
        return spread


def bucket_of(value: float) -> int:
    """Return the number of the bucket that a value falls into; larger values, larger numbers."""
    size = abs(value)
    if size < LEAST:
        return 0
    number = math.floor(math.log(min(size, MOST)) / LOG_GROWTH) + OFFSET
    return number if value > 0 else -number


def upper_of(bucket: int) -> float:
    """Return where a bucket ends."""
    if bucket > 0:
        return float(GROWTH ** (bucket - OFFSET + 1))
    return -float(GROWTH ** (-bucket - OFFSET)) if bucket else 0.0
