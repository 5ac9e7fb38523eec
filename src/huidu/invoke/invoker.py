"""Invoker: route, claim, run, record; four steps, in this order, for every call there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from huidu.model.call import Call, Routed
from huidu.model.capacity import Busy, Retired, Stopped
from huidu.model.errors import Failed, InvalidValue, Refusal
from huidu.model.exchange import Exchange
from huidu.model.function import FunctionName
from huidu.model.invocation import (
    MOST_EVENT_BYTES,
    Invocation,
    Outcome,
    Status,
    failure,
)
from huidu.model.task import Task
from huidu.model.traits import Traits
from huidu.model.version import Version
from huidu.model.web import is_web

TRIES = 3


class Table(Protocol):
    """Where calls go."""

    def route(self, named: FunctionName, qualifier: str, traits: Traits) -> Routed: ...

    def stay(self, named: FunctionName, qualifier: str, number: str) -> Routed | None: ...

    def id_of(self, named: FunctionName) -> str | None: ...


class Instance(Protocol):
    """A running copy of a version, lent for one call."""

    async def run(self, task: Task) -> Outcome: ...


class Fleet(Protocol):
    """Where instances are claimed, and to which they return however the call ends."""

    def claim(
        self, version: Version, *, later: bool = False
    ) -> AbstractAsyncContextManager[Instance]:
        """Lend an instance, or raise `Busy` where too many calls are waiting for one.

        `later`: to a call that nobody waits for, which waits behind all others.
        """
        ...


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


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a call, and who answered; `alias` is empty where a version was called."""

    outcome: Outcome
    version: str
    alias: str
    revision: int = 0  #: Of the alias, as it was when the call was routed.
    reason: str = ""  #: Why this version.


#: Is shown a call with what came of it; returns at once, and never raises.
Shown = Callable[[Invocation, Answered], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoker:
    """The one way in: every door makes an invocation and hands it here."""

    table: Table
    fleet: Fleet
    recorder: Recorder
    clock: Callable[[], float]  #: Seconds since the epoch.
    timer: Callable[[], float]  #: Seconds, never backwards.
    salt: bytes = b""  #: What sticky keys are sealed with in records.
    #: Who is shown the calls of an alias once they are answered, by function id and alias.
    mirrored: Mapping[tuple[str, str], Shown] = field(default_factory=dict)

    async def invoke(self, invocation: Invocation) -> Answered:
        """Run one invocation to its end and leave a record of it.

        Raises a `Refusal` where no version can be found to answer; whatever a version does wrong
        is in the outcome.
        """
        call = Call(invocation, self.clock(), self.timer(), self.salt)
        answered = await self._run(invocation, call)
        routed = call.routed
        if self.mirrored and routed and routed.alias:
            shown = self.mirrored.get((routed.version.function_id, routed.alias.name))
            if shown is not None:
                shown(invocation, answered)
        return answered

    async def exchange(self, invocation: Invocation, exchange: Exchange) -> Answered:
        """Have a web function answer a caller itself, and leave a record of it.

        Raises as `invoke` does. What the outcome is of an answer that had begun, the caller
        cannot be told any more; that it is not whole, it can be shown.
        """
        call = Call(invocation, self.clock(), self.timer(), self.salt, exchange)
        return await self._run(invocation, call)

    async def _run(self, invocation: Invocation, call: Call) -> Answered:
        try:
            await self._answer(invocation, call)
        except Refusal as refusal:
            call.outcome = Outcome(status=_status(refusal), error=refusal.message)
            raise
        except Exception as error:
            call.outcome = Outcome(status=Status.INTERNAL_ERROR, error=repr(error))
            raise
        else:
            return _answered(call)
        finally:
            if call.routed is None:
                call.lane = (self.table.id_of(invocation.function) or "", "", "")
            self.recorder.take(call)

    async def _answer(self, invocation: Invocation, call: Call) -> None:
        """Find out what comes of a call; one that did not begin is routed anew."""
        for _ in range(TRIES):
            routed = self._route(invocation)
            call.goes(routed)
            _check_active(routed.version)
            _check_door(routed.version, call.exchange)
            if len(invocation.event) > MOST_EVENT_BYTES:
                call.outcome = _too_large(invocation)
                return
            try:
                async with self.fleet.claim(routed.version, later=invocation.later) as instance:
                    await self._have(instance, call, routed)
                    return
            except Busy as busy:
                call.outcome = _busy(invocation, routed, busy)
                return
            except Retired:  # its version went while the call waited
                continue
        call.outcome = failure(
            Status.INSTANCE_EXITED, "the platform is closing", invocation.request_id
        )

    def _route(self, invocation: Invocation) -> Routed:
        named, qualifier = invocation.function, invocation.qualifier
        if invocation.stays_on:
            routed = self.table.stay(named, qualifier, invocation.stays_on)
            if routed is not None:
                return routed
        return self.table.route(named, qualifier, invocation.traits)

    async def _have(self, instance: Instance, call: Call, routed: Routed) -> None:
        """Have an instance run a call."""
        call.claimed = self.timer()
        running = self.recorder.began(call.lane)
        try:
            call.outcome = await instance.run(_task(call, routed))
        finally:
            running.ended()


def _answered(call: Call) -> Answered:
    _, alias, version = call.lane
    if call.routed is None:
        return Answered(call.outcome, version, alias)
    of, reason = call.routed.alias, call.routed.decision.reason
    return Answered(call.outcome, version, alias, of.revision if of else 0, reason)


def _task(call: Call, routed: Routed) -> Task:
    return Task(
        invocation=call.invocation,
        version=routed.version,
        alias=call.lane[1],
        exchange=call.exchange,
    )


def _busy(invocation: Invocation, routed: Routed, busy: Busy) -> Outcome:
    why = (
        str(busy)
        if isinstance(busy, Stopped)
        else f"every instance of version {routed.version.number} is busy, and the line before "
        "them is full"
    )
    message = f"Function [{invocation.function.name}] concurrency exceeded: {why}"
    return failure(Status.CONCURRENCY_EXCEEDED, message, invocation.request_id)


def _check_active(version: Version) -> None:
    if not version.is_active:
        raise Failed(
            "FunctionStatusError",
            f"version {version.number} is {version.status}: {version.status_reason}",
        )


def _check_door(version: Version, exchange: Exchange | None) -> None:
    if is_web(version.configuration) and exchange is None:
        raise InvalidValue(
            "FunctionType",
            f"Function [{version.function.name}] is of Type HTTP: call it over HTTP, at its URL",
        )
    if exchange is not None and not is_web(version.configuration):
        raise InvalidValue(
            "FunctionType", f"Function [{version.function.name}] is not of Type HTTP"
        )


def _too_large(invocation: Invocation) -> Outcome:
    size = len(invocation.event)
    message = f"the event has {size} bytes, at most {MOST_EVENT_BYTES} are allowed"
    return failure(Status.EVENT_TOO_LARGE, message, invocation.request_id)


def _status(refusal: Refusal) -> int:
    if refusal.code.startswith("ResourceNotFound.Qualifier"):
        return Status.QUALIFIER_NOT_FOUND
    if refusal.code.startswith("ResourceNotFound"):
        return Status.FUNCTION_NOT_FOUND
    return Status.INTERNAL_ERROR
