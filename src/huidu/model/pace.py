"""Pace: what a rollout does next, by its plan and by what the judge says of the candidate."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import NamedTuple

from huidu.model.judge.judge import Judge, Opinion, Step, Tolerances, Verdict
from huidu.model.ramp import Ramp, next_weight
from huidu.model.split import WHOLE


class Move(Enum):
    """What is to be done with the weight."""

    STAY = "stay"
    RAISE = "raise"
    BACK = "back"


class Stand(NamedTuple):
    """Where a rollout stands."""

    weight: int  #: Of the candidate, in ten-thousandths.
    began: float  #: Since when, on the judge's clock.


class Decision(NamedTuple):
    """What is to be done, and why."""

    move: Move
    weight: int  #: What the weight is to be from now on.
    opinion: Opinion


def tolerances_of(ramp: Ramp, tolerances: Tolerances) -> Tolerances:
    """Return what a judge tolerates under a plan: one with steps says itself how long they last."""
    return tolerances if ramp.by_evidence else replace(tolerances, dwell_s=0.0, bake_s=0.0)


def weight_after(ramp: Ramp, weight: int, calls_per_s: float) -> int:
    """Return the weight that comes after one; 0 is before the first."""
    if ramp.by_evidence:
        return round(next_weight(weight / WHOLE, calls_per_s) * WHOLE)
    return next((step.weight for step in ramp.steps if step.weight > weight), WHOLE)


def what_now(ramp: Ramp, judge: Judge, stand: Stand, now: float) -> Decision:
    """Decide, while both versions answer. Nothing but the judge's "worse" takes a version back.

    A step lasts at least as long as the plan says, and until it is proved that the candidate does
    no more harm than is tolerated at the next weight. Whoever raises tells the judge (`step`).
    """
    following = weight_after(ramp, stand.weight, 0.0)
    since = stand.began + _wait_s(ramp, stand.weight)
    opinion = judge.look(now, Step(since, following / WHOLE, is_last=following == WHOLE))
    match opinion.verdict:
        case Verdict.WORSE:
            return Decision(Move.BACK, 0, opinion)
        case Verdict.FINE:
            return Decision(Move.RAISE, following, opinion)
    return Decision(Move.STAY, stand.weight, opinion)


def _wait_s(ramp: Ramp, weight: int) -> int:
    return next((step.wait_s for step in ramp.steps if step.weight == weight), 0)
