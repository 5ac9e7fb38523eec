"""Contained: an instance in its sandbox, as the platform holds it."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from huidu.instances.launch import Exit, peak_bytes, see_off
from huidu.instances.sandbox.forks.lodging import Lent
from huidu.instances.sandbox.forks.watch import Watch, family
from huidu.instances.sandbox.groups import Group

KILLED = Exit(-signal.SIGKILL)


class Contained:
    """The process to which an end is put where all of an instance is to end.

    That is the first of a process namespace, when it is killed; or else a warden, when it is told.
    """

    def __init__(self, pidfd: int, group: Group | None, lent: Lent) -> None:
        self._pidfd = pidfd
        self._lent = lent
        self._pid = _number(pidfd)
        self._group = group
        self._watch: Watch | None = None
        if group is None and lent.memory_bytes:
            itself = lent.end == signal.SIGKILL  # A warden is ours.
            self._watch = Watch(self._pid, lent.memory_bytes, self.kill, itself=itself)
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[Exit] = self._loop.create_future()
        self._leaving: asyncio.Task[None] | None = None

    @property
    def pidfd(self) -> int:
        """A descriptor of the process, good until it is told how that ended."""
        return self._pidfd

    @property
    def pid(self) -> int:
        """The number of the process, as the host sees it."""
        return self._pid

    @property
    def alive(self) -> bool:
        """Whether it is not known to have ended."""
        return not self._exit.done()

    def kill(self) -> None:
        """Kill the process and everything that it started, at once."""
        if not self._exit.done():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, self._lent.end)

    def abandon(self) -> None:
        """Kill it and leave nothing of it, for whoever wanted it has gone."""
        self._leaving = self._loop.create_task(self._leave())

    async def _leave(self) -> None:
        self.kill()
        await self.wait()
        await self.tidy()

    async def wait(self) -> Exit:
        """Return how the process ended, once nothing of it runs any more."""
        return await asyncio.shield(self._exit)

    def peak_bytes(self) -> int:
        """Return the most memory that it and what it started have held; 0 once it has ended."""
        if self._exit.done():
            return 0
        if self._watch is not None:
            return self._watch.peak_bytes
        together = self._group.peak_bytes() if self._group is not None else 0
        return together or max(map(peak_bytes, family(self._pid)))

    def starved(self) -> int:
        """Return how many processes were killed for want of memory since this was asked last."""
        return self._group.starved() if self._group is not None else 0

    async def tidy(self) -> None:
        """Remove its folder; where it has none, its files went with its namespaces."""
        await asyncio.to_thread(self._lent.remove)

    def ended(self, exit_: Exit) -> None:
        """Take note of how it ended. To be told by the launcher, once."""
        ran_out, peak = False, 0
        if self._group is not None:
            ran_out = bool(exit_.code and not exit_.why and self.starved())
            peak = self._group.peak_bytes() if ran_out else 0
            self._group.close()
            self._group = None
        elif self._watch is not None:
            ran_out, peak = exit_ == KILLED and self._watch.ran_out(), self._watch.peak_bytes
            self._watch.close()
        os.close(self._pidfd)
        self._lent.take_back()
        self._exit.set_result(replace(exit_, out_of_memory=ran_out, peak_bytes=peak))

    def orphaned(self) -> None:
        """Take note that the zygote ended, with which the kernel ends this one as well."""
        self.kill()
        see_off(self._pidfd)
        self.ended(KILLED)


def _number(pidfd: int) -> int:
    """Return the number of a process; -1 if it has ended meanwhile."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    return -1
