"""Verdict: whether a row of samples, taken while nothing should change, grows."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

TENTH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How much more there may be at the end than at the beginning, since load is never even."""

    amount: float
    part: float = 0.0  #: Beside the amount, so much of what there was.

    def of(self, early: float) -> float:
        """Return what may have been added to so much."""
        return self.amount + self.part * early


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one series."""

    early: float  #: The median of the second tenth: the first is for warmth.
    late: float  #: The median of the last tenth.
    drift: float  #: What the line through all samples but the first tenth's gained along them.
    allowed: float

    @property
    def grows(self) -> bool:
        """Whether both the medians and the line gained more than is allowed.

        The medians alone are moved by whatever happened in one tenth, the line by one high end.
        """
        return self.late - self.early > self.allowed and self.drift > self.allowed / 2


def judge(samples: Sequence[float], tolerance: Tolerance) -> Verdict:
    """Return what became of samples that were taken at an even pace; at least ten of them."""
    tenth = len(samples) // TENTH
    if not tenth:
        raise ValueError(f"{len(samples)} samples: at least {TENTH} are needed")
    early = statistics.median(samples[tenth : 2 * tenth])
    rest = samples[tenth:]
    slope = statistics.linear_regression(range(len(rest)), rest).slope
    return Verdict(
        early=early,
        late=statistics.median(samples[-tenth:]),
        drift=slope * (len(rest) - 1),
        allowed=tolerance.of(early),
    )
