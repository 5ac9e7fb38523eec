"""Divided: a template as the platform holds it, and the instances that are its forks."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from huidu.instances.descriptors import receive
from huidu.instances.launch import Exit, Launched, wired
from huidu.instances.sandbox.forks.contained import KILLED, Contained
from huidu.instances.sandbox.forks.lodging import Lent
from huidu.instances.sandbox.groups import Group, Groups, close
from huidu.instances.sandbox.walls import kernel, limits

MOST_BYTES = 64 * 1024
READY_S = 60.0  #: What a template may take to import; as long as an instance may by default.
FORK_S = 2.0  #: What a fork may take before the template is given up.
NOTHING = Lent(0, signal.SIGKILL, lambda: None)  #: Of the launcher's, a fork has nothing.
LAST_WORDS_S = 0.1  #: How long the word of how a fork ended may come after its end.
LEFT_S = 5.0  #: How long what stood by a fork may take to end after it.
MOST_WORDS = 2  #: What is said of each fork: that it is there, and how it ended.
SIGNALS, STATUSES = 64, 255
PARENT = 1  #: Which field after the name of a process in its `stat` is its parent.


class Undivided(OSError):
    """The template gives no forks."""


def _parent(pid: int) -> int:
    """Return the process above another, as the host numbers them; 0 where there is none."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[PARENT])
    return 0


@dataclass(slots=True)
class Fork:
    """A fork that was ordered: the one who waits for it, then what it is."""

    answer: asyncio.Future[Contained]
    group: Group | None
    child: Contained | None = None


