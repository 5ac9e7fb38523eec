"""Event: a call that nobody waits for, kept until it has been run."""

from __future__ import annotations

from dataclasses import dataclass

from huidu.model.function import FunctionName
from huidu.model.trace import NOTHING_SENT, Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedEvent:
    """An asynchronous invocation as it was accepted.

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
    attempts: int = 0
    sent: Sent = NOTHING_SENT  #: Of the trace that whoever sent it is in.
