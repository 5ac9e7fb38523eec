"""Asynchronous events: tell what became of them, end them, set how they are retried."""

from __future__ import annotations

from huidu.actions import async_events as wire
from huidu.actions.action import Nothing
from huidu.control import paging, times
from huidu.control.plane import Asked, Plane
from huidu.model import names
from huidu.model.errors import Failed, InvalidValue, NotFound
from huidu.model.event import SPOKEN, Attempt, Kept, State
from huidu.model.function import FunctionName
from huidu.model.invocation import Status
from huidu.model.retry import UNTIL_EXPIRY, EventConfig, check_target
from huidu.store.queue_asking import EVER, Search, Window
from huidu.store.reading import Reading
from huidu.store.writing import Writing

COLUMNS = {"StartTime": "accepted_at", "EndTime": "ended_at"}
MOST_RETRY_CONFIGS = 2  #: One for what the function does wrong, one for the platform.


async def status(
    plane: Plane, asked: Asked, request: wire.GetAsyncEventStatus
) -> wire.AsyncEventStatusAnswer:
    """Say what became of an asynchronous call."""
    kept = await _find(plane, request.invoke_request_id)
    done = kept.state == State.FINISHED
    return wire.AsyncEventStatusAnswer(
        result=wire.AsyncEventStatus(
            status=SPOKEN[kept.state],
            status_code=int(Status.SUCCESS) if done else kept.status,
            invoke_request_id=kept.event.request_id,
        )
    )


async def _find(plane: Plane, request_id: str) -> Kept:
    kept = await plane.queue.find(request_id)
    if kept is None:
        raise NotFound("AsyncEvent", request_id[:80], "; what became of one is told for three days")
    return kept


async def list_all(plane: Plane, asked: Asked, request: wire.ListAsyncEvents) -> wire.AsyncEvents:
    """List the asynchronous calls of a function."""
    named = FunctionName(request.namespace, request.function_name)
    search = Search(
        namespace=named.namespace,
        function=named.name,
        qualifier=request.qualifier,
        triggers=tuple(map(_trigger, request.invoke_type)),
        states=tuple(state for one in request.status for state in _states(one)),
        accepted=_window(plane, "StartTimeInterval", request.start_time_interval),
        ended=_window(plane, "EndTimeInterval", request.end_time_interval),
        request_id=request.invoke_request_id,
        column=paging.column_of(request.orderby, COLUMNS),
        descending=paging.is_descending(request.order),
        offset=paging.offset_of(request.offset),
        limit=paging.limit_of(request.limit),
    )
    await plane.catalog.read(lambda reading: reading.function(named))
    total, found = await plane.queue.search(search)
    return wire.AsyncEvents(total_count=total, event_list=[_event(plane, kept) for kept in found])


def _trigger(kind: str) -> str:
    if not (kind.isascii() and kind.isalnum()):
        raise InvalidValue("InvokeType", f"InvokeType {kind[:40]!r}: must be as api or timer")
    return kind.lower()


def _states(spoken: str) -> list[State]:
    found = [state for state, word in SPOKEN.items() if word == spoken]
    if not found:
        words = ", ".join(dict.fromkeys(SPOKEN.values()))
        raise InvalidValue("Status", f"Status {spoken[:40]!r}: must be of {words}")
    return found


def _window(plane: Plane, field: str, interval: wire.TimeInterval | None) -> Window:
    if interval is None:
        return EVER
    since, until = (
        times.read(f"{field}.{name}", text, plane.zone) if text else None
        for name, text in (("Start", interval.start), ("End", interval.end))
    )
    return since, until


def _event(plane: Plane, kept: Kept) -> wire.AsyncEvent:
    event = kept.event
    return wire.AsyncEvent(
        invoke_request_id=event.request_id,
        invoke_type=event.trigger,
        qualifier=kept.version or event.qualifier,
        status=SPOKEN[kept.state],
        start_time=times.show_us(event.accepted_at, plane.zone),
        end_time=times.show_us(kept.ended_at, plane.zone) if kept.ended_at else "",
    )


async def terminate(plane: Plane, asked: Asked, request: wire.TerminateAsyncEvent) -> Nothing:
    """End an asynchronous call that waits or runs; from then on it is tried no more."""
    named = FunctionName(request.namespace, request.function_name)
    await plane.catalog.read(lambda reading: reading.function(named))
    kept = await _find(plane, request.invoke_request_id)
    if kept.event.function != named:
        raise NotFound(
            "AsyncEvent", request.invoke_request_id[:80], f"; not among those of {named}"
        )
    state = await plane.end_event(request.invoke_request_id, graceful=request.grace_shutdown)
    if state not in (State.READY, State.DELAYED, State.RUNNING):
        raise Failed(
            "AsyncEventStatus",
            f"InvokeRequestId {request.invoke_request_id[:80]}: is "
            f"{SPOKEN[state or kept.state]}; only what is RUNNING can be ended",
        )
    return Nothing()


