"""The judge: hears of each call while a candidate and a stable version share an alias, and decides.

Candidate against stable at the same time, never against a fixed line, but for the guards that say
so: an incident that hits both moves no test, and a stable version that already fails does not stand
in the way of its fix.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from huidu.model.judge.call import Call
from huidu.model.judge.claim import Claim
from huidu.model.judge.gauge import Gauge
from huidu.model.judge.guard import Window
from huidu.model.judge.metric import BAD, CANDIDATE, GOOD, STABLE, Metric
from huidu.model.judge.mismatch import log_mismatch
from huidu.model.judge.opinion import Opinion, Verdict, Waiting, Weighed
from huidu.model.judge.saving import State, by_weight, of_weight, read, written
from huidu.model.judge.tolerances import DEFAULT, ERRORS, LATENCY, Tolerances

__all__ = ("DEFAULT", "Call", "Judge", "Opinion", "Step", "Tolerances", "Verdict")

KIND = "judge"
#: What of a judge is a number, and is saved as it is.
PLAIN = ("_failed", "_heard", "_calls", "_arrived", "_rate", "_ticked", "_epoch")


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


class Judge:
    """Hears of calls one by one, and says at any time what they amount to.

    Times are seconds since the rollout began, on one clock that never runs backwards, and goes on
    where it stood when a judge is restored.
    """

    def __init__(self, tolerances: Tolerances = DEFAULT) -> None:
        self.tolerances = tolerances
        ratio, margin = tolerances.error_ratio, tolerances.error_margin
        self._errors = Metric(Claim(worse=True, ratio=ratio, margin=margin))
        self._latency = Gauge(tolerances.quantiles, tolerances.slower, tolerances.slack_ms)
        self._measured = tuple(Gauge((m.quantile,), m.ratio, m.slack) for m in tolerances.measures)
        self._gauges = (self._latency, *self._measured)
        self._signs = tuple(measure.sign for measure in tolerances.measures)
        self._windows = tuple(Window(guard) for guard in tolerances.guards)
        self._failed = self._heard = self._calls = self._arrived = 0
        self._stretches: dict[float, list[int]] = {}
        self._rate: float | None = None
        self._ticked = self._epoch = 0.0

    def learn(self, duration_ms: float, values: Sequence[float | None] = ()) -> None:
        """Hear of a call of the stable version from before the rollout."""
        self._latency.learn(duration_ms)
        for gauge, sign, value in zip(self._measured, self._signs, values, strict=False):
            if value is not None:
                gauge.learn(sign * value)

    def learn_all(self, durations_ms: Sequence[float]) -> None:
        """The same of many durations."""
        self._latency.learn_all(durations_ms)

    def begin(self) -> None:
        """Begin with what was learned."""
        for gauge in self._gauges:
            gauge.begin()

    def hear(self, call: Call, now: float) -> bool:
        """Hear of a call; tell whether it is time to look: at each failure, and each second.

        A call that was not routed by weight is compared with nothing; guards count it.
        """
        of_candidate, failed, vote = call.of_candidate, call.failed, call.vote
        broken = False
        if of_candidate:
            for window in self._windows:
                broken |= window.hear(call, now)
        if not 0 < call.weight < 1:
            return broken
        self._arrived += 1
        if vote.first:
            counts = self._stretches.get(call.weight)
            if counts is None:
                counts = self._stretches[call.weight] = [0, 0]
            counts[not of_candidate] += 1
        cell = (CANDIDATE if of_candidate else STABLE) + (BAD if failed else GOOD)
        self._errors.hear(call.weight, cell, worse=vote.worse, fine=vote.fine)
        if not failed:
            self._measure(call)
        if of_candidate:
            self._heard += 1
            self._calls += 1
            self._failed += failed and vote.worse
        return broken or (of_candidate and failed) or self._is_due(now)

    def hear_lot(self, lot: Lot) -> None:
        """Hear of many calls at once, as if of one after the other; whoever asks then looks.

        A candidate's failures are better heard of one by one: each of them is a reason to look.
        """
        calls = lot.failed + lot.good
        if not 0 < lot.weight < 1 or not calls:
            return
        self._arrived += calls
        counts = self._stretches.setdefault(lot.weight, [0, 0])
        counts[not lot.of_candidate] += calls
        side = CANDIDATE if lot.of_candidate else STABLE
        self._errors.hear_lot(lot.weight, side, bad=lot.failed, good=lot.good)
        self._latency.hear_lot(lot.weight, lot.durations_ms, of_candidate=lot.of_candidate)
        if lot.of_candidate:
            self._heard += calls
            self._calls += calls
            self._failed += lot.failed

    def _measure(self, call: Call) -> None:
        if call.compares:
            self._latency.hear(call, call.duration_ms)
        for gauge, sign, value in zip(self._measured, self._signs, call.values, strict=False):
            if value is not None:
                gauge.hear(call, sign * value)

    def _is_due(self, now: float) -> bool:
        return now - self._ticked >= self.tolerances.look_s

    def step(self, now: float) -> None:
        """Hear that the weight was changed."""
        self._fold()
        self._begin_epoch(now)
        self._calls = 0

    def back(self, now: float) -> None:
        """Hear that a server is back, after `restored`: that nothing was heard is no lack of calls.

        Without this, an hour's absence reads as an hour without traffic: what is known of
        durations would be forgotten, and more failures a call allowed.
        """
        self._arrived, self._ticked = 0, max(self._ticked, now)

    def look(self, now: float, step: Step) -> Opinion:
        """Say what the calls so far amount to."""
        self._fold()
        if self._is_due(now):
            self._tick(now)
        if now - self._epoch >= max(self.tolerances.epoch_s, now / 16):
            self._begin_epoch(now)
        evidence = self._weigh()
        said, waits = self._accuse(now, evidence), None
        if said is None:
            waits = self._gate(now, step, max(one.log for one in evidence if one.is_equal))
            said = (Verdict.NOT_YET, waits.what) if waits else (Verdict.FINE, "")
        errors, latency = evidence[0].log, evidence[1].log
        return Opinion(*said, errors, latency, evidence, waits, self._heard, self._failed)

    def _weigh(self) -> tuple[Weighed, ...]:
        tolerances = self.tolerances
        logs = self._errors.worse.log, *(gauge.log for gauge in self._gauges)
        names = ERRORS, LATENCY, *(measure.name for measure in tolerances.measures)
        equal = True, True, *(self._is_equal(gauge) for gauge in self._measured)
        return tuple(
            Weighed(name, log, -math.log(tolerances.alpha * share), None, is_equal)
            for name, log, share, is_equal in zip(
                names, logs, tolerances.shares, equal, strict=True
            )
        )

    def _is_equal(self, gauge: Gauge) -> bool:
        return gauge.log_mismatch < math.log(self.tolerances.unequal)

    def _accuse(self, now: float, evidence: Sequence[Weighed]) -> tuple[Verdict, str] | None:
        """Say what is wrong, if anything is."""
        tolerances = self.tolerances
        for window in self._windows:
            if broken := window.broken(now):
                return Verdict.WORSE, broken
        heard = self._failed, *(gauge.heard for gauge in self._gauges)
        least = tolerances.least_errors, *(tolerances.least_durations for _ in self._gauges)
        for one, count, least_count in zip(evidence, heard, least, strict=True):
            if one.is_equal and one.log >= one.enough and count >= least_count:
                return Verdict.WORSE, one.name
        if self.log_mismatch >= math.log(tolerances.mismatch):
            return Verdict.ASTRAY, "calls"
        return None

    def _gate(self, now: float, step: Step, worst: float) -> Waiting | None:
        """Tell what is missing before the candidate may be given more."""
        tolerances = self.tolerances
        least_s = tolerances.bake_s if step.is_last else tolerances.dwell_s
        if now - step.began < least_s:
            return Waiting("time", now - step.began, least_s)
        if self._calls < tolerances.least_calls:
            return Waiting("calls", self._calls, tolerances.least_calls)
        if worst >= math.log(tolerances.suspicion):
            return Waiting("suspicion", worst, math.log(tolerances.suspicion))
        return self._unproved(step.next_weight)

    def _unproved(self, weight: float) -> Waiting | None:
        """Tell what is not proved of the harm that the candidate would do at a weight."""
        tolerances, proved = self.tolerances, -math.log(self.tolerances.beta)
        least, most = tolerances.error_ceilings
        margin = min(max(self._harm / weight, least), most)
        fine = self._errors.log_fine(margin)
        if fine < proved:
            return Waiting(ERRORS, fine, proved, margin)
        names = LATENCY, *(measure.name for measure in tolerances.measures)
        for name, gauge in zip(names, self._gauges, strict=True):
            for metric in gauge.active:
                center = metric.worse.claim.center
                margin = min(min(center, tolerances.slow_ceiling) / weight, tolerances.most_slow)
                fine = metric.log_fine(margin)
                if fine < proved:
                    return Waiting(name, fine, proved, margin)
        return None

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

    @property
    def stable_failures(self) -> float:
        """The share of the stable version's calls that failed during the rollout."""
        self._errors.fold(self.tolerances.design_effect)
        total = self._errors.tally.total
        calls = total.stable_bad + total.stable_good
        return total.stable_bad / calls if calls else 0.0

    def excess_below(self) -> float:
        """Return what the candidate's extra failures are below, as a share of its calls."""
        return self._errors.upper_bound(self.tolerances.beta)

    def bounded(self, opinion: Opinion) -> Opinion:
        """Return an opinion of just now with what each excess is below, for a person to read.

        It takes a millisecond or so, and is no part of any decision.
        """
        beta = self.tolerances.beta
        metrics = [self._errors], *(gauge.active for gauge in self._gauges)
        evidence = (
            one._replace(below=max((m.upper_bound(beta) for m in these), default=None))
            for one, these in zip(opinion.evidence, metrics, strict=True)
        )
        return opinion._replace(evidence=tuple(evidence))

    def saved(self) -> str:
        """Return all that it knows as text: with it, `restored` goes on as if nothing had been."""
        state = {
            **{name.strip("_"): getattr(self, name) for name in PLAIN},
            "stretches": by_weight(self._stretches),
            "errors": self._errors.state,
            "gauges": [gauge.state for gauge in self._gauges],
            "windows": [window.state for window in self._windows],
        }
        return written(KIND, state)

    @classmethod
    def restored(cls, saved: str | bytes, tolerances: Tolerances = DEFAULT) -> Judge:
        """Return the judge that was saved; `ValueError` where the text cannot be trusted.

        That is also where it was saved with another idea of what is worse. A new judge that knows
        nothing is then right, and slower.
        """
        judge = cls(tolerances)
        return read(KIND, saved, judge._resumed)

    def _resumed(self, state: State) -> Judge:
        for name in PLAIN:
            setattr(self, name, state[name.strip("_")])
        self._stretches = of_weight(state["stretches"])
        self._errors.resume(state["errors"])
        for gauge, known in zip(self._gauges, state["gauges"], strict=True):
            gauge.resume(known)
        for window, known in zip(self._windows, state["windows"], strict=True):
            window.resume(known)
        return self

    def _fold(self) -> None:
        self._errors.fold(self.tolerances.design_effect)
        for gauge in self._gauges:
            gauge.fold(self.tolerances.design_effect)

    def _begin_epoch(self, now: float) -> None:
        self._epoch = now
        self._errors.worse.begin_epoch()
        for gauge in self._gauges:
            gauge.begin_epoch()

    def _tick(self, now: float) -> None:
        """Once a second: forget a little, and take the stable version's values as they are."""
        passed, self._ticked = now - self._ticked, now
        for gauge in self._gauges:
            gauge.tick(0.5 ** (passed / self.tolerances.half_life_s))
        rate, self._arrived = self._arrived / passed, 0
        if self._rate is None:
            self._rate = rate
        else:
            self._rate += (1 - math.exp(-passed / 60)) * (rate - self._rate)
