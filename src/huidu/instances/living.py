"""Living: what every live instance is, whatever it runs: a process that is seen to its end."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Protocol

from huidu.instances.channel import Channel
from huidu.instances.farewell import TOLD, ask_to_end
from huidu.instances.launch import Launched
from huidu.instances.lines import Pipe
from huidu.instances.outcomes import Ending, Run, outcome
from huidu.model.invocation import Outcome
from huidu.model.log import Chunk
from huidu.model.task import Task
from huidu.model.version import Version


class Rider(Protocol):
    """A call that an instance is given; what it is told, it is told later, never from within."""

    __slots__ = ()

    def begins(self) -> None:
        """It runs from now on."""
        ...

    def hears(self, outcome: Outcome | None) -> None:
        """This is what came of it; None where it certainly never began."""
        ...


class TimedOut(Exception):
    """The call took longer than its version allows."""


class Stopped(Exception):
    """The platform ended the instance."""


def let_others_finish(pid: int) -> None:
    """Have a process that is woken wait until whoever woke it rests (sched(7), `SCHED_BATCH`).

    The gateway wakes an instance with each call: to be put aside for it at once would have both
    change places for every call there is, rather than for every few.
    """
    with suppress(OSError):  # It may be gone; and not every kernel lets everybody say so.
        os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))


class Living:
    """A process that was started for one version, until it ends or is ended."""

    def __init__(self, version: Version, launched: Launched, channel: Channel) -> None:
        self.name = secrets.token_hex(8)
        self.took_s = 0.0
        self._version = version
        self._timeout_s = version.configuration.timeout_s
        self._memory_mb = version.configuration.memory_mb
        self._process = launched.process
        let_others_finish(launched.process.pid)
        self._wire = channel
        self._pipe = Pipe(launched.output)
        self._alive = True
        self._gone: Callable[[], None] | None = None
        self._fresh = True
        self._born = perf_counter()
        self._init_ms = 0.0
        self._running: tuple[Task, float] | None = None  #: One call at a time, and since when.
        self._loop = asyncio.get_running_loop()
        self._signalled = False  #: Whether it was told to end, and listens.
        self._home = asyncio.Event()  #: Not while another process of ours has it.
        self._home.set()
        self._stop_elsewhere: Callable[[], None] = lambda: None
        self._stopping = False
        self._watching = self._loop.create_task(self._watch())

    @property
    def alive(self) -> bool:
        """Whether it can take another call."""
        return self._alive

    def when_gone(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once it can take no more calls."""
        self._gone = tell
        if not self._alive:
            self._loop.call_soon(tell)

    def when_over(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once nothing of it is left."""
        self._watching.add_done_callback(lambda _: tell())

    async def stop(self) -> None:
        """End the process, and return when nothing of it is left."""
        self._stopping = True
        if self._home.is_set():
            self._wire.fail(Stopped())
        else:
            self._stop_elsewhere()
        await asyncio.shield(self._watching)

    def interrupt(self, request_id: str) -> bool:
        """Tell it to end, if it runs this call; return whether it does.

        Where nothing in it listens to SIGTERM, it is killed.
        """
        if self._running is None or self._running[0].invocation.request_id != request_id:
            return False
        self._signalled = ask_to_end(self._process.pid)
        if not self._signalled:
            self._process.kill()
        return True

    def printing(self, least_s: float) -> Chunk | None:
        """Return what a call that has run for so long has printed since this was asked last."""
        if self._running is None or perf_counter() - self._running[1] < least_s:
            return None
        task, began = self._running
        starts = not self._pipe.shown_chars
        printed = self._pipe.peek()
        if not printed:
            return None
        now = time.time()
        return Chunk(
            request_id=task.invocation.request_id,
            namespace=self._version.function.namespace,
            function=self._version.function.name,
            function_id=self._version.function_id,
            version=self._version.number,
            alias=task.alias,
            retry_number=task.invocation.retry_number,
            starts=starts,
            printed=printed,
            began=now - (perf_counter() - began) if starts else now,
            ended=now,
        )

    def __repr__(self) -> str:
        state = "alive" if self._alive else "ended"
        who = f"{self._version.function} {self._version.number}"
        kind = type(self).__name__
        return f"<{kind} {self.name} of {who}, process {self._process.pid}: {state}>"

    async def _watch(self) -> None:
        """See the process to its end, whenever that comes, and leave nothing of it."""
        try:
            await self._process.wait()
            await self._home.wait()  # who has it reads what it still says
        finally:
            self._process.kill()
            self._wire.close()
            self._pipe.close()
        await self._process.tidy()

    def _retire(self) -> None:
        """Take no more calls."""
        if self._alive:
            self._alive = False
            if self._gone is not None:
                self._gone()

    def _printed(self, _duration_ms: float) -> str:
        """Return what was printed since it was asked for last."""
        told, self._signalled = self._signalled, False
        return self._pipe.take() + (TOLD if told else "")

    def _outcome(self, task: Task, ending: Ending, duration_ms: float) -> Outcome:
        cold, self._fresh = self._fresh, False
        streamed = self._pipe.shown_chars
        return outcome(
            ending,
            Run(
                request_id=task.invocation.request_id,
                memory_mb=self._memory_mb,
                instance=self.name,
                duration_ms=duration_ms,
                init_ms=self._init_ms if cold else 0.0,
                cold=cold,
                printed=self._printed(duration_ms),
                streamed=streamed,
            ),
        )
