"""Call: what the judge hears of one that has ended."""

from __future__ import annotations

from typing import NamedTuple

from huidu.model.judge.votes import BOTH, Vote


class Call(NamedTuple):
    """A call that has ended. It is compared where it was routed by weight."""

    of_candidate: bool
    failed: bool
    duration_ms: float
    weight: float  #: The candidate's share when it was routed; 1 where there was no choice.
    compares: bool = True  #: Whether its duration says anything: not of a cold start.
    vote: Vote = BOTH
    #: What it says of each measure, in their order; None where it says nothing.
    values: tuple[float | None, ...] = ()
    memory_bytes: int = 0
