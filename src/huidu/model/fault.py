"""Fault: whose doing it is that a call failed, told by its status."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from huidu.model.invocation import Status


class Fault(StrEnum):
    """Whose doing a failure is."""

    USER = "user"  #: The function's code, or what it is set up with.
    TIMEOUT = "timeout"
    MEMORY = "memory"
    PLATFORM = "platform"
    THROTTLED = "throttled"  #: There was no room for the call; nothing was run.
    CALLER = "caller"  #: Who asked for what is not there, sent what cannot be, or left.


FAULTS: Mapping[int, Fault] = {
    Status.USER_ERROR: Fault.USER,
    Status.USER_CODE_ERROR: Fault.USER,
    Status.HANDLER_NOT_FOUND: Fault.USER,
    Status.PROCESS_EXITED: Fault.USER,
    Status.RESULT_TOO_LARGE: Fault.USER,
    Status.INIT_FAILED: Fault.USER,
    Status.PORT_NOT_BOUND: Fault.USER,
    Status.TIMED_OUT: Fault.TIMEOUT,
    Status.INIT_TIMED_OUT: Fault.TIMEOUT,
    Status.MEMORY_EXCEEDED: Fault.MEMORY,
    Status.INSTANCE_EXITED: Fault.PLATFORM,
    Status.INTERNAL_ERROR: Fault.PLATFORM,
    Status.TOO_FAST: Fault.THROTTLED,
    Status.CONCURRENCY_EXCEEDED: Fault.THROTTLED,
    Status.BAD_EVENT: Fault.CALLER,
    Status.EVENT_TOO_LARGE: Fault.CALLER,
    Status.FUNCTION_NOT_FOUND: Fault.CALLER,
    Status.QUALIFIER_NOT_FOUND: Fault.CALLER,
    Status.SOCKET_IDLE: Fault.CALLER,
    Status.SOCKET_BROKEN: Fault.CALLER,
    Status.CANCELLED: Fault.CALLER,
}


#: What speaks against the version that was called; the others say nothing of it.
AGAINST = frozenset({Fault.USER, Fault.TIMEOUT, Fault.MEMORY, Fault.PLATFORM})


def fault_of(status: int) -> Fault | None:
    """Return whose doing a status is; None for a success, and the platform for what is unknown."""
    if status == Status.SUCCESS:
        return None
    return FAULTS.get(status, Fault.PLATFORM)
