"""Invocations: run a function, and ask what became of a run."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import (
    AS_QUALIFIER,
    FUNCTION_ERRORS,
    Action,
    Limit,
    NamedFunction,
    Namespace,
    Offset,
    Wire,
)
from huidu.model.names import DEFAULT_NAMESPACE

Qualifier = Annotated[str, Meta(description="A version or an alias; default: `$DEFAULT`.")]
LogType = Annotated[str, Meta(description="`None`, or `Tail` for the last 4 KB of the log.")]
RoutingKey = Annotated[str, Meta(description="A JSON object for rules, at most 1024 bytes.")]
Time = Annotated[str, Meta(description="`YYYY-MM-DD HH:MM:SS`, in the server's display zone.")]

LARGEST_INVOKE_REQUEST_BYTES = 40 * 1024 * 1024  # 6 MB of event, each byte escaped as \\u00XX


class Invoke(Wire):
    """Run a function; `Event` runs it later and answers at once."""

    function_name: NamedFunction
    invocation_type: Annotated[str, Meta(description="RequestResponse, or Event.")] = ""
    qualifier: Qualifier = ""
    client_context: Annotated[str, Meta(description="The event: JSON, at most 6 MB.")] = ""
    log_type: LogType = ""
    namespace: Namespace = DEFAULT_NAMESPACE
    routing_key: RoutingKey = ""


class InvokeFunction(Wire):
    """Run a function and wait for its answer."""

    function_name: NamedFunction
    qualifier: Qualifier = ""
    event: Annotated[str, Meta(description="The event: JSON, at most 6 MB.")] = ""
    log_type: LogType = ""
    namespace: Namespace = DEFAULT_NAMESPACE
    routing_key: RoutingKey = ""


class Result(Wire, kw_only=True):
    """What came of a run."""

    ret_msg: str = ""
    err_msg: str = ""
    log: str = ""
    mem_usage: int = 0
    duration: float = 0.0
    bill_duration: int = 0
    function_request_id: str
    invoke_result: int = 0
    status_code: int = 0  #: Ours, like the two below; 0 where the run is still to come.
    function_version: str = ""
    alias: str = ""


class Invoked(Wire):
    """The answer to a call."""

    result: Result


class LogFilter(Wire):
    """Which results are wanted."""

    ret_code: Annotated[
        str,
        Meta(
            description="is0, not0, TimeLimitExceeded, ResourceLimitExceeded or UserCodeException."
        ),
    ] = ""


class SearchContext(Wire):
    """Retired by the cloud; given back as it came."""

    offset: str = ""
    limit: int = 0
    keyword: str = ""
    type: str = ""


class GetFunctionLogs(Wire):
    """Search the logs of runs."""

    function_name: NamedFunction | None = None
    namespace: Namespace = DEFAULT_NAMESPACE
    offset: Offset = 0
    limit: Limit = 20
    order: Annotated[str, Meta(description="asc or desc.")] = "desc"
    order_by: Annotated[
        str, Meta(description="function_name, duration, mem_usage or start_time.")
    ] = "start_time"
    filter: LogFilter | None = None
    qualifier: Annotated[str, Meta(description="A version or (ours) an alias.")] = ""
    function_request_id: str = ""
    start_time: Time = ""
    end_time: Time = ""
    search_context: SearchContext | None = None


class FunctionLog(Wire):
    """One run."""

    function_name: str
    ret_msg: str
    request_id: str
    start_time: str
    ret_code: int
    invoke_finished: int
    duration: float
    bill_duration: int
    mem_usage: int
    log: str
    level: str
    source: str
    retry_num: int
    qualifier: str = ""  #: Ours, like those below.
    alias: str = ""
    status_code: int = 200
    routing_reason: str = ""


class Logs(Wire):
    """A page of runs."""

    data: list[FunctionLog]
    total_count: int
    search_context: SearchContext = field(default_factory=SearchContext)


class GetRequestStatus(Wire):
    """Say what became of one call, one row for each attempt."""

    function_name: NamedFunction
    function_request_id: str
    namespace: Namespace = DEFAULT_NAMESPACE
    start_time: Time = ""
    end_time: Time = ""


class RequestStatus(Wire):
    """One attempt. Here `MemUsage` is in MB."""

    function_name: str
    ret_msg: str
    request_id: str
    start_time: str
    ret_code: int
    duration: float
    mem_usage: float
    retry_num: int


class Statuses(Wire):
    """All attempts of one call."""

    data: list[RequestStatus]
    total_count: int


INVOKE_ERRORS = (
    *FUNCTION_ERRORS,
    "FailedOperation.FunctionStatusError",
    "FailedOperation.InvokeFunction",
    "InvalidParameter.RequestTooLarge",
    "InvalidParameterValue.FunctionType",
    "InvalidParameterValue.Param",
    "LimitExceeded.Quota",
    "ResourceNotFound.Qualifier",
)

ACTIONS = (
    Action(
        name="Invoke",
        summary="Run a function, at once or later.",
        request=Invoke,
        answer=Invoked,
        errors=INVOKE_ERRORS,
        spelling=AS_QUALIFIER,
        largest_bytes=LARGEST_INVOKE_REQUEST_BYTES,
    ),
    Action(
        name="InvokeFunction",
        summary="Run a function and wait for its answer.",
        request=InvokeFunction,
        answer=Invoked,
        errors=INVOKE_ERRORS,
        spelling=AS_QUALIFIER,
        largest_bytes=LARGEST_INVOKE_REQUEST_BYTES,
    ),
    Action(
        name="GetFunctionLogs",
        summary="Search the logs of runs.",
        request=GetFunctionLogs,
        answer=Logs,
        errors=(
            *FUNCTION_ERRORS,
            "InvalidParameterValue.DateTime",
            "InvalidParameterValue.Offset",
            "InvalidParameterValue.Order",
            "InvalidParameterValue.OrderBy",
            "InvalidParameterValue.RetCode",
            "InvalidParameterValue.StartTimeOrEndTime",
            "LimitExceeded.Offset",
        ),
    ),
    Action(
        name="GetRequestStatus",
        summary="Say what became of one call.",
        request=GetRequestStatus,
        answer=Statuses,
        errors=(
            *FUNCTION_ERRORS,
            "InvalidParameterValue.DateTime",
            "InvalidParameterValue.FunctionRequestId",
            "InvalidParameterValue.StartTimeOrEndTime",
        ),
    ),
)
