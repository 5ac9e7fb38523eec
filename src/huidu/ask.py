"""Ask: a whole, plain request as whoever answers it sees it, whatever door it came through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

Sent = Mapping[bytes, bytes]  #: Headers by lower-case names, each sent once.


class Waits(Protocol):
    """What waits for its turn on behalf of a client."""

    def forsake(self, *, sure: bool) -> bool:
        """The client has left, if that is `sure`; tell whether it waits no more for that."""
        ...


class Ask(Protocol):
    """A whole request, and how it is answered."""

    under_way: Waits | None  #: What is told that the client has left.

    @property
    def method(self) -> bytes: ...

    @property
    def target(self) -> bytes: ...

    @property
    def headers(self) -> Sent: ...

    @property
    def body(self) -> bytes: ...

    @property
    def client(self) -> str:
        """The address that it came from; empty where nobody knows."""
        ...

    def answer(self, status: int, headers: bytes, body: bytes) -> None:
        """Answer it, once, now or later; `headers` are lines, each with its end."""
        ...


#: Answers a request, at once or later; says by `False` that an application is to, after all.
Run = Callable[[Ask], bool | None]


class Express(Protocol):
    """Who answers plain requests."""

    def find(self, method: bytes, target: bytes, sent: Sent) -> Run | None:
        """Return what answers a request of this head; None where an application is to."""
        ...
