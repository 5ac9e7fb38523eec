"""Invocations: run a function over the cloud API."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from huidu.actions import invocations as wire
from huidu.control.plane import Asked, Plane
from huidu.invoke.flight import Answered, UnderWay
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
AT_ONCE = frozenset(["", SYNC])
EVENT, CONTEXT = "Event", "ClientContext"  #: What the event is called in each of the two actions.

#: Checks that bytes are JSON, and makes nothing of them.
_JSON = msgspec.json.Decoder(msgspec.Raw)


class Call(NamedTuple):
    """A call that may be made: what was asked, and what is to run for it."""

    request: wire.InvokeFunction
    field: str  #: What the event is called where it was sent.
    invocation: Invocation


async def invoke(plane: Plane, asked: Asked, request: wire.Invoke) -> wire.Invoked:
    """Run a function at once or, with `InvocationType=Event`, some time after this has returned."""
    kind = request.invocation_type or SYNC
    if kind not in (SYNC, ASYNC):
        raise InvalidValue("", f"InvocationType {kind[:40]!r}: must be {SYNC} or {ASYNC}")
    if kind == ASYNC:
        return await _later(plane, asked, request)
    return await run(plane, prepare(plane, asked, at_once(request), CONTEXT))


def at_once(request: wire.Invoke) -> wire.InvokeFunction:
    """Return the same call for whoever waits for its answer."""
    return wire.InvokeFunction(
        function_name=request.function_name,
        namespace=request.namespace,
        qualifier=request.qualifier,
        event=request.client_context,
        log_type=request.log_type,
        routing_key=request.routing_key,
    )


async def invoke_function(plane: Plane, asked: Asked, request: wire.InvokeFunction) -> wire.Invoked:
    """Run a function and wait for its answer. A function that fails is an answer too."""
    return await run(plane, prepare(plane, asked, request, EVENT))


def prepare(plane: Plane, asked: Asked, request: wire.InvokeFunction, field: str) -> Call:
    """Return a call as it is to be made, or raise the refusal that names what is wrong with it."""
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
    return Call(request, field, invocation)


async def run(plane: Plane, call: Call) -> wire.Invoked:
    """Make a call, and return what came of it."""
    return _told(call, await plane.invoker.invoke(call.invocation))


def begin(plane: Plane, call: Call, tell: Callable[[wire.Invoked | Exception], None]) -> UnderWay:
    """Do the same without waiting: what comes of it, or the refusal, is told once, perhaps now."""
    return plane.invoker.begin(call.invocation, _Waiting(call, tell))


class _Waiting:
    """Has whoever waits for a call told what came of it in the words of the cloud API."""

    __slots__ = ("_call", "_tell")

    def __init__(self, call: Call, tell: Callable[[wire.Invoked | Exception], None]) -> None:
        self._call = call
        self._tell = tell

    def answered(self, answered: Answered) -> None:
        """It was answered, well or not."""
        try:
            end: wire.Invoked | Exception = _told(self._call, answered)
        except Exception as error:  # noqa: BLE001 - as `run` would raise it
            end = error
        self._tell(end)

    def failed(self, error: Exception) -> None:
        """Nobody answered it."""
        self._tell(error)


def _told(call: Call, answered: Answered) -> wire.Invoked:
    if answered.outcome.status == Status.EVENT_TOO_LARGE:
        raise InvalidParameter("RequestTooLarge", f"{call.field}: {answered.outcome.error}")
    tail = call.request.log_type == TAIL
    return wire.Invoked(result=_result(call.invocation.request_id, answered, tail=tail))


def event_of(field: str, text: str) -> bytes:
    """Return an event as bytes of JSON, or raise `InvalidValue`; without one it is `{}`."""
    if not text:
        return EMPTY_EVENT
    event = text.encode("utf-8", "surrogatepass")
    try:
        _JSON.decode(event)
    except msgspec.MsgspecError as error:
        raise InvalidValue("Param", f"{field}: not JSON: {error}") from None
    return event


def _result(request_id: str, answered: Answered, *, tail: bool) -> wire.Result:
    outcome = answered.outcome
    return wire.Result(
        ret_msg=outcome.result,
        err_msg=outcome.error,
        log=_tail(log_left(outcome, request_id)) if tail else "",
        mem_usage=outcome.memory_bytes,
        duration=round(outcome.duration_ms, 3),
        bill_duration=math.ceil(outcome.duration_ms),
        function_request_id=request_id,
        invoke_result=0 if outcome.succeeded else -1,
        status_code=int(outcome.status),
        function_version=answered.version,
        alias=answered.alias,
    )


def _tail(log: str) -> str:
    return log.encode()[-MOST_TAIL_BYTES:].decode("utf-8", "ignore")


async def _later(plane: Plane, asked: Asked, request: wire.Invoke) -> wire.Invoked:
    """Accept an event: what is acknowledged here is kept until it has been run."""
    event = event_of(CONTEXT, request.client_context)
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
