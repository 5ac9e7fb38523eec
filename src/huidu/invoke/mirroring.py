"""Mirroring: runs copies of answered calls on candidates, behind all else that is to be done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Protocol

import structlog

from huidu.invoke import watch as why
from huidu.invoke.flight import Answered, Shown
from huidu.invoke.watch import NOT_ANSWERED, Copy, Watch, side
from huidu.model.call import Call
from huidu.model.comparison import Comparison, Side, compare
from huidu.model.effect import (
    Effect,
    FunctionGone,
    MirrorEnded,
    MirrorGone,
    MirrorKept,
)
from huidu.model.errors import Refusal
from huidu.model.invocation import Invocation, Record
from huidu.model.mirror import TRIGGER, Mirror
from huidu.model.trace import NO_TRACE

AFTER_S = 0.005  #: So long after the answer is handed to its door, it is on its way.
AGAIN_S = 0.05  #: Where a user's call waits for an instance, copies wait so long before a look.
LATE_NS = 5_000_000_000  #: A copy that waited longer than this is dropped.
SAVE_S = 2.0  #: What a crash may forget of findings.
MOST_WAITING_BYTES = 32 << 20  #: Of events and answers, over all mirrors.
AT_ONCE_CHARS = 1024  #: Both answers together; larger ones are compared in a thread.
RESTS = 9  #: After a comparison in a thread there is none for so many times as long.

log = structlog.get_logger("huidu.mirroring")

Key = tuple[str, str]


class Reports(Protocol):
    """Where findings outlive the server."""

    async def keep(self, mirror: Mirror, findings: Comparison) -> None:
        """Keep what was found; of a mirror that ended by itself, that too."""
        ...


class Invoker(Protocol):
    """The one way from a call to its outcome, over instances that users' calls never have."""

    async def invoke(self, invocation: Invocation) -> Answered: ...


class Live(Protocol):
    """The instances of users' calls."""

    @property
    def crowded(self) -> bool:
        """Whether a call waits for one."""
        ...


class Aside:
    """A recorder of copies: they are kept, and counted nowhere."""

    def __init__(self, keep: Callable[[Record], None]) -> None:
        self._keep = keep

    def began(self, lane: tuple[str, str, str]) -> Aside:
        """Count nothing."""
        return self

    def ended(self) -> None:
        """Count nothing."""

    def take(self, call: Call) -> None:
        """Keep the record, of a function that is there."""
        record = call.record()
        if record.function_id:
            self._keep(record)

    def lost(self) -> None:
        """Count nothing."""


