"""Frame: the platform's own lines around what a call printed, and a call that printed nothing."""

from __future__ import annotations

import math

from huidu.model.invocation import Outcome, Record

MOST_SHOWN_BYTES = 1024
MB = 1 << 20


def cut(text: bytes, most: int) -> bytes:
    """Return no more than so many bytes from the start of a UTF-8 text, and no half character."""
    if len(text) <= most:
        return text
    while most and text[most] & 0xC0 == 0x80:  # noqa: PLR2004 - a byte that goes on
        most -= 1
    return text[:most]


def shown(text: str) -> str:
    """Return as much of a text as a line of the log shows."""
    return cut(text[:MOST_SHOWN_BYTES].encode(), MOST_SHOWN_BYTES).decode()


def head(request_id: str) -> str:
    """Return the line that a call begins with (section 4.7)."""
    return f"START RequestId: {request_id}\n"


def foot(request_id: str, result: str, duration_ms: float, memory_mb: int, peak_bytes: int) -> str:
    """Return the lines that every call ends with, with the space after `RequestId:` (D-43)."""
    return (
        f"Response RequestId: {request_id} RetMsg:{shown(result)}\n"
        f"END RequestId: {request_id}\n"
        f"Report RequestId: {request_id} Duration:{math.ceil(duration_ms)}ms "
        f"Memory:{memory_mb}MB MemUsage:{peak_bytes / MB:f}MB\n"
    )


def log_left(outcome: Outcome, request_id: str) -> str:
    """Return the whole log of a call that has just ended."""
    if not outcome.silent or outcome.log:
        return outcome.log
    end = foot(
        request_id, outcome.result, outcome.duration_ms, outcome.memory_mb, outcome.memory_bytes
    )
    return head(request_id) + end


def log_of(record: Record) -> str:
    """Return the log of a call, which a silent one does not carry along."""
    return frame_of(record) if record.silent else record.log


def frame_of(record: Record) -> str:
    """Return the lines around what a call printed that went well."""
    return head(record.request_id) + foot_of(record)


def foot_of(record: Record) -> str:
    """Return the lines that a silent call ended with."""
    return foot(
        record.request_id,
        record.result,
        record.duration_ms,
        record.memory_mb,
        record.memory_bytes,
    )
