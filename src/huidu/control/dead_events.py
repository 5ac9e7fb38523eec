"""Dead letters: asynchronous calls that were given up; list, redrive and discard them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from huidu.actions import dead_events as wire
from huidu.control import paging, times
from huidu.control.plane import Asked, Plane
from huidu.model.errors import InvalidValue, NotFound
from huidu.model.event import Kept, State
from huidu.model.function import FunctionName
from huidu.model.happening import Happening
from huidu.store.event_writing import MOST_NAMED
from huidu.store.queue_asking import Search
from huidu.store.reading import Reading
from huidu.store.writing import Writing

Dead = tuple[int, Sequence[Kept], Sequence[tuple[FunctionName, str, int]]]
MOST_REASON = 1000
MOST_TOLD = 100  #: Ids, in what is told of it.


async def list_all(plane: Plane, asked: Asked, request: wire.ListDeadEvents) -> wire.DeadEvents:
    """List asynchronous calls that were given up, also of functions that are gone."""
    search = Search(
        namespace=request.namespace,
        function=request.function_name,
        version=request.function_version,
        states=(State.DEAD,),
        column="ended_at",
        offset=paging.offset_of(request.offset),
        limit=paging.limit_of(request.limit),
    )

    def ask(reading: Reading) -> Dead:
        return *reading.events.search(search), reading.events.dead_by_version(search)

    total, found, versions = await plane.catalog.read(ask)
    return wire.DeadEvents(
        events=[_dead(plane, kept) for kept in found],
        total_count=total,
        versions=[
            wire.DeadOfVersion(
                namespace=named.namespace,
                function_name=named.name,
                function_version=version,
                count=count,
            )
            for named, version, count in versions
        ],
    )


def _dead(plane: Plane, kept: Kept) -> wire.DeadEvent:
    event = kept.event
    last = event.history[-1] if event.history else None
    return wire.DeadEvent(
        invoke_request_id=event.request_id,
        namespace=event.function.namespace,
        function_name=event.function.name,
        qualifier=event.qualifier,
        function_version=kept.version,
        status_code=kept.status,
        err_msg=kept.error,
        reason=last.then if last and last.then.startswith("given up") else kept.error,
        attempts=event.attempts,
        add_time=times.show(event.accepted_at, plane.zone),
        end_time=times.show(kept.ended_at, plane.zone),
        log=kept.log,
    )


async def redrive(plane: Plane, asked: Asked, request: wire.RedriveEvents) -> wire.Redriven:
    """Play calls again that were given up: by id, by version, or all of a function.

    Each once: what is no dead letter any more is passed over, however often this is asked for.
    """
    named, now = FunctionName(request.namespace, request.function_name), plane.clock()
    ids = _ids(request.invoke_request_ids)
    _check_reason(request.reason)
    if request.qualifier:
        plane.routes.target(named, request.qualifier)

    def change(writing: Writing) -> int:
        function = writing.function(named)
        _check_there(writing, named, ids)
        search = Search(
            namespace=named.namespace, function=named.name, version=request.function_version
        )
        count = writing.events.redrive(search, ids, function.id, request.qualifier, now)
        if count:
            writing.tell(_happening(asked, "event.redriven", count, request, now))
        return count

    count = await plane.catalog.write(change)
    return wire.Redriven(count=count, skipped=max(0, len(ids) - count))


async def discard(plane: Plane, asked: Asked, request: wire.DiscardEvents) -> wire.Redriven:
    """Throw calls away that were given up; also of a function that is gone."""
    named, now = FunctionName(request.namespace, request.function_name), plane.clock()
    ids = _ids(request.invoke_request_ids)
    _check_reason(request.reason)

    def change(writing: Writing) -> int:
        _check_there(writing, named, ids)
        search = Search(
            namespace=named.namespace, function=named.name, version=request.function_version
        )
        if not writing.events.search(search)[0]:
            writing.function(named)  # NotFound, unless it is there and has none
        count = writing.events.discard(search, ids)
        if count:
            writing.tell(_happening(asked, "event.discarded", count, request, now))
        return count

    count = await plane.catalog.write(change)
    return wire.Redriven(count=count, skipped=max(0, len(ids) - count))


def _ids(given: Sequence[str]) -> list[str]:
    ids = list(dict.fromkeys(given))
    if len(ids) > MOST_NAMED:
        raise InvalidValue(
            "InvokeRequestIds", f"InvokeRequestIds: {len(ids)}, at most {MOST_NAMED} at a time"
        )
    return ids


def _check_reason(reason: str) -> None:
    if len(reason) > MOST_REASON:
        raise InvalidValue("Reason", f"Reason: at most {MOST_REASON} characters")


def _check_there(reading: Reading, named: FunctionName, ids: Sequence[str]) -> None:
    """Refuse ids of what is not an event of this function."""
    for one in ids:
        if reading.events.find(one).event.function != named:
            raise NotFound("AsyncEvent", one[:80], f"; not among those of {named}")


def _happening(
    asked: Asked,
    kind: str,
    count: int,
    request: wire.RedriveEvents | wire.DiscardEvents,
    at: float,
) -> Happening:
    detail = {
        "Count": count,
        "FunctionVersion": request.function_version,
        "InvokeRequestIds": request.invoke_request_ids[:MOST_TOLD],
    }
    return Happening(
        kind=kind,
        at=at,
        namespace=request.namespace,
        function=request.function_name,
        version=request.function_version or "",
        who=asked.who,
        why=request.reason,
        after=f"{count} events",
        detail=json.dumps(detail),
        request_id=asked.request_id,
    )
