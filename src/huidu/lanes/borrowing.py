"""Borrowing: where a lane's instances come from, and go back to; the server has their processes."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count

from huidu.instances.instance import Instance
from huidu.instances.launch import Exit, Launched, peak_bytes
from huidu.instances.lease import Lease, Returned
from huidu.instances.lines import BEGUN
from huidu.instances.living import Stopped
from huidu.instances.outcomes import Ending, StartFailed
from huidu.instances.recipe import Make
from huidu.lanes.words import (
    Back,
    Borrow,
    Ended,
    Forgo,
    Kill,
    Lent,
    Recall,
    Refused,
    Stop,
)
from huidu.model import capacity
from huidu.model.version import Version

Say = Callable[[object], None]
GIVEN_BACK = Exit(0)


class Afar:
    """The process of a borrowed instance, which is the server's child and not ours."""

    def __init__(self, lease: Lease, say: Say) -> None:
        self._lease = lease
        self._say = say
        self._exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._lease.pid

    @property
    def here(self) -> bool:
        """Whether it runs, and is lent to us."""
        return not self._exit.done()

    def kill(self) -> None:
        """Have it killed."""
        if self.here:
            self._say(Kill(self._lease.name))

    async def wait(self) -> Exit:
        """Return how it ended, or that it is none of our business any more."""
        return await asyncio.shield(self._exit)

    def ended(self, exit_: Exit) -> None:
        """Hear how it ended."""
        if self.here:
            self._exit.set_result(exit_)

    def peak_bytes(self) -> int:
        """Return the most memory that it has held."""
        return peak_bytes(self.pid)

    def starved(self) -> int:
        """Return 0: who has the process knows."""
        return 0

    async def tidy(self) -> None:
        """Leave what is left to who has the process."""


class Borrowed(Instance):
    """An instance that is ours until we stop it, which gives it back where it is sound."""

    def __init__(
        self, version: Version, lease: Lease, wires: tuple[socket.socket, int], say: Say
    ) -> None:
        self._afar = Afar(lease, say)
        super().__init__(version, Launched(self._afar, *wires), lease.exhausted)
        self.name = lease.name
        self._fresh, self._init_ms = lease.fresh, lease.init_ms
        self._pipe.wake(lease.place)
        self._listen()
        self._takes_ahead = lease.ahead
        self._say = say
        self._sound = True

    async def stop(self) -> None:
        """Give it back; return when nothing of it is read here any more."""
        sound = self._sound and self._afar.here and self._running is None
        place = BEGUN
        if sound:
            place = self._pipe.rest()
            self._afar.ended(GIVEN_BACK)
        else:
            self._wire.fail(Stopped())
        await asyncio.shield(self._watching)
        self._say(
            Back(
                Returned(
                    name=self.name,
                    fresh=self._fresh,
                    took_s=self.took_s,
                    place=place,
                    sound=sound,
                )
            )
        )

    def recall(self) -> None:
        """Take no more calls: then whoever has it stops it once it has none."""
        self._retire()

    def end(self) -> None:
        """End the call that it has."""
        self._wire.fail(Stopped())

    def over(self, exit_: Exit) -> None:
        """Hear how the process ended."""
        self._afar.ended(exit_)

    def _broken(self) -> None:
        self._sound = False
        super()._broken()


class Borrowing:
    """What a lane's fleet makes its instances with: it asks for them."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._numbers = count(1)
        self._asked: dict[int, tuple[Version, asyncio.Future[Borrowed]]] = {}
        self._here: dict[str, Borrowed] = {}

    def maker(self, version: Version) -> Make:
        """Return what borrows instances of a version."""
        return partial(self._borrow, version)

    async def _borrow(self, version: Version) -> Borrowed:
        """Wait in the server's line for an instance; raises what a pool of the server's does."""
        number = next(self._numbers)
        future: asyncio.Future[Borrowed] = asyncio.get_running_loop().create_future()
        self._asked[number] = version, future
        self._say(Borrow(number, (version.function_id, version.number, version.digest)))
        try:
            return await future
        except asyncio.CancelledError:
            self._say(Forgo(number))
            if future.done() and not future.cancelled() and future.exception() is None:
                await future.result().stop()
            raise
        finally:
            del self._asked[number]

    def lent(self, said: Lent, fds: Sequence[int]) -> None:
        """Take an instance that comes, or give it back where nobody waits for it any more."""
        version, future = self._asked.get(said.number, (None, None))
        if version is None or future is None or future.done():
            for fd in fds:
                os.close(fd)
            lease = said.lease
            self._say(Back(Returned(name=lease.name, fresh=lease.fresh, sound=True)))
            return
        end, output = fds
        wires = socket.socket(fileno=end), output
        instance = Borrowed(version, said.lease, wires, self._say)
        self._here[instance.name] = instance
        instance.when_over(lambda: self._over(instance))
        future.set_result(instance)

    def _over(self, instance: Borrowed) -> None:
        if self._here.get(instance.name) is instance:
            del self._here[instance.name]

    def refused(self, said: Refused) -> None:
        """Hear why there is none."""
        _, future = self._asked.get(said.number, (None, None))
        if future is not None and not future.done():
            future.set_exception(_why(said))

    def hear(self, said: Recall | Stop | Ended) -> None:
        """Hear what is to become, or has become, of an instance."""
        instance = self._here.get(said.name)
        if instance is None:  # it is on its way back
            return
        match said:
            case Recall():
                instance.recall()
            case Stop():
                instance.end()
            case Ended():
                instance.over(said.exit)


#: What a pool refuses with, by name. They are made without what only the server knows.
REFUSALS: dict[str, type[Exception]] = {
    kind.__name__: kind for kind in (capacity.Busy, capacity.Stopped, capacity.Retired)
}
LOST = Ending(status=445, message="the server could not lend an instance")


def _why(said: Refused) -> Exception:
    kind = REFUSALS.get(said.why)
    if kind is None:
        return StartFailed(said.ending or LOST, said.printed, said.init_ms)
    why = kind.__new__(kind)
    why.args = (said.message,)
    return why
