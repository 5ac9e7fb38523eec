"""Invoker: route, claim, run, record; four steps, in this order, for every call there is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from huidu.invoke import flight
from huidu.invoke.flight import (
    TRIES,
    Answered,
    Caller,
    Carrier,
    Flight,
    Ground,
    Recorder,
    Shown,
    Table,
)
from huidu.model.call import Call, Routed
from huidu.model.capacity import Busy, Retired
from huidu.model.errors import InvalidValue
from huidu.model.exchange import Exchange
from huidu.model.invocation import MOST_EVENT_BYTES, Invocation, Outcome
from huidu.model.task import Task
from huidu.model.version import Version
from huidu.model.web import is_web


class Instance(Protocol):
    """A running copy of a version, lent for one call."""

    async def run(self, task: Task) -> Outcome: ...


class Fleet(Carrier, Protocol):
    """Where instances are claimed, and to which they return however the call ends."""

    def claim(self, version: Version) -> AbstractAsyncContextManager[Instance]:
        """Lend an instance, or raise `Busy` where too many calls are waiting for one."""
        ...


class Waiting:
    """A caller that is a coroutine."""

    def __init__(self) -> None:
        self.told: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()

    def answered(self, answered: Answered) -> None:
        """Wake it up."""
        if not self.told.done():
            self.told.set_result(answered)

    def failed(self, error: Exception) -> None:
        """Wake it up, and have it raise."""
        if not self.told.done():
            self.told.set_exception(error)


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
    _ground: Ground = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ground = Ground(
            table=self.table,
            carrier=self.fleet,
            recorder=self.recorder,
            timer=self.timer,
            mirrored=self.mirrored,
        )
        object.__setattr__(self, "_ground", ground)

    async def invoke(self, invocation: Invocation) -> Answered:
        """Run one invocation to its end and leave a record of it.

        Raises a `Refusal` where no version can be found to answer; whatever a version does wrong
        is in the outcome.
        """
        waiting = Waiting()
        under_way = self.begin(invocation, waiting)
        try:
            return await waiting.told
        except asyncio.CancelledError:
            under_way.leave()
            raise

    def begin(self, invocation: Invocation, caller: Caller) -> Flight:
        """Do the same without waiting: the caller is told the end, perhaps from within."""
        call = Call(invocation, self.clock(), self.timer(), self.salt)
        under_way = Flight(self._ground, call, caller)
        under_way.begin()
        return under_way

    async def exchange(self, invocation: Invocation, exchange: Exchange) -> Answered:
        """Have a web function answer a caller itself, and leave a record of it.

        Raises as `invoke` does. What the outcome is of an answer that had begun, the caller
        cannot be told any more; that it is not whole, it can be shown.
        """
        call = Call(invocation, self.clock(), self.timer(), self.salt, exchange)
        try:
            await self._answer(call)
        except Exception as error:
            call.outcome = flight.failed(error)
            raise
        else:
            return flight.answer(call)
        finally:
            flight.take(self._ground, call)

    async def _answer(self, call: Call) -> None:
        """Find out what comes of a call; one that did not begin is routed anew."""
        invocation = call.invocation
        for _ in range(TRIES):
            routed = flight.route(self.table, invocation)
            call.goes(routed)
            flight.check_active(routed.version)
            if not is_web(routed.version.configuration):
                name = routed.version.function.name
                raise InvalidValue("FunctionType", f"Function [{name}] is not of Type HTTP")
            if len(invocation.event) > MOST_EVENT_BYTES:
                call.outcome = flight.too_large(invocation)
                return
            try:
                async with self.fleet.claim(routed.version) as instance:
                    await self._have(instance, call, routed)
                    return
            except Busy as why:
                call.outcome = flight.busy(invocation, routed.version, why)
                return
            except Retired:  # its version went while the call waited
                continue
        call.outcome = flight.closing(invocation)

    async def _have(self, instance: Instance, call: Call, routed: Routed) -> None:
        """Have an instance run a call."""
        call.claimed = self.timer()
        running = self.recorder.began(call.lane)
        task = Task(
            invocation=call.invocation,
            version=routed.version,
            alias=call.lane[1],
            exchange=call.exchange,
        )
        try:
            call.outcome = await instance.run(task)
        finally:
            running.ended()
