"""Follower: hears every call of one rollout, and says what the rollout does next."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace

import msgspec

from huidu.model import course
from huidu.model.budget import Allowance
from huidu.model.course import Sight
from huidu.model.fault import Fault, fault_of
from huidu.model.findings import Failure, Findings, Point, Side, thinned
from huidu.model.invocation import Record
from huidu.model.judge.judge import Call, Judge, Opinion
from huidu.model.rollout import COMPARING, Event, Rollout, Step
from huidu.model.split import WHOLE
from huidu.release.past import Past

AGAINST = frozenset({Fault.USER, Fault.TIMEOUT, Fault.MEMORY, Fault.PLATFORM})
BY_WEIGHT = frozenset({"weight", "weight, random", "sticky key"})
MOST_FAILURES = 20
MOST_ERROR_CHARS = 300
RATE_S = 60.0  #: Over which the number of calls a second is taken.


class Saved(msgspec.Struct):
    """What is saved of a rollout about once a second, and lost without harm."""

    findings: Findings
    keys: tuple[int, ...] = ()


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

    def __init__(self, rollout: Rollout, clock: Callable[[], float], saved: Saved | None) -> None:
        self.rollout = rollout
        self._clock = clock
        self.findings = saved.findings if saved else Findings()
        self._counted = {
            rollout.stable: Counted(self.findings.stable),
            rollout.candidate: Counted(self.findings.candidate),
        }
        self.judge = Judge(rollout.terms.tolerances)
        self.allowance = Allowance(
            rollout.terms.budget,
            rollout.stable,
            rollout.candidate,
            failures=self.findings.spent_failures,
            keys=saved.keys if saved else (),
        )
        self.allowance.proven = rollout.weight == WHOLE
        self.opinion: Opinion | None = None
        self.pending: Step | None = None
        self.calls_per_s = self.findings.calls_per_s
        self.wake = asyncio.Event()
        self.news = asyncio.Event()
        self.dirty = False
        self._arrived = 0
        self._ticked = clock()
        self._turn = 0
        self._last_s = 0.0

    @property
    def seen(self) -> str:
        """A mark of what there is to see now."""
        return f"{self.rollout.revision}.{self._turn}"

    def _now(self) -> float:
        """Seconds since the rollout began, never backwards."""
        self._last_s = max(self._last_s, self._clock() - self.rollout.began_at)
        return self._last_s

    def hear(self, record: Record) -> None:
        """Hear of a call through the alias that has just ended."""
        self._arrived += 1
        fault = fault_of(record.status)
        failed = fault in AGAINST
        counted = self._counted.get(record.version)
        if counted is None:
            return
        counted.add(failed=failed, cold=record.cold)
        if record.version == self.rollout.candidate and failed:
            self.allowance.failed()
            self._note(record)
        call = self._call(record, fault)
        due = call is not None and self.judge.hear(call, self._now())
        if due or self.allowance.spent:
            self.think()

    def _note(self, record: Record) -> None:
        """Keep which calls failed first."""
        if len(self.findings.failures) < MOST_FAILURES:
            one = Failure(
                record.request_id, record.started_at, record.status, record.error[:MOST_ERROR_CHARS]
            )
            self.findings = replace(self.findings, failures=(*self.findings.failures, one))

    def _call(self, record: Record, fault: Fault | None) -> Call | None:
        """Return what the judge is to hear of a call; None where it says nothing."""
        if record.reason not in BY_WEIGHT or fault in (Fault.THROTTLED, Fault.CALLER):
            return None
        mine = record.version == self.rollout.candidate
        return Call(
            of_candidate=mine,
            failed=fault is not None,
            duration_ms=record.duration_ms,
            weight=record.probability if mine else 1 - record.probability,
            compares=not record.cold,
        )

    def think(self) -> None:
        """Find out what the rollout does now; nothing is written here."""
        if self.pending is not None:
            return
        if self.rollout.state in COMPARING and self.rollout.weight:
            stands = course.stands(self.rollout, self.calls_per_s)
            self.opinion = self.judge.look(self._now(), stands)
        step = course.what_now(self.rollout, self.sight())
        if step is not None and step.event is Event.ROLL_BACK:
            self.allowance.close()
            self.pending = step
            self.wake.set()

    def sight(self, closed: str = "", lacking: str = "") -> Sight:
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
        )

    def tick(self) -> None:
        """Once a second: take the measure of the traffic, look, and say what is seen."""
        now = self._clock()
        passed = now - self._ticked
        if passed > 0:
            rate, self._arrived, self._ticked = self._arrived / passed, 0, now
            self.calls_per_s += (1 - math.exp(-passed / RATE_S)) * (rate - self.calls_per_s)
        self.think()
        self._show()

    def learn(self, past: Past) -> None:
        """Hear how much traffic there was before, and how long the stable version took."""
        self.calls_per_s = past.calls_per_s
        for duration_ms in past.durations_ms:
            self.judge.learn(duration_ms)
        self.judge.begin()

    def moved(self, rollout: Rollout) -> None:
        """Hear that the rollout has taken a step."""
        if rollout.weight != self.rollout.weight:
            self.judge.step(self._now())
        self.rollout = rollout
        self.allowance.proven = rollout.weight == WHOLE
        self.pending = None
        if rollout.owns and not rollout.weight < self.findings.next_weight:
            self.opinion = None
        self._show()
        self.wake.set()

    def _show(self) -> None:
        """Have whoever watches see how things stand."""
        opinion = self.opinion
        errors = opinion.log_errors if opinion else 0.0
        latency = opinion.log_latency if opinion else 0.0
        point = Point(self._clock(), self.rollout.weight, round(errors, 4), round(latency, 4))
        self.findings = replace(
            self.findings,
            at=point.at,
            stable=self._counted[self.rollout.stable].side(),
            candidate=self._counted[self.rollout.candidate].side(),
            calls_per_s=round(self.calls_per_s, 3),
            verdict=opinion.verdict.value if opinion else "",
            waits_for=opinion.reason if opinion else "",
            log_errors=errors,
            log_latency=latency,
            log_enough=math.log(2 / self.rollout.terms.tolerances.alpha),
            excess_below=self.judge.excess_below(),
            next_weight=course.aim(self.rollout, self.calls_per_s)
            if self.rollout.weight < WHOLE
            else WHOLE,
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
        keys = tuple(self.allowance.keys)
        return msgspec.json.encode(Saved(self.findings, keys)).decode()
