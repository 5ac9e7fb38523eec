"""Simulate: what would become of a release, by the very decisions that are made of a real one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from huidu.model.judge.judge import Call, Judge, Lot
from huidu.model.judge.votes import Ballot, Votes
from huidu.model.pace import Decision, Move, Stand, weight_after, what_now
from huidu.model.ramp import Ramp
from huidu.model.split import WHOLE
from huidu.release.scene import Bunch, Scene

HOUR_S = 3600


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

    def __init__(self, scene: Scene, ramp: Ramp, judge: Judge) -> None:
        self._scene, self._ramp, self._judge = scene, ramp, judge
        judge.learn_all(scene.history())
        judge.begin()
        self._stand = Stand(weight_after(ramp, 0, scene.calls_per_s()), 0.0)
        self._votes = Votes()
        self._calls = self._harmed = 0

    def play(self, most_s: int = HOUR_S) -> Outcome:
        """Return what becomes of it within so many seconds."""
        if self._stand.weight == WHOLE:
            return self._outcome(End.FINISHED, 0.0)
        for second in range(most_s):
            weight = self._stand.weight / WHOLE
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
        decision = what_now(self._ramp, self._judge, self._stand, now)
        if decision.move is Move.BACK:
            return self._outcome(End.BACK, now, decision)
        if decision.move is Move.RAISE:
            if decision.weight == WHOLE:
                return self._outcome(End.FINISHED, now, decision)
            self._judge.step(now)
            self._stand = Stand(decision.weight, now)
        return None

    def _outcome(self, end: End, now: float, decision: Decision | None = None) -> Outcome:
        return Outcome(
            end=end,
            took_s=now,
            weight=self._stand.weight,
            calls=self._calls,
            harmed=self._harmed,
            after_s=self._scene.fault.after_s,
            reason=decision.opinion.reason if decision else "",
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
