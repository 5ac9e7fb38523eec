"""Recorded: traffic as it was, minute by minute, to be met again by releases that are simulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from huidu.release.scene import Spread
from huidu.release.traffic import Traffic, Weather


class Stretch(NamedTuple):
    """What was counted in one period."""

    calls: float
    failed: float
    p50_ms: float | None  #: None where no call ran to a good end on a warm instance.


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Traffic of the past. What comes after its end is its beginning again."""

    stretches: tuple[Stretch, ...]
    period_s: int
    spread: Spread

    @property
    def calls(self) -> float:
        """How many calls there were."""
        return sum(stretch.calls for stretch in self.stretches)

    @property
    def failed(self) -> float:
        """How many of them failed."""
        return sum(stretch.failed for stretch in self.stretches)

    @property
    def seconds(self) -> int:
        """How long it is."""
        return len(self.stretches) * self.period_s

    def since(self, began_s: float) -> Traffic:
        """Return it as a release meets it that begins so many seconds after its beginning."""
        weathers = [self._weather(stretch) for stretch in self.stretches]
        return lambda now: weathers[int((began_s + now) // self.period_s) % len(weathers)]

    def _weather(self, stretch: Stretch) -> Weather:
        failing = min(stretch.failed / stretch.calls, 1.0) if stretch.calls else 0.0
        slowness = (stretch.p50_ms or self.spread.p50_ms) / self.spread.p50_ms
        return Weather(stretch.calls / self.period_s, failing, slowness)


def spread_of(days: Sequence[tuple[float, float, float, float]]) -> Spread:
    """Return how durations are spread on the busiest of some days.

    Of each day there are its calls, and three quantiles in ms.
    Quantiles of what was kept may fall together; a spread needs each to be above the one before.
    """
    if not days:
        return Spread()
    _, p50_ms, p95_ms, p99_ms = max(days)
    p50_ms = max(p50_ms, 1e-3)
    p95_ms = max(p95_ms, p50_ms * 1.001)
    return Spread(p50_ms, p95_ms, max(p99_ms, p95_ms * 1.001))