class Mirroring:
    """Is shown calls once they are answered, and runs copies of some.

    What a user waits for comes first: a copy waits in a short line while anybody waits for an
    instance, is dropped where that takes long, is run once, and has an instance of a small fleet of
    its own, never one of users' calls. `shown` is what an invoker looks into: an alias without a
    mirror is not in it.
    """

    def __init__(
        self,
        invoker: Invoker,
        live: Live,
        *,
        most: int,
        clock: Callable[[], float],
        clock_ns: Callable[[], int],
        draw: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self.shown: dict[Key, Shown] = {}
        self.most = most  #: How many copies may run at once; 0: there are to be no mirrors.
        self._invoker = invoker
        self._live = live
        self._most_of_one = max(1, most // 2)
        self._clock = clock
        self._clock_ns = clock_ns
        self._draw = draw
        self._new_id = new_id
        self._watches: dict[Key, Watch] = {}
        self._over: dict[str, Watch] = {}  #: Have ended, and are to be written down.
        self._running = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._comparing = asyncio.Lock()

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take over what a commit says of mirrors, and of what they need."""
        for effect in effects:
            match effect:
                case MirrorKept(mirror, findings):
                    self._begin(mirror, findings)
                case MirrorEnded(mirror):
                    known = self._watches.get((mirror.function_id, mirror.alias))
                    if known is not None and known.mirror.id == mirror.id:
                        self._end(known, mirror)
                case MirrorGone(function_id, alias):
                    self._forget((function_id, alias))
                case FunctionGone(function):
                    for key in [key for key in self._watches if key[0] == function.id]:
                        self._forget(key)
                case _:
                    pass

    def found(self, mirror: Mirror) -> tuple[Mirror, Comparison] | None:
        """Return a mirror and what it found, where that is newer than what is kept."""
        here = (*self._watches.values(), *self._over.values())
        known = next((watch for watch in here if watch.mirror.id == mirror.id), None)
        return (known.mirror, known.findings) if known else None

    async def run(self, reports: Reports) -> None:
        """Write down what is found, now and then, and at the end of all once more."""
        try:
            while True:
                # Not `wait_for`: in Python 3.11 it forgets that it was cancelled, if just woken.
                with suppress(TimeoutError):
                    async with asyncio.timeout(SAVE_S):
                        await self._wake.wait()
                self._wake.clear()
                self._end_what_is_over()
                await self._save(reports)
        finally:
            self.shown.clear()
            if self._timer is not None:
                self._timer.cancel()
            tasks = [task for watch in self._watches.values() for task in watch.running]
            for watch in self._watches.values():
                watch.end(watch.mirror)
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._save(reports)

    def _begin(self, mirror: Mirror, findings: Comparison) -> None:
        key = mirror.function_id, mirror.alias
        self._forget(key)
        if self.most and mirror.goes_on:
            watch = Watch(mirror, findings, self._clock_ns())
            self._watches[key] = watch
            self.shown[key] = partial(self._show, watch)

    def _forget(self, key: Key) -> None:
        """Have nothing more to do with a mirror: nobody will ask what it found."""
        self.shown.pop(key, None)
        watch = self._watches.pop(key, None)
        if watch is not None:
            self._waiting_bytes -= watch.end(watch.mirror)
        self._over = {
            known: watch
            for known, watch in self._over.items()
            if (watch.mirror.function_id, watch.mirror.alias) != key
        }

    def _end(self, watch: Watch, mirror: Mirror) -> None:
        key = mirror.function_id, mirror.alias
        self.shown.pop(key, None)
        del self._watches[key]
        self._waiting_bytes -= watch.end(mirror)
        self._over[mirror.id] = watch
        self._wake.set()

    def _end_what_is_over(self) -> None:
        now = self._clock()
        for watch in tuple(self._watches.values()):
            if reason := watch.over(now):
                self._end(watch, replace(watch.mirror, ended_at=now, end=reason))

    def _show(self, watch: Watch, invocation: Invocation, answered: Answered) -> None:
        try:
            if self._clock() >= watch.mirror.until:
                self._end_what_is_over()
                return
            copy = watch.copy(invocation, answered, self._draw(), self._clock_ns())
            if copy is None:
                return
            if self._waiting_bytes + copy.size_bytes > MOST_WAITING_BYTES:
                watch.skip(why.QUEUE_FULL)
                return
            self._waiting_bytes += copy.size_bytes
            watch.waiting.append(copy)
            self._go_on_in(AFTER_S)
        except Exception:  # whatever it is, a user's answer does not suffer from it
            log.exception("mirror.failed", mirror=watch.mirror.id)

    def _go_on_in(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._go_on()

    def _go_on(self) -> None:
        """Begin with copies, as many as may run; each mirror in its turn."""
        while self._running < self.most:
            found = [
                key
                for key, watch in self._watches.items()
                if watch.waiting and len(watch.running) < self._most_of_one
            ]
            if not found:
                return
            if self._live.crowded:
                self._go_on_in(AGAIN_S)
                return
            watch = self._watches[found[0]] = self._watches.pop(found[0])
            copy = watch.waiting.popleft()
            self._waiting_bytes -= copy.size_bytes
            if self._clock_ns() - copy.since_ns > LATE_NS:
                watch.skip(why.LATE)
                continue
            self._running += 1
            task = asyncio.get_running_loop().create_task(self._one(watch, copy))
            watch.running.add(task)
            task.add_done_callback(partial(self._done, watch))

    def _done(self, watch: Watch, task: asyncio.Task[None]) -> None:
        watch.running.discard(task)
        self._running -= 1
        if not task.cancelled() and task.exception() is not None:
            log.error("mirror.failed", mirror=watch.mirror.id, exc_info=task.exception())
            watch.skip(why.FAILED_HERE)
        if watch.over(self._clock()):
            self._wake.set()
        self._go_on()

    async def _one(self, watch: Watch, copy: Copy) -> None:
        """Run one copy, and have its answer compared; what comes of it goes nowhere else."""
        invocation = copied(copy.invocation, watch.mirror, self._new_id())
        try:
            answered = await self._invoker.invoke(invocation)
        except Refusal:
            watch.skip(why.NO_INSTANCE)
            return
        if answered.outcome.status in NOT_ANSWERED:
            watch.skip(why.NO_INSTANCE)
            return
        candidate = side(invocation.request_id, answered)
        await self._compare(watch, copy.live, candidate)

    async def _compare(self, watch: Watch, live: Side, candidate: Side) -> None:
        """Compare two answers; where it is more work, for a tenth of a processor's time at most.

        A thread that computes has the loop wait for the interpreter, up to 5 ms at a time.
        """
        paths = watch.mirror.paths
        short = len(live.result) + len(candidate.result) <= AT_ONCE_CHARS
        if short or live.result == candidate.result:
            watch.hear(live, candidate, compare(live, candidate, paths))
            return
        async with self._comparing:
            began_ns = self._clock_ns()
            verdict = await asyncio.to_thread(compare, live, candidate, paths)
            watch.hear(live, candidate, verdict)
            await asyncio.sleep((self._clock_ns() - began_ns) / 1e9 * RESTS)

    async def _save(self, reports: Reports) -> None:
        for watch in (*self._watches.values(), *self._over.values()):
            mirror = watch.mirror
            if watch.unsaved:
                watch.unsaved = False
                try:
                    # A write may not be broken off between its commit and what follows.
                    await asyncio.shield(reports.keep(mirror, watch.findings))
                except BaseException as error:
                    watch.unsaved = True
                    if not isinstance(error, Exception):
                        raise
                    # Whatever it was: who writes for all mirrors does not end with one of them.
                    unknown = None if isinstance(error, Refusal) else error
                    log.warning(
                        "mirror.unsaved", mirror=mirror.id, reason=str(error), exc_info=unknown
                    )
                    continue
            if not mirror.goes_on:
                self._over.pop(mirror.id, None)


def copied(invocation: Invocation, mirror: Mirror, request_id: str) -> Invocation:
    """Return a call as the candidate has it: the same, with an id and a trace of its own."""
    return Invocation(
        request_id=request_id,
        function=invocation.function,
        qualifier=mirror.version,
        event=invocation.event,
        traits=invocation.traits,
        routing_key=invocation.routing_key,
        trigger=TRIGGER,
        retry_number=invocation.retry_number,
        root_request_id=invocation.root_request_id or invocation.request_id,
        trace=NO_TRACE,
        stays_on=invocation.stays_on,
        later=invocation.later,
        copied_from=mirror.alias,
    )
