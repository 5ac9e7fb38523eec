"""Flight: one call from its route to its record, carried by callbacks rather than by a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

import structlog

from huidu.model.call import Call, Routed
from huidu.model.capacity import Busy, Retired, Stopped
from huidu.model.carrying import Leaves, Passenger
from huidu.model.errors import Failed, InvalidValue, Refusal
from huidu.model.function import WEB, FunctionName
from huidu.model.invocation import (
    MOST_EVENT_BYTES,
    Invocation,
    Outcome,
    Status,
    failure,
)
from huidu.model.task import Task
from huidu.model.traits import Traits
from huidu.model.version import ACTIVE, Version

TRIES = 3

log = structlog.get_logger("huidu.flight")


class Table(Protocol):
    """Where calls go."""

    def route(self, named: FunctionName, qualifier: str, traits: Traits) -> Routed: ...

    def stay(self, named: FunctionName, qualifier: str, number: str) -> Routed | None: ...

    def id_of(self, named: FunctionName) -> str | None: ...


class Running(Protocol):
    """What runs where a call runs."""

    def ended(self) -> None:
        """The call runs no more."""
        ...


class Recorder(Protocol):
    """Keeps what is left of a call, and counts those under way."""

    def began(self, lane: tuple[str, str, str]) -> Running:
        """An instance has a call; what this returns is to be told when it has it no more."""
        ...

    def take(self, call: Call) -> None:
        """A call has ended; nothing of it may change from here on."""
        ...

    def lost(self) -> None:
        """A call has ended of which nothing is kept: `take` has failed. Never raises."""
        ...


class Carried(Leaves, Protocol):
    """A call that is carried."""

    @property
    def waits(self) -> bool:
        """Whether it waits in line, and so has certainly not begun."""
        ...

    @property
    def behind(self) -> bool:
        """Whether it waits behind calls that run, rather than for the first instance."""
        ...


class UnderWay(Leaves, Protocol):
    """A call from its beginning to its end."""

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        ...

    def forsake(self, *, sure: bool) -> bool:
        """Whoever asked has left: have it not begin; tell whether that was in time.

        A call that runs goes on. Where it is not `sure` that he has left, for he may only have
        no more to ask, a call goes on as well that waits for nothing but the first instance.
        """
        ...


class Carrier(Protocol):
    """Where calls are carried to instances."""

    def carry(self, version: Version, passenger: Passenger, *, later: bool = False) -> Carried:
        """Have an instance run a call, and the call told what came of it, perhaps at once.

        `later`: a call that nobody waits for, which waits behind all others.
        """
        ...


class Answered:
    """What came of a call, and who answered; `alias` is empty where a version was called."""

    __slots__ = ("alias", "outcome", "reason", "revision", "version")

    def __init__(
        self,
        outcome: Outcome,
        version: str,
        alias: str,
        revision: int = 0,  #: Of the alias, as it was when the call was routed.
        reason: str = "",  #: Why this version.
    ) -> None:
        self.outcome: Final = outcome
        self.version: Final = version
        self.alias: Final = alias
        self.revision: Final = revision
        self.reason: Final = reason


#: Is shown a call with what came of it; returns at once, and never raises.
Shown = Callable[[Invocation, Answered], None]


class Caller(Protocol):
    """Whoever is told what came of a call: one of the two, once."""

    __slots__ = ()

    def answered(self, answered: Answered) -> None:
        """It was answered, well or not."""
        ...

    def failed(self, error: Exception) -> None:
        """It was refused before any version had it (`Refusal`), or an error is ours."""
        ...


class Ground:
    """What flights begin and end on."""

    __slots__ = ("carrier", "mirrored", "recorder", "table", "timer")

    def __init__(
        self,
        *,
        table: Table,
        carrier: Carrier,
        recorder: Recorder,
        timer: Callable[[], float],  #: Seconds, never backwards.
        #: Who is shown the calls of an alias once they are answered, by function id and alias.
        mirrored: Mapping[tuple[str, str], Shown],
    ) -> None:
        self.table: Final = table
        self.carrier: Final = carrier
        self.recorder: Final = recorder
        self.timer: Final = timer
        self.mirrored: Final = mirrored


class Flight(Passenger):
    """A call under way. One whose version went while it waited is routed anew."""

    __slots__ = ("_caller", "_carried", "_ground", "_running", "_tries", "call", "over")

    def __init__(self, ground: Ground, call: Call, caller: Caller) -> None:
        self.call = call
        self._ground = ground
        self._caller = caller
        self._tries = TRIES
        self._carried: Carried | None = None
        self._running: Running | None = None
        self.over = False  #: Whether it has ended.

    def begin(self) -> None:
        """Route the call and have it carried; the caller may be told the end from within."""
        call, ground = self.call, self._ground
        invocation = call.invocation
        try:
            if not self._tries:
                self.arrives(closing(invocation))
                return
            self._tries -= 1
            routed = route(ground.table, invocation)
            call.goes(routed)
            version = routed.version
            if version.status != ACTIVE or version.configuration.type == WEB:
                check_callable(version)
            if len(invocation.event) > MOST_EVENT_BYTES:
                self.arrives(too_large(invocation))
                return
            tries = self._tries
            carried = ground.carrier.carry(version, self, later=invocation.later)
            if tries == self._tries:  # else it was sent another way from within
                self._carried = carried
        except Exception as error:  # noqa: BLE001 - whoever waits is to hear of it
            self.broke(error)

    def leave(self) -> None:
        """Nobody waits for it any more. A call that runs is broken off with its instance."""
        if self.over:
            return
        self.over = True
        self._stop_running()
        if self._carried is not None:
            self._carried.leave()
        take(self._ground, self.call)

    def forsake(self, *, sure: bool) -> bool:
        """Have it not begin, for whoever asked has left; tell whether that was in time."""
        carried = self._carried
        if self.over or carried is None or not (carried.waits if sure else carried.behind):
            return False
        self.leave()
        return True

    def boards(self) -> Task:
        """There is an instance for it."""
        call = self.call
        return Task(invocation=call.invocation, version=version_of(call), alias=call.lane[1])

    def begins(self) -> None:
        """An instance runs it."""
        self._stop_running()
        call, ground = self.call, self._ground
        call.claimed = ground.timer()
        self._running = ground.recorder.began(call.lane)

    def arrives(self, outcome: Outcome) -> None:
        """Leave a record, and say what came of it."""
        if self.over:
            return
        self.over = True
        self._stop_running()
        self._carried = None
        call, ground = self.call, self._ground
        call.outcome = outcome
        take(ground, call)
        answered = answer(call)
        if ground.mirrored:
            shown = ground.mirrored.get(call.lane[:2])
            if shown is not None and call.lane[1]:
                shown(call.invocation, answered)
        self._caller.answered(answered)

    def refused(self, why: Busy | Retired) -> None:
        """Say that there is no room, or go another way."""
        if isinstance(why, Busy):
            self.arrives(busy(self.call.invocation, version_of(self.call), why))
        else:
            self.begin()

    def broke(self, error: Exception) -> None:
        """Say that it is an error."""
        if self.over:
            raise error
        self.over = True
        self._stop_running()
        self.call.outcome = failed(error)
        take(self._ground, self.call)
        self._caller.failed(error)

    def _stop_running(self) -> None:
        if self._running is not None:
            self._running.ended()
            self._running = None


def version_of(call: Call) -> Version:
    """Return the version that a call was routed to."""
    if call.routed is None:
        raise RuntimeError("a call that was not routed is carried nowhere")
    return call.routed.version


def take(ground: Ground, call: Call) -> None:
    """Leave a record of a call; never raises: who waits for its answer is told it all the same."""
    try:
        if call.routed is None:
            call.lane = (ground.table.id_of(call.invocation.function) or "", "", "")
        ground.recorder.take(call)
    except Exception:
        ground.recorder.lost()
        log.exception("record.lost", request_id=call.invocation.request_id)


def answer(call: Call) -> Answered:
    """Return what is told of a call that has ended."""
    _, alias, version = call.lane
    if call.routed is None:
        return Answered(call.outcome, version, alias)
    of, reason = call.routed.alias, call.routed.decision.reason
    return Answered(call.outcome, version, alias, of.revision if of else 0, reason)


def route(table: Table, invocation: Invocation) -> Routed:
    """Return the way of a call, or raise `NotFound`."""
    named, qualifier = invocation.function, invocation.qualifier
    if invocation.stays_on:
        routed = table.stay(named, qualifier, invocation.stays_on)
        if routed is not None:
            return routed
    return table.route(named, qualifier, invocation.traits)


def check_callable(version: Version) -> None:
    """Raise `Failed` or `InvalidValue` where a version takes no calls of events."""
    check_active(version)
    raise InvalidValue(
        "FunctionType",
        f"Function [{version.function.name}] is of Type HTTP: call it over HTTP, at its URL",
    )


def check_active(version: Version) -> None:
    """Raise `Failed` where a version takes no calls."""
    if not version.is_active:
        raise Failed(
            "FunctionStatusError",
            f"version {version.number} is {version.status}: {version.status_reason}",
        )


def busy(invocation: Invocation, version: Version, why: Busy) -> Outcome:
    """Return the outcome of a call that there is no room for."""
    said = (
        str(why)
        if isinstance(why, Stopped)
        else f"every instance of version {version.number} is busy, and the line before them is full"
    )
    message = f"Function [{invocation.function.name}] concurrency exceeded: {said}"
    return failure(Status.CONCURRENCY_EXCEEDED, message, invocation.request_id)


def closing(invocation: Invocation) -> Outcome:
    """Return the outcome of a call whose versions went one after another."""
    return failure(Status.INSTANCE_EXITED, "the platform is closing", invocation.request_id)


def too_large(invocation: Invocation) -> Outcome:
    """Return the outcome of a call that no instance is to have."""
    size = len(invocation.event)
    message = f"the event has {size} bytes, at most {MOST_EVENT_BYTES} are allowed"
    return failure(Status.EVENT_TOO_LARGE, message, invocation.request_id)


def failed(error: Exception) -> Outcome:
    """Return the outcome of a call that no version had."""
    if not isinstance(error, Refusal):
        return Outcome(status=Status.INTERNAL_ERROR, error=repr(error))
    if error.code.startswith("ResourceNotFound.Qualifier"):
        status = Status.QUALIFIER_NOT_FOUND
    elif error.code.startswith("ResourceNotFound"):
        status = Status.FUNCTION_NOT_FOUND
    else:
        status = Status.INTERNAL_ERROR
    return Outcome(status=status, error=error.message)
