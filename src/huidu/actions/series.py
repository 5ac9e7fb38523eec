"""Series: the calls of each version over time, as charts draw them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import HUIDU, HUIDU_VERSION, Action, NamedFunction, Namespace, Wire
from huidu.model.names import DEFAULT_NAMESPACE


class GetTrafficSeries(Wire):
    """See the calls of a function over time, version by version."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    alias: Annotated[str, Meta(description="Only through this alias.")] = ""
    period: Annotated[
        int, Meta(description="Seconds in each point: 1 (the last 15 minutes), 60, 3600.")
    ] = 1
    points: Annotated[int, Meta(description="How many, up to now: 1 to 1440.")] = 900
    after: Annotated[
        int,
        Meta(
            description="Only points that begin after this moment, in seconds since the epoch: "
            "the last one that is known already."
        ),
    ] = 0


class VersionSeries(Wire):
    """The calls of one version, a value for each point. Durations are of what ran, in ms."""

    function_version: Annotated[str, Meta(description="Empty where none was reached.")]
    calls: list[int]
    errors: Annotated[list[int], Meta(description="Calls that failed, not counting throttled.")]
    throttled: list[int]
    answered_5xx: Annotated[
        list[int], Meta(description="Calls that succeeded, and answered HTTP 500 or above.")
    ] = field(name="Answered5xx")
    cold: Annotated[list[int], Meta(description="Calls for which an instance was started.")]
    duration_p50: list[float | None]
    duration_p99: list[float | None]


class TrafficSeries(Wire):
    """The calls over time. What was counted until now is in it, but for the second that runs."""

    start: Annotated[int, Meta(description="Where the first point begins, since the epoch.")]
    period: int
    points: int
    versions: list[VersionSeries]


ACTIONS = (
    Action(
        service=HUIDU,
        version=HUIDU_VERSION,
        name="GetTrafficSeries",
        summary="See the calls of a function over time, version by version.",
        request=GetTrafficSeries,
        answer=TrafficSeries,
        errors=(
            "InvalidParameterValue.Period",
            "InvalidParameterValue.Points",
            "ResourceNotFound.FunctionName",
        ),
    ),
)
