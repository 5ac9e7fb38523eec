"""Supply: the platform's end of the wire to a web instance, over which sockets come."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence

from huidu.instances import wire
from huidu.instances.channel import CHUNK, Lost, Undelivered
from huidu.instances.wire import Frame, Kind, ProtocolError, Reader

#: Sockets that lie ready for each instance: more are asked for as one is taken.
MOST_STOCK = 8
MOST_FDS = 128


class Supply:
    """Says one thing, hears one answer, and from then on is only asked for sockets.

    Once broken it stays broken; `broken` is called then, and whoever waits gets the reason.
    """

    def __init__(self, end: socket.socket, stock: int, broken: Callable[[], None]) -> None:
        end.setblocking(False)  # noqa: FBT003 - the name of the method says what
        self._end = end
        self._wanted = min(stock, MOST_STOCK)
        self._broken = broken
        self._reader = Reader()
        self._answer: asyncio.Future[Frame] | None = None
        self._stock: deque[socket.socket] = deque()
        self._waiting: deque[asyncio.Future[socket.socket]] = deque()
        self._coming = 0
        self._fault: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end, self._read)

    async def exchange(self, frame: bytes) -> Frame:
        """Send a packed frame and return the one that answers it.

        Raises `Undelivered`, `Lost`, `ProtocolError`, or what `fail` was given.
        """
        if self._fault is not None:
            raise Undelivered
        answer: asyncio.Future[Frame] = self._loop.create_future()
        self._answer = answer
        self._send(frame)
        try:
            return await answer
        finally:
            self._answer = None

    async def take(self) -> socket.socket:
        """Return a socket in the instance's network, or raise `Undelivered`."""
        if self._fault is not None:
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
        """Break the wire for a reason."""
        if self._fault is not None:
            return
        self._fault = fault
        self._loop.remove_reader(self._end)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(fault)
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(Undelivered())
        for one in self._stock:
            one.close()
        self._stock.clear()
        self._broken()

    def close(self) -> None:
        """Take in what is still there, and let go: the process at the other end has ended."""
        while self._fault is None and self._read():
            pass
        self.fail(Lost())
        self._end.close()

    def _order(self) -> None:
        wanted = self._wanted + len(self._waiting) - len(self._stock) - self._coming
        count = min(wanted, MOST_FDS - self._coming)
        if count > 0:
            self._coming += count
            self._send(wire.pack(Frame(Kind.SOCKETS, bytes((count,)))))

    def _send(self, frame: bytes) -> None:
        # What is said is short: a wire that does not take it is at its end.
        try:
            sent = self._end.send(frame)
        except OSError:
            sent = 0
        if sent < len(frame):
            self.fail(Undelivered())

    def _read(self) -> bool:
        """Take in what has come; tell whether something had."""
        try:
            data, fds, _, _ = socket.recv_fds(self._end, CHUNK, MOST_FDS)
        except BlockingIOError:
            return False
        except OSError:
            data, fds = b"", []
        if not data:
            self.fail(Lost())
            return False
        try:
            self._keep(_sockets(fds))
            for frame in self._reader.feed(data):
                self._take(frame)
        except ProtocolError as error:
            self.fail(error)
        return True

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
        if frame.kind is Kind.SOCKETS:
            return  # They came beside it.
        if self._answer is None or self._answer.done():
            raise ProtocolError(f"{frame.kind.name} that nobody asked for")
        self._answer.set_result(frame)


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


def _close(sockets: Sequence[socket.socket]) -> None:
    for one in sockets:
        one.close()
