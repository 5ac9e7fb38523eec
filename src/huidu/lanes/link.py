"""Link: messages and descriptors between two processes of this program, over one socket."""

from __future__ import annotations

import array
import asyncio
import io
import os
import pickle
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import structlog

from huidu.instances.descriptors import receive

HEADER = struct.Struct("!IB")
CHUNK = 256 * 1024
MOST_FDS = 64

Hear = Callable[[Any, Sequence[int]], None]

log = structlog.get_logger("huidu.lanes")


class _Packer(pickle.Pickler):
    """Packs our nouns as what they are made from, for what they work out need not be packable."""

    def reducer_override(self, obj: object) -> Any:  # noqa: ANN401 - as pickle has it
        kind = type(obj)
        if not is_dataclass(kind):
            return NotImplemented
        made_from = {one.name: getattr(obj, one.name) for one in fields(kind) if one.init}
        return _made, (kind, made_from)


def _made(kind: type[Any], made_from: dict[str, Any]) -> Any:  # noqa: ANN401 - of any kind
    return kind(**made_from)


def packed(message: object) -> bytes:
    """Return a message as it goes over the link."""
    out = io.BytesIO()
    _Packer(out, pickle.HIGHEST_PROTOCOL).dump(message)
    return out.getvalue()


class Link:
    """One end. Both are ours: what comes is believed.

    `hear` is called with each message and the descriptors beside it, which are the hearer's from
    then on; `over` once, when nobody is at the other end any more.
    """

    def __init__(self, end: socket.socket, hear: Hear, over: Callable[[], None]) -> None:
        end.setblocking(False)  # noqa: FBT003 - the name of the method says what
        self._socket = end
        self._hear = hear
        self._over = over
        self._unsent: deque[tuple[memoryview, Sequence[int]]] = deque()
        self._came = bytearray()
        self._fds: deque[int] = deque()
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end, self._read)

    def send(self, message: object, fds: Sequence[int] = ()) -> None:
        """Send a message, some time soon, with copies of descriptors beside it."""
        if self._closed:
            return
        body = packed(message)
        data = memoryview(HEADER.pack(len(body), len(fds)) + body)
        self._unsent.append((data, [os.dup(fd) for fd in fds]))
        if len(self._unsent) == 1:
            self._send_on()

    def close(self) -> None:
        """Let go of it; `over` is called, if it was not before."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        for fd in (*self._fds, *(fd for _, fds in self._unsent for fd in fds)):
            os.close(fd)
        self._unsent.clear()
        self._over()

    def _send_on(self) -> None:
        while self._unsent:
            data, fds = self._unsent[0]
            beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            try:
                sent = self._socket.sendmsg([data], beside)
            except BlockingIOError:
                self._loop.add_writer(self._socket, self._send_on)
                return
            except OSError:
                self.close()
                return
            for fd in fds:
                os.close(fd)
            if sent < len(data):
                self._unsent[0] = (data[sent:], ())
            else:
                self._unsent.popleft()
        self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        try:
            data, fds = receive(self._socket, CHUNK, MOST_FDS)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", ()
        self._fds += fds
        self._came += data
        while len(self._came) >= HEADER.size:
            size, beside = HEADER.unpack_from(self._came)
            end = HEADER.size + size
            if len(self._came) < end:
                break
            message = pickle.loads(self._came[HEADER.size : end])  # noqa: S301 - it is our own
            del self._came[:end]
            try:
                self._hear(message, [self._fds.popleft() for _ in range(beside)])
            except Exception:  # what comes behind it is to be heard all the same
                log.exception("link.failed", message=type(message).__name__)
            if self._closed:
                return
        if not data:
            self.close()
