"""Destination: where it goes on from an event that has been run, or given up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from huidu.model.event import Ended, QueuedEvent, State
from huidu.model.function import FunctionName
from huidu.model.invocation import MOST_ASYNC_EVENT_BYTES

TRIGGER = "destination"
#: Events in a row, each of which was sent by the one before; one more is not sent.
MOST_DEPTH = 16
SUCCESS, FAILURE = "success", "failure"
#: What becomes of an event, and by which destination it goes on.
SIDES: Mapping[State, str] = {State.FINISHED: SUCCESS, State.DEAD: FAILURE}
TOO_DEEP = (
    f"not run: {MOST_DEPTH} events in a row led here, each sent by the destination of the one "
    "before; is it a loop?"
)
FULL = "not run: as many events of its function as may were waiting when it was sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A function, or a webhook."""

    function: FunctionName | None = None
    qualifier: str = ""
    webhook: str = ""  #: Its id, where it is one.


Destinations = Mapping[str, Destination]  #: By `SUCCESS` and `FAILURE`.


@dataclass(frozen=True, slots=True, kw_only=True)
class Onward:
    """What an event sends on as it ends."""

    record: bytes
    event: QueuedEvent | None = None  #: For a function.
    webhook: str = ""
    refused: str = ""  #: Why the event is not to be run, but kept as a dead letter.


def onward(ended: Ended, destinations: Destinations, function_id: str) -> Onward | None:
    """Return what goes on from an event, or None where nothing does.

    `function_id` is of the function that it goes on to. The id of what is sent is made of the
    event's, of its attempt, and of when its time began: it is the same however often this is
    asked, and another one of an event that was played again, or that came another way.
    """
    goes = destinations.get(SIDES.get(ended.state, ""))
    if goes is None:
        return None
    record = record_of(ended)
    if goes.function is None:
        return Onward(record=record, webhook=goes.webhook)
    source = ended.event
    depth = source.depth + 1
    event = QueuedEvent(
        request_id=_id_of(ended, depth),
        function=goes.function,
        function_id=function_id,
        qualifier=goes.qualifier,
        event=record,
        trigger=TRIGGER,
        accepted_at=ended.at,
        sent=source.sent,
        depth=depth,
    )
    return Onward(record=record, event=event, refused=TOO_DEEP if depth > MOST_DEPTH else "")


def _id_of(ended: Ended, depth: int) -> str:
    """Return an id that begins as that of the first event did, and is the event's own."""
    source = ended.event
    way = f"{source.request_id} {source.waits_since!r}".encode()
    digest = hashlib.blake2b(way, digest_size=4).hexdigest()
    return f"{source.request_id[:36]}-{ended.attempt.number}-{depth}-{digest}"


def record_of(ended: Ended) -> bytes:
    """Return what a destination is told, as JSON, in the form of AWS Lambda's.

    What is too large for an event goes without the answer, or without both.
    """
    told = _told(ended)
    for lacking in ((), ("responsePayload",), ("responsePayload", "requestPayload")):
        slim = told | {f"{name}Omitted": True for name in lacking} | dict.fromkeys(lacking)
        record = json.dumps(slim, ensure_ascii=False).encode()
        if len(record) <= MOST_ASYNC_EVENT_BYTES:
            break
    return record


def _told(ended: Ended) -> dict[str, object]:
    event, attempt = ended.event, ended.attempt
    failed = ended.state != State.FINISHED
    at = datetime.fromtimestamp(ended.at, UTC).isoformat(timespec="milliseconds")
    return {
        "version": "1.0",
        "timestamp": at.replace("+00:00", "Z"),
        "requestContext": {
            "requestId": event.request_id,
            "namespace": event.function.namespace,
            "functionName": event.function.name,
            "qualifier": event.qualifier,
            "condition": _condition(ended),
            "approximateInvokeCount": attempt.number + 1,
            "depth": event.depth,
        },
        "requestPayload": _json(event.event),
        "responseContext": {
            "statusCode": attempt.status,
            "executedVersion": attempt.version,
            "alias": attempt.alias,
            **({"functionError": attempt.error, "reason": attempt.then} if failed else {}),
        },
        "responsePayload": _json(ended.result.encode()),
    }


def _condition(ended: Ended) -> str:
    if ended.state == State.FINISHED:
        return "Success"
    return "EventAgeExceeded" if "MsgTTL" in ended.attempt.then else "RetriesExhausted"


def _json(text: bytes) -> object:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return text.decode("utf-8", "replace")
