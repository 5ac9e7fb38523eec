"""Bucket: how many calls may be let through by now, in whole numbers and without a clock."""

from __future__ import annotations

from dataclasses import dataclass, replace

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of tokens: one call takes one, and `rate_per_s` come back in a second.

    It holds a second's worth, so in any stretch of `t` seconds at most `rate·t + rate` calls get
    through; and whoever keeps to the rate is never refused. What is in it is counted in
    billionths of a token, so that nothing is ever rounded.
    """

    rate_per_s: int
    level: int  #: In billionths, at the moment `at_ns`.
    at_ns: int  #: On a clock that does not go back.

    @classmethod
    def full(cls, rate_per_s: int, now_ns: int) -> Bucket:
        """Return a bucket from which nothing was taken yet."""
        return cls(rate_per_s, rate_per_s * SECOND_NS, now_ns)

    def by(self, now_ns: int) -> Bucket:
        """Return the bucket as it is at a later moment."""
        passed_ns = max(0, now_ns - self.at_ns)
        level = min(self.level + passed_ns * self.rate_per_s, self.rate_per_s * SECOND_NS)
        return Bucket(self.rate_per_s, level, self.at_ns + passed_ns)

    @property
    def left(self) -> int:
        """How many calls may be let through at once."""
        return self.level // SECOND_NS

    @property
    def wait_ns(self) -> int:
        """How long the next call has to wait; 0 where it has not to."""
        return max(0, -((self.level - SECOND_NS) // self.rate_per_s))

    def less_one(self) -> Bucket:
        """Return the bucket with one call let through; there must be one left."""
        return replace(self, level=self.level - SECOND_NS)

    def at_rate(self, rate_per_s: int) -> Bucket:
        """Return a bucket of another rate. What was used of this one stays used, as a share."""
        return Bucket(rate_per_s, self.level * rate_per_s // self.rate_per_s, self.at_ns)
