"""Wire: the frames between the platform and an instance; bytes in, frames out, no socket here."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from huidu.model.invocation import MOST_RESULT_BYTES

HEADER = struct.Struct("!BI")
LENGTH = struct.Struct("!I")
FIGURES = struct.Struct("!QQ")
NONCE_BYTES = 16
SAID_AT = NONCE_BYTES + FIGURES.size  #: Where the words of a reply begin.
#: The largest body: a result or an event of the largest size, and what accompanies it.
LARGEST = MOST_RESULT_BYTES + 64 * 1024


class Kind(IntEnum):
    """What a frame says. The numbers lie outside of ASCII, so that no text looks like a frame."""

    LOAD = 0xA1
    READY = 0xA2
    FAILED = 0xA3
    CALL = 0xA4
    RESULT = 0xA5
    ERROR = 0xA6
    SOCKETS = 0xA7


KINDS = {int(kind): kind for kind in Kind}


class ProtocolError(Exception):
    """The other end does not speak as agreed; nothing more that it says is believed."""


class TooLarge(ProtocolError):
    """A frame or a result over the limit, which should have been kept back."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message on the wire."""

    kind: Kind
    body: bytes = b""


class Reply(NamedTuple):
    """The answer to a call: for which one, what it took as the worker saw it, and the words."""

    nonce: bytes
    peak_bytes: int
    took_s: float
    words: bytes


def pack(frame: Frame) -> bytes:
    """Return a frame as it goes over the wire."""
    return HEADER.pack(frame.kind, len(frame.body)) + frame.body


def call(nonce: bytes, context: bytes, event: bytes) -> bytes:
    """Return the frame of a call: what is new in its context, and its event, both JSON."""
    size = NONCE_BYTES + LENGTH.size + len(context) + len(event)
    header = HEADER.pack(Kind.CALL, size)
    return b"".join((header, nonce, LENGTH.pack(len(context)), context, event))


def reply(body: bytes) -> Reply:
    """Read the body of a `RESULT` or an `ERROR`."""
    if len(body) < SAID_AT:
        raise ProtocolError(f"a reply of {len(body)} bytes")
    peak, took = FIGURES.unpack_from(body, NONCE_BYTES)
    return Reply(body[:NONCE_BYTES], peak, took / 1e9, body[SAID_AT:])


class Reader:
    """Puts frames together again, however the bytes were cut on their way."""

    def __init__(self) -> None:
        self.buffer = bytearray()  #: The part of a frame that has come.

    def feed(self, data: bytes) -> Sequence[Frame]:
        """Take what came off the wire; return the frames that it completes.

        A frame that is too large is refused by its header: no room is made for it.
        """
        buffer = self.buffer
        buffer += data
        frames = []
        while len(buffer) >= HEADER.size:
            kind, size = HEADER.unpack_from(buffer)
            if kind not in KINDS:
                raise ProtocolError(f"a frame of kind {kind}")
            if size > LARGEST:
                raise TooLarge(f"the result is too large: {size} bytes")
            end = HEADER.size + size
            if len(buffer) < end:
                break
            frames.append(Frame(KINDS[kind], bytes(buffer[HEADER.size : end])))
            del buffer[:end]
        return frames
