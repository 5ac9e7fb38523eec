"""Asynchronous events: what became of them, ending them, how they are tried again."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import (
    AS_VERSION,
    FUNCTION_ERRORS,
    Action,
    Limit,
    NamedFunction,
    Namespace,
    Nothing,
    Offset,
    Order,
    Wire,
    ours,
)
from huidu.model.names import DEFAULT_NAMESPACE
from huidu.model.role import Role

RequestId = Annotated[str, Meta(description="The `FunctionRequestId` that the call was given.")]
Version = Annotated[str, Meta(description="The version that ran it last.")]
Time = Annotated[str, Meta(description="`YYYY-MM-DD HH:MM:SS`, in the server's display zone.")]
AliasName = Annotated[str, Meta(description="The name of the alias.")]
RetryOn = Annotated[
    str,
    Meta(
        description="`current`: the version that the alias leads to when an event is tried again; "
        "`first`: the one that had the event first, as long as that is there."
    ),
]


class GetAsyncEventStatus(Wire):
    """Say what became of an asynchronous call."""

    invoke_request_id: RequestId


class AsyncEventStatus(Wire):
    """What became of it."""

    status: Annotated[str, Meta(description="RUNNING, FINISHED, ABORTED or FAILED.")]
    status_code: Annotated[int, Meta(description="Of the last attempt; 0 before the first ends.")]
    invoke_request_id: str


class AsyncEventStatusAnswer(Wire):
    """The answer."""

    result: AsyncEventStatus


class TimeInterval(Wire):
    """From one moment on, and before another."""

    start: Time = ""
    end: Time = ""


class ListAsyncEvents(Wire):
    """List the asynchronous calls of a function."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    qualifier: Annotated[
        str, Meta(description="The version that ran them last, or (ours) the alias they went to.")
    ] = ""
    invoke_type: Annotated[
        list[str], Meta(description="What called: api, timer or another type of trigger.")
    ] = field(default_factory=list)
    status: Annotated[list[str], Meta(description="RUNNING, FINISHED, ABORTED, FAILED.")] = field(
        default_factory=list
    )
    start_time_interval: TimeInterval | None = None
    end_time_interval: TimeInterval | None = None
    order: Order = "DESC"
    orderby: Annotated[str, Meta(description="StartTime or EndTime.")] = "StartTime"
    offset: Offset = 0
    limit: Limit = 20
    invoke_request_id: str = ""


class AsyncEvent(Wire):
    """An asynchronous call. Times are written `YYYY-MM-DD HH:MM:SS.ffffff`."""

    invoke_request_id: str
    invoke_type: str
    qualifier: Annotated[str, Meta(description="The version that ran it last, if one did.")]
    status: str
    start_time: Annotated[str, Meta(description="When it was accepted.")]
    end_time: Annotated[str, Meta(description="Empty before its end.")]


class AsyncEvents(Wire):
    """A page of asynchronous calls."""

    total_count: int
    event_list: list[AsyncEvent]


class TerminateAsyncEvent(Wire):
    """End an asynchronous call that waits or runs."""

    function_name: NamedFunction
    invoke_request_id: RequestId
    namespace: Namespace = DEFAULT_NAMESPACE
    grace_shutdown: Annotated[
        bool, Meta(description="true: send it SIGTERM; false: kill its instance.")
    ] = False


class RetryConfig(Wire):
    """How often something is tried again; -1: until `MsgTTL` is over."""

    retry_num: int = 2


class AsyncTriggerConfig(Wire):
    """How asynchronous calls of a function are tried again."""

    retry_config: Annotated[
        list[RetryConfig],
        Meta(description="First for what the function does wrong; second for the platform: -1."),
    ] = field(default_factory=list)
    msg_ttl: Annotated[
        int | None, Meta(description="For how many seconds an event is tried: 60 to 21600.")
    ] = field(default=None, name="MsgTTL")


