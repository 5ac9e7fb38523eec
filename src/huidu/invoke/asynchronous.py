"""Runs the events that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from huidu.invoke.invoker import Answered
from huidu.invoke.tracing import HANDED_ON, Tracing
from huidu.model.errors import Refusal
from huidu.model.event import QueuedEvent
from huidu.model.function import FunctionName
from huidu.model.invocation import Invocation, Status
from huidu.model.routing_key import traits_of

AT_ONCE = 32
AGAIN_S = 1.0
LONGEST_WAIT_S = 60.0
KEPT_S = 21_600.0  #: How long an event is tried, at the longest (MsgTTL).
#: How a call ends that no function has seen.
NOT_RUN = frozenset({Status.CONCURRENCY_EXCEEDED, Status.INIT_FAILED, Status.INSTANCE_EXITED})

log = structlog.get_logger("huidu.asynchronous")


class Queue(Protocol):
    """Where accepted events are kept until they have been run."""

    async def waiting(self, limit: int) -> Sequence[QueuedEvent]: ...

    async def begin(self, event: QueuedEvent) -> None: ...

    async def end(self, event: QueuedEvent) -> None: ...


class Invoker(Protocol):
    """The one way from a call to its outcome."""

    async def invoke(self, invocation: Invocation) -> Answered: ...


class Table(Protocol):
    """Which functions there are."""

    def id_of(self, named: FunctionName) -> str | None: ...


class Asynchronous:
    """Takes events from the queue in the order of their acceptance and runs each once.

    An event leaves the queue when its run has ended, whatever came of it, and is recorded. One
    that the platform could not run (no instance, no disk) waits and is tried again, for as long
    as a message may live; so is one whose run was cut off because the platform died. The alias is
    resolved when the run begins, so that a rollback also saves what is still queued (D-34).
    """

    def __init__(
        self,
        queue: Queue,
        invoker: Invoker,
        table: Table,
        *,
        recorded: Callable[[], Awaitable[None]],
        clock: Callable[[], float],
        at_once: int = AT_ONCE,
        tracing: Tracing = HANDED_ON,
    ) -> None:
        self._queue = queue
        self._invoker = invoker
        self._table = table
        self._recorded = recorded
        self._clock = clock
        self._at_once = at_once
        self._tracing = tracing
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._over: set[str] = set()  #: What has ended since the last look at the queue began.
        self._postponed: dict[str, float] = {}  #: What is not to be tried before a moment.

    def wake(self) -> None:
        """Say that there is something new in the queue."""
        self._wake.set()

    async def run(self) -> None:
        """Run events until cancelled; then let those that have begun come to their end."""
        self._wake.set()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                for event in await self._look():
                    self._begin(event)
        finally:
            self._closing.set()
            if self._running:
                await asyncio.wait(self._running.values())

    async def _look(self) -> Sequence[QueuedEvent]:
        self._over.clear()
        held = len(self._running) + len(self._postponed)
        try:
            return await self._queue.waiting(self._at_once + held)
        except Refusal as refusal:
            log.warning("queue.waits", reason=refusal.message)
            await asyncio.sleep(AGAIN_S)
            self._wake.set()
            return ()

    def _begin(self, event: QueuedEvent) -> None:
        # A look may be older than the end of an event that it shows.
        known = event.request_id in self._running or event.request_id in self._over
        late = self._postponed.get(event.request_id, 0.0) > self._clock()
        if known or late or len(self._running) >= self._at_once:
            return
        self._postponed.pop(event.request_id, None)
        task = asyncio.create_task(self._one(event))
        self._running[event.request_id] = task
        task.add_done_callback(lambda _: self._ended(event))

    def _ended(self, event: QueuedEvent) -> None:
        del self._running[event.request_id]
        if event.request_id not in self._postponed:
            self._over.add(event.request_id)
        self._wake.set()

    async def _one(self, event: QueuedEvent) -> None:
        if not await self._surely(self._queue.begin, event):
            return
        expired = self._clock() - event.accepted_at > KEPT_S
        if not expired and not await self._ran(event):
            self._postpone(event)
            return
        await self._recorded()  # a run that the queue has forgotten must be in the journal
        await self._surely(self._queue.end, event)

    async def _ran(self, event: QueuedEvent) -> bool:
        """Run an event, and tell whether it need not be tried again."""
        if event.function_id not in ("", self._table.id_of(event.function)):
            log.warning("event.orphaned", request_id=event.request_id)
            return True
        try:
            answered = await self._invoker.invoke(_invocation(event, self._tracing))
        except Refusal as refusal:
            log.warning("event.refused", request_id=event.request_id, reason=refusal.message)
            return True
        except Exception:
            log.exception("event.failed", request_id=event.request_id)
            return False
        return answered.outcome.status not in NOT_RUN

    def _postpone(self, event: QueuedEvent) -> None:
        delay_s = min(AGAIN_S * 2.0 ** min(event.attempts, 10), LONGEST_WAIT_S)
        self._postponed[event.request_id] = self._clock() + delay_s
        asyncio.get_running_loop().call_later(delay_s, self.wake)

    async def _surely(
        self, step: Callable[[QueuedEvent], Awaitable[None]], event: QueuedEvent
    ) -> bool:
        """Take a step of the queue, again and again while the store cannot.

        Returns False where the platform closes first: the event is still in the queue then, and
        is run after the next start.
        """
        while not self._closing.is_set():
            try:
                await step(event)
            except Refusal as refusal:
                log.warning("queue.waits", request_id=event.request_id, reason=refusal.message)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), AGAIN_S)
            else:
                return True
        with suppress(Refusal):
            await step(event)
            return True
        return False


def _invocation(event: QueuedEvent, tracing: Tracing) -> Invocation:
    return Invocation(
        request_id=event.request_id,
        function=event.function,
        qualifier=event.qualifier,
        event=event.event,
        traits=traits_of(event.routing_key, None),
        routing_key=event.routing_key,
        trigger=event.trigger,
        retry_number=event.attempts,
        trace=tracing.place(event.sent, event.request_id),
    )
