"""Endings: how it is told that an instance gave no answer, whatever the kind of instance."""

from __future__ import annotations

from huidu.instances import answers
from huidu.instances.launch import Exit
from huidu.instances.outcomes import Ending
from huidu.instances.wire import ProtocolError
from huidu.model.function import Configuration
from huidu.model.invocation import Status


def timed_out(wanted: Configuration) -> Ending:
    """The call took longer than it may (433)."""
    message = f"Invoking task timed out after {wanted.timeout_s} seconds"
    return Ending(status=Status.TIMED_OUT, message=message)


def stopped() -> Ending:
    """The platform ended the instance amid the call (405)."""
    return Ending(status=Status.INSTANCE_EXITED, message="the platform ended the instance")


def out_of_memory(wanted: Configuration, peak_bytes: int) -> Ending:
    """The instance took more memory than it may (434); 0 where it is not known how much."""
    peak = f" (peak {peak_bytes >> 20} MB)" if peak_bytes else ""
    message = f"Memory limit of {wanted.memory_mb} MB exceeded{peak}"
    return Ending(status=Status.MEMORY_EXCEEDED, message=message, peak_bytes=peak_bytes)


def exited(ended: Exit) -> Ending:
    """The process ended amid the call (439)."""
    message = f"User process exit when running: it {ended}"
    return Ending(status=Status.PROCESS_EXITED, message=message)


def never_ready(ended: Exit) -> Ending:
    """The process ended while it was to load its version (445)."""
    return answers.unready(f"the instance ended before it was ready: it {ended}")


def never_agreed(error: ProtocolError) -> Ending:
    """The worker did not speak as agreed while it was to load its version (445)."""
    return answers.unready(f"the instance does not speak as agreed: {error}")
