"""Door: a connection of a lane; what the lane does not answer itself goes to the server."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from huidu.express import ExpressProtocol
from huidu.gateway import entrance, urls

#: The head of a request for a URL by its path, said in the usual way.
TARGET = re.compile(rb"[A-Z]{3,7} /url/([0-9a-z]{12})(?:[/?][!-~]*)? HTTP/1\.1\r\n")
#: What decides how long a request is, or where it leads.
TELLING = re.compile(
    rb"\r\n(host|content-length|transfer-encoding|upgrade|expect)[ \t]*:"
    rb"[ \t]*([^\r\n]*?)[ \t]*(?=\r)",
    re.IGNORECASE,
)
LENGTH = re.compile(rb"[0-9]{1,8}")
END = b"\r\n\r\n"
MOST_BEHIND_BYTES = 64 * 1024
AGAIN_S = 0.005


class Seen(NamedTuple):
    """A request that a lane may answer."""

    url_id: str
    size_bytes: int  #: Of head and body together.


def look(said: bytes) -> Seen | None:
    """Return what a connection asks for, or None where the server is to find out.

    It need not be sure that a request is right, only which URL it is for and where it ends.
    """
    target = TARGET.match(said)
    end = said.find(END)
    if target is None or end < 0:
        return None
    if said.count(b"\n", 0, end) != said.count(b"\r\n", 0, end):  # a line that is ours alone
        return None
    length, host = b"0", None
    for name, value in TELLING.findall(said, 0, end + 2):
        match name.lower():
            case b"host" if host is None:
                host = value
            case b"content-length" if length == b"0" and LENGTH.fullmatch(value):
                length = value
            case _:
                return None
    called = (host or b"").decode("latin-1")
    if urls.HOST.fullmatch(called) or entrance.HOST.fullmatch((host or b"").partition(b":")[0]):
        return None
    return Seen(target[1].decode(), end + len(END) + int(length))


class Known(Protocol):
    """What a lane knows of the URLs there are."""

    def answers(self, url_id: str) -> bool:
        """Tell whether a request for a URL may be answered here."""
        ...

    def ask(self, url_id: str, then: Callable[[], None]) -> None:
        """Find out about a URL, and go on then."""
        ...

    def hand_over(self, connection: int, said: bytes) -> None:
        """Have the server go on with a connection, by its descriptor, which stays ours."""
        ...


@dataclass(frozen=True, slots=True)
class Doors:
    """Makes the connections of a lane."""

    known: Known

    def __call__(self, *given: Any, **told: Any) -> ExpressProtocol:  # noqa: ANN401 - uvicorn's
        """Return one."""
        return Door(self.known, *given, **told)


class Door(ExpressProtocol):
    """Shows the protocol one request at a time, and only such as are answered here.

    Between two requests nobody is owed anything: then a connection can go to the server, with
    what was read of it.
    """

    straight = False

    def __init__(self, known: Known, *given: Any, **told: Any) -> None:  # noqa: ANN401 - as above
        super().__init__(*given, **told)
        self.front.answered = self._answered
        self._known = known
        self._answering = False
        self._coming_bytes = 0  #: Of the request that is read.
        self._behind = b""  #: What came that has not been looked at.
        self._gone = False
        self._heard_end = False  #: Whether the client has said that it sends no more.

    def data_received(self, data: bytes) -> None:
        """Take what was sent."""
        if self._gone or not data:
            if not self._gone:
                super().data_received(data)
            return
        if self._coming_bytes and not self._behind:
            mine = data[: self._coming_bytes]
            self._coming_bytes -= len(mine)
            data = data[len(mine) :]
            super().data_received(mine)
        if data:
            self._behind += data
            self._go_on()

    def on_response_complete(self) -> None:
        """Go on with what came behind a request that an application has answered."""
        super().on_response_complete()
        self._answered()

    def _answered(self) -> None:
        self._answering = False
        if self._behind and not self._gone:
            self.loop.call_soon(self._go_on)

    def eof_received(self) -> Any:  # noqa: ANN401 - as the others have it
        """Have the server hear a client out that has asked for more than is answered."""
        if not self._behind:
            return super().eof_received()
        self._heard_end = True
        return True

    def shutdown(self) -> None:
        """End once nothing is owed; what was asked and not looked into, the server answers."""
        if self._behind and not (self._answering or self._coming_bytes):
            self._hand_over()
        else:
            super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """There is nothing to hand over any more."""
        self._gone = True
        super().connection_lost(exc)

    def _go_on(self) -> None:
        """See to what comes next, unless a request is still owed its answer."""
        if self._gone or not self._behind or self.transport.is_closing():
            return
        if self._answering or self._coming_bytes:
            if len(self._behind) > MOST_BEHIND_BYTES:
                self.flow.hold()
            return
        seen = look(self._behind)
        if seen is None or self._heard_end or seen.size_bytes < len(self._behind):
            self._hand_over()
        elif self._known.answers(seen.url_id):
            said, self._behind = self._behind, b""
            self._answering = True
            self._coming_bytes = seen.size_bytes - len(said)
            self.flow.release()
            super().data_received(said)
        else:
            self.flow.hold()
            self._known.ask(seen.url_id, self._found_out)

    def _found_out(self) -> None:
        if self._gone or not self._behind:
            return
        seen = look(self._behind)
        if seen is not None and self._known.answers(seen.url_id):
            self._go_on()
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        """Have the server go on, once all that was answered has been taken."""
        self.flow.hold()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(AGAIN_S, self._go_on)
            return
        connection = self.transport.get_extra_info("socket")
        self._known.hand_over(connection.fileno(), self._behind)
        self._gone, self._behind = True, b""
        self.transport.abort()
