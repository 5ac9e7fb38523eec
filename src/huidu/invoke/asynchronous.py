"""Runs the events that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from huidu.invoke.invoker import Answered
from huidu.model.errors import Refusal
from huidu.model.event import QueuedEvent
from huidu.model.invocation import Invocation
from huidu.model.routing_key import traits_of

AT_ONCE = 32
AGAIN_S = 1.0

log = structlog.get_logger("huidu.asynchronous")


class Queue(Protocol):
    """Where accepted events are kept until they have been run."""

    async def waiting(self, limit: int) -> Sequence[QueuedEvent]: ...

    async def begin(self, event: QueuedEvent) -> None: ...

    async def end(self, event: QueuedEvent) -> None: ...


class Invoker(Protocol):
    """The one way from a call to its outcome."""

    async def invoke(self, invocation: Invocation) -> Answered: ...


class Asynchronous:
    """Takes events from the queue in the order of their acceptance and runs each once.

    An event leaves the queue when its run has ended, whatever came of it. One whose run was cut
    off, because the platform died, is run again after the restart. The alias is resolved when
    the run begins, so that a rollback also saves what is still queued (D-34).
    """

    def __init__(self, queue: Queue, invoker: Invoker, at_once: int = AT_ONCE) -> None:
        self._queue = queue
        self._invoker = invoker
        self._at_once = at_once
        self._wake = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._over: set[str] = set()  #: What has ended since the last look at the queue began.

    def wake(self) -> None:
        """Say that there is something new in the queue."""
        self._wake.set()

    async def run(self) -> None:
        """Run events until cancelled; then end those that have begun."""
        self._wake.set()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                for event in await self._look():
                    self._begin(event)
        finally:
            if self._running:
                await asyncio.wait(self._running.values())

    async def _look(self) -> Sequence[QueuedEvent]:
        self._over.clear()
        try:
            return await self._queue.waiting(self._at_once + len(self._running))
        except Refusal as refusal:
            log.warning("queue.waits", reason=refusal.message)
            await asyncio.sleep(AGAIN_S)
            self._wake.set()
            return ()

    def _begin(self, event: QueuedEvent) -> None:
        # A look may be older than the end of an event that it shows.
        known = event.request_id in self._running or event.request_id in self._over
        if known or len(self._running) >= self._at_once:
            return
        task = asyncio.create_task(self._one(event))
        self._running[event.request_id] = task
        task.add_done_callback(lambda _: self._ended(event))

    def _ended(self, event: QueuedEvent) -> None:
        del self._running[event.request_id]
        self._over.add(event.request_id)
        self._wake.set()

    async def _one(self, event: QueuedEvent) -> None:
        await _surely(self._queue.begin, event)
        try:
            await self._invoker.invoke(_invocation(event))
        except Refusal as refusal:
            log.warning("event.refused", request_id=event.request_id, reason=refusal.message)
        except Exception:
            log.exception("event.failed", request_id=event.request_id)
        await _surely(self._queue.end, event)


async def _surely(step: Callable[[QueuedEvent], Awaitable[None]], event: QueuedEvent) -> None:
    """Take a step of the queue, again and again while the store cannot: an event is not lost."""
    while True:
        try:
            return await step(event)
        except Refusal as refusal:
            log.warning("queue.waits", request_id=event.request_id, reason=refusal.message)
            await asyncio.sleep(AGAIN_S)


def _invocation(event: QueuedEvent) -> Invocation:
    return Invocation(
        request_id=event.request_id,
        function=event.function,
        qualifier=event.qualifier,
        event=event.event,
        traits=traits_of(event.routing_key, None),
        routing_key=event.routing_key,
        trigger=event.trigger,
        retry_number=event.attempts,
    )
