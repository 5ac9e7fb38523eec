"""Follower: hears every call of one rollout, and says what the rollout does next."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace

from huidu.model import course
from huidu.model.budget import Allowance
from huidu.model.course import Sight
from huidu.model.fault import AGAINST, fault_of
from huidu.model.findings import Failure, Point, Side, thinned
from huidu.model.invocation import Record, Status
from huidu.model.judge import words
from huidu.model.judge.call import Call
from huidu.model.judge.hearing import Hearing
from huidu.model.judge.judge import Judge
from huidu.model.judge.opinion import Opinion
from huidu.model.judge.votes import Votes
from huidu.model.judge.watch import Watch
from huidu.model.rollout import Event, Rollout, State, Step
from huidu.model.split import WHOLE
from huidu.model.tally import Lane
from huidu.release.past import Past
from huidu.release.saved import Saved, again

MOST_FAILURES = 20
MOST_MET = 100_000
MOST_ERROR_CHARS = 300
#: What is said of a call that is no error to SCF, and one to whoever waited for it.
ANSWERED = "its answer had an HTTP status of 500 or above"
LOG_ENOUGH = math.log(200)  #: Of the default, before there is an opinion.
RATE_S = 60.0  #: Over which the number of calls a second is taken.


class Counted:
    """The calls of one version, counted."""

    __slots__ = ("calls", "cold", "failures")

    def __init__(self, side: Side) -> None:
        self.calls, self.failures, self.cold = side.calls, side.failures, side.cold

    def add(self, *, failed: bool, cold: bool) -> None:
        """Count a call."""
        self.calls += 1
        self.failures += failed
        self.cold += cold

    def side(self) -> Side:
        """Return what was counted."""
        return Side(calls=self.calls, failures=self.failures, cold=self.cold)


class Follower:
    """One rollout under way. Lives in the event loop, and never waits.

    It is told of each call before its caller is answered. Where a call speaks so much against the
    candidate that it is to be taken back, no further call reaches it, from that moment on;
    `pending` is then what remains to be written.
    """

    def __init__(
        self,
        rollout: Rollout,
        clock: Callable[[], float],
        saved: Saved,
        running: Callable[[Lane], int] = lambda _: 0,
    ) -> None:
        terms = rollout.terms
        self.rollout = rollout
        self.findings = saved.findings
        known = again(saved.judge, Judge.restored, terms.tolerances)
        self.judge = known or Judge(terms.tolerances)
        self.knows = known is not None  #: Whether it knows how things were before the rollout.
        self.watch = again(saved.watch, Watch.restored, terms.limits)
        self.hearing = Hearing(
            rollout.stable,
            rollout.candidate,
            measures=terms.tolerances.measures,
            votes=again(saved.votes, Votes.restored),
        )
        self.allowance = self._allowed(saved)
        self._running = running
        self.opinion: Opinion | None = None
        self.pending: Step | None = None
        self.calls_per_s = self.findings.calls_per_s
        self.wake, self.news = asyncio.Event(), asyncio.Event()
        self.dirty = False
        self._clock = clock
        self._counted = {
            rollout.stable: Counted(self.findings.stable),
            rollout.candidate: Counted(self.findings.candidate),
        }
        self._met: set[str] = set()  #: Callers, as they are sealed; forgotten with the server.
        self._arrived = self._turn = 0
        self._ticked = clock()
        self._last_s = 0.0
        if known is not None:
            known.back(self._now())
        self._stand()

    def _allowed(self, saved: Saved) -> Allowance:
        stable = self.rollout.stable
        return Allowance(
            self.rollout.terms.budget,
            stable,
            self.rollout.candidate,
            failures=saved.findings.spent_failures,
            keys=saved.keys,
            beside=lambda: self._under_way(stable),
        )

    def _stand(self) -> None:
        """Be as the rollout stands."""
        self.allowance.proven = self.rollout.proven
        if self.rollout.state is State.BAKING and self.watch is None:
            usual, began = self.judge.stable_failures, self.rollout.full_at - self.rollout.began_at
            self.watch = Watch(usual, self.rollout.terms.limits, began)

    @property
    def seen(self) -> str:
        """A mark of what there is to see now."""
        return f"{self.rollout.revision}.{self._turn}"

    def _under_way(self, version: str) -> int:
        return self._running(Lane(self.rollout.function_id, self.rollout.alias, version))

    def _now(self) -> float:
        """Seconds since the rollout began, never backwards."""
        self._last_s = max(self._last_s, self._clock() - self.rollout.began_at)
        return self._last_s

    def hear(self, record: Record) -> None:
        """Hear of a call through the alias that has just ended."""
        self._arrived += 1
        counted = self._counted.get(record.version)
        if counted is None:
            return
        now = self._now()
        failed = fault_of(record.status) in AGAINST
        call = self.hearing.hear(record, now)
        failed = failed or (call is not None and call.failed)
        counted.add(failed=failed, cold=record.cold)
        if record.version == self.rollout.candidate:
            left = record.status == Status.CANCELLED
            self.allowance.ended(answered=record.status == Status.SUCCESS, left=left)
        spent = False
        if failed and record.version == self.rollout.candidate:
            self.allowance.failed()
            self._note(record)
            spent = self.allowance.spent
        if self.allowance.budget.keys and not self._is_fair(record):
            call = None
        if (call is not None and self._is_due(call, now)) or spent:
            self.think()

    def _is_fair(self, record: Record) -> bool:
        """Tell whether a call may be compared, where only so many callers may meet the candidate.

        Once they have, new callers go to the stable version: those who were to go there anyway are
        not to be heard either, or that version would seem to have more than its share.
        """
        key = record.sticky_key
        if not key or self.allowance.proven:
            return True
        if self.allowance.full:
            return key in self._met
        if len(self._met) < MOST_MET or record.version == self.rollout.candidate:
            self._met.add(key)
        return True

    def _is_due(self, call: Call, now: float) -> bool:
        """Have a call heard; tell whether it is time to look."""
        if self.watch is not None:
            return self.watch.hear(call, now)
        return self.judge.hear(call, now)

    def _note(self, record: Record) -> None:
        """Keep which calls failed first."""
        if len(self.findings.failures) < MOST_FAILURES:
            said = ANSWERED if record.status == Status.SUCCESS else record.error[:MOST_ERROR_CHARS]
            one = Failure(record.request_id, record.started_at, record.status, said)
            self.findings = replace(self.findings, failures=(*self.findings.failures, one))

    def think(self) -> None:
        """Find out what the rollout does now; nothing is written here."""
        if self.pending is not None:
            return
        if self.watch is not None:
            self.opinion = self.watch.look(self._now())
        elif self.rollout.weight:
            stands = course.stands(self.rollout, self.calls_per_s)
            self.opinion = self.judge.look(self._now(), stands)
        step = course.what_now(self.rollout, self.sight())
        if step is not None and step.event is Event.ROLL_BACK:
            self.insist(step)

    def insist(self, step: Step) -> None:
        """Keep calls from the candidate; that it is taken back is written as soon as it can be."""
        self.allowance.close()
        self.pending = self.pending or step
        self.wake.set()

    def sight(self, closed: str = "", lacking: str = "", answered: str = "") -> Sight:
        """Return what is seen of the rollout now."""
        broken = ""
        if self.allowance.spent:
            broken = f"budget: {self.allowance.failures} of its calls have failed"
        return Sight(
            at=self._clock(),
            opinion=self.opinion,
            broken=broken,
            calls_per_s=self.calls_per_s,
            closed=closed,
            lacking=lacking,
            answered=answered,
        )

    def tick(self) -> None:
        """Once a second: take the measure of the traffic, look, and say what is seen."""
        now = self._clock()
        passed = now - self._ticked
        if passed > 0:
            rate, self._arrived, self._ticked = self._arrived / passed, 0, now
            self.calls_per_s += (1 - math.exp(-passed / RATE_S)) * (rate - self.calls_per_s)
        if not self._under_way(self.rollout.candidate):
            self.allowance.idle()
        self.think()
        self.show()

    def learn(self, past: Past) -> None:
        """Hear how much traffic there was before, and how long the stable version took."""
        self.calls_per_s = past.calls_per_s
        for duration_ms in past.durations_ms:
            self.judge.learn(duration_ms)
        self.judge.begin()
        self.knows = True

    def moved(self, rollout: Rollout) -> None:
        """Hear that the rollout has taken a step.

        A rollback that is still to be written is not forgotten for a step that was written before
        it, as a larger share that was on its way to the disk; only a person's promotion overrules.
        """
        moved = rollout.weight != self.rollout.weight
        if moved and self.rollout.weight:  # before the first share nothing was compared
            self.judge.step(self._now())
        self.rollout = rollout
        if not rollout.owns:
            self.pending = None
        elif any(last.event is Event.PROMOTE and last.who for last in rollout.past[-1:]):
            self.pending, self.allowance.closed = None, False  # whatever has been found out
        if moved and rollout.owns and self.pending is None:
            self.opinion = None  # it was of another weight
        self._stand()
        self.show()
        self.wake.set()

    def show(self) -> None:
        """Have whoever watches see how things stand."""
        opinion, rollout = self.opinion, self.rollout
        if opinion is not None and self.watch is None:
            opinion = self.judge.bounded(opinion)
        errors = opinion.log_errors if opinion else 0.0
        latency = opinion.log_latency if opinion else 0.0
        point = Point(self._clock(), rollout.weight, round(errors, 4), round(latency, 4))
        bounds = [one.below for one in opinion.evidence if one.below is not None] if opinion else []
        next_weight = course.aim(rollout, self.calls_per_s) if rollout.weight < WHOLE else WHOLE
        self.findings = replace(
            self.findings,
            at=point.at,
            stable=self._counted[rollout.stable].side(),
            candidate=self._counted[rollout.candidate].side(),
            calls_per_s=round(self.calls_per_s, 3),
            verdict=opinion.verdict.value if opinion else "",
            waits_for=words.waiting(opinion.waits) if opinion and opinion.waits else "",
            log_errors=errors,
            log_latency=latency,
            log_enough=opinion.evidence[-1 if self.watch else 0].enough if opinion else LOG_ENOUGH,
            excess_below=bounds[0] if bounds else 1.0,
            sentences=words.sentences(opinion) if opinion else (),
            evidence=opinion.evidence if opinion else (),
            next_weight=next_weight,
            spent_failures=self.allowance.failures,
            spent_keys=len(self.allowance.keys),
            curve=thinned(self.findings.curve, point),
        )
        self._turn += 1
        self.dirty = True
        self.news.set()
        self.news = asyncio.Event()

    def saved(self) -> str:
        """Return what is to be saved."""
        self.dirty = False
        return Saved(
            findings=self.findings,
            judge=self.judge.saved(),
            votes=self.hearing.votes.saved(),
            watch=self.watch.saved() if self.watch else "",
            keys=tuple(self.allowance.keys),
        ).text()
