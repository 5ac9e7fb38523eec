"""Monitoring: the counts of calls, as the cloud's monitoring answers for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from statistics import fmean

from msgspec import UNSET, UnsetType

from huidu.actions import monitoring as wire
from huidu.control.plane import Asked, Plane, Point
from huidu.model.errors import InvalidValue, LimitExceeded
from huidu.model.function import FunctionName
from huidu.model.metrics import METRICS, Metric
from huidu.model.names import DEFAULT_NAMESPACE, LATEST
from huidu.model.rollup import Selection
from huidu.model.tally import merged

NAMESPACE = "QCE/SCF_V2"
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
PERIODS = (MINUTE_S, 300, HOUR_S, DAY_S)
MOST_INSTANCES, MOST_POINTS = 50, 7200
FIRST_YEAR, LAST_YEAR = 1970, 9000
AVERAGE, MOST, LEAST = 1, 2, 4
#: The page in English spells it without an `e`, the one in Chinese with it.
NAMES: Mapping[str, str] = {
    "functionname": "function",
    "namespace": "namespace",
    "namspace": "namespace",
    "version": "version",
    "alias": "alias",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose numbers are wanted. None for any version, and for any alias."""

    function: FunctionName
    version: str | None
    alias: str | None


async def get(plane: Plane, asked: Asked, request: wire.GetMonitorData) -> wire.MonitorData:
    """Read a metric over time."""
    metric = _metric(request.namespace, request.metric_name)
    if request.period not in PERIODS:
        periods = ", ".join(map(str, PERIODS))
        raise InvalidValue("", f"Period {request.period}: must be one of {periods}")
    if not 0 <= request.specify_statistics <= AVERAGE + MOST + LEAST:
        raise InvalidValue(
            "", f"SpecifyStatistics {request.specify_statistics}: 1 avg, 2 max, 4 min, or a sum"
        )
    subjects = [_subject(instance.dimensions) for instance in request.instances]
    since, until = _span(plane, request)
    _check_size(request, since, until)
    points = []
    for subject, instance in zip(subjects, request.instances, strict=True):
        counted = await _counted(plane, subject, since, until, request)
        points.append(_point(instance.dimensions, counted, metric, request.specify_statistics))
    return wire.MonitorData(
        start_time=_show(since, plane.zone),
        end_time=_show(until, plane.zone),
        period=request.period,
        metric_name=request.metric_name,
        data_points=points,
    )


def _metric(namespace: str, name: str) -> Metric:
    _check_namespace(namespace)
    if name not in METRICS:
        raise InvalidValue("", f"MetricName {name[:40]!r}: must be one of {', '.join(METRICS)}")
    return METRICS[name]


def _check_namespace(namespace: str) -> None:
    if namespace.upper() != NAMESPACE:
        raise InvalidValue("", f"Namespace {namespace[:40]!r}: must be {NAMESPACE}")


def _subject(dimensions: Sequence[wire.Dimension]) -> Subject:
    said: dict[str, str] = {}
    for dimension in dimensions:
        name = NAMES.get(dimension.name.lower())
        if name is None:
            raise InvalidValue(
                "",
                f"Dimensions: Name {dimension.name[:40]!r}: must be functionName, namespace, "
                "version or alias",
            )
        if said.setdefault(name, dimension.value) != dimension.value:
            raise InvalidValue("", f"Dimensions: {dimension.name} is given twice")
    if not said.get("function"):
        raise InvalidValue("", "Dimensions: functionName: must be given")
    version = said.get("version") or None
    if version is not None and version.upper() == LATEST:  # some pages have it in lower case
        version = LATEST
    function = FunctionName(said.get("namespace") or DEFAULT_NAMESPACE, said["function"])
    return Subject(function, version, said.get("alias") or None)


def _span(plane: Plane, request: wire.GetMonitorData) -> tuple[int, int]:
    """Return where the first and the last period begin that are asked for."""
    now = datetime.fromtimestamp(plane.clock(), plane.zone)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = _moment("StartTime", request.start_time, midnight, plane.zone)
    end = _moment("EndTime", request.end_time, now, plane.zone)
    if end < begin:
        raise InvalidValue("", f"EndTime {request.end_time}: is before StartTime")
    period, zone = request.period, plane.zone
    return floor(begin.timestamp(), period, zone), floor(end.timestamp(), period, zone)


