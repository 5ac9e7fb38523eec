"""Invoker: route, claim, run, record; four steps, in this order, for every call there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from huidu.invoke.routes import Routed
from huidu.model.capacity import Busy, Retired
from huidu.model.errors import Failed, InvalidValue, Refusal
from huidu.model.exchange import Exchange
from huidu.model.function import FunctionName
from huidu.model.invocation import (
    MOST_EVENT_BYTES,
    Invocation,
    Outcome,
    Record,
    Status,
    failure,
)
from huidu.model.log import remainder
from huidu.model.routing import sealed
from huidu.model.split import write_phases
from huidu.model.tally import Lane
from huidu.model.task import Task
from huidu.model.traits import Traits
from huidu.model.version import Version
from huidu.model.web import is_web

MOST_KEPT_LOG_CHARS = 64 * 1024
MOST_KEPT_RESULT_CHARS = 4 * 1024
TRIES = 3


class Table(Protocol):
    """Where calls go."""

    def route(self, named: FunctionName, qualifier: str, traits: Traits) -> Routed: ...

    def id_of(self, named: FunctionName) -> str | None: ...


class Instance(Protocol):
    """A running copy of a version, lent for one call."""

    async def run(self, task: Task) -> Outcome: ...


class Fleet(Protocol):
    """Where instances are claimed, and to which they return however the call ends."""

    def claim(self, version: Version) -> AbstractAsyncContextManager[Instance]:
        """Lend an instance, or raise `Busy` where too many calls are waiting for one."""
        ...


class Recorder(Protocol):
    """Keeps what is left of a call, and counts those under way."""

    def began(self, lane: Lane) -> None:
        """An instance has a call."""
        ...

    def ended(self, lane: Lane) -> None:
        """It has it no more."""
        ...

    def record(self, record: Record) -> None: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a call, and who answered; `alias` is empty where a version was called."""

    outcome: Outcome
    version: str
    alias: str


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
        call = _Call(self.clock(), self.timer())
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
        return await self._run(invocation, _Call(self.clock(), self.timer(), exchange))

    async def _run(self, invocation: Invocation, call: _Call) -> Answered:
        try:
            await self._answer(invocation, call)
        except Refusal as refusal:
            call.outcome = Outcome(status=_status(refusal), error=refusal.message)
            raise
        except Exception as error:
            call.outcome = Outcome(status=Status.INTERNAL_ERROR, error=repr(error))
            raise
        else:
            return call.answered
        finally:
            self.recorder.record(self._record(invocation, call))

    async def _answer(self, invocation: Invocation, call: _Call) -> None:
        """Find out what comes of a call; one that did not begin is routed anew."""
        for _ in range(TRIES):
            call.routed = self.table.route(
                invocation.function, invocation.qualifier, invocation.traits
            )
            _check_active(call.routed.version)
            _check_door(call.routed.version, call.exchange)
            if len(invocation.event) > MOST_EVENT_BYTES:
                call.outcome = _too_large(invocation)
                return
            try:
                async with self.fleet.claim(call.routed.version) as instance:
                    await self._have(instance, invocation, call, call.routed)
                    return
            except Busy:
                call.outcome = _busy(invocation, call.routed)
                return
            except Retired:  # its version went while the call waited
                continue
        call.outcome = failure(
            Status.INSTANCE_EXITED, "the platform is closing", invocation.request_id
        )

    async def _have(
        self, instance: Instance, invocation: Invocation, call: _Call, routed: Routed
    ) -> None:
        """Have an instance run a call."""
        call.claimed = self.timer()
        alias = routed.alias.name if routed.alias else ""
        lane = Lane(routed.version.function_id, alias, routed.version.number)
        self.recorder.began(lane)
        try:
            call.outcome = await instance.run(_task(invocation, routed, call.exchange))
        finally:
            self.recorder.ended(lane)

    def _record(self, invocation: Invocation, call: _Call) -> Record:
        routed, outcome, exchange = call.routed, call.outcome, call.exchange
        named, trace = invocation.function, invocation.trace
        function_id = routed.version.function_id if routed else self.table.id_of(named) or ""
        sticky_key = routed.decision.sticky_key if routed else ""
        return Record(
            invocation.request_id,
            named,
            invocation.qualifier,
            function_id,
            *_decided(routed),
            sticky_key=sealed(sticky_key, function_id, self.salt) if sticky_key else "",
            status=int(outcome.status),
            error=outcome.error[:MOST_KEPT_RESULT_CHARS],
            result=outcome.result[:MOST_KEPT_RESULT_CHARS],
            log="" if outcome.silent else _log(outcome),
            streamed=outcome.streamed > 0,
            silent=outcome.silent,
            trigger=invocation.trigger,
            retry_number=invocation.retry_number,
            root_request_id=invocation.root_request_id or invocation.request_id,
            instance=outcome.instance,
            cold=outcome.cold,
            started_at=call.started_at,
            queue_ms=(call.claimed - call.began) * 1000,
            init_ms=outcome.init_ms,
            duration_ms=outcome.duration_ms,
            memory_bytes=outcome.memory_bytes,
            memory_mb=routed.version.configuration.memory_mb if routed else 0,
            event_bytes=exchange.taken_bytes if exchange else len(invocation.event),
            result_bytes=exchange.given_bytes if exchange else len(outcome.result),
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            parent_span_id=trace.parent_id,
            sampled=trace.sampled,
        )


#: Alias and its revision, version, reason, probability, draw and phases, as in a `Record`.
Decided = tuple[str, int, str, str, float, float | None, str]
UNDECIDED: Decided = ("", 0, "", "", 1.0, None, "")


def _decided(routed: Routed | None) -> Decided:
    """Return which version a call went to, and why."""
    if routed is None:
        return UNDECIDED
    alias, decision = routed.alias, routed.decision
    phases = write_phases(decision.phases) if decision.phases else ""
    why = decision.reason, decision.probability, decision.draw, phases
    return (alias.name if alias else "", alias.revision if alias else 0, decision.version, *why)


def _log(outcome: Outcome) -> str:
    return remainder(outcome.log, outcome.streamed, MOST_KEPT_LOG_CHARS)


class _Call:
    """What is known of a call while it is under way."""

    __slots__ = ("began", "claimed", "exchange", "outcome", "routed", "started_at")

    def __init__(self, started_at: float, began: float, exchange: Exchange | None = None) -> None:
        self.exchange = exchange
        self.started_at = started_at
        self.began = began
        self.claimed = began
        self.routed: Routed | None = None
        self.outcome = Outcome(status=Status.CANCELLED, error="the caller left")

    @property
    def answered(self) -> Answered:
        """Who answered what."""
        routed = self.routed
        version = routed.version.number if routed else ""
        alias = routed.alias.name if routed and routed.alias else ""
        return Answered(self.outcome, version, alias)


def _busy(invocation: Invocation, routed: Routed) -> Outcome:
    message = (
        f"Function [{invocation.function.name}] concurrency exceeded: every instance of version "
        f"{routed.version.number} is busy, and the line before them is full"
    )
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


def _task(invocation: Invocation, routed: Routed, exchange: Exchange | None) -> Task:
    alias = routed.alias.name if routed.alias else ""
    return Task(invocation=invocation, version=routed.version, alias=alias, exchange=exchange)


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
