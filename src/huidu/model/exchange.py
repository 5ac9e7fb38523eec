"""Exchange: an HTTP request on its way to a web function, and its answer on the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Headers = Sequence[tuple[bytes, bytes]]

SWITCHING = 101  #: The status of an answer after which both sides say what they like.
SERVER_ERROR = 500  #: This and above: the server says that it failed.


class CallerLeft(Exception):
    """The caller is gone, or sends nothing more that could be understood."""


class BodyTooLarge(Exception):
    """The caller sends more than a web function may be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The beginning of a request, without what concerns only the caller's own connection."""

    method: bytes
    target: bytes  #: The path and the query, as they were sent.
    headers: Headers = ()
    upgrade: bytes = b""  #: The protocol that the caller would go on in: `websocket`, or nothing.


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The beginning of an answer, and who gives it."""

    status: int
    headers: Headers
    version: str
    alias: str = ""  #: Empty where a version was called by its number.


class Exchange(Protocol):
    """A caller, as a web function's instance sees it.

    Nothing is held back in either direction: `read` takes what there is, and `write` returns once
    there is room for more. After an answer of 101, what is read and written are no longer bodies.
    """

    @property
    def head(self) -> Head: ...

    @property
    def taken_bytes(self) -> int:
        """How much was read so far."""
        ...

    @property
    def given_bytes(self) -> int:
        """How much was written so far."""
        ...

    async def read(self) -> bytes | None:
        """Return what came next, or None once it is the end.

        Raises `CallerLeft` or `BodyTooLarge`. Asked again after the end, it waits for the caller
        to leave, and raises that.
        """
        ...

    async def answer(self, answer: Answer) -> None:
        """Begin to answer; once."""
        ...

    async def write(self, data: bytes) -> None:
        """Go on with the answer."""
        ...

    async def finish(self) -> None:
        """End the answer as it should end."""
        ...

    def cut(self) -> None:
        """Break the answer off, so that the caller can see that it is not whole."""
        ...
