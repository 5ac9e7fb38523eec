"""Watch: whether a version that answers all calls fails more often than a fixed rate allows.

After 100 % there is nobody to hold it against. This test cannot tell a bad version from an incident
that hits whatever would answer; so by default it only takes back what fails in a quarter of its
calls, and says of less that it looks bad.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from huidu.model.errors import InvalidValue
from huidu.model.judge.call import Call
from huidu.model.judge.claim import Claim
from huidu.model.judge.evidence import Evidence
from huidu.model.judge.guard import Guard, Window
from huidu.model.judge.opinion import Opinion, Verdict, Weighed
from huidu.model.judge.saving import State, check, read, written

KIND = "watch"
PLAIN = ("_pending", "_heard", "_failed", "_looked", "_epoch")
#: How the rate that is usual is stretched to one that is suspect.
TIMES, MORE = 3.0, 0.005
TAKEN_BACK, SUSPECT = "failures that take it back", "failures that are suspect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Which shares of its calls may fail, at least; more where more failed during the rollout."""

    suspect: float = 0.01
    worse: float | None = 0.25  #: None never takes it back.
    alpha: float = 0.01  #: How often one that fails no more is thought to, at most.
    least_errors: int = 3
    epoch_s: float = 120.0
    look_s: float = 1.0
    guards: tuple[Guard, ...] = ()

    def __post_init__(self) -> None:
        for name, share in (("Suspect", self.suspect), ("Worse", self.worse)):
            if share is not None and not 0 < share < 1:
                raise InvalidValue(
                    "Bake",
                    f"Bake: {name} {share:g}: must lie between 0 and 1, as in 0.25 for a quarter "
                    "of the calls",
                )


DEFAULT = Limits()


class Watch:
    """Hears of the calls of a version that answers all of them.

    Times are seconds on the clock of the rollout; `began` is when it came to answer all calls, and
    `stable_failures` the share of the stable version's calls that failed while there was one.
    """

    def __init__(
        self, stable_failures: float = 0.0, limits: Limits = DEFAULT, began: float = 0.0
    ) -> None:
        usual = TIMES * stable_failures + MORE
        self.limits = limits
        self.suspect = Evidence(Claim(worse=True, margin=min(max(limits.suspect, usual), 1.0)))
        self.worse = None
        if limits.worse is not None:
            self.worse = Evidence(Claim(worse=True, margin=min(max(limits.worse, usual), 1.0)))
        self._windows = tuple(Window(guard) for guard in limits.guards)
        self._stable_failures = stable_failures
        self._pending = [0, 0]
        self._heard = self._failed = 0
        self._began = self._epoch = self._looked = began

    def hear(self, call: Call, now: float) -> bool:
        """Hear of a call; tell whether it is time to look. The stable version's say nothing."""
        if not call.of_candidate:
            return False
        broken = False
        for window in self._windows:
            broken |= window.hear(call, now)
        if not call.vote.worse:
            return broken
        self._heard += 1
        self._failed += call.failed
        self._pending[not call.failed] += 1
        return broken or call.failed or now - self._looked >= self.limits.look_s

    def look(self, now: float) -> Opinion:
        """Say what the calls so far amount to: worse, suspect, or nothing of either yet."""
        limits, self._looked = self.limits, now
        tests = self._tests
        for test in tests:
            test.add_alone(*self._pending)
        self._pending = [0, 0]
        if now - self._epoch >= max(limits.epoch_s, (now - self._began) / 16):
            self._epoch = now
            for test in tests:
                test.begin_epoch()
        evidence = tuple(
            Weighed(name, test.log, -math.log(limits.alpha))
            for name, test in zip((SUSPECT, TAKEN_BACK), tests, strict=False)
        )
        verdict, reason = self._decide(now, evidence)
        return Opinion(
            verdict, reason, evidence[-1].log, 0.0, evidence, None, self._heard, self._failed
        )

    @property
    def _tests(self) -> list[Evidence]:
        return [self.suspect] if self.worse is None else [self.suspect, self.worse]

    def _decide(self, now: float, evidence: tuple[Weighed, ...]) -> tuple[Verdict, str]:
        for window in self._windows:
            if broken := window.broken(now):
                return Verdict.WORSE, broken
        if self._failed < self.limits.least_errors:
            return Verdict.NOT_YET, ""
        verdicts = (Verdict.SUSPECT, Verdict.WORSE)
        for one, test, verdict in reversed(
            list(zip(evidence, self._tests, verdicts, strict=False))
        ):
            if one.log >= one.enough:
                said = f"absolute: more than {test.claim.margin:.2%} of its calls fail"
                return verdict, f"{said} ({self._failed} of {self._heard} since it answers all)"
        return Verdict.NOT_YET, ""

    def saved(self) -> str:
        """Return all that it knows as text, for `restored`."""
        state = {
            **{name.strip("_"): getattr(self, name) for name in PLAIN},
            "for": self._purpose,
            "tests": [test.state for test in self._tests],
            "windows": [window.state for window in self._windows],
            "stable_failures": self._stable_failures,
            "began": self._began,
        }
        return written(KIND, state)

    @property
    def _purpose(self) -> list[float]:
        return [test.claim.margin for test in self._tests]

    @classmethod
    def restored(cls, saved: str | bytes, limits: Limits = DEFAULT) -> Watch:
        """Return the watch that was saved; `ValueError` where the text cannot be trusted.

        That is also where it was saved with other limits. A new one is then right, and slower.
        """

        def build(state: State) -> Watch:
            watch = cls(state["stable_failures"], limits, state["began"])
            watch._resume(state)
            return watch

        return read(KIND, saved, build)

    def _resume(self, state: State) -> None:
        check(KIND, state["for"], self._purpose)
        for name in PLAIN:
            setattr(self, name, state[name.strip("_")])
        for window, known in zip(self._windows, state["windows"], strict=True):
            window.resume(known)
        self.suspect, *worse = (
            Evidence.resumed(test.claim, known)
            for test, known in zip(self._tests, state["tests"], strict=True)
        )
        self.worse = worse[0] if worse else None
