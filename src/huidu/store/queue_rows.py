"""Events to rows and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, RowMapping

from huidu.model.event import OVER as OVER_STATES
from huidu.model.event import Ended, Kept, QueuedEvent, State, read_history, write_history
from huidu.model.function import FunctionName
from huidu.model.invocation import MOST_TAIL_BYTES
from huidu.model.trace import Sent
from huidu.store.queue_tables import QUEUED

Row = Mapping[str, Any]
#: Everything but what was sent, of which there may be 128 KB.
SHOWN: tuple[Column[Any], ...] = tuple(one for one in QUEUED.c if one.name != "event")


def event_row(event: QueuedEvent) -> Row:
    """Return the row of an event that is put into the queue."""
    return {
        "request_id": event.request_id,
        "namespace": event.function.namespace,
        "function": event.function.name,
        "function_id": event.function_id,
        "qualifier": event.qualifier,
        "routing_key": event.routing_key,
        "trigger": event.trigger,
        "traceparent": event.sent.parent,
        "tracestate": event.sent.state,
        "accepted_at": event.accepted_at,
        "since": event.waits_since,
        "state": State.READY.value,
        "attempts": event.attempts,
        "depth": event.depth,
        "event": event.event,
    }


def event_from(row: RowMapping, event: bytes = b"") -> QueuedEvent:
    """Return the event of a row, with what was sent where that was read."""
    return QueuedEvent(
        request_id=row["request_id"],
        function=FunctionName(row["namespace"], row["function"]),
        function_id=row["function_id"],
        qualifier=row["qualifier"],
        event=event,
        routing_key=row["routing_key"],
        trigger=row["trigger"],
        accepted_at=row["accepted_at"],
        attempts=row["attempts"],
        sent=Sent(row["traceparent"], row["tracestate"]),
        failures=row["failures"],
        since=row["since"],
        stopping=bool(row["stopping"]),
        history=read_history(row["history"]),
        depth=row["depth"],
        sequence=row["sequence"],
    )


def kept_from(row: RowMapping) -> Kept:
    """Return all that is kept of an event."""
    return Kept(
        event=event_from(row, row.get("event", b"")),
        state=State(row["state"]),
        next_at=row["next_at"],
        version=row["version"],
        status=row["status"],
        error=row["error"],
        log=row["log"],
        ended_at=row["ended_at"],
        redriven=row["redriven"],
    )


def ended_row(ended: Ended) -> dict[str, Any]:
    """Return what an attempt that has ended changes of its event's row."""
    attempt = ended.attempt
    row: dict[str, Any] = {
        "of": ended.event.sequence,
        "state": ended.state.value,
        "next_at": ended.next_at,
        "failures": ended.failures,
        "version": attempt.version or ended.event.last_version,
        "status": attempt.status,
        "error": attempt.error,
        "ended_at": 0.0 if ended.state == State.DELAYED else ended.at,
        "history": write_history(ended.event.with_attempt(attempt)),
        "log": "" if ended.state in OVER_STATES else tail_of(ended.log),
        "owner": "",
        "leased_until": 0.0,
    }
    return row | {"event": b""} if ended.state in OVER_STATES else row


def tail_of(log: str) -> str:
    """Return the end of what was printed: 4 KB, as `LogType=Tail` gives it."""
    return log.encode("utf-8", "replace")[-MOST_TAIL_BYTES:].decode("utf-8", "ignore")
