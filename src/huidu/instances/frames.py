"""Frames: how far a WebSocket has come in one direction; looked at, and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

CLOSE_OPCODE = 0x8
SHORT_HEAD = 2
GOING_AWAY = 1001


class Size(IntEnum):
    """How a head of two bytes says that the length follows it, and in how many bytes."""

    TWO_BYTES = 126
    EIGHT_BYTES = 127


LONG: Mapping[int, int] = {Size.TWO_BYTES: 2, Size.EIGHT_BYTES: 8}


class Frames:
    """Follows one direction of a WebSocket (RFC 6455, section 5.2), and keeps nothing of it."""

    def __init__(self) -> None:
        self.closed = False  #: Whether a frame came that says goodbye.
        self._head = b""
        self._left = 0

    @property
    def whole(self) -> bool:
        """Whether what came ends where a frame ends."""
        return not self._head and not self._left

    def feed(self, data: bytes) -> None:
        """Look at what came next."""
        place = 0
        while place < len(data):
            if self._left:
                passed = min(self._left, len(data) - place)
                self._left -= passed
                place += passed
                continue
            self._head += data[place : place + 1]
            place += 1
            if len(self._head) == self._head_bytes():
                self._begin()

    def _head_bytes(self) -> int:
        if len(self._head) < SHORT_HEAD:
            return SHORT_HEAD
        said = self._head[1]
        long = LONG.get(said & 0x7F, 0)
        return SHORT_HEAD + long + (4 if said & 0x80 else 0)

    def _begin(self) -> None:
        size = self._head[1] & 0x7F
        if size == Size.TWO_BYTES:
            size = int.from_bytes(self._head[2:4], "big")
        elif size == Size.EIGHT_BYTES:
            size = int.from_bytes(self._head[2:10], "big")
        self.closed = self.closed or self._head[0] & 0xF == CLOSE_OPCODE
        self._head, self._left = b"", size


def goodbye(code: int = GOING_AWAY, *, masked: bool) -> bytes:
    """Return the frame that ends a WebSocket; what a client sends is masked, here with nothing."""
    mask = bytes(4) if masked else b""
    return (
        bytes((0x80 | CLOSE_OPCODE, (0x80 if masked else 0) | 2)) + mask + code.to_bytes(2, "big")
    )
