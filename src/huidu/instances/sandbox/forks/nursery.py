"""Nursery: a zygote as the platform sees it, from its start to its end."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from huidu.instances.descriptors import receive
from huidu.instances.launch import Exit
from huidu.instances.sandbox.forks.contained import Contained
from huidu.instances.sandbox.groups import Group, Groups, close

MOST_BYTES = 64 * 1024
PATIENCE_S = 30.0
FULL_S = 0.001  #: How long to wait where the zygote has more to do than the socket holds.
HOUSE = Path(__file__).parents[3]

#: The package itself is not imported, only made known: its version is asked of an installation
#: that the zygote's interpreter may not have.
BEGIN = (
    "import sys, types; house = sys.modules['huidu'] = types.ModuleType('huidu'); "
    "house.__path__ = [sys.argv[1]]; from huidu.instances.sandbox.zygote import zygote; "
    "zygote.main(int(sys.argv[2]))"
)

Birth = Callable[[int, Group | None], Contained]


class Died(ConnectionResetError):
    """The zygote ended by itself, and with it all that it had begun: its successor may be asked."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A launch that the zygote has not answered yet."""

    answer: asyncio.Future[Contained]
    group: Group | None
    birth: Birth
    lost: Callable[[], None]

    def fail(self, error: OSError) -> None:
        """Take note that there will be no instance."""
        close(self.group)
        self.lost()
        if not self.answer.done():
            self.answer.set_exception(error)


class Nursery:
    """One zygote, and the instances that are its forks."""

    def __init__(
        self, interpreter: Path, settings: Mapping[str, Any], groups: Groups | None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._numbers = count(1)
        self._waiting: dict[int, Waiting] = {}
        self._living: dict[int, Contained] = {}
        self._furnishing: dict[int, asyncio.Future[None]] = {}
        self._ready: asyncio.Future[int] = self._loop.create_future()
        self._posting = asyncio.Lock()
        self._ended: OSError = ConnectionResetError("the zygote has ended")
        self.alive = True
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._popen = subprocess.Popen(  # noqa: S603 - to start it is what we are here for
                (
                    *(str(interpreter), "-I", "-S", "-X", "utf8", "-c", BEGIN),
                    *(str(HOUSE), str(theirs.fileno())),
                ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={},
                start_new_session=True,
            )
        self._socket.settimeout(0)
        self._loop.add_reader(self._socket, self._hear)
        self._groups = groups
        self._group = groups.make(secrets.token_hex(6)) if groups else None
        words = json.dumps(settings).encode()
        socket.send_fds(self._socket, [words], self._group.entrances if self._group else [])

    async def ready(self) -> int:
        """Return the version of Landlock once the zygote can fork, or raise `OSError`."""
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.shield(self._ready)

    @property
    def pid(self) -> int:
        """The number of the process that we started; the zygote proper is its child."""
        return self._popen.pid

    @property
    def prepared(self) -> bool:
        """Whether it can fork."""
        return self.alive and self._ready.done()

    @property
    def empty(self) -> bool:
        """Whether it has no instance, and none to come."""
        return not self._waiting and not self._living

    async def launch(
        self,
        order: dict[str, Any],
        fds: Sequence[int],
        memory_bytes: int,
        birth: Birth,
        lost: Callable[[], None],
    ) -> Contained:
        """Fork an instance, or raise `OSError`.

        Whether or not the caller waits for it, either `birth` is called with the fork's pidfd and
        group, or `lost` where there will be none.
        """
        number = next(self._numbers)
        async with self._posting:
            # The zygote is in the group already, and goes on into the next once it has forked.
            group, after = self._group, None
            try:
                after = self._next_group(memory_bytes)
                await self._post(
                    {"number": number, "descriptors": len(fds), **order},
                    (*fds, *(after.entrances if after else ())),
                )
            except BaseException:
                close(after)
                lost()
                raise
            self._group = after
            waiting = Waiting(self._loop.create_future(), group, birth, lost)
            self._waiting[number] = waiting
        return await waiting.answer

    async def furnish(self, blank: Contained, code: str, layers: Sequence[str]) -> None:
        """Show a blank these folders, or raise `OSError`, after which it is good for nothing."""
        number = next(self._numbers)
        done = self._furnishing[number] = self._loop.create_future()
        try:
            order = {"number": number, "blank": True, "code": code, "layers": list(layers)}
            async with self._posting:
                await self._post(order, (blank.pidfd,))
            await done
        finally:
            del self._furnishing[number]

    def _next_group(self, memory_bytes: int) -> Group | None:
        if self._groups is None or self._group is None:
            return None
        self._group.limit(memory_bytes)
        return self._groups.make(secrets.token_hex(6))

    async def _post(self, order: dict[str, Any], fds: Sequence[int]) -> None:
        words = json.dumps(order).encode()
        while self.alive:
            try:
                socket.send_fds(self._socket, [words], fds)
            except BlockingIOError:
                await asyncio.sleep(FULL_S)
            except (BrokenPipeError, ConnectionResetError):
                self._end(Died("the zygote ended"))
            else:
                return
        raise type(self._ended)(*self._ended.args)

    def close(self) -> None:
        """End the zygote, and with it every instance there is."""
        if self.alive:
            self._end(ConnectionResetError("the zygote was ended"))

    def _hear(self) -> None:
        try:
            words, fds = receive(self._socket, MOST_BYTES, 1)
        except BlockingIOError:
            return
        except OSError:
            words, fds = b"", []
        if not words:
            self._end(Died("the zygote ended"))
            return
        told = json.loads(words)
        if "number" in told:
            self._told(told, fds)
        elif not self._ready.done():
            self._prepared(told)

    def _prepared(self, told: dict[str, Any]) -> None:
        if "why" in told:
            self._end(OSError(told["why"]))
        else:
            self._ready.set_result(told["landlock"])

    def _told(self, told: dict[str, Any], fds: Sequence[int]) -> None:
        number = told["number"]
        if "code" in told:
            code, why = told["code"], told["why"]
            self._living.pop(number).ended(Exit(code, why))
            return
        if number not in self._waiting:
            self._furnished(number, told)
            return
        waiting = self._waiting.pop(number)
        if not fds:
            waiting.fail(OSError(told["errno"], told["why"]))
            return
        child = self._living[number] = waiting.birth(fds[0], waiting.group)
        if waiting.answer.done():  # Whoever wanted it has gone.
            child.abandon()
        else:
            waiting.answer.set_result(child)

    def _furnished(self, number: int, told: dict[str, Any]) -> None:
        done = self._furnishing.get(number)
        if done is None or done.done():  # Whoever wanted it has gone.
            return
        if "why" in told:
            done.set_exception(OSError(told["errno"], told["why"]))
        else:
            done.set_result(None)

    def _end(self, why: OSError) -> None:
        self.alive, self._ended = False, why
        self._loop.remove_reader(self._socket)
        self._socket.close()
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        if not self._ready.done():
            self._ready.set_exception(why)
            self._ready.exception()  # It may be that nobody asks.
        for waiting in self._waiting.values():
            waiting.fail(type(why)(*why.args))
        self._waiting.clear()
        for done in self._furnishing.values():
            if not done.done():
                done.set_exception(type(why)(*why.args))
        close(self._group)
        for child in self._living.values():
            child.orphaned()
        self._living.clear()