class GetFunctionEventInvokeConfig(Wire):
    """See how asynchronous calls of a function are tried again."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    qualifier: Annotated[str, Meta(description="Must be there; all of a function share one.")] = ""


class EventInvokeConfig(Wire):
    """How they are."""

    async_trigger_config: AsyncTriggerConfig


class UpdateFunctionEventInvokeConfig(Wire):
    """Set how asynchronous calls of a function are tried again; what is left out stays."""

    async_trigger_config: AsyncTriggerConfig
    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE


class GetAsyncEvent(Wire):
    """See all that is known of an asynchronous call: where each attempt went, and why there."""

    invoke_request_id: RequestId


class AsyncAttempt(Wire):
    """One run of it."""

    retry_num: int
    start_time: Annotated[str, Meta(description="Empty where its server ended before it did.")]
    duration: Annotated[float, Meta(description="Milliseconds.")]
    function_version: str
    alias: str
    alias_revision: Annotated[int, Meta(description="Of the alias, when it was asked.")]
    routing_reason: Annotated[str, Meta(description="Why this version.")]
    status_code: int
    err_msg: str
    then: Annotated[str, Meta(description="What was decided of the event.")]


class AsyncEventFacts(Wire):
    """An asynchronous call."""

    invoke_request_id: str
    namespace: str
    function_name: str
    qualifier: Annotated[str, Meta(description="As it was sent.")]
    invoke_type: str
    status: str
    state: Annotated[
        str,
        Meta(description="ready, delayed, running, finished, dead, aborted or discarded."),
    ]
    status_code: int
    err_msg: str
    log: Annotated[str, Meta(description="The last 4 KB of the log, of one that was given up.")]
    function_version: Version
    add_time: str
    next_time: Annotated[str, Meta(description="When it is tried again, where it is delayed.")]
    end_time: str
    redriven: Annotated[int, Meta(description="How often it was played again.")]
    routing_key: str
    event: Annotated[str, Meta(description="What was sent; empty once it is over.")]
    event_bytes: int
    attempts: list[AsyncAttempt]


class ListEventQueues(Wire):
    """See how many asynchronous calls of each function wait, and how many were given up."""

    namespace: Namespace = DEFAULT_NAMESPACE


class EventQueue(Wire):
    """The asynchronous calls of a function. One that is gone may have left some."""

    function_name: str
    waiting: Annotated[int, Meta(description="That wait or run.")]
    dead: Annotated[int, Meta(description="That were given up, and are kept.")]


class EventQueues(Wire):
    """Those of each function that has any, by name."""

    queues: list[EventQueue]


class GetAliasRetry(Wire):
    """See where retries of asynchronous calls go that were sent to an alias."""

    function_name: NamedFunction
    name: AliasName
    namespace: Namespace = DEFAULT_NAMESPACE


class AliasRetry(Wire):
    """Where they go."""

    retry_on: RetryOn


class UpdateAliasRetry(Wire):
    """Choose where retries of asynchronous calls go that were sent to an alias."""

    function_name: NamedFunction
    name: AliasName
    retry_on: RetryOn
    namespace: Namespace = DEFAULT_NAMESPACE


EVENT_ERRORS = ("FailedOperation.AsyncEventStatus", "ResourceNotFound.AsyncEvent")
ALIAS_ERRORS = (*FUNCTION_ERRORS, "ResourceNotFound.Alias")
PAGE_ERRORS = ("InvalidParameterValue.Limit", "InvalidParameterValue.Offset")

ACTIONS = (
    Action(
        name="GetAsyncEventStatus",
        summary="Say what became of an asynchronous call.",
        request=GetAsyncEventStatus,
        answer=AsyncEventStatusAnswer,
        errors=("ResourceNotFound.AsyncEvent",),
    ),
    Action(
        name="ListAsyncEvents",
        summary="List the asynchronous calls of a function.",
        request=ListAsyncEvents,
        answer=AsyncEvents,
        errors=(
            *FUNCTION_ERRORS,
            "InvalidParameterValue.DateTime",
            "InvalidParameterValue.InvokeType",
            *PAGE_ERRORS,
            "InvalidParameterValue.Order",
            "InvalidParameterValue.OrderBy",
            "InvalidParameterValue.Status",
        ),
    ),
    Action(
        name="TerminateAsyncEvent",
        summary="End an asynchronous call.",
        request=TerminateAsyncEvent,
        answer=Nothing,
        writes=True,
        role=Role.RELEASE,
        errors=(*FUNCTION_ERRORS, *EVENT_ERRORS),
    ),
    Action(
        name="GetFunctionEventInvokeConfig",
        summary="See how asynchronous calls of a function are tried again.",
        request=GetFunctionEventInvokeConfig,
        answer=EventInvokeConfig,
        errors=(*FUNCTION_ERRORS, "ResourceNotFound.Version"),
        spelling=AS_VERSION,
    ),
    Action(
        name="UpdateFunctionEventInvokeConfig",
        summary="Set how asynchronous calls of a function are tried again.",
        request=UpdateFunctionEventInvokeConfig,
        answer=Nothing,
        writes=True,
        errors=(
            *FUNCTION_ERRORS,
            "InvalidParameterValue.AsyncTriggerConfig",
            "LimitExceeded.MsgTTL",
            "LimitExceeded.RetryNum",
        ),
    ),
    ours(
        "GetAsyncEvent",
        "See an asynchronous call with all its attempts.",
        GetAsyncEvent,
        AsyncEventFacts,
        "ResourceNotFound.AsyncEvent",
    ),
    ours(
        "ListEventQueues",
        "See how many asynchronous calls of each function wait, and how many were given up.",
        ListEventQueues,
        EventQueues,
        "ResourceNotFound.Namespace",
    ),
    ours(
        "GetAliasRetry",
        "See where retries go of what was sent to an alias.",
        GetAliasRetry,
        AliasRetry,
        *ALIAS_ERRORS,
    ),
    ours(
        "UpdateAliasRetry",
        "Choose where retries go of what was sent to an alias.",
        UpdateAliasRetry,
        Nothing,
        *ALIAS_ERRORS,
        "InvalidParameterValue.RetryOn",
        role=Role.RELEASE,
    ),
)
