"""Logs: search the lines that functions print, and follow them as they come."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import (
    FUNCTION_ERRORS,
    HUIDU,
    HUIDU_VERSION,
    Action,
    Namespace,
    Wire,
)
from huidu.model.names import DEFAULT_NAMESPACE

Moment = Annotated[
    str,
    Meta(
        description="`YYYY-MM-DD HH:MM:SS` in the server's display zone, or how long ago: `90s`, "
        "`10m`, `2h`, `3d`."
    ),
]


class Narrowed(Wire, kw_only=True):
    """Which lines are wanted; what is left out does not narrow."""

    function_name: Annotated[
        str, Meta(description="The name of a function; all of the namespace where left out.")
    ] = ""
    namespace: Namespace = DEFAULT_NAMESPACE
    request_id: Annotated[
        str, Meta(description="Of one call; the beginning of its id is enough.")
    ] = ""
    function_version: Annotated[str, Meta(description="Of calls that this version answered.")] = ""
    alias: Annotated[str, Meta(description="Of calls that came through this alias.")] = ""
    status: Annotated[
        str, Meta(description="`ok`, `failed`, or status codes, as in `433` or `432,433`.")
    ] = ""
    errors: Annotated[
        bool,
        Meta(description="All lines of calls that failed, and lines at ERROR or above of others."),
    ] = False
    level: Annotated[
        str, Meta(description="At this level or above: TRACE, DEBUG, INFO, WARN, ERROR or FATAL.")
    ] = ""
    text: Annotated[
        str, Meta(description="Printed, or said of a failure, with this in the line, in any case.")
    ] = ""
    fields: Annotated[
        list[str],
        Meta(description="JSON lines with all of these fields, each as `name:value`."),
    ] = field(default_factory=list)


class SearchLogs(Narrowed, kw_only=True):
    """Search the lines that functions printed, and those that the platform adds."""

    since: Moment = ""
    until: Moment = ""
    order: Annotated[str, Meta(description="DESC for the newest first, or ASC.")] = "DESC"
    limit: Annotated[int, Meta(description="How many lines to return, at most 1000.")] = 100
    cursor: Annotated[str, Meta(description="`Cursor` of the page before.")] = ""


class TailLogs(Narrowed, kw_only=True):
    """Wait for lines that come after a cursor."""

    cursor: Annotated[
        str, Meta(description="`Cursor` or `TailCursor` of an answer; from now on where left out.")
    ] = ""
    wait_seconds: Annotated[
        int, Meta(description="How long to wait where there is nothing yet, 0 to 25.")
    ] = 20
    limit: Annotated[int, Meta(description="How many lines to return, at most 1000.")] = 1000


class LogLine(Wire):
    """One line."""

    cursor: str  #: Its place in the log; no two lines have the same.
    time: str
    level: str
    kind: str  #: start, printed, error, response, end or report.
    text: str
    namespace: str
    function_name: str
    function_version: str
    alias: str
    request_id: str
    retry_num: int
    status_code: int  #: Of the call; 0 where it still ran when the line was kept.
    duration: float  #: Of the call up to here, in ms.


class FoundLines(Wire):
    """A page of lines."""

    lines: list[LogLine]
    cursor: str  #: For the next page; empty where there is none.
    tail_cursor: str  #: For `TailLogs`, to follow from where this search looked.


class TailedLines(Wire):
    """What has come; perhaps nothing."""

    lines: list[LogLine]
    cursor: str  #: For the next `TailLogs`.


LOG_ERRORS = (
    *FUNCTION_ERRORS,
    "InvalidParameterValue.Cursor",
    "InvalidParameterValue.Fields",
    "InvalidParameterValue.Level",
    "InvalidParameterValue.Limit",
    "InvalidParameterValue.Status",
)

ACTIONS = (
    Action(
        service=HUIDU,
        version=HUIDU_VERSION,
        name="SearchLogs",
        summary="Search the lines that functions print.",
        request=SearchLogs,
        answer=FoundLines,
        errors=(
            *LOG_ERRORS,
            "InvalidParameterValue.DateTime",
            "InvalidParameterValue.Order",
        ),
    ),
    Action(
        service=HUIDU,
        version=HUIDU_VERSION,
        name="TailLogs",
        summary="Wait for the lines that functions print next.",
        request=TailLogs,
        answer=TailedLines,
        errors=(*LOG_ERRORS, "InvalidParameterValue.WaitSeconds"),
    ),
)
