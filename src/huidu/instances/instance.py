"""Instance: a live worker that has loaded one version and runs its calls, one at a time."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from time import perf_counter

from huidu.instances import answers, endings, wire
from huidu.instances.answers import Ready
from huidu.instances.channel import Channel, Lost, Undelivered
from huidu.instances.launch import Exit, Launched
from huidu.instances.living import Living, Stopped, TimedOut
from huidu.instances.outcomes import Ending, StartFailed
from huidu.instances.wire import Frame, Kind, ProtocolError, TooLarge
from huidu.model.capacity import NEVER
from huidu.model.invocation import Outcome, Status
from huidu.model.task import Task
from huidu.model.version import Version
from huidu.runtimes.table import CUSTOM


class Instance(Living):
    """A process that runs the calls of one version, until it ends or is ended.

    It ends with the first thing about it that is not as agreed; from then on `alive` is false.
    `exhausted` is what its language prints where it ends by itself for want of memory.
    """

    def __init__(self, version: Version, launched: Launched, exhausted: str = "") -> None:
        super().__init__(version, launched, Channel(launched.end, self._broken))
        self._exhausted = exhausted
        self._killed_unused = False
        self._peak_bytes = 0
        self._deadline = NEVER
        self._timer: asyncio.TimerHandle | None = None

    async def load(self, order: bytes) -> Ready:
        """Have the worker load its version, or raise `StartFailed`."""
        loaded = await self._load(order)
        self._init_ms = (perf_counter() - self._born) * 1000
        if isinstance(loaded, Ending):
            await self.stop()
            raise StartFailed(loaded, self._pipe.take(), self._init_ms, another=self._killed_unused)
        return loaded

    async def run(self, task: Task) -> Outcome:
        """Run one call to its end, whatever that is.

        Raises `Undelivered` where the call certainly never began. A caller that is cancelled
        takes the instance with it: nobody can tell what the call left behind in it.
        """
        if task.version.digest != self._version.digest:
            raise ValueError(f"instance {self.name} was not started for this version")
        nonce = secrets.token_bytes(wire.NONCE_BYTES)
        frame = wire.call(nonce, task.context(), task.invocation.event)
        fault: Exception | None = None
        ending = Ending()
        self._set_deadline()
        began = perf_counter()
        self._running = (task, began)
        try:
            ending = answers.ending(await self._wire.exchange(frame), nonce)
        except asyncio.CancelledError:
            self._wire.fail(Stopped())
            raise
        except (Lost, ProtocolError, TimedOut, Stopped) as error:
            fault = error
        finally:
            self._deadline = NEVER
            self._running = None
        duration_ms = (perf_counter() - began) * 1000
        if fault is not None:
            ending = await self._cut_off(fault)
        self.took_s = ending.took_s or duration_ms / 1000
        self._peak_bytes = ending.peak_bytes
        return self._outcome(task, ending, duration_ms)

    async def _load(self, order: bytes) -> Ready | Ending:
        limit = self._version.configuration.init_timeout_s
        try:
            async with asyncio.timeout(limit):
                frame = await self._wire.exchange(wire.pack(Frame(Kind.LOAD, order)))
            return answers.loading(frame, self._version.digest)
        except TimeoutError:
            message = f"Initialization timed out after {limit} seconds"
            if self._version.configuration.runtime == CUSTOM.spelling:
                message += "; a bootstrap is ready once it has asked POST /runtime/init/ready"
            return Ending(status=Status.INIT_TIMED_OUT, message=message)
        except ProtocolError as error:
            return endings.never_agreed(error)
        except (Undelivered, Lost) as fault:
            ended = await self._process.wait()
            unused = isinstance(fault, Undelivered) and not ended.why and not ended.out_of_memory
            self._killed_unused = unused and ended.code < 0
            return endings.never_ready(ended)

    async def _watch(self) -> None:
        try:
            await super()._watch()
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _broken(self) -> None:
        self._process.kill()
        self._retire()

    def _set_deadline(self) -> None:
        """Have the call end in time. One timer serves many calls: it looks again when it rings."""
        self._deadline = self._loop.time() + self._version.configuration.timeout_s
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._deadline == NEVER:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._ring)
        else:
            self._peak_bytes = self._process.peak_bytes()
            self._wire.fail(TimedOut())

    async def _cut_off(self, fault: Exception) -> Ending:
        """Return what is told of a call that the instance did not, or may not, answer."""
        self._wire.fail(fault)
        ended = await self._process.wait()
        ending = self._told(fault, ended)
        return replace(ending, peak_bytes=ending.peak_bytes or self._peak_bytes)

    def _told(self, fault: Exception, ended: Exit) -> Ending:
        if isinstance(fault, TimedOut):
            return endings.timed_out(self._version.configuration)
        if isinstance(fault, TooLarge):
            return Ending(status=Status.RESULT_TOO_LARGE, message=str(fault))
        if isinstance(fault, ProtocolError):
            message = f"the instance does not speak as agreed, and was ended: {fault}"
            return Ending(status=Status.PROCESS_EXITED, message=message)
        if isinstance(fault, Stopped):
            return endings.stopped()
        if ended.out_of_memory or self._gave_up(ended):
            return endings.out_of_memory(self._version.configuration, ended.peak_bytes)
        return endings.exited(ended)

    def _printed(self) -> str:
        """Return what was printed, and a line where memory was used up and yet the call went on."""
        printed = super()._printed()
        if not (self._alive and self._process.starved()):
            return printed
        limit = self._version.configuration.memory_mb
        return f"{printed}(a process was killed: the memory limit of {limit} MB was reached)\n"

    def _gave_up(self, ended: Exit) -> bool:
        """Tell whether the language ended the process, since it has no memory left to give."""
        return ended.code < 0 and self._pipe.shows(self._exhausted)
