"""Wrapped: an instance that another program keeps in, as the platform holds it."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from huidu.instances.launch import Exit, peak_bytes, see_off
from huidu.instances.sandbox.groups import Group

MOST_BYTES = 4096
SIGNALLED = 128  #: What programs add to a signal to tell of it in an exit status.

#: Is the first to go where memory is short.
FIRST_TO_GO = "set -e; echo 1000 >/proc/self/oom_score_adj"


def entering(group: Group | None, program: Sequence[str]) -> Sequence[str]:
    """Return what turns into a program once it is in its group, if there is one."""
    steps = ['exec "$@"']
    if group is not None:
        steps[:0] = [FIRST_TO_GO, *(f"echo 0 >{shlex.quote(str(door))}" for door in group.doors)]
    return ("/bin/sh", "-c", "; ".join(steps), "sh", *program)


class Wrapped:
    """The program that we started, and the first process within its walls where it tells of it.

    `told` is a pipe on which it tells, as bubblewrap does; -1: to end it ends all. `left` is called
    once everything has ended, `tidied` after that.
    """

    def __init__(
        self,
        pid: int,
        group: Group | None,
        left: Callable[[], None],
        told: int = -1,
        tidied: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._pid = pid
        self._group = group
        self._left = left
        self._tidied = tidied
        self._told = told
        self._words = b""  #: What has come of a line that is not whole yet.
        self._inner = -1  #: A descriptor for the first process within.
        self._inner_pid = 0
        self._doomed = False
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[Exit] = self._loop.create_future()
        self._handle = os.pidfd_open(pid)
        self._loop.add_reader(self._handle, self._ended)
        if told >= 0:
            os.set_blocking(told, False)
            self._loop.add_reader(told, self._hear)

    @property
    def pid(self) -> int:
        """The number of the program that we started."""
        return self._pid

    def kill(self) -> None:
        """Kill everything within, at once; the program then ends by itself.

        Where it has not told of the first process within yet, that is killed as soon as it does:
        it waits to be told of before it goes on.
        """
        self._doomed = True
        if self._exit.done():
            return
        with suppress(ProcessLookupError):
            if self._told < 0:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            elif self._inner >= 0:
                signal.pidfd_send_signal(self._inner, signal.SIGKILL)

    async def wait(self) -> Exit:
        """Return how the process ended, once nothing of it runs any more."""
        return await asyncio.shield(self._exit)

    def peak_bytes(self) -> int:
        """Return the most memory that the running process has held, where that can be known."""
        return peak_bytes(self._inner_pid) if self._inner_pid and not self._exit.done() else 0

    def starved(self) -> int:
        """Return how many processes were killed for want of memory since this was asked last."""
        return self._group.starved() if self._group is not None else 0

    async def tidy(self) -> None:
        """Remove what the program left."""
        if self._tidied is not None:
            await self._tidied()

    def _hear(self) -> None:
        """Take note of the first process within."""
        try:
            words = os.read(self._told, MOST_BYTES)
        except BlockingIOError:
            return
        if not words:
            self._loop.remove_reader(self._told)
            return
        *lines, self._words = (self._words + words).split(b"\n")
        for line in lines:
            with suppress(ValueError, KeyError, TypeError, OSError):
                self._inner_pid = int(json.loads(line)["child-pid"])
                self._inner = os.pidfd_open(self._inner_pid)
        if self._doomed:
            self.kill()

    def _ended(self) -> None:
        self._loop.remove_reader(self._handle)
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self._end_within()
        exit_ = Exit(SIGNALLED - code if code > SIGNALLED else code)
        if self._group is not None:
            if exit_.code == -signal.SIGKILL and self.starved():
                peak = self._group.peak_bytes()
                exit_ = Exit(exit_.code, out_of_memory=True, peak_bytes=peak)
            self._group.close()
            self._group = None
        os.close(self._handle)
        self._left()
        self._exit.set_result(exit_)

    def _end_within(self) -> None:
        """See to it that nothing runs on without the program that keeps it in."""
        if self._told < 0:
            return
        self._hear()
        self._loop.remove_reader(self._told)
        os.close(self._told)
        if self._inner >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._inner, signal.SIGKILL)
            see_off(self._inner)
            os.close(self._inner)
