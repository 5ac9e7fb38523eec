"""Series: the calls of each version over time, as charts draw them."""

from __future__ import annotations

from collections.abc import Sequence

from huidu.actions import series as wire
from huidu.control.plane import Asked, Plane, Point
from huidu.model.errors import InvalidValue, NotFound
from huidu.model.fault import Fault
from huidu.model.function import FunctionName
from huidu.model.metrics import ERRORS
from huidu.model.names import names_version
from huidu.model.rollup import HOUR, KEEP_S, MINUTE, SECOND, Selection, floor
from huidu.model.tally import Tally

PERIODS = (SECOND, MINUTE, HOUR)
MOST_POINTS = 1440


async def get(plane: Plane, asked: Asked, request: wire.GetTrafficSeries) -> wire.TrafficSeries:
    """See the calls of a function over time, by version."""
    period_s = request.period
    if period_s not in PERIODS:
        raise InvalidValue("Period", f"Period {period_s}: must be 1, 60 or 3600")
    most = min(MOST_POINTS, KEEP_S[period_s] // period_s)
    if not 1 <= request.points <= most:
        raise InvalidValue("Points", f"Points {request.points}: must be 1 to {most} of {period_s}")
    named = FunctionName(request.namespace, request.function_name)
    function_id = plane.routes.id_of(named)
    if function_id is None:
        raise NotFound("FunctionName", named.name)
    # The second that runs is not over; of longer periods what there is so far is worth a look.
    until = floor(plane.clock(), period_s) + (0 if period_s == SECOND else period_s)
    since = max(until - request.points * period_s, floor(request.after, period_s) + period_s)
    wanted = Selection(
        function_id=function_id,
        alias=request.alias or None,
        since=since,
        until=max(since, until),
        period_s=period_s,
    )
    found = await plane.series.by_version(wanted) if since < until else {}
    starts = range(since, until, period_s)
    return wire.TrafficSeries(
        start=since,
        period=period_s,
        points=len(starts),
        versions=[
            _of_version(version, found[version], starts)
            for version in sorted(found, key=lambda one: (names_version(one), len(one), one))
        ],
    )


def _of_version(version: str, points: Sequence[Point], starts: range) -> wire.VersionSeries:
    by_start = {point.start: point.tally for point in points}
    tallies = [by_start.get(start) for start in starts]
    return wire.VersionSeries(
        function_version=version,
        calls=[one.calls if one else 0 for one in tallies],
        errors=[_errors(one) if one else 0 for one in tallies],
        throttled=[one.errors.get(Fault.THROTTLED, 0) if one else 0 for one in tallies],
        answered_5xx=[one.answered_5xx if one else 0 for one in tallies],
        cold=[one.cold if one else 0 for one in tallies],
        duration_p50=[_quantile(one, 0.5) for one in tallies],
        duration_p99=[_quantile(one, 0.99) for one in tallies],
    )


def _errors(tally: Tally) -> int:
    return sum(tally.errors.get(fault, 0) for fault in ERRORS)


def _quantile(tally: Tally | None, share: float) -> float | None:
    """Return a duration in ms, or None where nothing ran."""
    if tally is None or not tally.durations.count:
        return None
    return round(tally.durations.quantile(share) * 1000, 3)
