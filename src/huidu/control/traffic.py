"""Traffic: the calls of the last seconds, by the way that they took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from huidu.actions import monitoring as wire
from huidu.control import times
from huidu.control.plane import Asked, Plane, Point
from huidu.model.alias import Alias
from huidu.model.errors import InvalidValue, NotFound
from huidu.model.fault import Fault
from huidu.model.function import Function, FunctionName
from huidu.model.metrics import ERRORS
from huidu.model.routing import Weighted
from huidu.model.tally import Lane, merged
from huidu.store.reading import Reading

MOST_WINDOW_S = 300
#: By function id: the function and its aliases.
Known = Mapping[str, tuple[Function, Sequence[Alias]]]
#: By alias and version, the share that the alias gives it.
Ways = dict[tuple[str, str], float | None]


async def get(plane: Plane, asked: Asked, request: wire.GetTraffic) -> wire.Traffic:
    """See the calls of the last whole seconds."""
    if not 1 <= request.window <= MOST_WINDOW_S:
        raise InvalidValue("Window", f"Window {request.window}: must be 1 to {MOST_WINDOW_S}")
    until = int(plane.clock())
    span = range(until - request.window, until)
    only = None
    if request.function_name:
        named = FunctionName(request.namespace, request.function_name)
        only = plane.routes.id_of(named)
        if only is None:
            raise NotFound("FunctionName", named.name)
    counted = await plane.series.lanes(span.start, until, only)
    known = await plane.catalog.read(lambda reading: _known(reading, request, counted))
    lanes = [
        _facts(function, way, weight, counted.get(Lane(function.id, *way), ()), span)
        for function, aliases in known.values()
        for way, weight in sorted(_ways(function, aliases, counted).items())
        if request.alias in ("", way[0])
    ]
    return wire.Traffic(time=times.show(until, plane.zone), window=request.window, lanes=lanes)


def _known(
    reading: Reading, request: wire.GetTraffic, counted: Mapping[Lane, Sequence[Point]]
) -> Known:
    """Return the functions that are asked for: the one that is named, or those that were called."""
    if request.function_name:
        found = [reading.function(FunctionName(request.namespace, request.function_name))]
    elif not reading.namespace_exists(request.namespace):
        raise NotFound("Namespace", request.namespace)
    else:
        called = reading.functions_of({lane.function_id for lane in counted})
        found = [one for one in called if one.named.namespace == request.namespace]
    return {function.id: (function, reading.aliases(function)) for function in found}


def _ways(
    function: Function, aliases: Sequence[Alias], counted: Mapping[Lane, Sequence[Point]]
) -> Ways:
    """Return the ways that calls took, and those that aliases offer, but `$DEFAULT` unused."""
    took = {(lane.alias, lane.version) for lane in counted if lane.function_id == function.id}
    ways: Ways = dict.fromkeys(took)
    for alias in aliases:
        if alias.name.startswith("$") and not any(name == alias.name for name, _ in took):
            continue
        ways |= {(alias.name, version): share for version, share in _shares(alias)}
    return ways


def _shares(alias: Alias) -> Iterator[tuple[str, float | None]]:
    """Yield the versions of an alias with their shares; by rules, nobody can tell."""
    if isinstance(alias.routing, Weighted):
        shares = {share.version: share.fraction for share in alias.routing.shares}
        yield alias.version, round(1 - sum(shares.values()), 4)
        yield from shares.items()
    elif alias.routing is None:
        yield alias.version, 1.0
    else:
        yield from ((version, None) for version in sorted(alias.versions))


def _facts(
    function: Function,
    way: tuple[str, str],
    weight: float | None,
    points: Sequence[Point],
    span: range,
) -> wire.LaneFacts:
    alias, version = way
    tally = merged(point.tally for point in points)
    calls = {point.start: point.tally.calls for point in points}
    ran = tally.durations if tally.durations.count else None
    return wire.LaneFacts(
        function_name=function.named.name,
        alias=alias,
        function_version=version,
        weight=weight,
        calls=tally.calls,
        errors=sum(tally.errors.get(fault, 0) for fault in ERRORS),
        throttled=tally.errors.get(Fault.THROTTLED, 0),
        answered_5xx=tally.answered_5xx,
        cold=tally.cold,
        duration_p50=round(ran.quantile(0.5) * 1000, 3) if ran else None,
        duration_p99=round(ran.quantile(0.99) * 1000, 3) if ran else None,
        concurrent=max((point.concurrent for point in points), default=0),
        by_second=[calls.get(second, 0) for second in span],
    )
