"""Past: what there was of an alias before its rollout began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from huidu.model.histogram import middle
from huidu.model.rollup import Selection
from huidu.model.tally import Tally, merged

PAST_S = 600
RATE_S = 60
MOST_LEARNED = 2000  #: Durations, in the proportions that there were.


class Point(Protocol):
    """What was counted of calls within a period."""

    @property
    def start(self) -> int: ...

    @property
    def tally(self) -> Tally: ...


class Series(Protocol):
    """The counts of calls, over time."""

    async def read(self, wanted: Selection) -> Sequence[Point]: ...


async def calls_per_s(series: Series, function_id: str, alias: str, now: float) -> float:
    """Return how many calls a second there were through an alias in the last minute."""
    until = int(now)
    wanted = Selection(function_id=function_id, alias=alias, since=until - RATE_S, until=until)
    points = await series.read(wanted)
    if not points:
        return 0.0
    since = min(point.start for point in points)
    return sum(point.tally.calls for point in points) / max(1, until - since)


async def durations_ms(
    series: Series, function_id: str, alias: str, version: str, now: float
) -> list[float]:
    """Return how long calls of a version took, on instances that were there; a sample."""
    until = int(now)
    points = await series.read(
        Selection(
            function_id=function_id,
            alias=alias,
            version=version,
            since=until - PAST_S,
            until=until,
        )
    )
    if not points:
        return []
    steady = merged([point.tally for point in points]).steady
    shrunk = max(1.0, steady.count / MOST_LEARNED)
    sample = [0.0] * round(steady.zeros / shrunk)
    for index, count in steady.buckets:
        sample += [middle(index) * 1000] * round(count / shrunk)
    return sample