async def get_config(
    plane: Plane, asked: Asked, request: wire.GetFunctionEventInvokeConfig
) -> wire.EventInvokeConfig:
    """Tell how asynchronous calls of a function are tried again (D-47: one for all versions)."""
    named = FunctionName(request.namespace, request.function_name)

    def ask(reading: Reading) -> EventConfig:
        function = reading.function(named)
        if names.names_version(request.qualifier):
            reading.version(function, request.qualifier)
        elif request.qualifier:
            reading.alias(function, request.qualifier)
        return reading.events.config(function)

    config = await plane.catalog.read(ask)
    both = (config.retries, UNTIL_EXPIRY)
    return wire.EventInvokeConfig(
        async_trigger_config=wire.AsyncTriggerConfig(
            retry_config=[wire.RetryConfig(retry_num=number) for number in both],
            msg_ttl=config.ttl_s,
        )
    )


async def update_config(
    plane: Plane, asked: Asked, request: wire.UpdateFunctionEventInvokeConfig
) -> Nothing:
    """Set how asynchronous calls of a function are tried again, those that wait among them."""
    named = FunctionName(request.namespace, request.function_name)
    given = request.async_trigger_config
    retries = [one.retry_num for one in given.retry_config]
    if len(retries) > MOST_RETRY_CONFIGS or retries[1:] not in ([], [UNTIL_EXPIRY]):
        raise InvalidValue(
            "AsyncTriggerConfig",
            "AsyncTriggerConfig.RetryConfig: must be one RetryNum, 0 to 2, for what the function "
            f"does wrong; the second, for the platform, is always {UNTIL_EXPIRY}",
        )
    if not retries and given.msg_ttl is None:
        raise InvalidValue(
            "AsyncTriggerConfig", "AsyncTriggerConfig: must have RetryConfig or MsgTTL"
        )

    def change(writing: Writing) -> None:
        function = writing.function(named)
        kept = writing.events.config(function)
        config = EventConfig(
            retries=retries[0] if retries else kept.retries,
            ttl_s=kept.ttl_s if given.msg_ttl is None else given.msg_ttl,
        )
        writing.events.put_config(function, config)

    await plane.catalog.write(change)
    return Nothing()


async def get(plane: Plane, asked: Asked, request: wire.GetAsyncEvent) -> wire.AsyncEventFacts:
    """Show all that is known of an asynchronous call."""
    kept = await _find(plane, request.invoke_request_id)
    event = kept.event
    delayed = kept.state == State.DELAYED
    return wire.AsyncEventFacts(
        invoke_request_id=event.request_id,
        namespace=event.function.namespace,
        function_name=event.function.name,
        qualifier=event.qualifier,
        invoke_type=event.trigger,
        status=SPOKEN[kept.state],
        state=kept.state.value,
        status_code=kept.status,
        err_msg=kept.error,
        log=kept.log,
        function_version=kept.version,
        add_time=times.show_us(event.accepted_at, plane.zone),
        next_time=times.show_us(kept.next_at, plane.zone) if delayed else "",
        end_time=times.show_us(kept.ended_at, plane.zone) if kept.ended_at else "",
        redriven=kept.redriven,
        routing_key=event.routing_key,
        event=event.event.decode("utf-8", "replace"),
        event_bytes=len(event.event),
        attempts=[_attempt(plane, one) for one in event.history],
    )


def _attempt(plane: Plane, one: Attempt) -> wire.AsyncAttempt:
    return wire.AsyncAttempt(
        retry_num=one.number,
        start_time=times.show_us(one.started_at, plane.zone) if one.started_at else "",
        duration=one.duration_ms,
        function_version=one.version,
        alias=one.alias,
        alias_revision=one.revision,
        routing_reason=one.reason,
        status_code=one.status,
        err_msg=one.error,
        then=one.then,
    )


async def list_queues(
    plane: Plane, asked: Asked, request: wire.ListEventQueues
) -> wire.EventQueues:
    """Tell how many events of each function wait, and how many were given up; from memory."""
    if not await plane.catalog.read(lambda reading: reading.namespace_exists(request.namespace)):
        raise NotFound("Namespace", request.namespace)
    waiting, dead = plane.queue.waiting, plane.queue.dead
    return wire.EventQueues(
        queues=[
            wire.EventQueue(
                function_name=named.name,
                waiting=waiting.get(named, 0),
                dead=dead.get(named, 0),
            )
            for named in sorted({*waiting, *dead}, key=lambda named: named.name)
            if named.namespace == request.namespace
        ]
    )


async def get_retry(plane: Plane, asked: Asked, request: wire.GetAliasRetry) -> wire.AliasRetry:
    """Tell where retries go of what was sent to an alias."""
    named = FunctionName(request.namespace, request.function_name)

    def ask(reading: Reading) -> str:
        function = reading.function(named)
        return reading.events.target(function, reading.alias(function, request.name).name)

    return wire.AliasRetry(retry_on=await plane.catalog.read(ask))


async def update_retry(plane: Plane, asked: Asked, request: wire.UpdateAliasRetry) -> Nothing:
    """Choose where retries go of what was sent to an alias."""
    named = FunctionName(request.namespace, request.function_name)
    target = check_target(request.retry_on)

    def change(writing: Writing) -> None:
        function = writing.function(named)
        writing.events.put_target(function, writing.alias(function, request.name).name, target)

    await plane.catalog.write(change)
    return Nothing()
