"""Channel: the platform's end of the wire to one instance, on the event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from huidu.instances.wire import HEADER, KINDS, Frame, ProtocolError, Reader

CHUNK = 64 * 1024
WORDS_AT = HEADER.size

#: Is given the kind and the body of a frame that came; may raise `ProtocolError`.
Hear = Callable[[int, bytes], None]


class Undelivered(Exception):
    """The call certainly never began: it can be given to another instance."""


class Lost(Exception):
    """The instance is gone, or let go of the channel, and may have had the call."""


class Channel:
    """Sends a frame, and waits for the frame that answers it.

    Written at once and read by a callback: a transport would cost a wake-up more. Once broken it
    stays broken; `broken` is called then, and whoever waits for an answer gets the reason.
    """

    def __init__(self, end: socket.socket, broken: Callable[[], None]) -> None:
        end.setblocking(False)  # noqa: FBT003 - the name of the method says what
        self._socket = end
        self._broken = broken
        self._reader = Reader()
        self._unsent = memoryview(b"")
        self._held: list[bytes] | None = None  #: What is sent once all that has come was heard.
        self._answer: asyncio.Future[Frame] | None = None
        self.hear: Hear | None = None  #: Who takes the frames that no `exchange` waits for.
        #: Is told before frames are heard that came together, and after, however that ends.
        self.before: Callable[[], None] | None = None
        self.after: Callable[[], None] | None = None
        self.fault: Exception | None = None  #: Why it broke, once it has.
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end, self._read)

    async def exchange(self, frame: bytes) -> Frame:
        """Send a packed frame and return the one that answers it.

        Raises `Undelivered`, `Lost`, `ProtocolError`, or what `fail` was given.
        """
        if self.fault is not None:
            raise Undelivered
        answer: asyncio.Future[Frame] = self._loop.create_future()
        self._answer = answer
        self._send(frame)
        try:
            return await answer
        finally:
            self._answer = None

    def send(self, frame: bytes) -> None:
        """Send a packed frame; what comes of it, `hear` is told, or `broken`."""
        if self._held is not None:
            self._held.append(frame)
        elif self._unsent:
            self._unsent = memoryview(b"".join((self._unsent, frame)))
        else:
            self._send(frame)

    def fail(self, fault: Exception) -> None:
        """Break the channel for a reason."""
        if self.fault is not None:
            return
        self.fault = fault
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(fault)
        self._broken()

    @property
    def fd(self) -> int:
        """The descriptor of this end."""
        return self._socket.fileno()

    def rest(self) -> None:
        """Leave what comes to whoever else has this end, until `wake`."""
        self._loop.remove_reader(self._socket)

    def wake(self) -> None:
        """Read on."""
        if self.fault is None:
            self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """Take in what is still there, and let go: the process at the other end has ended."""
        while self.fault is None and self._read():
            pass
        self.fail(Lost())
        self._socket.close()

    def _send(self, frame: bytes) -> None:
        try:
            sent = self._socket.send(frame)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._unsent = memoryview(frame)
            self._loop.call_soon(self._give_up)
            return
        if sent < len(frame):
            self._unsent = memoryview(frame)[sent:]
            self._loop.add_writer(self._socket, self._send_on)

    def _send_on(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self._loop.remove_writer(self._socket)
            self._give_up()
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._loop.remove_writer(self._socket)

    def _give_up(self) -> None:
        """Break, for nobody reads any more; what was answered before is heard first."""
        while self.fault is None and self._read():
            pass
        self.fail(Undelivered())

    def _read(self) -> bool:
        """Take in what has come; tell whether something had."""
        try:
            data = self._receive()
            taken = 0 if self.hear is None or self._reader.buffer else self._hear_together(data)
            if self.fault is None and taken < len(data):
                for frame in self._reader.feed(data[taken:]):
                    self._take(frame)
        except BlockingIOError:
            return False
        except OSError:
            # The kernel says ECONNRESET, not end of file, where it had something left to read.
            self.fail(Undelivered())
            return False
        except ProtocolError as error:
            self.fail(error)
            return True
        if not data:
            self.fail(Undelivered() if self._unsent else Lost())
        return bool(data)

    def _hear_together(self, data: bytes) -> int:
        """Do as `_hear_whole`, and tell before it and after."""
        if self.before is not None:
            self.before()
        try:
            return self._hear_whole(data)
        finally:
            if self.after is not None:
                self.after()

    def _hear_whole(self, data: bytes) -> int:
        """Have the whole frames heard that this begins with; return how many bytes those are.

        What is sent in answer to more than one of them goes out together.
        """
        begin, end = 0, len(data)
        while self.hear is not None and begin + WORDS_AT <= end:
            kind, size = HEADER.unpack_from(data, begin)
            after = begin + WORDS_AT + size
            if after > end or kind not in KINDS or self.fault is not None:
                break
            if after < end and self._held is None:
                self._held = []
            self.hear(kind, data[begin + WORDS_AT : after])
            begin = after
        if self._held is not None:
            held, self._held = self._held, None
            if held and self.fault is None:
                self.send(b"".join(held))
        return begin

    def _receive(self) -> bytes:
        """Return what has come next, or nothing at the end; may raise `ProtocolError`."""
        return self._socket.recv(CHUNK)

    def _take(self, frame: Frame) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(frame)
        elif self.hear is not None:
            self.hear(frame.kind, frame.body)
        else:
            raise ProtocolError(f"{frame.kind.name} that nobody asked for")
