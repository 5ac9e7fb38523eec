"""Supply: the platform's end of the wire to a web instance, over which sockets come."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from huidu.instances import wire
from huidu.instances.channel import CHUNK, Channel, Undelivered
from huidu.instances.descriptors import receive
from huidu.instances.wire import Frame, Kind, ProtocolError

#: Sockets that lie ready for each instance: more are asked for as one is taken.
MOST_STOCK = 8
MOST_FDS = 128


class Supply(Channel):
    """A channel that is only asked for sockets once its one frame was answered."""

    def __init__(self, end: socket.socket, stock: int, broken: Callable[[], None]) -> None:
        super().__init__(end, broken)
        self._wanted = min(stock, MOST_STOCK)
        self._stock: deque[socket.socket] = deque()
        self._waiting: deque[asyncio.Future[socket.socket]] = deque()
        self._coming = 0

    async def take(self) -> socket.socket:
        """Return a socket in the instance's network, or raise `Undelivered`."""
        if self.fault is not None:
            raise Undelivered
        if self._stock:
            taken = self._stock.popleft()
            self._order()
            return taken
        waiting: asyncio.Future[socket.socket] = self._loop.create_future()
        self._waiting.append(waiting)
        self._order()
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                waiting.result().close()
            raise

    def fill(self) -> None:
        """Ask for the first sockets."""
        self._order()

    def fail(self, fault: Exception) -> None:
        """Break the channel for a reason, and let go of the sockets that nobody took."""
        if self.fault is None:
            for waiting in self._waiting:
                if not waiting.done():
                    waiting.set_exception(Undelivered())
            _close(self._stock)
            self._stock.clear()
        super().fail(fault)

    def _order(self) -> None:
        wanted = self._wanted + len(self._waiting) - len(self._stock) - self._coming
        count = min(wanted, MOST_FDS - self._coming)
        if count > 0:
            self._coming += count
            self._send(wire.pack(Frame(Kind.SOCKETS, bytes((count,)))))
            if self._unsent:  # It is short: a wire that does not take it is at its end.
                self.fail(Undelivered())

    def _receive(self) -> bytes:
        data, fds = receive(self._socket, CHUNK, MOST_FDS)
        self._keep(_sockets(fds))
        return data

    def _keep(self, sockets: Sequence[socket.socket]) -> None:
        self._coming -= len(sockets)
        for one in sockets:
            while self._waiting and self._waiting[0].done():
                self._waiting.popleft()
            if self._waiting:
                self._waiting.popleft().set_result(one)
            else:
                self._stock.append(one)
        if self._coming < 0:
            raise ProtocolError("sockets that nobody asked for")

    def _take(self, frame: Frame) -> None:
        if frame.kind is not Kind.SOCKETS:  # They came beside it.
            super()._take(frame)


def _sockets(fds: Sequence[int]) -> Sequence[socket.socket]:
    """Return descriptors as the sockets that they must be; closes them all where one is not."""
    made: list[socket.socket] = []
    for place, fd in enumerate(fds):
        try:
            one = socket.socket(fileno=fd)
        except OSError as error:
            for other in fds[place:]:
                os.close(other)
            _close(made)
            raise ProtocolError("a descriptor that is no socket") from error
        made.append(one)
    if any((one.family, one.type) != (socket.AF_INET, socket.SOCK_STREAM) for one in made):
        _close(made)
        raise ProtocolError("a socket of another kind")
    for one in made:
        one.setblocking(False)  # noqa: FBT003 - as above
    return made


def _close(sockets: Iterable[socket.socket]) -> None:
    for one in sockets:
        one.close()
