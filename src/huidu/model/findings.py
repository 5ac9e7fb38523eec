"""Findings: what was seen of a rollout so far, for people and programs to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from huidu.model.judge.opinion import Weighed

MOST_POINTS = 300


class Point(NamedTuple):
    """How the evidence stood at a moment: natural logs, of which 0 says nothing."""

    at: float  #: Seconds since the epoch.
    weight: int  #: Of the candidate, in ten-thousandths.
    log_errors: float
    log_latency: float


class Failure(NamedTuple):
    """A call of the candidate that failed."""

    request_id: str
    at: float
    status: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The calls of one version through the alias, since the rollout began."""

    calls: int = 0
    failures: int = 0
    cold: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was seen of a rollout so far."""

    at: float = 0.0
    stable: Side = Side()
    candidate: Side = Side()
    calls_per_s: float = 0.0
    verdict: str = ""
    waits_for: str = ""  #: What the next share still needs.
    log_errors: float = 0.0  #: Evidence that the candidate fails more than is tolerated,
    log_latency: float = 0.0  #: and that it is slower.
    log_enough: float = 0.0  #: With so much of either it is taken back.
    excess_below: float = 1.0  #: What its extra failures are proved to be below.
    sentences: tuple[str, ...] = ()
    evidence: tuple[Weighed, ...] = ()
    next_weight: int = 0
    spent_failures: int = 0  #: Of the budget.
    spent_keys: int = 0
    curve: tuple[Point, ...] = ()
    failures: tuple[Failure, ...] = ()  #: The first ones.


def thinned(curve: tuple[Point, ...], point: Point) -> tuple[Point, ...]:
    """Add a point to a curve; where there are too many, every other one of them goes."""
    kept = curve if len(curve) < MOST_POINTS else curve[::2]
    return (*kept, point)
