"""Contained: an instance in its sandbox, as the platform holds it."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from huidu.instances.launch import Exit, peak_bytes
from huidu.instances.sandbox.groups import Group

KILLED = Exit(-signal.SIGKILL)
#: As the first process of a namespace tells that one which it started was killed so: it cannot
#: kill itself.
KILLED_WITHIN = Exit(128 + signal.SIGKILL)


class Contained:
    """The first process of a namespace of its own: when it is killed, the kernel kills the rest."""

    def __init__(self, pidfd: int, group: Group | None, leave: Callable[[], None]) -> None:
        self._pidfd = pidfd
        self._group = group
        self._kills = 0
        self._leave = leave
        self._pid = _number(pidfd)
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[Exit] = self._loop.create_future()

    @property
    def pidfd(self) -> int:
        """A descriptor of the process, good until it is told how that ended."""
        return self._pidfd

    @property
    def pid(self) -> int:
        """The number of the process, as the host sees it."""
        return self._pid

    def kill(self) -> None:
        """Kill the process and everything that it started, at once."""
        if not self._exit.done():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def wait(self) -> Exit:
        """Return how the process ended, once nothing of it runs any more."""
        return await asyncio.shield(self._exit)

    def peak_bytes(self) -> int:
        """Return the most memory that it and what it started have held; 0 once it has ended."""
        if self._exit.done():
            return 0
        together = self._group.peak_bytes() if self._group is not None else 0
        return together or peak_bytes(self._pid)

    def starved(self) -> int:
        """Return how many processes were killed for want of memory since this was asked last."""
        if self._group is None:
            return 0
        before, self._kills = self._kills, self._group.kills()
        return self._kills - before

    async def tidy(self) -> None:
        """Remove what the kernel kept for it; its files went with its namespaces."""

    def ended(self, exit_: Exit) -> None:
        """Take note of how it ended. To be told by the launcher, once."""
        if self._group is not None:
            if exit_.code and not exit_.why and self.starved():
                exit_ = replace(exit_, out_of_memory=True, peak_bytes=self._group.peak_bytes())
            self._group.close()
            self._group = None
        os.close(self._pidfd)
        self._leave()
        self._exit.set_result(exit_)

    def orphaned(self) -> None:
        """Take note that the zygote ended, with which the kernel ends this one as well."""
        self.kill()
        gone = select.poll()
        gone.register(self._pidfd, select.POLLIN)
        gone.poll()  # A moment at most: the kernel has been told already.
        self.ended(KILLED)


def _number(pidfd: int) -> int:
    """Return the number of a process; -1 if it has ended meanwhile."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    return -1
