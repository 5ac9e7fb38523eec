"""Rivals: the rules by which other tools take a version back, on the calls that ours would meet.

Each is built again from what its documents (Fission: its code) say, with the settings they show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from huidu.model.split import WHOLE
from huidu.release.scene import Bunch, Scene
from huidu.release.simulate import HOUR_S, End, Outcome

#: Over this share of failed calls an interval is bad, for Flagger and CodeDeploy.
LIMIT = 0.01
FLAGGER_P99_MS, FLAGGER_FAILURES, FLAGGER_STEP, FLAGGER_MOST = 500.0, 5, 5, 50
FISSION_PERCENT, FISSION_STEP, ALL = 10, 20, 100
CODEDEPLOY_MINUTES = 5


@dataclass(slots=True)
class Window:
    """What a rule sees of the candidate in one interval."""

    calls: int = 0
    failed: int = 0
    durations_ms: list[float] = field(default_factory=list)

    def add(self, bunch: Bunch) -> None:
        """Count a second."""
        self.calls += bunch.calls
        self.failed += bunch.failed
        self.durations_ms += bunch.durations_ms

    @property
    def failing(self) -> float:
        """The share that failed."""
        return self.failed / self.calls if self.calls else 0.0

    @property
    def p99_ms(self) -> float:
        """What 99 of 100 did not exceed."""
        ordered = sorted(self.durations_ms)
        return ordered[math.ceil(0.99 * len(ordered)) - 1] if ordered else 0.0


class Rule(Protocol):
    """A rule: how often it looks, by what weight it goes, and what it says of an interval."""

    interval_s: int
    percent: int

    def look(self, window: Window) -> End | None:
        """Return how it ends, if it does; `percent` is what the candidate gets from now on."""
        ...


@dataclass(slots=True)
class Flagger:
    """5 % more each minute to 50 %; back after 5 minutes with over 1 % failed or p99 over 500 ms.

    https://docs.flagger.app/usage/how-it-works and its tutorials. A minute without calls counts as
    one that failed; a failed minute leaves the weight where it is.
    """

    interval_s: int = 60
    percent: int = FLAGGER_STEP
    failures: int = 0

    def look(self, window: Window) -> End | None:
        """Return how it ends, if it does."""
        if not window.calls or window.failing > LIMIT or window.p99_ms > FLAGGER_P99_MS:
            self.failures += 1
            return End.BACK if self.failures >= FLAGGER_FAILURES else None
        if self.percent >= FLAGGER_MOST:
            return End.FINISHED
        self.percent += FLAGGER_STEP
        return None


@dataclass(slots=True)
class Fission:
    """20 % more each 2 minutes; back where over 10 % failed: the defaults of `fission canary`.

    https://fission.io/docs/fission-cli/fission_canary/ and `RollForwardOrBack` in its
    canaryConfigMgr.go, which compares whole percents, and looks no more once it gives all calls.
    """

    interval_s: int = 120
    percent: int = FISSION_STEP

    def look(self, window: Window) -> End | None:
        """Return how it ends, if it does."""
        if not window.calls:
            return None
        if int(100 * window.failing) > FISSION_PERCENT:
            return End.BACK
        self.percent += FISSION_STEP
        return End.FINISHED if self.percent >= ALL else None


@dataclass(slots=True)
class CodeDeploy:
    """10 % for 5 minutes, then all; an alarm where over 1 % of a minute's calls fail takes it back.

    `Canary10Percent5Minutes`, with the alarm on errors that AWS SAM's documents suggest; CloudWatch
    gives a minute at the shortest.
    """

    interval_s: int = 60
    percent: int = 10
    minutes: int = 0

    def look(self, window: Window) -> End | None:
        """Return how it ends, if it does."""
        if window.failing > LIMIT:
            return End.BACK
        self.minutes += 1
        return End.FINISHED if self.minutes >= CODEDEPLOY_MINUTES else None


RIVALS: Mapping[str, Callable[[], Rule]] = {
    "Flagger": Flagger,
    "Fission": Fission,
    "CodeDeploy": CodeDeploy,
}


def play(scene: Scene, rule: Rule) -> Outcome:
    """Return what becomes of a release under a rule."""
    scene.history()  # So that from here on the dice are where ours find them.
    calls = harmed = 0
    window = Window()
    for second in range(HOUR_S):
        mine, _ = scene.second(second, rule.percent / 100)
        window.add(mine)
        calls += mine.calls
        if second >= scene.fault.after_s:
            harmed += mine.failed + mine.slowed
        if (second + 1) % rule.interval_s == 0:
            weight = rule.percent * WHOLE // 100
            end = rule.look(window)
            if end is not None:
                return _outcome(scene, end, second + 1, weight, calls, harmed)
            window = Window()
    return _outcome(scene, End.OPEN, HOUR_S, rule.percent * WHOLE // 100, calls, harmed)


def _outcome(scene: Scene, end: End, now: int, weight: int, calls: int, harmed: int) -> Outcome:
    return Outcome(
        end=end,
        took_s=float(now),
        weight=weight,
        calls=calls,
        harmed=harmed,
        after_s=scene.fault.after_s,
    )
