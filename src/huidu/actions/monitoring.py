"""What may be asked of the counts of calls: the cloud's monitoring, and the last seconds."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, field

from huidu.actions.action import (
    HUIDU,
    HUIDU_VERSION,
    MONITOR,
    MONITOR_VERSION,
    Action,
    Namespace,
    Wire,
)
from huidu.model.names import DEFAULT_NAMESPACE


class Dimension(Wire):
    """A name and a value, which together with others say whose numbers are meant."""

    name: Annotated[
        str, Meta(description="`functionName`, `namespace` (or `namspace`), `version`, `alias`.")
    ]
    value: str


class MonitoredInstance(Wire):
    """Whose numbers are wanted: a function, one of its versions or aliases, or a pair of both."""

    dimensions: list[Dimension]


class GetMonitorData(Wire):
    """Read a metric over time."""

    namespace: Annotated[str, Meta(description="`QCE/SCF_V2`.")]
    metric_name: Annotated[str, Meta(description="Such as `Invocation`, `Error`, `Duration`.")]
    instances: Annotated[list[MonitoredInstance], Meta(description="At most 50.")]
    period: Annotated[int, Meta(description="60, 300, 3600 or 86400 seconds.")] = 300
    start_time: Annotated[
        str, Meta(description="As in 2026-11-23T10:00:00+08:00; today's beginning by default.")
    ] = ""
    end_time: Annotated[str, Meta(description="The same; now by default.")] = ""
    specify_statistics: Annotated[
        int,
        Meta(
            description="Beside the values, of their minutes: average 1, most 2, least 4; or a sum."
        ),
    ] = 0


class DataPoint(Wire):
    """The values of one instance; a period without a call is absent."""

    dimensions: list[Dimension]
    timestamps: list[float]
    values: list[float]
    max_values: list[float] | UnsetType = UNSET
    min_values: list[float] | UnsetType = UNSET
    avg_values: list[float] | UnsetType = UNSET


class MonitorData(Wire):
    """A metric over time, from the first period that is asked for to the last."""

    start_time: str
    end_time: str
    period: int
    metric_name: str
    data_points: list[DataPoint]
    msg: str = ""


class DescribeBaseMetrics(Wire):
    """List the metrics that there are."""

    namespace: Annotated[str, Meta(description="`QCE/SCF_V2`.")]
    metric_name: Annotated[str, Meta(description="Only this one.")] = ""
    dimensions: Annotated[list[str], Meta(description="Taken, and without effect.")] = field(
        default_factory=list
    )


class PeriodStatistics(Wire):
    """What a metric is in one period."""

    period: str
    stat_type: list[str]


class Meaning(Wire):
    """What a metric says."""

    en: str
    zh: str


class BaseMetric(Wire):
    """A metric."""

    namespace: str
    metric_name: str
    unit: str
    unit_cname: str
    period: list[int]
    periods: list[PeriodStatistics]
    meaning: Meaning


class BaseMetrics(Wire):
    """The metrics that there are."""

    metric_set: list[BaseMetric]


class GetTraffic(Wire):
    """See the calls of the last seconds: by function, alias and version."""

    function_name: Annotated[str, Meta(description="Only of this function.")] = ""
    alias: Annotated[str, Meta(description="Only through this alias.")] = ""
    namespace: Namespace = DEFAULT_NAMESPACE
    window: Annotated[int, Meta(description="Of so many seconds: 1 to 300.")] = 10


class LaneFacts(Wire):
    """The calls that took one way. Durations are of what ran, in ms."""

    function_name: str
    alias: Annotated[str, Meta(description="Empty where the version was called by its number.")]
    function_version: Annotated[str, Meta(description="Empty where none was reached.")]
    weight: Annotated[float, Meta(description="The share that the alias gives it now.")] | None
    calls: int
    errors: Annotated[int, Meta(description="Calls that failed, not counting throttled ones.")]
    throttled: int
    answered_5xx: Annotated[
        int, Meta(description="Calls that succeeded, and answered with an HTTP status of 500 up.")
    ] = field(name="Answered5xx")
    cold: Annotated[int, Meta(description="Calls for which an instance was started.")]
    duration_p50: float | None
    duration_p99: float | None
    concurrent: Annotated[int, Meta(description="The most calls that ran at once.")]
    by_second: Annotated[list[int], Meta(description="Calls of each second, the oldest first.")]


class Traffic(Wire):
    """The calls of the last whole seconds; ways without a call are there where an alias leads."""

    time: str
    window: int
    lanes: list[LaneFacts]


MONITOR_ERRORS = ("InvalidParameterValue", "LimitExceeded")

ACTIONS = (
    Action(
        service=MONITOR,
        version=MONITOR_VERSION,
        name="GetMonitorData",
        summary="Read a metric over time, by function, version, alias, or both.",
        request=GetMonitorData,
        answer=MonitorData,
        errors=MONITOR_ERRORS,
    ),
    Action(
        service=MONITOR,
        version=MONITOR_VERSION,
        name="DescribeBaseMetrics",
        summary="List the metrics that there are.",
        request=DescribeBaseMetrics,
        answer=BaseMetrics,
        errors=MONITOR_ERRORS,
    ),
    Action(
        service=HUIDU,
        version=HUIDU_VERSION,
        name="GetTraffic",
        summary="See the calls of the last seconds, by function, alias and version.",
        request=GetTraffic,
        answer=Traffic,
        errors=(
            "InvalidParameterValue.Window",
            "ResourceNotFound.FunctionName",
            "ResourceNotFound.Namespace",
        ),
    ),
)
