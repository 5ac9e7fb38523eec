"""Logs: search the records of runs."""

from __future__ import annotations

import math
import re

from huidu.actions import invocations as wire
from huidu.control import paging, times
from huidu.control.plane import Asked, Plane
from huidu.model import names
from huidu.model.errors import InvalidParameter, InvalidValue, LimitExceeded
from huidu.model.function import FunctionName
from huidu.model.invocation import USER_FAILURES, Record, Status
from huidu.model.log import joined
from huidu.store.searching import Search

MOST_WINDOW_S = 86_400
MOST_DEEP = 10_000
DEFAULT_WINDOW_S = 900
LAST_S = 1  #: A moment is written in whole seconds, and the last of a window belongs to it.
REQUEST_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
COLUMNS = {
    "function_name": "function",
    "duration": "duration_ms",
    "mem_usage": "memory_bytes",
    "start_time": "started_at",
}
#: What each filter of `RetCode` lets through (D-51): whether failed, and which statuses.
RET_CODES: dict[str, tuple[bool | None, frozenset[int]]] = {
    "": (None, frozenset()),
    "not0": (True, frozenset()),
    "is0": (False, frozenset()),
    "TimeLimitExceeded": (None, frozenset({Status.TIMED_OUT})),
    "ResourceLimitExceeded": (
        None,
        frozenset(
            {
                Status.CONCURRENCY_EXCEEDED,
                Status.MEMORY_EXCEEDED,
                Status.EVENT_TOO_LARGE,
                Status.RESULT_TOO_LARGE,
            }
        ),
    ),
    "UserCodeException": (None, frozenset(USER_FAILURES)),
}


async def get(plane: Plane, asked: Asked, request: wire.GetFunctionLogs) -> wire.Logs:
    """Search the logs of a function's runs."""
    if not request.function_name:
        raise InvalidParameter("", "FunctionName: must be given")
    named = FunctionName(request.namespace, request.function_name)
    function = await plane.catalog.read(lambda reading: reading.function(named))
    search = _search(plane, request, function.id)
    await plane.recorder.flush()
    await plane.logs.flush()
    total, found = await plane.journal.find(search)
    printed = await plane.logs.printed([record.request_id for record in found])
    return wire.Logs(
        data=[
            _log(plane, record, printed.get((record.request_id, record.retry_number), ""))
            for record in found
        ],
        total_count=total,
        search_context=request.search_context or wire.SearchContext(),
    )


def _search(plane: Plane, request: wire.GetFunctionLogs, function_id: str) -> Search:
    ret_code = request.filter.ret_code if request.filter else ""
    if ret_code not in RET_CODES:
        known = ", ".join(filter(None, RET_CODES))
        raise InvalidValue("RetCode", f"Filter.RetCode {ret_code[:40]!r}: must be one of {known}")
    failed, statuses = RET_CODES[ret_code]
    since, until = _window(plane, request.start_time, request.end_time)
    if until is not None and since is not None and until - since > MOST_WINDOW_S + LAST_S:
        raise InvalidValue("StartTimeOrEndTime", "EndTime: at most one day after StartTime")
    offset = paging.offset_of(request.offset)
    limit = paging.limit_of(request.limit, MOST_DEEP)
    if offset + limit > MOST_DEEP:
        raise LimitExceeded("Offset", f"Offset + Limit is {offset + limit}, at most {MOST_DEEP}")
    by_version = names.names_version(request.qualifier)
    return Search(
        function_id=function_id,
        request_id=request.function_request_id,
        version=request.qualifier if by_version else "",
        alias="" if by_version else request.qualifier,
        since=since,
        until=until,
        statuses=statuses,
        failed=failed,
        column=paging.column_of(request.order_by, COLUMNS),
        descending=paging.is_descending(request.order),
        offset=offset,
        limit=limit,
    )


def _window(plane: Plane, start: str, end: str) -> tuple[float | None, float | None]:
    if bool(start) != bool(end):
        raise InvalidValue("StartTimeOrEndTime", "StartTime, EndTime: give both or neither")
    if not start:
        return None, None
    since, until = (
        times.read("StartTime", start, plane.zone),
        times.read("EndTime", end, plane.zone),
    )
    if until <= since:
        raise InvalidValue("StartTimeOrEndTime", "EndTime: must be later than StartTime")
    return since, until + LAST_S


def _log(plane: Plane, record: Record, printed: str) -> wire.FunctionLog:
    good = record.status == Status.SUCCESS
    return wire.FunctionLog(
        function_name=record.function.name,
        ret_msg=record.result,
        request_id=record.request_id,
        start_time=times.show(record.started_at, plane.zone),
        ret_code=0 if good else 1,
        invoke_finished=1,
        duration=round(record.duration_ms, 3),
        bill_duration=math.ceil(record.duration_ms),
        mem_usage=record.memory_bytes,
        log=joined(record.log, printed),
        level="INFO" if good else "ERROR",
        source=record.trigger,
        retry_num=record.retry_number,
        qualifier=record.version,
        alias=record.alias,
        status_code=record.status,
        routing_reason=record.reason,
    )


async def status(plane: Plane, asked: Asked, request: wire.GetRequestStatus) -> wire.Statuses:
    """Say what became of one call, one row for each attempt; of the last 15 minutes by default."""
    named = FunctionName(request.namespace, request.function_name)
    if not REQUEST_ID.fullmatch(request.function_request_id):
        raise InvalidValue(
            "FunctionRequestId", f"FunctionRequestId {request.function_request_id[:80]!r}: no id"
        )
    since, until = _window(plane, request.start_time, request.end_time)
    if since is None:
        since = plane.clock() - DEFAULT_WINDOW_S
    function = await plane.catalog.read(lambda reading: reading.function(named))
    waits = await plane.queue.holds(request.function_request_id)
    await plane.recorder.flush()
    search = Search(
        function_id=function.id,
        request_id=request.function_request_id,
        since=since,
        until=until,
        descending=False,
        limit=paging.MOST,
    )
    _, found = await plane.journal.find(search)
    rows = [_status(plane, record) for record in found]
    if waits and not rows:
        rows.append(_still_running(plane, request))
    return wire.Statuses(data=rows, total_count=len(rows))


def _status(plane: Plane, record: Record) -> wire.RequestStatus:
    return wire.RequestStatus(
        function_name=record.function.name,
        ret_msg=record.result,
        request_id=record.request_id,
        start_time=times.show(record.started_at, plane.zone),
        ret_code=0 if record.status == Status.SUCCESS else -1,
        duration=round(record.duration_ms, 3),
        mem_usage=round(record.memory_bytes / 1024 / 1024, 3),
        retry_num=record.retry_number,
    )


def _still_running(plane: Plane, request: wire.GetRequestStatus) -> wire.RequestStatus:
    return wire.RequestStatus(
        function_name=request.function_name,
        ret_msg="",
        request_id=request.function_request_id,
        start_time=times.show(plane.clock(), plane.zone),
        ret_code=1,
        duration=0.0,
        mem_usage=0.0,
        retry_num=0,
    )
