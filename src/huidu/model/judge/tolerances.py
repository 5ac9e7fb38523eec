"""Tolerances: what is tolerated of a candidate, and how sure the judge is to be."""

from __future__ import annotations

from dataclasses import dataclass

from huidu.model.judge.guard import Guard
from huidu.model.judge.measure import Measure, check_measures

ERRORS, LATENCY = "errors", "latency"
#: How alpha is shared where functions report measures, and where they do not.
ERRORS_SHARE, LATENCY_SHARE, MEASURES_SHARE, HALF = 0.5, 0.3, 0.2, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """What is tolerated, and how sure the judge is to be; shares of one, not percents."""

    alpha: float = 0.01  #: How often a candidate that is no worse may be taken back, at most.
    beta: float = 0.05  #: How often one that is worse than the ceiling may pass, at most.
    error_ratio: float = 1.1  #: So many times the stable version's errors,
    error_margin: float = 0.0005  #: and so much more, are tolerated.
    least_errors: int = 3  #: Fewer of the candidate's prove nothing.
    quantiles: tuple[float, ...] = (0.5, 0.95, 0.99)
    slower: float = 1.2  #: So many times the stable version's duration,
    slack_ms: float = 5.0  #: and so much more, are tolerated.
    least_durations: int = 20
    ceiling: float = 0.005  #: How many calls more may fail, of all,
    failures_per_minute: float = 5.0  #: or how many a minute; the larger of the two.
    slow_ceiling: float = 0.1  #: How many calls more may be slow, of all.
    error_ceilings: tuple[float, float] = (0.001, 0.25)  #: Between these, of the candidate's calls.
    most_slow: float = 0.25
    suspicion: float = 4.0  #: Evidence of this much that it is worse keeps it where it is.
    dwell_s: float = 60.0  #: At least so long at a weight,
    bake_s: float = 300.0  #: and so long at the last one before all calls,
    least_calls: int = 20  #: with so many calls of the candidate.
    epoch_s: float = 120.0
    look_s: float = 1.0
    half_life_s: float = 300.0
    mismatch: float = 1000.0
    design_effect: float = 1.0  #: How many calls fail together, where that cannot be told.
    measures: tuple[Measure, ...] = ()  #: What functions report, beside errors and latency.
    #: Evidence of this much that one version reports a measure more often than the other, and it
    #: speaks no more: who reports at all is not who is slow.
    unequal: float = 20.0
    guards: tuple[Guard, ...] = ()  #: Lines that are never to be crossed.

    def __post_init__(self) -> None:
        check_measures(self.measures)

    @property
    def shares(self) -> tuple[float, ...]:
        """What part of alpha each has: errors, latency, and the measures in their order."""
        if not self.measures:
            return (HALF, HALF)
        each = MEASURES_SHARE / len(self.measures)
        return (ERRORS_SHARE, LATENCY_SHARE, *(each for _ in self.measures))


DEFAULT = Tolerances()
