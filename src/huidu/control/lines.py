"""Lines: search the log line by line, and follow it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from huidu.actions import logs as wire
from huidu.control import paging, times
from huidu.control.plane import Asked, Plane
from huidu.model.errors import InvalidValue
from huidu.model.function import FunctionName
from huidu.model.level import Level
from huidu.model.log import Line, Wanted
from huidu.store.shelf import LAST_PLACE as END

MOST_LINES = 1000
MOST_WAIT_S = 25
MOST_TEXT = 1000
MOST_FIELDS = 10
CURSOR = re.compile(r"([0-9]{1,15})\.(-1|[0-9]{1,13})")
CODES = re.compile(r"[1-5][0-9]{2}(,[1-5][0-9]{2}){0,19}")
#: What `Status` lets through beside codes: whether failed.
STATUSES = {"": None, "ok": False, "failed": True}


async def search(plane: Plane, asked: Asked, request: wire.SearchLogs) -> wire.FoundLines:
    """Return a page of the lines that are wanted; read before, written after, is not missed."""
    newest_first = paging.is_descending(request.order)
    limit = _limit(request.limit)
    wanted = await _wanted(
        plane,
        request,
        since=times.moment("Since", request.since, plane.zone, plane.clock()),
        until=times.moment("Until", request.until, plane.zone, plane.clock()),
    )
    start = _cursor(request.cursor)
    await _settled(plane)
    tail = (plane.logs.newest, END)
    if start is None:
        start = (tail[0], END) if newest_first else (0, END)
    page = await plane.logs.search(wanted, start, limit, newest_first=newest_first)
    return wire.FoundLines(
        lines=_shown(plane, page.lines),
        cursor=_written(page.next) if page.next else "",
        tail_cursor=_written(tail),
    )


async def tail(plane: Plane, asked: Asked, request: wire.TailLogs) -> wire.TailedLines:
    """Return the lines behind a cursor as soon as there are any.

    Who goes on from the cursor of each answer sees every line that is wanted, once. Only of a
    call that runs for long it cannot be known in time whether it will fail: `Status` finds the
    lines that it printed before its end by a search only.
    """
    if not 0 <= request.wait_seconds <= MOST_WAIT_S:
        wrong = f"WaitSeconds {request.wait_seconds}: must be 0 to {MOST_WAIT_S}"
        raise InvalidValue("WaitSeconds", wrong)
    limit = _limit(request.limit)
    wanted = await _wanted(plane, request)
    start = _cursor(request.cursor)
    if start is None:
        await _settled(plane)
    newest = plane.logs.newest
    place = min(start or (newest, END), (newest, END))
    until = plane.clock() + request.wait_seconds
    while True:
        seen = (plane.logs.newest, END)
        page = await plane.logs.search(wanted, place, limit, newest_first=False)
        place = page.next or max(seen, (page.lines[-1].chunk.sequence if page.lines else 0, END))
        left = until - plane.clock()
        if page.lines or page.next or left <= 0 or plane.logs.hushed:
            return wire.TailedLines(lines=_shown(plane, page.lines), cursor=_written(place))
        await plane.logs.wait(place[0], left)


async def _settled(plane: Plane) -> None:
    """Return when what has ended until now can be found."""
    await plane.recorder.flush()
    await plane.logs.flush()


async def _wanted(
    plane: Plane, request: wire.Narrowed, since: float | None = None, until: float | None = None
) -> Wanted:
    function_id = ""
    if request.function_name:
        named = FunctionName(request.namespace, request.function_name)
        function = await plane.catalog.read(lambda reading: reading.function(named))
        function_id = function.id
    if len(request.text) > MOST_TEXT:
        raise InvalidValue("", f"Text: {len(request.text)} characters, at most {MOST_TEXT}")
    codes = CODES.fullmatch(request.status)
    if not codes and request.status not in STATUSES:
        wrong = f"Status {request.status[:40]!r}: must be ok, failed, or codes as in 432,433"
        raise InvalidValue("Status", wrong)
    return Wanted(
        function_id=function_id,
        namespace=request.namespace,
        request_id=request.request_id,
        version=request.function_version,
        alias=request.alias,
        since=since,
        until=until,
        statuses=frozenset(map(int, request.status.split(",") if codes else ())),
        failed=None if codes else STATUSES[request.status],
        errors=request.errors,
        level=_level(request.level),
        text=request.text,
        fields=_fields(request.fields),
    )


def _level(name: str) -> int:
    if not name:
        return 0
    if name.upper() not in Level.__members__:
        known = ", ".join(Level.__members__)
        raise InvalidValue("Level", f"Level {name[:40]!r}: must be one of {known}")
    return Level[name.upper()]


def _fields(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    if len(texts) > MOST_FIELDS:
        raise InvalidValue("Fields", f"Fields: {len(texts)}, at most {MOST_FIELDS}")
    found = []
    for text in texts:
        name, colon, value = text.partition(":")
        if not (name and colon):
            wrong = f"Fields {text[:40]!r}: must read name:value, as in orderId:7"
            raise InvalidValue("Fields", wrong)
        found.append((name, value))
    return tuple(found)


def _limit(limit: int) -> int:
    if limit < 1:
        raise InvalidValue("Limit", f"Limit {limit}: must be 1 to {MOST_LINES}")
    return min(limit, MOST_LINES)


def _cursor(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    read = CURSOR.fullmatch(text)
    if read is None:
        wrong = f"Cursor {text[:40]!r}: must be the Cursor of an answer, as it came"
        raise InvalidValue("Cursor", wrong)
    return int(read[1]), int(read[2])


def _written(place: tuple[int, int]) -> str:
    return f"{place[0]}.{place[1]}"


def _shown(plane: Plane, lines: Sequence[Line]) -> list[wire.LogLine]:
    return [
        wire.LogLine(
            cursor=_written((line.chunk.sequence, line.place)),
            time=times.show_ms(line.at, plane.zone),
            level=line.level.name,
            kind=line.kind,
            text=line.text,
            namespace=line.chunk.namespace,
            function_name=line.chunk.function,
            function_version=line.chunk.version,
            alias=line.chunk.alias,
            request_id=line.chunk.request_id,
            retry_num=line.chunk.retry_number,
            status_code=line.chunk.status,
            duration=round((line.chunk.ended - line.chunk.began) * 1000, 3),
        )
        for line in lines
    ]
