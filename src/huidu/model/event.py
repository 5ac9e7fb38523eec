"""Event: a call that nobody waits for, kept until it has been run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from enum import StrEnum

from huidu.model.function import FunctionName
from huidu.model.trace import NOTHING_SENT, Sent

MOST_ERROR_CHARS = 2000  #: Of an attempt; the whole of it is in the record of the call.
MOST_HISTORY = 40  #: Attempts that are kept of an event: the first, and the last ones.


class State(StrEnum):
    """Where an event stands."""

    READY = "ready"  #: To be run as soon as there is room.
    DELAYED = "delayed"  #: To be run again, not before a moment.
    RUNNING = "running"  #: Lent to a server, until its lease ends.
    FINISHED = "finished"
    DEAD = "dead"  #: Given up, and kept with all that a redrive needs.
    ABORTED = "aborted"  #: Somebody ended it.
    DISCARDED = "discarded"  #: Given up, and somebody has seen that.


#: An event in one of these is still to be run to its end.
LIVE = (State.READY, State.DELAYED, State.RUNNING)
#: One in one of these is not to be run any more, and leaves nothing but its status.
OVER = (State.FINISHED, State.ABORTED, State.DISCARDED)
#: What an event's state is called by `GetAsyncEventStatus` (`AsyncEventStatus` of the SDK).
SPOKEN = {
    State.READY: "RUNNING",
    State.DELAYED: "RUNNING",
    State.RUNNING: "RUNNING",
    State.FINISHED: "FINISHED",
    State.DEAD: "FAILED",
    State.ABORTED: "ABORTED",
    State.DISCARDED: "FAILED",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One run of an event: where it went, why there, and what came of it."""

    number: int  #: As the function's `RetryNum`: 0 for the first.
    started_at: float = 0.0  #: Seconds since the epoch; 0 where that was not written down.
    duration_ms: float = 0.0
    version: str = ""  #: Empty where none was chosen, or where nobody could write it down.
    alias: str = ""
    revision: int = 0  #: Of the alias, when it was asked.
    reason: str = ""  #: Why this version.
    status: int = 0  #: 0 where the attempt was cut off: its server ended.
    error: str = ""
    then: str = ""  #: What was decided of the event.


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedEvent:
    """An asynchronous invocation as it was accepted, and what became of it so far.

    The qualifier is kept as it was sent: the alias is resolved at each attempt, so that a
    rollback also saves what is still queued (D-34).
    """

    request_id: str
    function: FunctionName
    function_id: str = ""  #: Of the function that was meant; one made anew under its name is not.
    qualifier: str
    event: bytes
    routing_key: str = ""
    trigger: str = "api"
    accepted_at: float = 0.0
    attempts: int = 0  #: That have begun before.
    sent: Sent = NOTHING_SENT  #: Of the trace that whoever sent it is in.
    failures: int = 0  #: Attempts that failed by the function's own doing, since `since`.
    since: float = 0.0  #: From when on its time counts: since it was accepted, or redriven.
    stopping: bool = False  #: Whether somebody wants it ended.
    history: tuple[Attempt, ...] = ()
    depth: int = 0  #: Events that led to it, each by the destination of the one before.
    sequence: int = 0  #: Its row, once kept.

    @property
    def waits_since(self) -> float:
        """From when on its time counts."""
        return self.since or self.accepted_at

    @property
    def first_version(self) -> str:
        """The version that had it first; empty where none had, or none is known."""
        return next((one.version for one in self.history if one.version), "")

    @property
    def last_version(self) -> str:
        """The version that had it last; empty where none had, or none is known."""
        return next((one.version for one in reversed(self.history) if one.version), "")

    def with_attempt(self, attempt: Attempt) -> tuple[Attempt, ...]:
        """Return its history with one attempt more; of very many the middle is forgotten."""
        every = (*self.history, attempt)
        return every if len(every) <= MOST_HISTORY else (every[0], *every[2:])


def write_history(attempts: Sequence[Attempt]) -> str:
    """Return attempts as a text, from which `read_history` makes the same again."""
    if not attempts:
        return ""
    return json.dumps([astuple(one) for one in attempts], ensure_ascii=False, separators=(",", ":"))


def read_history(text: str) -> tuple[Attempt, ...]:
    """Return the attempts that a text tells of."""
    names = Attempt.__slots__
    return tuple(
        Attempt(**dict(zip(names, values, strict=True))) for values in json.loads(text or "[]")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What is to be kept of an attempt that has ended, and of its event."""

    event: QueuedEvent  #: As it was taken.
    state: State
    attempt: Attempt
    at: float
    next_at: float = 0.0  #: When a delayed one is to be run again.
    failures: int = 0
    log: str = ""  #: The end of what it printed; kept of one that is given up.
    result: str = ""  #: JSON, for whoever it goes on to.


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An event as it is kept, whatever its state."""

    event: QueuedEvent
    state: State
    next_at: float = 0.0
    version: str = ""  #: That had it last.
    status: int = 0
    error: str = ""
    log: str = ""
    ended_at: float = 0.0
    redriven: int = 0  #: How often it was played again.


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the queue gave in one turn."""

    events: tuple[QueuedEvent, ...] = ()
    after: str = ""  #: The function id that was served last.
    more: bool = False  #: Whether there may be more that is due.
    next_at: float | None = None  #: When the first of those becomes due that are delayed.
    lost: int = 0  #: Of what had ended, how many were no longer this server's.
