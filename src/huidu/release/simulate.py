"""Simulate: what would become of a release, by the very decisions that are made of a real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from huidu.model import course
from huidu.model.course import Sight
from huidu.model.function import FunctionName
from huidu.model.judge.judge import Call, Judge, Lot
from huidu.model.judge.votes import Ballot, Votes
from huidu.model.rollout import COMPARING, Rollout, State
from huidu.model.rollout_terms import Terms
from huidu.model.split import WHOLE
from huidu.release.scene import Bunch, Scene

HOUR_S = 3600
#: Who it is played with says nothing.
PLAYED: Mapping[str, Any] = {
    "id": "played",
    "function": FunctionName("default", "played"),
    "function_id": "played",
    "alias": "release",
    "stable": "1",
    "candidate": "2",
}


class End(StrEnum):
    """How a release ended."""

    FINISHED = "finished"  #: The candidate has all calls.
    BACK = "rolled back"
    OPEN = "open"  #: Neither, when time was over.


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one release."""

    end: End
    took_s: float
    weight: int  #: Of the candidate at the end, before it was taken back; in ten-thousandths.
    calls: int  #: Of the candidate.
    harmed: int  #: How many of them failed, or were slow by the fault, once it had set in.
    after_s: float  #: When the fault set in.
    reason: str = ""  #: Of the judge.

    @property
    def is_false_alarm(self) -> bool:
        """Whether it was taken back before there was anything wrong with it."""
        return self.end is End.BACK and self.took_s < self.after_s

    @property
    def detected_s(self) -> float:
        """How long the fault had been there."""
        return self.took_s - self.after_s


class Ended(NamedTuple):
    """A call that has ended, whether the fault slowed it, and what it may fail together with."""

    call: Call
    slowed: bool = False
    ballot: Ballot | None = None


class Release:
    """One release, from its first call to its end. The judge has heard of nothing yet."""

    def __init__(self, scene: Scene, terms: Terms, judge: Judge | None = None) -> None:
        self._scene, self._judge = scene, judge or Judge(terms.tolerances)
        self._judge.learn_all(scene.history())
        self._judge.begin()
        self._calls_per_s = scene.calls_per_s()
        self._rollout = Rollout(terms=terms, **PLAYED)
        self._votes = Votes()
        self._calls = self._harmed = 0
        self._look(0.0)

    def play(self, most_s: int = HOUR_S) -> Outcome:
        """Return what becomes of it within so many seconds."""
        if self._rollout.weight == WHOLE:
            return self._outcome(End.FINISHED, 0.0)
        for second in range(most_s):
            weight = self._rollout.weight / WHOLE
            mine, theirs = self._scene.second(second, weight)
            if mine.failed or theirs.crashed or theirs.keys:
                ended = self._one_by_one(float(second), weight, mine, theirs)
            else:
                ended = self._at_once(float(second), weight, mine, theirs)
            if ended is not None:
                return ended
        return self._outcome(End.OPEN, float(most_s))

    def _at_once(self, began: float, weight: float, mine: Bunch, theirs: Bunch) -> Outcome | None:
        """Play a second in which none of the candidate's calls fails, and each has a vote.

        Nobody looks before it ends then, and the order of calls makes no difference.
        """
        for of_candidate, bunch in ((True, mine), (False, theirs)):
            durations_ms = sorted(bunch.durations_ms)
            good = bunch.cold + len(durations_ms)
            self._judge.hear_lot(Lot(of_candidate, weight, bunch.failed, good, durations_ms))
        self._calls += mine.calls
        self._harmed += mine.slowed
        return self._look(began + 1)

    def _one_by_one(
        self, began: float, weight: float, mine: Bunch, theirs: Bunch
    ) -> Outcome | None:
        """Play a second call by call, in an order left to chance."""
        ended = [*_calls(mine, weight, of_candidate=True), *_calls(theirs, weight)]
        self._scene.dice.shuffle(ended)
        for number, (heard, slowed, ballot) in enumerate(ended, 1):
            now = began + number / (len(ended) + 1)
            call = heard._replace(vote=self._votes.of(ballot, now)) if ballot else heard
            if call.of_candidate:
                self._calls += 1
                if began >= self._scene.fault.after_s:
                    self._harmed += call.failed or slowed
            if self._judge.hear(call, now):
                outcome = self._look(now)
                if outcome is not None:
                    return outcome
        return self._look(began + 1)

    def _look(self, now: float) -> Outcome | None:
        """Take the step that a real rollout would take now; tell where that ends it."""
        rollout = self._rollout
        opinion = None
        if rollout.weight:
            opinion = self._judge.look(now, course.stands(rollout, self._calls_per_s))
        sight = Sight(at=now, opinion=opinion, calls_per_s=self._calls_per_s)
        step = course.what_now(rollout, sight)
        if step is None:
            return None
        after = rollout.after(step)
        if after.state is State.BACK:
            return self._outcome(End.BACK, now, opinion.reason if opinion else "")
        self._rollout = after
        return self._moved(rollout, now)

    def _moved(self, before: Rollout, now: float) -> Outcome | None:
        if self._rollout.weight == WHOLE:
            return self._outcome(End.FINISHED, now)
        if self._rollout.weight != before.weight and before.weight:
            self._judge.step(now)
        return None if self._rollout.state in COMPARING else self._outcome(End.OPEN, now)

    def _outcome(self, end: End, now: float, reason: str = "") -> Outcome:
        return Outcome(
            end=end,
            took_s=now,
            weight=self._rollout.weight,
            calls=self._calls,
            harmed=self._harmed,
            after_s=self._scene.fault.after_s,
            reason=reason,
        )


def _calls(bunch: Bunch, weight: float, *, of_candidate: bool = False) -> list[Ended]:
    """Return calls one by one."""
    failed = Call(of_candidate, failed=True, duration_ms=0.0, weight=weight)
    cold = Call(of_candidate, failed=False, duration_ms=0.0, weight=weight, compares=False)
    warm = [
        Ended(Call(of_candidate, failed=False, duration_ms=ms, weight=weight), n < bunch.slowed)
        for n, ms in enumerate(bunch.durations_ms)
    ]
    ended = [*[Ended(failed)] * bunch.failed, *[Ended(cold)] * bunch.cold, *warm]
    for number, instance in enumerate(bunch.crashed):
        ballot = Ballot(of_candidate, failed=True, crashed=instance)
        ended[number] = ended[number]._replace(ballot=ballot)
    for number, key in enumerate(bunch.keys):
        ballot = Ballot(of_candidate, failed=ended[number].call.failed, key=key)
        ended[number] = ended[number]._replace(ballot=ballot)
    return ended
