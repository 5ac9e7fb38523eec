"""Behind: what a front asks of the protocol that it stands before."""

from __future__ import annotations

from typing import Any, Protocol

#: The parser is fed so much at a time, for it cannot be halted: what is in a piece is answered.
PIECE_BYTES = 4096


class General(Protocol):
    """The protocol behind, which knows how to wait, in which order to answer, and how to end."""

    transport: Any
    flow: Any
    loop: Any
    cycle: Any  #: The newest request.
    running: Any  #: The oldest that is owed an answer.

    @property
    def silent(self) -> bool:
        """Whether nothing is left to be done before or after the one answer that is owed."""
        ...

    def hear(self, data: bytes) -> None:
        """Have the parser fed, a piece at a time, and count what it takes."""
        ...

    def stumble(self, error: Exception, data: bytes) -> None:
        """See to what the parser would not take of some data, or not all of it."""
        ...

    def fed(self, data: bytes) -> None:
        """Count what the parser has taken of a request that is not light any more."""
        ...

    def heard(self) -> None:
        """Something has come just now."""
        ...

    def await_head(self) -> None:
        """A head has begun."""
        ...

    def await_body(self, size_bytes: int) -> None:
        """A head is whole."""
        ...

    def took(self, size_bytes: int) -> None:
        """A piece of a body has come."""
        ...

    def linger(self) -> None:
        """Wait for the rest of a request."""
        ...

    def rest(self) -> None:
        """Wait for nothing, for a request is whole."""
        ...

    def idles(self) -> bool:
        """Tell whether the connection waits for a request, and nobody else looks after that."""
        ...

    def leave(self) -> None:
        """End, for nothing is owed to the client."""
        ...

    def on_message_begin(self) -> None: ...

    def on_url(self, url: bytes, /) -> None: ...

    def on_header(self, name: bytes, value: bytes, /) -> None: ...

    def on_headers_complete(self) -> None: ...

    def on_body(self, body: bytes, /) -> None: ...

    def on_message_complete(self) -> None: ...

    def on_response_complete(self) -> None: ...

    def lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        ...

    def heard_end(self) -> Any:  # noqa: ANN401 - as asyncio has it
        """The client says that it sends no more."""
        ...

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...
