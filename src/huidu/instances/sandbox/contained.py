"""Contained: an instance in its sandbox, as the platform holds it."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from huidu.instances.launch import Exit, peak_bytes
from huidu.instances.sandbox.groups import Group

KILLED = Exit(-signal.SIGKILL)


class Contained:
    """The first process of a namespace of its own: when it is killed, the kernel kills the rest."""

    def __init__(self, pidfd: int, group: Group | None, leave: Callable[[], None]) -> None:
        self._pidfd = pidfd
        self._group = group
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

    @property
    def alive(self) -> bool:
        """Whether it is not known to have ended."""
        return not self._exit.done()

    def kill(self) -> None:
        """Kill the process and everything that it started, at once."""
        if not self._exit.done():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def wait(self) -> Exit:
        """Return how the process ended, once nothing of it runs any more."""
        return await asyncio.shield(self._exit)

    def peak_bytes(self) -> int:
        """Return the most memory that the running process has held; 0 once it has ended."""
        return 0 if self._exit.done() else peak_bytes(self._pid)

    async def tidy(self) -> None:
        """Remove what the kernel kept for it; its files went with its namespaces."""

    def ended(self, exit_: Exit) -> None:
        """Take note of how it ended. To be told by the launcher, once."""
        out_of_memory = self._group is not None and exit_ == KILLED and self._group.ran_out()
        if self._group is not None:
            self._group.close()
        os.close(self._pidfd)
        self._leave()
        self._exit.set_result(Exit(exit_.code, exit_.why, out_of_memory))

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
