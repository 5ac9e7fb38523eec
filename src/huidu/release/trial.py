"""Trial: many simulated releases of one kind, and what they come to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from huidu.model.judge.judge import DEFAULT, Tolerances
from huidu.model.ramp import ramp_of
from huidu.model.rollout_terms import Terms
from huidu.release.faults import Fault
from huidu.release.recorded import Recorded
from huidu.release.scene import Scene
from huidu.release.simulate import HOUR_S, End, Outcome, Release
from huidu.release.traffic import TRAFFICS


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is to be simulated. A release is the same whenever its seed and number are."""

    plan: str = "evidence"
    proof: bool = False  #: Whether a plan with steps waits for proof, beside its times.
    fault: Fault = field(default_factory=Fault)
    traffic: str = "steady"
    calls_per_s: float = 100.0
    recorded: Recorded | None = None  #: Takes the place of the two above.
    seed: int = 0
    most_s: int = HOUR_S
    tolerances: Tolerances = DEFAULT

    def scene(self, number: int) -> Scene:
        """Return what happens around the release of this number."""
        dice = Random(f"{self.seed}/{number}")  # noqa: S311 - chance, no secret
        if self.recorded is None:
            traffic = TRAFFICS[self.traffic](self.calls_per_s, dice)
            return Scene(dice=dice, traffic=traffic, fault=self.fault)
        return Scene(
            dice=dice,
            traffic=self.recorded.since(dice.random() * self.recorded.seconds),
            fault=self.fault.beyond_what_fails_anyway(),
            spread=self.recorded.spread,
        )

    def play(self, number: int) -> Outcome:
        """Return what becomes of the release of this number."""
        ramp = ramp_of(self.plan)
        proof = ramp.by_evidence or (self.proof and len(ramp.steps) > 1)
        terms = Terms(ramp=ramp, tolerances=self.tolerances, proof=proof)
        return Release(self.scene(number), terms).play(self.most_s)

    def play_all(self, numbers: Sequence[int]) -> list[Outcome]:
        """The same of several."""
        return [self.play(number) for number in numbers]


@dataclass(frozen=True, slots=True)
class Span:
    """A figure of several releases: in the middle, nine of ten, and the most."""

    median: float
    p90: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What some releases came to."""

    releases: int
    finished: int
    rolled_back: int
    open: int  #: Neither when time was over.
    false_alarms: int  #: Of those rolled back, before or without a fault.
    finish_s: Span | None  #: Of those that finished.
    calls: Span | None  #: Of the candidate, of all releases.
    harmed: Span | None  #: Failed or slowed calls before the rollback, of those rolled back.
    detected_s: Span | None  #: From the fault to the rollback, of those that had one.
    reasons: dict[str, int]  #: Why they were rolled back.


def summary(outcomes: Sequence[Outcome], fault: Fault) -> Summary:
    """Return what releases came to."""
    finished = [one for one in outcomes if one.end is End.FINISHED]
    back = [one for one in outcomes if one.end is End.BACK]
    found = [] if fault.is_harmless else [one for one in back if not one.is_false_alarm]
    return Summary(
        releases=len(outcomes),
        finished=len(finished),
        rolled_back=len(back),
        open=len(outcomes) - len(finished) - len(back),
        false_alarms=len(back) - len(found),
        finish_s=span([one.took_s for one in finished]),
        calls=span([one.calls for one in outcomes]),
        harmed=span([one.harmed for one in back]),
        detected_s=span([one.detected_s for one in found]),
        reasons={
            reason: sum(one.reason == reason for one in back)
            for reason in sorted({one.reason for one in back})
        },
    )


def span(values: Sequence[float]) -> Span | None:
    """Return the middle, the ninth tenth and the most of some values; None where there are none."""
    ordered = sorted(values)
    if not ordered:
        return None

    def share(part: float) -> float:
        return ordered[max(math.ceil(part * len(ordered)) - 1, 0)]

    return Span(share(0.5), share(0.9), ordered[-1])
