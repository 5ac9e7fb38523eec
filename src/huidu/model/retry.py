"""Retry: whether an event that failed is tried again, and when; by whose doing it was.

The classes, counts and intervals are those of document 583/34383 (section 6 of the fact sheet).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from huidu.model.errors import InvalidValue, LimitExceeded
from huidu.model.event import State
from huidu.model.fault import Fault, fault_of
from huidu.model.invocation import Status

MOST_RETRIES = 2
LEAST_TTL_S, MOST_TTL_S = 60, 21_600
INTERVAL_S = 60.0  #: Between attempts that failed by the function's doing, or for want of room.
FIRST_BACK_OFF_S, LONGEST_BACK_OFF_S = 1.0, 300.0  #: Between those that failed by ours, doubling.
#: For how long an event may be delayed at most; where it is for longer, the clock was set back.
LONGEST_DELAY_S = 3600.0
UNTIL_EXPIRY = -1  #: As a number of retries: as many as there is time for.


class By:
    """By what an event that failed is told apart."""

    FUNCTION, ROOM, PLATFORM, NEVER = "function", "room", "platform", "never"


CLASSES: Mapping[Fault, str] = {
    Fault.USER: By.FUNCTION,
    Fault.TIMEOUT: By.FUNCTION,
    Fault.MEMORY: By.FUNCTION,
    Fault.THROTTLED: By.ROOM,
    Fault.PLATFORM: By.PLATFORM,
    Fault.CALLER: By.NEVER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventConfig:
    """How often events of a function are tried again, and for how long they are kept for that."""

    retries: int = MOST_RETRIES
    ttl_s: int = MOST_TTL_S

    def __post_init__(self) -> None:
        if not 0 <= self.retries <= MOST_RETRIES:
            raise LimitExceeded("RetryNum", f"RetryNum {self.retries}: must be 0 to {MOST_RETRIES}")
        if not LEAST_TTL_S <= self.ttl_s <= MOST_TTL_S:
            raise LimitExceeded(
                "MsgTTL", f"MsgTTL {self.ttl_s}: must be {LEAST_TTL_S} to {MOST_TTL_S} seconds"
            )


USUAL = EventConfig()

#: Where a retry of an event goes that was sent to an alias.
CURRENT, FIRST = "current", "first"
TARGETS = (CURRENT, FIRST)


def check_target(target: str) -> str:
    """Return where retries go, or raise `InvalidValue`."""
    if target not in TARGETS:
        raise InvalidValue(
            "RetryOn",
            f"RetryOn {target[:40]!r}: must be {CURRENT} (the version that the alias leads to when "
            f"it is tried again) or {FIRST} (the version that had it first)",
        )
    return target


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """An attempt that has ended, as the decision sees it."""

    status: int
    attempts: int  #: That had begun before this one.
    failures: int  #: Of them, those that failed by the function's doing.
    since: float  #: From when on the event's time counts.


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of an event."""

    state: State
    next_at: float = 0.0
    failures: int = 0
    why: str = ""


def decide(ran: Ran, config: EventConfig, now: float, interval_s: float = INTERVAL_S) -> Verdict:
    """Say what becomes of an event after an attempt.

    What failed by the function's doing is tried `retries` times more; what found no room, and what
    failed by the platform's, until its time is over; what can never succeed, not at all.
    """
    fault = fault_of(ran.status)
    if fault is None:
        return Verdict(state=State.FINISHED, failures=ran.failures, why="finished")
    kind = CLASSES[fault]
    if kind == By.NEVER:
        return _dead(ran.failures, "such a failure is never tried again")
    failures = ran.failures + (kind == By.FUNCTION)
    if failures > config.retries:
        return _dead(failures, f"failed {failures} times, RetryNum is {config.retries}")
    wait_s = back_off_s(ran.attempts) if kind == By.PLATFORM else interval_s
    if now + wait_s > ran.since + config.ttl_s:
        return _dead(failures, f"no time for another attempt, MsgTTL is {config.ttl_s} s")
    return Verdict(
        state=State.DELAYED,
        next_at=now + wait_s,
        failures=failures,
        why=f"again in {wait_s:g} s ({kind})",
    )


def _dead(failures: int, why: str) -> Verdict:
    return Verdict(state=State.DEAD, failures=failures, why=f"given up: {why}")


def back_off_s(attempts: int) -> float:
    """Return how long to wait after so many attempts before: doubling, up to 5 minutes."""
    return min(FIRST_BACK_OFF_S * 2.0 ** min(attempts, 30), LONGEST_BACK_OFF_S)


def expired(since: float, config: EventConfig, now: float) -> bool:
    """Tell whether an event has waited for too long to be begun."""
    return now - since > config.ttl_s


def status_of(code: str) -> int:
    """Return the status of an attempt that was refused before any version had it."""
    for begin, status in REFUSED.items():
        if code.startswith(begin):
            return status
    return Status.INTERNAL_ERROR


REFUSED: Mapping[str, int] = {
    "ResourceNotFound.Qualifier": Status.QUALIFIER_NOT_FOUND,
    "ResourceNotFound": Status.FUNCTION_NOT_FOUND,
    "InvalidParameter": Status.BAD_EVENT,
    "ResourceUnavailable": Status.INTERNAL_ERROR,
}