class Template:
    """A cell that has imported a version's packages, as the platform holds it.

    It runs what a tenant wrote, so that nothing it says is believed but that a fork is there, and
    that only where the process is seen to be one of its own: the kernel hands out descriptors of
    whoever is at the other end of a socket, so that it could name us (`SO_PEERPIDFD`).
    """

    def __init__(
        self, process: Contained, control: socket.socket, uid: int, groups: Groups | None
    ) -> None:
        self._process = process
        self._socket = control
        self._uid = uid
        self._groups = groups
        self._loop = asyncio.get_running_loop()
        self._forks: dict[int, Fork] = {}
        self._numbers = count(1)
        self._words = 1  #: How often it may still speak: once of itself.
        self._one_by_one = asyncio.Lock()
        self._group: Group | None = None
        self._moving: asyncio.Future[None] = self._loop.create_future()
        self._moving.set_result(None)
        self._ready: asyncio.Future[str] = self._loop.create_future()
        self._retired = False
        self.alive = True
        self.used_at = self._loop.time()
        control.setblocking(False)  # noqa: FBT003 - the name of the method says what
        self._loop.add_reader(control, self._hear)
        self._watch = self._loop.create_task(self._end_with_it())

    async def ready(self, memory_bytes: int) -> None:
        """Return once it can be forked, or raise `OSError`."""
        async with asyncio.timeout(READY_S):
            why = await self._ready
        if why:
            raise Undivided(why)
        self._moving = self._loop.create_task(self._wait_in_next(memory_bytes))

    async def fork(self, memory_bytes: int) -> Launched:
        """Return a new instance, or raise `OSError`; the template is given up then."""
        self.used_at = self._loop.time()
        try:
            with wired() as wires:
                fds = (wires.far_end.fileno(), wires.printed)
                return wires.to(await self._fork(fds, memory_bytes))
        except (OSError, TimeoutError) as error:
            self.retire()
            raise Undivided(str(error) or "it took too long") from error

    def retire(self) -> None:
        """End it once its last fork has ended; it is forked no more."""
        self._retired = True
        if not self._forks:
            self.close()

    def close(self) -> None:
        """End it; the kernel ends its forks with it."""
        self._process.kill()

    async def closed(self) -> None:
        """Return once nothing of it is left."""
        await asyncio.shield(self._watch)

    async def _fork(self, fds: Sequence[int], memory_bytes: int) -> Contained:
        async with self._one_by_one, asyncio.timeout(FORK_S):
            await self._moving
            number = next(self._numbers)
            self._words += MOST_WORDS
            fork = self._forks[number] = Fork(self._loop.create_future(), self._group)
            self._group = None
            try:
                self._order(number, fds)
                child = await fork.answer
            except BaseException:
                self._forget(number)
                raise
            self._moving = self._loop.create_task(self._wait_in_next(memory_bytes))
            return child

    def _order(self, number: int, fds: Sequence[int]) -> None:
        temporary = kernel.detached(
            "tmpfs",
            kernel.MOUNT_ATTR_NOSUID | kernel.MOUNT_ATTR_NODEV,
            limits.temporary(self._uid),
        )
        try:
            words = json.dumps({"number": number}).encode()
            socket.send_fds(self._socket, [words], (*fds, temporary))
        finally:
            os.close(temporary)

    def _forget(self, number: int) -> None:
        """Wait for a fork no longer, and let it go if it comes all the same."""
        fork = self._forks.get(number)
        if fork is not None and fork.child is not None:
            fork.child.kill()
        elif fork is not None:
            del self._forks[number]
            close(fork.group)

    async def _wait_in_next(self, memory_bytes: int) -> None:
        """Have it wait in the memory group of the fork to come: a fork is where its parent is."""
        if self._groups is not None:
            group = self._groups.make(secrets.token_hex(6))
            group.limit(memory_bytes)
            self._group = group
            await asyncio.to_thread(group.take_in, self._process.pid)

    def _hear(self) -> None:
        fds: Sequence[int] = ()
        try:
            # There is room for one descriptor: the kernel keeps the others from us.
            words, fds = receive(self._socket, MOST_BYTES, 1)
            self._told(json.loads(words), fds)
        except BlockingIOError:
            return
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            self.close()  # It speaks as nobody of ours does, or has hung up.
            self._loop.remove_reader(self._socket)
        finally:
            for fd in fds:
                os.close(fd)

    def _told(self, told: dict[str, Any], fds: Sequence[int]) -> None:
        self._words -= 1
        if self._words < 0:
            raise ValueError("it says more than there is to say")
        if "number" not in told:
            if not self._ready.done():
                self._ready.set_result(str(told["why"]))
            return
        number = int(told["number"])
        fork = self._forks.get(number)
        if fds:
            self._begin(number, fork, fds[0])
        elif fork is None:
            return  # Nobody waits for it any more.
        elif fork.child is not None:
            code = int(told["code"])
            if not -SIGNALS <= code <= STATUSES:
                raise ValueError(f"no process ends with {code}")
            self._end(number, Exit(code))
        elif not fork.answer.done():
            fork.answer.set_exception(Undivided(str(told["why"])))

    def _begin(self, number: int, fork: Fork | None, passed: int) -> None:
        child = Contained(os.dup(passed), fork.group if fork else None, NOTHING)
        if not self._is_of(child.pid):
            os.close(child.pidfd)
            raise ValueError("that is no process of its own, or has ended already")
        if fork is None or fork.child is not None or fork.answer.done():
            child.kill()
            os.close(child.pidfd)
            return
        fork.child = child
        self._loop.add_reader(child.pidfd, self._gone, number, child.pidfd)
        fork.answer.set_result(child)

    def _is_of(self, pid: int) -> bool:
        """Tell whether a process is a fork's: one stands between it and us, while that lives."""
        parent = _parent(pid)
        return self._process.pid in (parent, _parent(parent))

    def _gone(self, number: int, pidfd: int) -> None:
        """The process has ended, whatever the template says of it, if it is still there."""
        self._loop.remove_reader(pidfd)
        self._loop.call_later(LAST_WORDS_S, self._end, number, KILLED)

    def _end(self, number: int, exit_: Exit) -> None:
        fork = self._forks.pop(number, None)
        if fork is not None and fork.child is not None:
            self._loop.remove_reader(fork.child.pidfd)
            fork.child.kill()  # It may be said to have ended, and live.
            fork.child.ended(exit_)
            if fork.group is not None:
                self._loop.call_later(LEFT_S, self._end_if_left, fork.group)
        if self._retired and not self._forks:
            self.close()

    def _end_if_left(self, group: Group) -> None:
        """End it where a fork left processes outside of itself, which nobody would end."""
        if not group.removed():
            self.close()

    async def _end_with_it(self) -> None:
        await self._process.wait()
        self.alive = False
        await asyncio.gather(self._moving, return_exceptions=True)
        self._loop.remove_reader(self._socket)
        self._socket.close()
        close(self._group)
        if not self._ready.done():
            self._ready.set_result("the template ended")
        for number, fork in tuple(self._forks.items()):
            if fork.child is not None:
                self._loop.remove_reader(fork.child.pidfd)
                fork.child.orphaned()
                del self._forks[number]
            elif not fork.answer.done():
                fork.answer.set_exception(Undivided("the template ended"))
