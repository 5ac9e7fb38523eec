"""Python wire: the worker's end of the wire to the platform, for workers written in Python.

Frames go over it: a kind, four bytes of length, a body. Needs the standard library of Python 3.8,
no more.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import struct

LOAD, READY, FAILED, CALL, RESULT, ERROR = range(0xA1, 0xA7)
HEADER, SIZE, NONCE = 5, 4, 16
LENGTH = struct.Struct("!I")
FIGURES = struct.Struct("!QQ")  #: With each answer: bytes of memory, nanoseconds that it took.
ANSWER = struct.Struct(f"!BI{NONCE}sQQ")
BUFFER = 256 * 1024
HIGH = 1000  #: Where the channel lies: out of the way of the descriptors that functions open.


class Channel:
    """The worker's end of the wire; one frame is under way at a time."""

    def __init__(self, fd: int) -> None:
        highest = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1
        self._fd = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, min(HIGH, highest))
        os.close(fd)
        self._view = memoryview(bytearray(BUFFER))
        self._room = [self._view]
        waiting = select.poll()
        waiting.register(self._fd, select.POLLIN)
        self._wait = waiting.poll
        self._at = self._got = 0  #: Between them lies what came together with the frame before.
        os.register_at_fork(after_in_child=self._leave)

    def receive(self) -> memoryview:
        """Return the body of the next frame; it is good until the one after it."""
        at, got = self._at, self._got
        if at == got:
            self._wait()
            at, got = 0, os.readv(self._fd, self._room)
        begins = at + HEADER
        if begins <= got:
            ends: int = begins + LENGTH.unpack_from(self._view, at + 1)[0]
            if ends <= got:
                self._at, self._got = ends, got
                return self._view[begins:ends]
        return self._gather(at, got)

    def send(self, kind: int, words: bytes) -> None:
        """Send one frame."""
        self._write(bytes((kind,)) + LENGTH.pack(len(words)) + words)

    def reply(self, kind: int, nonce: bytes, peak: int, took: int, words: bytes) -> None:
        """Send the answer to a call; it is wholly written when this returns."""
        size = NONCE + FIGURES.size + len(words)
        self._write(ANSWER.pack(kind, size, nonce, peak, took) + words)

    def _write(self, frame: bytes) -> None:
        if self._fd < 0:  # A forked child that gets here returned from the handler, and ends.
            os._exit(0)
        sent = os.write(self._fd, frame)
        while sent < len(frame):
            sent += os.write(self._fd, memoryview(frame)[sent:])

    def _gather(self, at: int, got: int) -> memoryview:
        """Return the body of a frame that has come in part, or raise `EOFError`."""
        view = self._view
        view[: got - at] = view[at:got]
        got = self._fill(view, got - at, HEADER)
        whole = HEADER + LENGTH.unpack_from(view, 1)[0]
        if whole > len(view):
            view = memoryview(bytearray(whole))
            view[:got] = self._view[:got]
        got = self._fill(view, got, whole)
        self._at, self._got = (whole, got) if view is self._view else (0, 0)
        return view[HEADER:whole]

    def _fill(self, view: memoryview, got: int, wanted: int) -> int:
        while got < wanted:
            more = os.readv(self._fd, [view[got:]])
            if not more:
                raise EOFError
            got += more
        return got

    def _leave(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
