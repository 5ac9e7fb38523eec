"""Past: what there was of an alias before its rollout began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from huidu.model.histogram import Histogram, middle
from huidu.model.tally import Tally, merged

PAST_S, RATE_S = 600, 60
MOST_LEARNED = 2000  #: Durations, in the proportions that there were.


class Point(Protocol):
    """What was counted of calls within a period."""

    @property
    def start(self) -> int: ...

    @property
    def tally(self) -> Tally: ...


class Series(Protocol):
    """The counts of calls, over time."""

    async def latest(
        self, function_id: str, alias: str | None, window_s: int
    ) -> Mapping[str, Sequence[Point]]:
        """Return what was counted in the last seconds, by version and second."""
        ...


class Past(NamedTuple):
    """What there was."""

    calls_per_s: float = 0.0  #: Through the alias, in the last minute.
    durations_ms: tuple[float, ...] = ()  #: Of the stable version on warm instances, a sample.


async def past(series: Series, function_id: str, alias: str, stable: str, now: float) -> Past:
    """Return what there was of an alias until now."""
    by_version = await series.latest(function_id, alias, PAST_S)
    points = [point for of in by_version.values() for point in of if point.start >= now - RATE_S]
    since = min((point.start for point in points), default=now)
    calls = sum(point.tally.calls for point in points)
    steady = merged([point.tally for point in by_version.get(stable, ())]).steady
    return Past(calls / max(1.0, int(now) - since), sample(steady))


def sample(durations: Histogram) -> tuple[float, ...]:
    """Return durations (ms) as they are spread in a histogram (s)."""
    shrunk = max(1.0, durations.count / MOST_LEARNED)
    found = [0.0] * round(durations.zeros / shrunk)
    for index, count in durations.buckets:
        found += [middle(index) * 1000] * round(count / shrunk)
    return tuple(found)
