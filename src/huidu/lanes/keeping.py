"""Keeping: records of calls on their way from a lane to the server, through a pipe.

What is in a pipe is there for who reads it, whatever becomes of who wrote: a call whose caller has
an answer is counted, even where its lane is killed the moment after.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from enum import IntEnum
from fcntl import F_SETPIPE_SZ, fcntl
from typing import Any, Protocol

import msgspec

from huidu.model.call import Call
from huidu.model.function import FunctionName
from huidu.model.invocation import Record, Status

HEADER = struct.Struct("!BI")
PIPE_BYTES = 1 << 20
MOST_WAITING = 2000
TELL_S = 0.02


class Kind(IntEnum):
    """What a frame says."""

    RECORD = 1
    RUNNING = 2
    DROPPED = 3


Way = tuple[str, str, str]
#: How many calls take a way now, and the most that did since that was told last.
Run = tuple[Way, int, int]

ENCODER = msgspec.msgpack.Encoder()
FUNCTION = Record._fields.index("function")
VALUES = msgspec.msgpack.Decoder(list[Any])
RUNS = msgspec.msgpack.Decoder(list[Run])
NUMBER = msgspec.msgpack.Decoder(int)


def _record(body: bytes) -> Record:
    """Return the record that was sent. Both ends are ours, and it is all plain but for a name.

    Types are not looked at: a compiled tuple's are not told to msgspec.
    """
    values = VALUES.decode(body)
    values[FUNCTION] = FunctionName(**values[FUNCTION])
    return Record._make(values)


def pipe() -> tuple[int, int]:
    """Return the ends of a pipe with room for some thousand records: where to read, and write."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    with suppress(OSError):  # the system may allow less
        fcntl(writing, F_SETPIPE_SZ, PIPE_BYTES)
    return reading, writing


class Under:
    """How many calls of a lane take one way."""

    __slots__ = ("most", "now", "told")

    def __init__(self) -> None:
        self.now = self.most = self.told = 0

    def began(self) -> None:
        """One more does."""
        self.now += 1
        self.most = max(self.most, self.now)

    def ended(self) -> None:
        """One of them does no more."""
        self.now -= 1


class Keeping:
    """What a lane's calls leave, sent before their callers are answered.

    Where the server does not take it for so long that it does not fit, successes are dropped
    before failures, and how many is told.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._ways: dict[Way, Under] = {}
        self._behind: deque[tuple[bytes, bool]] = deque()  #: Frames, and whether to keep each.
        self._dropped = 0
        self._loop = asyncio.get_running_loop()
        self._empty = asyncio.Event()

    def began(self, lane: Way) -> Under:
        """An instance has a call."""
        under = self._ways.get(lane)
        if under is None:
            under = self._ways[lane] = Under()
        under.began()
        return under

    def take(self, call: Call) -> None:
        """A call has ended."""
        record = call.record()
        self._put(Kind.RECORD, record, keep=record.status != Status.SUCCESS)

    def lost(self) -> None:
        """Of a call nothing is kept."""
        self._dropped += 1

    async def tell(self) -> None:
        """Say now and then how many calls run, until cancelled."""
        while True:
            await asyncio.sleep(TELL_S)
            self.tell_now()

    def tell_now(self) -> None:
        """Say how many calls run, where that has changed."""
        news = [
            (way, under.now, under.most)
            for way, under in self._ways.items()
            if under.now != under.told or under.most > under.told
        ]
        if news:
            self._put(Kind.RUNNING, news, keep=True)
        for way, now, _ in news:
            under = self._ways[way]
            under.told = under.most = now
            if not now:
                del self._ways[way]
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._put(Kind.DROPPED, dropped, keep=True)

    async def sent(self) -> None:
        """Return when all is in the pipe."""
        self.tell_now()
        while self._behind:
            self._empty.clear()
            await self._empty.wait()
            self.tell_now()  # to tell what was dropped may have taken the place of another

    def _put(self, kind: Kind, what: object, *, keep: bool) -> None:
        body = ENCODER.encode(what)
        frame = HEADER.pack(kind, len(body)) + body
        if self._behind:
            self._wait((frame, keep))
            return
        sent = self._write(frame)
        if sent < len(frame):
            self._behind.append((frame[sent:], True))  # what is begun is to be ended
            self._loop.add_writer(self._fd, self._go_on)

    def _write(self, frame: bytes) -> int:
        try:
            return os.write(self._fd, frame)
        except BlockingIOError:
            return 0

    def _wait(self, one: tuple[bytes, bool]) -> None:
        if len(self._behind) < MOST_WAITING:
            self._behind.append(one)
            return
        self._dropped += 1
        if not one[1]:
            return
        for place, (_, keep) in enumerate(self._behind):
            if not keep:
                del self._behind[place]
                self._behind.append(one)
                return

    def _go_on(self) -> None:
        while self._behind:
            frame, _ = self._behind[0]
            sent = self._write(frame)
            if sent < len(frame):
                self._behind[0] = frame[sent:], True
                return
            self._behind.popleft()
        self._loop.remove_writer(self._fd)
        self._empty.set()


class Busy(Protocol):
    """How many calls take one way, all in all."""

    def began(self) -> None: ...

    def ended(self) -> None: ...


class Recorder(Protocol):
    """Who keeps what calls leave, and counts those under way."""

    def began(self, lane: Way) -> Busy: ...

    def record(self, record: Record) -> None: ...

    def dropped_elsewhere(self, count: int) -> None: ...


class Kept:
    """The server's end of the pipe of one lane. Nothing waits here: it is read by who looks."""

    def __init__(self, fd: int, recorder: Recorder) -> None:
        self._fd = fd
        self._recorder = recorder
        self._came = bytearray()
        self._running: dict[Way, tuple[int, Busy]] = {}

    def take(self) -> None:
        """Take all that is there."""
        for kind, body in self._frames():
            match kind:
                case Kind.RECORD:
                    self._recorder.record(_record(body))
                case Kind.RUNNING:
                    for way, now, most in RUNS.decode(body):
                        self._run(way, most)
                        self._run(way, now)
                case _:
                    self._recorder.dropped_elsewhere(NUMBER.decode(body))

    def close(self) -> None:
        """Take what is left: who wrote it is gone, and with it the calls that ran there."""
        self.take()
        for way in tuple(self._running):
            self._run(way, 0)
        os.close(self._fd)

    def _run(self, way: Way, wanted: int) -> None:
        """Have so many calls counted as running that take a way."""
        now, busy = self._running.pop(way, (0, None))
        while now < wanted:
            if busy is None:
                busy = self._recorder.began(way)
            else:
                busy.began()
            now += 1
        while busy is not None and now > wanted:
            busy.ended()
            now -= 1
        if busy is not None and now:
            self._running[way] = now, busy

    def _frames(self) -> Sequence[tuple[int, bytes]]:
        """Return what has come; to take it may lead to this being asked again."""
        with suppress(BlockingIOError):
            while data := os.read(self._fd, PIPE_BYTES):
                self._came += data
        came, place = self._came, 0
        frames = []
        while len(came) - place >= HEADER.size:
            kind, size = HEADER.unpack_from(came, place)
            begin, end = place + HEADER.size, place + HEADER.size + size
            if len(came) < end:
                break
            frames.append((kind, bytes(came[begin:end])))
            place = end
        del came[:place]
        return frames
