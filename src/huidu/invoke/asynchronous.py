"""Runs the events that nobody waits for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

import structlog

from huidu.invoke.attempt import Attempts
from huidu.model.effect import Effect, EventsMoved
from huidu.model.errors import Refusal
from huidu.model.event import Ended, QueuedEvent, State, Turn
from huidu.model.invocation import Status
from huidu.model.retry import EventConfig
from huidu.model.turns import Pace, Wanted

AT_ONCE = 32
SOON_S = 0.001
AGAIN_S = 1.0  #: After which a store that refused is asked again.
LEASE_S = 60.0
TENDED_S = 20.0  #: How often leases are lengthened, and late events given up.
ABOUT_S = 2.0  #: Within which what was taken has begun.
FULL = frozenset({Status.CONCURRENCY_EXCEEDED, Status.TOO_FAST})

log = structlog.get_logger("huidu.asynchronous")


class Queue(Protocol):
    """Where accepted events are kept until they have been run."""

    @property
    def total(self) -> int:
        """How many events are to be run to their end."""
        ...

    async def begin(self, owner: str) -> int:
        """Have those run again that a server had which is certainly gone."""
        ...

    async def turn(self, ends: Sequence[Ended], wanted: Wanted) -> Turn:
        """Keep what came of attempts and lend what is due, in one transaction."""
        ...

    async def give_back(self, events: Sequence[QueuedEvent], owner: str) -> None:
        """Have others run events that were lent and have not begun."""
        ...

    async def extend(self, owner: str, until: float) -> int:
        """Lengthen the lease of all that a server runs."""
        ...

    async def expire(self, config_of: Callable[[str], EventConfig], now: float) -> int:
        """Give up what has waited for longer than its function says."""
        ...

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take note of what somebody redrove or discarded."""
        ...

    async def abort(self, request_id: str, at: float) -> State | None:
        """End an event that nobody runs, or note that one that runs is to end."""
        ...


