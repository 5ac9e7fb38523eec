"""Invocation: a call, what came of it, and the record that it leaves."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Final, NamedTuple

from huidu.model.function import FunctionName
from huidu.model.trace import NO_TRACE, Trace
from huidu.model.traits import NO_TRAITS, Traits

MOST_EVENT_BYTES = 6 * 1024 * 1024
MOST_ASYNC_EVENT_BYTES = 128 * 1024
MOST_RESULT_BYTES = 6 * 1024 * 1024
MOST_TAIL_BYTES = 4096
EMPTY_EVENT = b"{}"


class Status(IntEnum):
    """The status codes of a run, as SCF numbers them (document 583/42611)."""

    SUCCESS = 200
    BAD_EVENT = 400
    INSTANCE_EXITED = 405
    EVENT_TOO_LARGE = 406
    RESULT_TOO_LARGE = 407
    TOO_FAST = 429
    USER_ERROR = 430
    CONCURRENCY_EXCEEDED = 432
    TIMED_OUT = 433
    MEMORY_EXCEEDED = 434
    FUNCTION_NOT_FOUND = 435
    HANDLER_NOT_FOUND = 437
    PROCESS_EXITED = 439
    QUALIFIER_NOT_FOUND = 442
    USER_CODE_ERROR = 443  #: The same as 430, for every language but Python (D-38).
    INIT_FAILED = 445
    PORT_NOT_BOUND = 446
    INIT_TIMED_OUT = 450
    SOCKET_IDLE = 455
    SOCKET_BROKEN = 456  #: The caller of a WebSocket left without closing it.
    CANCELLED = 499
    INTERNAL_ERROR = 500


#: Failures of the user's code: what `UserCodeException` means in a log filter (D-51).
USER_FAILURES = frozenset(
    {
        Status.USER_ERROR,
        Status.USER_CODE_ERROR,
        Status.HANDLER_NOT_FOUND,
        Status.PROCESS_EXITED,
    }
)


class Invocation:
    """One call of a function, as any door makes it."""

    __slots__ = (
        *("copied_from", "event", "function", "later", "qualifier", "request_id"),
        *("retry_number", "root_request_id", "routing_key", "stays_on", "trace", "traits"),
        "trigger",
    )

    def __init__(
        self,
        *,
        request_id: str,
        function: FunctionName,
        qualifier: str,
        event: bytes = EMPTY_EVENT,  #: JSON.
        traits: Traits = NO_TRAITS,
        routing_key: str = "",  #: The JSON text as it was sent, to be handed on (D-33).
        trigger: str = "api",
        retry_number: int = 0,
        root_request_id: str = "",  #: The call that this one belongs to; its own id by default.
        trace: Trace = NO_TRACE,
        stays_on: str = "",  #: The version to stay on, where it is still there; else it is routed.
        #: Whether nobody waits for it: then it waits behind those somebody does.
        later: bool = False,
        copied_from: str = "",  #: Of a mirror's copy, the alias that the call itself came through.
    ) -> None:
        self.request_id: Final = request_id
        self.function: Final = function
        self.qualifier: Final = qualifier
        self.event: Final = event
        self.traits: Final = traits
        self.routing_key: Final = routing_key
        self.trigger: Final = trigger
        self.retry_number: Final = retry_number
        self.root_request_id: Final = root_request_id
        self.trace: Final = trace
        self.stays_on: Final = stays_on
        self.later: Final = later
        self.copied_from: Final = copied_from


class Outcome:
    """What came of a call. A failure of the user's code is a value, not an exception.

    `result` is JSON text: what the handler returned, or the error payload of section 3.3. The log
    of a silent one is not written until somebody asks for it: see `frame.log_left`.
    """

    __slots__ = (
        *("cold", "duration_ms", "error", "init_ms", "instance", "log", "memory_bytes"),
        *("memory_mb", "result", "silent", "status", "streamed"),
    )

    def __init__(
        self,
        *,
        status: int,
        result: str = "",
        error: str = "",  #: Message and stack, empty on success.
        log: str = "",
        duration_ms: float = 0.0,
        #: How long the instance took to load the code, on its first call only.
        init_ms: float = 0.0,
        memory_bytes: int = 0,
        cold: bool = False,
        instance: str = "",
        streamed: int = 0,  #: Characters that it printed and that were handed out while it ran.
        silent: bool = False,  #: Whether it succeeded, and its log says no more than this does.
        memory_mb: int = 0,  #: What the version may use; known of what an instance ran.
    ) -> None:
        self.status: Final = status
        self.result: Final = result
        self.error: Final = error
        self.log: Final = log
        self.duration_ms: Final = duration_ms
        self.init_ms: Final = init_ms
        self.memory_bytes: Final = memory_bytes
        self.cold: Final = cold
        self.instance: Final = instance
        self.streamed: Final = streamed
        self.silent: Final = silent
        self.memory_mb: Final = memory_mb

    @property
    def succeeded(self) -> bool:
        """Whether the function answered."""
        return self.status == Status.SUCCESS


_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def failure(status: Status, message: str, request_id: str) -> Outcome:
    """Return the outcome of a call that the platform ended before any instance had it (D-38)."""
    payload = {
        "errorCode": -1,
        "errorMessage": message,
        "requestId": request_id,
        "statusCode": int(status),
    }
    return Outcome(status=status, result=_written(payload), error=message)


UNCOMPARED = 3  #: How many of the last fields say nothing of the call itself.


class Record(NamedTuple):
    """What is kept of a call, whatever its end.

    A tuple, since one is made for every call there is, and thousands of them are put away at once:
    that costs a third of what a dataclass does. Two are equal wherever they are kept.
    """

    request_id: str
    function: FunctionName
    qualifier: str
    function_id: str = ""  #: Empty where no function of this name was there.
    alias: str = ""  #: Empty where a version was called by its number.
    alias_revision: int = 0
    version: str = ""  #: Empty where the call was refused before a version was chosen.
    reason: str = ""  #: Why this version: `weight 0.1`, `rule 1`, ...
    probability: float = 1.0  #: With which this version was chosen; 1 where nothing was chance.
    draw: float | None = None  #: The draw in [0, 1) that decided, or where the sticky key lies.
    phases: str = ""  #: Where the exact split stood just before, as `write_phases` writes it.
    sticky_key: str = ""  #: As `sealed` writes it: the same of each call with the same key.
    status: int = Status.SUCCESS
    error: str = ""
    result: str = ""
    log: str = ""
    trigger: str = "api"
    retry_number: int = 0
    root_request_id: str = ""
    instance: str = ""
    cold: bool = False
    started_at: float = 0.0  #: Seconds since the epoch.
    queue_ms: float = 0.0  #: How long the call waited for an instance.
    init_ms: float = 0.0  #: How long the instance took to load the code, on its first call only.
    duration_ms: float = 0.0
    memory_bytes: int = 0
    memory_mb: int = 0  #: The configured limit.
    event_bytes: int = 0
    result_bytes: int = 0
    trace_id: str = ""
    span_id: str = ""  #: Empty where the call has no span of its own.
    parent_span_id: str = ""  #: Empty where the trace began with this call.
    sampled: bool = False
    streamed: bool = False  #: Whether `log` lacks what came before; not compared.
    silent: bool = False  #: Whether `log` is left out, as `log_of` makes it; not compared.
    sequence: int = 0  #: Its place in the journal, once kept; not compared.

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self[:-UNCOMPARED] == other[:-UNCOMPARED]

    def __hash__(self) -> int:
        return hash(self[:-UNCOMPARED])

    @property
    def attempt(self) -> int:
        """Which attempt at its root request this is, from 1 on."""
        return self.retry_number + 1

    @property
    def ran(self) -> bool:
        """Whether an instance had the call to its end."""
        return bool(self.instance)
