"""The judge: hears of each call while a candidate and a stable version share an alias, and decides.

Candidate against stable at the same time, never against a fixed line: an incident that hits both
moves neither test, and a stable version that already fails does not stand in the way of its fix.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from huidu.model.judge.claim import Claim, Counts, log_mean_exp
from huidu.model.judge.durations import Durations
from huidu.model.judge.evidence import Evidence, Tally
from huidu.model.judge.mismatch import log_mismatch
from huidu.model.judge.votes import BOTH, Vote


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


DEFAULT = Tolerances()


class Verdict(Enum):
    """What the judge says."""

    NOT_YET = "not yet"
    FINE = "fine"
    WORSE = "worse"
    ASTRAY = "calls do not go where the weight says"


class Call(NamedTuple):
    """A call that has ended and was routed by weight."""

    of_candidate: bool
    failed: bool
    duration_ms: float
    weight: float  #: The candidate's share when it was routed.
    compares: bool = True  #: Whether its duration says anything: not of a cold start.
    vote: Vote = BOTH


class Lot(NamedTuple):
    """Calls of one version that were routed by one weight, and of which the order is not known."""

    of_candidate: bool
    weight: float
    failed: int
    good: int
    durations_ms: Sequence[float] = ()  #: Of those of the good ones that compare, the least first.


class Step(NamedTuple):
    """Where a rollout stands."""

    began: float
    next_weight: float
    is_last: bool = False  #: Whether all calls come next.


class Opinion(NamedTuple):
    """What the judge says, and why: evidence as logs, of which 0 says nothing."""

    verdict: Verdict
    reason: str
    log_errors: float
    log_latency: float


class Metric:
    """One kind of bad calls."""

    __slots__ = ("_harm", "_proof", "tally", "worse")

    def __init__(self, claim: Claim) -> None:
        self.worse = Evidence(claim)
        self.tally = Tally()
        self._harm: dict[float, list[int]] = {}
        self._proof: dict[float, list[int]] = {}

    def hear(self, call: Call, *, bad: bool) -> None:
        """Count one call; what it means is worked out when somebody looks."""
        cell = (0 if call.of_candidate else 2) + (not bad)
        if call.vote.worse:
            self._harm.setdefault(call.weight, [0, 0, 0, 0])[cell] += 1
        if call.vote.fine:
            self._proof.setdefault(call.weight, [0, 0, 0, 0])[cell] += 1

    def hear_lot(self, lot: Lot, *, bad: int, good: int) -> None:
        """Count many calls, all of which have a vote."""
        first = 0 if lot.of_candidate else 2
        for kept in (self._harm, self._proof):
            counts = kept.setdefault(lot.weight, [0, 0, 0, 0])
            counts[first] += bad
            counts[first + 1] += good

    def fold(self, effect: float) -> None:
        """Work out what the calls since the last look mean."""
        for weight, counts in self._harm.items():
            self.worse.add(weight, Counts(*(count / effect for count in counts)))
        for weight, counts in self._proof.items():
            self.tally.add(weight, Counts(*counts))
        self._harm.clear()
        self._proof.clear()


class Judge:
    """Hears of calls one by one, and says at any time what they amount to.

    Times are seconds on one clock that never runs backwards, from the beginning of the rollout.
    """

    def __init__(self, tolerances: Tolerances = DEFAULT) -> None:
        self.tolerances = tolerances
        ratio, margin = tolerances.error_ratio, tolerances.error_margin
        self._errors = Metric(Claim(worse=True, ratio=ratio, margin=margin))
        self._slow = [Metric(Claim(worse=True, center=1 - q)) for q in tolerances.quantiles]
        self._durations = Durations()
        self._limits_ms: list[float | None] = [None for _ in tolerances.quantiles]
        self._failed = self._timed = self._calls = self._arrived = 0
        self._stretches: dict[float, list[int]] = {}
        self._rate: float | None = None
        self._ticked = self._epoch = 0.0

    def learn(self, duration_ms: float) -> None:
        """Hear of a call of the stable version from before the rollout."""
        self._durations.add(duration_ms)

    def learn_all(self, durations_ms: Sequence[float]) -> None:
        """The same of many."""
        self._durations.add_all(durations_ms)

    def begin(self) -> None:
        """Begin with what was learned."""
        self._limits_ms = [self._durations.quantile(q) for q in self.tolerances.quantiles]

    def hear(self, call: Call, now: float) -> bool:
        """Hear of a call; tell whether it is time to look: at each failure, and each second."""
        if not 0 < call.weight < 1:
            return False
        self._arrived += 1
        self._stretches.setdefault(call.weight, [0, 0])[not call.of_candidate] += 1
        self._errors.hear(call, bad=call.failed)
        if not call.failed and call.compares:
            self._time(call)
        if call.of_candidate:
            self._calls += 1
            self._failed += call.failed
        return (call.of_candidate and call.failed) or self._is_due(now)

    def hear_lot(self, lot: Lot) -> None:
        """Hear of many calls at once, as if of one after the other; whoever asks then looks.

        A candidate's failures are better heard of one by one: each of them is a reason to look.
        """
        calls = lot.failed + lot.good
        if not 0 < lot.weight < 1 or not calls:
            return
        self._arrived += calls
        self._stretches.setdefault(lot.weight, [0, 0])[not lot.of_candidate] += calls
        self._errors.hear_lot(lot, bad=lot.failed, good=lot.good)
        for metric, limit_ms in zip(self._slow, self._limits_ms, strict=True):
            if limit_ms is not None:
                tolerated = self._tolerated(limit_ms, of_candidate=lot.of_candidate)
                within = bisect_right(lot.durations_ms, tolerated)
                metric.hear_lot(lot, bad=len(lot.durations_ms) - within, good=within)
        if lot.of_candidate:
            self._calls += calls
            self._failed += lot.failed
            self._timed += len(lot.durations_ms)
        else:
            self._durations.add_all(lot.durations_ms)

    def _tolerated(self, limit_ms: float, *, of_candidate: bool) -> float:
        if not of_candidate:
            return limit_ms
        return self.tolerances.slower * limit_ms + self.tolerances.slack_ms

    def _time(self, call: Call) -> None:
        for metric, limit_ms in zip(self._slow, self._limits_ms, strict=True):
            if limit_ms is not None:
                tolerated = self._tolerated(limit_ms, of_candidate=call.of_candidate)
                metric.hear(call, bad=call.duration_ms > tolerated)
        if call.of_candidate:
            self._timed += 1
        else:
            self._durations.add(call.duration_ms)

    def _is_due(self, now: float) -> bool:
        return now - self._ticked >= self.tolerances.look_s

    def step(self, now: float) -> None:
        """Hear that the weight was changed."""
        self._fold()
        self._begin_epoch(now)
        self._calls = 0

    def look(self, now: float, step: Step) -> Opinion:
        """Say what the calls so far amount to."""
        self._fold()
        if self._is_due(now):
            self._tick(now)
        if now - self._epoch >= max(self.tolerances.epoch_s, now / 16):
            self._begin_epoch(now)
        errors = self._errors.worse.log
        latency = log_mean_exp([metric.worse.log for metric in self._slow])
        verdict, reason = self._decide(now, step, errors, latency)
        return Opinion(verdict, reason, errors, latency)

    def _decide(self, now: float, step: Step, errors: float, latency: float) -> tuple[Verdict, str]:
        tolerances = self.tolerances
        enough = math.log(2 / tolerances.alpha)  # half of alpha for each
        if errors >= enough and self._failed >= tolerances.least_errors:
            return Verdict.WORSE, "errors"
        if latency >= enough and self._timed >= tolerances.least_durations:
            return Verdict.WORSE, "latency"
        if self.log_mismatch >= math.log(tolerances.mismatch):
            return Verdict.ASTRAY, "calls"
        return self._gate(now, step, max(errors, latency))

    def _gate(self, now: float, step: Step, worst: float) -> tuple[Verdict, str]:
        """Tell whether the candidate has been seen enough of to be given more."""
        tolerances = self.tolerances
        least_s = tolerances.bake_s if step.is_last else tolerances.dwell_s
        if now - step.began < least_s:
            return Verdict.NOT_YET, "time"
        if self._calls < tolerances.least_calls:
            return Verdict.NOT_YET, "calls"
        if worst >= math.log(tolerances.suspicion):
            return Verdict.NOT_YET, "suspicion"
        return self._prove(step.next_weight)

    def _prove(self, weight: float) -> tuple[Verdict, str]:
        """Tell whether the candidate is proved to do no more harm than is tolerated at a weight."""
        tolerances, proved = self.tolerances, -math.log(self.tolerances.beta)
        least, most = tolerances.error_ceilings
        tally = self._errors.tally
        margin = min(max(self._harm / weight, least), most)
        if tally.log_fine(ratio=tolerances.error_ratio, margin=margin, center=0.0) < proved:
            return Verdict.NOT_YET, "errors"
        for share, metric, limit_ms in zip(
            tolerances.quantiles, self._slow, self._limits_ms, strict=True
        ):
            center = 1 - share
            margin = min(min(center, tolerances.slow_ceiling) / weight, tolerances.most_slow)
            if limit_ms is not None and (
                metric.tally.log_fine(ratio=1.0, margin=margin, center=center) < proved
            ):
                return Verdict.NOT_YET, "latency"
        return Verdict.FINE, ""

    @property
    def _harm(self) -> float:
        """The share of all calls that may fail beyond what fails anyway."""
        if not self._rate:
            return self.tolerances.ceiling
        return max(self.tolerances.ceiling, self.tolerances.failures_per_minute / 60 / self._rate)

    @property
    def log_mismatch(self) -> float:
        """The log of the evidence that calls do not go where the weight says."""
        return log_mismatch(
            [(weight, mine, theirs) for weight, (mine, theirs) in self._stretches.items()]
        )

    def excess_below(self) -> float:
        """Return what the candidate's extra failures are below, as a share of its calls."""
        ratio, beta = self.tolerances.error_ratio, self.tolerances.beta
        return self._errors.tally.upper_bound(ratio=ratio, center=0.0, beta=beta)

    def _fold(self) -> None:
        self._errors.fold(self.tolerances.design_effect)
        for metric in self._slow:
            metric.fold(self.tolerances.design_effect)

    def _begin_epoch(self, now: float) -> None:
        self._epoch = now
        self._errors.worse.begin_epoch()
        for metric in self._slow:
            metric.worse.begin_epoch()

    def _tick(self, now: float) -> None:
        """Once a second: forget a little, and take the stable version's durations as they are."""
        passed, self._ticked = now - self._ticked, now
        self._durations.decay(0.5 ** (passed / self.tolerances.half_life_s))
        self._limits_ms = [
            limit_ms if self._durations.count >= 10 / (1 - q) else None
            for q, limit_ms in zip(
                self.tolerances.quantiles,
                self._durations.quantiles(self.tolerances.quantiles),
                strict=True,
            )
        ]
        rate, self._arrived = self._arrived / passed, 0
        if self._rate is None:
            self._rate = rate
        else:
            self._rate += (1 - math.exp(-passed / 60)) * (rate - self._rate)