def floor(moment: float, period_s: int, zone: tzinfo) -> int:
    """Return where the period begins that a moment lies in; days begin at midnight of the zone."""
    offset = datetime.fromtimestamp(moment, zone).utcoffset() if period_s == DAY_S else None
    shift = int(offset.total_seconds()) if offset else 0
    return int((moment + shift) // period_s) * period_s - shift


def _moment(name: str, text: str, otherwise: datetime, zone: tzinfo) -> datetime:
    if not text:
        return otherwise
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValue(
            "", f"{name} {text[:40]!r}: must be as in 2026-11-23T10:00:00+08:00"
        ) from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:  # days of the zone must be days of a calendar
        raise InvalidValue("", f"{name} {text[:40]!r}: must lie in {FIRST_YEAR} to {LAST_YEAR}")
    return moment


def _check_size(request: wire.GetMonitorData, since: int, until: int) -> None:
    if len(request.instances) > MOST_INSTANCES:
        raise LimitExceeded(
            "", f"Instances: {len(request.instances)}, at most {MOST_INSTANCES} are allowed"
        )
    step = MINUTE_S if request.specify_statistics else request.period
    points = ((until - since) // step + 1) * len(request.instances)
    if points > MOST_POINTS:
        raise LimitExceeded(
            "",
            f"{points} points, at most {MOST_POINTS} are allowed; ask for a shorter time, a longer "
            "Period, or fewer Instances",
        )


async def _counted(
    plane: Plane, subject: Subject, since: int, until: int, request: wire.GetMonitorData
) -> Mapping[int, Sequence[Point]]:
    """Return what was counted in each period: in one piece or, where it matters, by minutes."""
    function_id, period_s = plane.routes.id_of(subject.function), request.period
    if function_id is None:
        return {}
    wanted = Selection(
        function_id=function_id,
        alias=subject.alias,
        version=subject.version,
        since=since,
        until=until + period_s,
        period_s=MINUTE_S if request.specify_statistics else min(period_s, HOUR_S),
    )
    found: dict[int, list[Point]] = {}
    for point in await plane.series.read(wanted):
        found.setdefault(floor(point.start, period_s, plane.zone), []).append(point)
    return found


def _point(
    dimensions: list[wire.Dimension],
    counted: Mapping[int, Sequence[Point]],
    metric: Metric,
    statistics: int,
) -> wire.DataPoint:
    times, values, parts = [], [], []
    for start, points in sorted(counted.items()):
        most = max(point.concurrent for point in points)
        value = metric.of(merged(point.tally for point in points), most)
        if value is not None:
            times.append(float(start))
            values.append(_rounded(value))
            each = (metric.of(point.tally, point.concurrent) for point in points)
            parts.append([part for part in each if part is not None])

    def of(bit: int, fold: Callable[[Sequence[float]], float]) -> list[float] | UnsetType:
        return [_rounded(fold(part)) for part in parts] if statistics & bit else UNSET

    return wire.DataPoint(
        dimensions=dimensions,
        timestamps=times,
        values=values,
        avg_values=of(AVERAGE, fmean),
        max_values=of(MOST, max),
        min_values=of(LEAST, min),
    )


def _rounded(value: float) -> float:
    return round(value, 3)


def _show(moment: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(moment, zone).isoformat()


async def describe(
    plane: Plane, asked: Asked, request: wire.DescribeBaseMetrics
) -> wire.BaseMetrics:
    """List the metrics that there are."""
    _check_namespace(request.namespace)
    names = [request.metric_name] if request.metric_name else list(METRICS)
    return wire.BaseMetrics(metric_set=[_described(name) for name in names if name in METRICS])


def _described(name: str) -> wire.BaseMetric:
    metric = METRICS[name]
    return wire.BaseMetric(
        namespace=NAMESPACE,
        metric_name=name,
        unit=metric.unit,
        unit_cname=metric.unit,
        period=list(PERIODS),
        periods=[
            wire.PeriodStatistics(period=str(period), stat_type=[metric.statistic])
            for period in PERIODS
        ],
        meaning=wire.Meaning(en=metric.meaning, zh=metric.chinese),
    )