class Asynchronous:
    """Takes events from the queue as there is room for them, and runs each until it succeeds.

    What ends while others are written down is written down with the next of them, in the same
    transaction that takes new ones. Who may run how many is decided in `model/turns.py`, what
    becomes of a failure in `model/retry.py`.
    """

    def __init__(
        self,
        queue: Queue,
        attempts: Attempts,
        *,
        recorded: Callable[[], Awaitable[None]],
        clock: Callable[[], float],
        owner: str,
        at_once: int = AT_ONCE,
        spare: Callable[[], int] = lambda: AT_ONCE,
        interrupt: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._queue = queue
        self._attempts = attempts
        self._recorded = recorded
        self._clock = clock
        self._owner = owner
        self._at_once = at_once
        self._spare = spare
        self._interrupt = interrupt
        self._wake = asyncio.Event()
        self._running: dict[str, asyncio.Task[Ended]] = {}
        self._holds = Counter[str]()  #: How many run, by function id.
        self._paces: dict[str, Pace] = {}  #: Of functions that found no room lately.
        self._stopping: dict[str, bool] = {}  #: What is to end, and whether gracefully.
        self._ends: list[Ended] = []
        self._after = ""
        self._turning: asyncio.Task[None] | None = None
        self._closing = False
        self._alarm: asyncio.TimerHandle | None = None
        self.results = Counter[str]()  #: How many attempts have led to which state.

    @property
    def running(self) -> int:
        """How many events are being run."""
        return len(self._running)

    def wake(self) -> None:
        """Say that there is something new in the queue."""
        self._wake.set()

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take over how events are retried now, and run what was given up before."""
        self._attempts.terms.apply(effects)
        self._queue.apply(effects)
        if any(isinstance(effect, EventsMoved) for effect in effects):
            self.wake()

    async def run(self) -> None:
        """Run events until cancelled; then let those that have begun come to their end."""
        self._wake.set()
        tending = None
        try:
            await self._begin_anew()
            tending = asyncio.create_task(self._tend())
            while True:
                await self._wake.wait()
                self._wake.clear()
                self._turning = asyncio.create_task(self._turn())
                await asyncio.shield(self._turning)
        finally:
            self._closing = True
            if tending is not None:
                tending.cancel()
            if self._alarm is not None:
                self._alarm.cancel()
            await self._come_to_an_end()

    async def _begin_anew(self) -> None:
        while True:
            try:
                taken_back = await self._queue.begin(self._owner)
            except Refusal as refusal:
                log.warning("queue.waits", reason=refusal.message)
                await asyncio.sleep(AGAIN_S)
            else:
                if taken_back:
                    log.info("queue.cut_off", events=taken_back)
                return

    async def _come_to_an_end(self) -> None:
        if self._turning is not None and not self._turning.done():
            await asyncio.wait((self._turning,))
        if self._running:
            await asyncio.wait(self._running.values())
        if self._ends:
            await self._recorded()
            with suppress(Refusal):
                await self._queue.turn(self._ends, self._wanted(0))

    async def _turn(self) -> None:
        ends, self._ends = self._ends, []
        if ends:
            await self._recorded()  # a run that the queue has done with must be in the journal
        asked = self._free()
        try:
            turn = await self._queue.turn(ends, self._wanted(asked))
        except Exception as error:  # noqa: BLE001 - whatever it is, what has ended is not forgotten
            self._ends = ends + self._ends
            log.warning("queue.waits", reason=str(error), unforeseen=not isinstance(error, Refusal))
            self._ring_in(AGAIN_S)
            return
        if self._closing:
            with suppress(Refusal):
                await self._queue.give_back(turn.events, self._owner)
            return
        self._after = turn.after
        for event in turn.events:
            self._begin(event)
        if (turn.more or not asked) and self._others_wait and self._free() > 0:
            self._wake.set()  # there is more, or room has come about meanwhile
        self._ring_at(turn.next_at)

    @property
    def _others_wait(self) -> bool:
        """Whether there are events that are not running."""
        return self._queue.total > len(self._running)

    def _free(self) -> int:
        """How many more may be begun: what callers that wait leave room for, and one at least."""
        free = min(self._at_once - len(self._running), self._spare())
        return max(free, 0 if self._running else 1)

    def _wanted(self, free: int) -> Wanted:
        now = self._clock()
        return Wanted(
            owner=self._owner,
            now=now,
            until=now + LEASE_S,
            free=free,
            holds=+self._holds,
            most={one: pace.now(now) for one, pace in self._paces.items()},
            after=self._after,
        )

    def _ring_at(self, next_at: float | None) -> None:
        """Look again when the first of those becomes due that are delayed, or paused.

        Where callers leave no room, nobody tells when they do again: it is looked for each second.
        """
        now = self._clock()
        moments = [pace.paused_until for pace in self._paces.values() if pace.paused_until > now]
        if next_at is not None:
            moments.append(next_at)
        crowded = self._free() <= 0 and len(self._running) < self._at_once
        if crowded and self._others_wait:
            moments.append(now + AGAIN_S)
        if moments:
            self._ring_in(max(min(moments) - now, 0.0) + SOON_S)

    def _ring_in(self, wait_s: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(wait_s, self.wake)

    def _begin(self, event: QueuedEvent) -> None:
        self._holds[event.function_id] += 1
        task = self._running[event.request_id] = asyncio.create_task(self._attempts.make(event))
        task.add_done_callback(partial(self._over, event))

    def _over(self, event: QueuedEvent, task: asyncio.Task[Ended]) -> None:
        """Take note of an attempt that has ended, also of one that was killed before it began."""
        if not task.cancelled():
            ended = task.result()
        elif event.request_id in self._stopping:
            ended = self._attempts.broken_off(event)
        else:
            return  # the process ends; the event is run again after the next start
        graceful = self._stopping.pop(event.request_id, None)
        if graceful is not None:
            ended = self._attempts.stopped(ended, graceful=graceful)
        self._holds[event.function_id] -= 1
        if not self._holds[event.function_id]:
            del self._holds[event.function_id]
        self._learn(event.function_id, ended.attempt.status)
        del self._running[event.request_id]
        self.results[ended.state.value] += 1
        self._ends.append(ended)
        self._wake.set()

    def _learn(self, function_id: str, status: int) -> None:
        """Find out how many events of a function may run at once."""
        pace = self._paces.get(function_id)
        if status in FULL:
            pace = pace or Pace(float(self._at_once))
            self._paces[function_id] = pace.refused(self._holds[function_id], self._clock())
        elif pace is not None:
            pace = pace.answered()
            if pace.most >= self._at_once:
                del self._paces[function_id]
            else:
                self._paces[function_id] = pace

    async def _tend(self) -> None:
        """Lengthen the leases of what runs, and give up what has waited for too long."""
        while True:
            await asyncio.sleep(TENDED_S)
            try:
                await self._tend_once(self._clock())
            except Exception as error:  # noqa: BLE001 - whatever it is, leases must not end for it
                unforeseen = not isinstance(error, Refusal)
                log.warning("queue.untended", reason=str(error), unforeseen=unforeseen)

    async def _tend_once(self, now: float) -> None:
        if self._running:
            await self._queue.extend(self._owner, now + LEASE_S)
        if self._queue.total:
            await self._queue.expire(self._attempts.terms.config, now)
            self._wake.set()

    async def terminate(self, request_id: str, *, graceful: bool) -> State | None:
        """End an event, and return the state in which it was; None where there is none.

        One that waits is never run. One that runs is killed, or told to end and given time for it;
        from then on it is tried no more, whatever comes of it, and whatever dies meanwhile.
        """
        state = await self._queue.abort(request_id, self._clock())
        if state != State.RUNNING:
            return state
        with suppress(TimeoutError):
            async with asyncio.timeout(ABOUT_S):
                # Not one event: it was lent to us just now, and begins or has ended.
                while not self._has(request_id):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        task = self._running.get(request_id)
        if task is not None:
            self._stopping[request_id] = graceful
            if not (graceful and self._interrupt(request_id)):
                task.cancel()
        return state

    def _has(self, request_id: str) -> bool:
        return request_id in self._running or any(
            one.event.request_id == request_id for one in self._ends
        )
