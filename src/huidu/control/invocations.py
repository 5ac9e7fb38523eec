"""Invocations: run a function over the cloud API."""

from __future__ import annotations

import math

import msgspec

from huidu.actions import invocations as wire
from huidu.control.plane import Asked, Plane
from huidu.invoke.flight import Answered
from huidu.model.errors import InvalidParameter, InvalidValue
from huidu.model.event import QueuedEvent
from huidu.model.frame import log_left
from huidu.model.function import FunctionName
from huidu.model.invocation import (
    EMPTY_EVENT,
    MOST_ASYNC_EVENT_BYTES,
    MOST_TAIL_BYTES,
    Invocation,
    Status,
)
from huidu.model.routing_key import traits_of

SYNC, ASYNC = "RequestResponse", "Event"
NO_LOG, TAIL = "None", "Tail"


async def invoke(plane: Plane, asked: Asked, request: wire.Invoke) -> wire.Invoked:
    """Run a function at once or, with `InvocationType=Event`, some time after this has returned."""
    kind = request.invocation_type or SYNC
    if kind not in (SYNC, ASYNC):
        raise InvalidValue("", f"InvocationType {kind[:40]!r}: must be {SYNC} or {ASYNC}")
    if kind == ASYNC:
        return await _later(plane, asked, request)
    call = wire.InvokeFunction(
        function_name=request.function_name,
        namespace=request.namespace,
        qualifier=request.qualifier,
        event=request.client_context,
        log_type=request.log_type,
        routing_key=request.routing_key,
    )
    return await _now(plane, asked, call, "ClientContext")


async def invoke_function(plane: Plane, asked: Asked, request: wire.InvokeFunction) -> wire.Invoked:
    """Run a function and wait for its answer. A function that fails is an answer too."""
    return await _now(plane, asked, request, "Event")


async def _now(
    plane: Plane, asked: Asked, request: wire.InvokeFunction, field: str
) -> wire.Invoked:
    if request.log_type not in ("", NO_LOG, TAIL):
        raise InvalidValue("", f"LogType {request.log_type[:40]!r}: must be None or Tail")
    invocation = Invocation(
        request_id=asked.request_id,
        function=FunctionName(request.namespace, request.function_name),
        qualifier=request.qualifier or plane.default_qualifier,
        event=event_of(field, request.event),
        traits=traits_of(request.routing_key, asked.source_ip),
        routing_key=request.routing_key,
        trace=plane.tracing.place(asked.sent, asked.request_id),
    )
    answered = await plane.invoker.invoke(invocation)
    if answered.outcome.status == Status.EVENT_TOO_LARGE:
        raise InvalidParameter("RequestTooLarge", f"{field}: {answered.outcome.error}")
    return wire.Invoked(result=_result(asked, answered, tail=request.log_type == TAIL))


def event_of(field: str, text: str) -> bytes:
    """Return an event as bytes of JSON, or raise `InvalidValue`; without one it is `{}`."""
    if not text:
        return EMPTY_EVENT
    event = text.encode("utf-8", "surrogatepass")
    try:
        msgspec.json.decode(event, type=msgspec.Raw)
    except msgspec.MsgspecError as error:
        raise InvalidValue("Param", f"{field}: not JSON: {error}") from None
    return event


def _result(asked: Asked, answered: Answered, *, tail: bool) -> wire.Result:
    outcome = answered.outcome
    return wire.Result(
        ret_msg=outcome.result,
        err_msg=outcome.error,
        log=_tail(log_left(outcome, asked.request_id)) if tail else "",
        mem_usage=outcome.memory_bytes,
        duration=round(outcome.duration_ms, 3),
        bill_duration=math.ceil(outcome.duration_ms),
        function_request_id=asked.request_id,
        invoke_result=0 if outcome.succeeded else -1,
        status_code=int(outcome.status),
        function_version=answered.version,
        alias=answered.alias,
    )


def _tail(log: str) -> str:
    return log.encode()[-MOST_TAIL_BYTES:].decode("utf-8", "ignore")


async def _later(plane: Plane, asked: Asked, request: wire.Invoke) -> wire.Invoked:
    """Accept an event: what is acknowledged here is kept until it has been run."""
    event = event_of("ClientContext", request.client_context)
    if len(event) > MOST_ASYNC_EVENT_BYTES:
        raise InvalidParameter(
            "RequestTooLarge",
            f"ClientContext: {len(event)} bytes, at most {MOST_ASYNC_EVENT_BYTES} for an "
            f"asynchronous call (status {int(Status.EVENT_TOO_LARGE)})",
        )
    traits_of(request.routing_key, None)
    named = FunctionName(request.namespace, request.function_name)
    qualifier = request.qualifier or plane.default_qualifier
    plane.routes.target(named, qualifier)  # NotFound, unless somebody could answer
    if plane.routes.is_web(named):
        raise InvalidValue(
            "FunctionType",
            f"Function [{named.name}] is of Type HTTP: call it over HTTP, at its URL",
        )
    function_id = plane.routes.id_of(named) or ""
    await plane.queue.put(
        QueuedEvent(
            request_id=asked.request_id,
            function=named,
            function_id=function_id,
            qualifier=qualifier,
            event=event,
            routing_key=request.routing_key,
            accepted_at=plane.clock(),
            sent=asked.sent,
        )
    )
    plane.wake_queue()
    return wire.Invoked(result=wire.Result(function_request_id=asked.request_id))
