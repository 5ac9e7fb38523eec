"""Express: a connection whose plain, small requests are answered without a task of their own."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from huidu import decency
from huidu.ask import Express, Run, Sent, Waits
from huidu.decency import Flaw, Indecent
from huidu.flow import Patience
from huidu.pace import Pace
from huidu.patience import Part, PatientProtocol
from huidu.room import Room

#: A larger body is read by an application, as it comes.
MOST_BODY_BYTES = 256 * 1024


class Asked:
    """A whole request: its head, its body, and how it is answered.

    To the connection it is what uvicorn's cycle is for requests that an application answers.
    """

    __slots__ = (
        *("body", "client", "connection", "disconnected", "headers"),
        *("keep_alive", "method", "response_complete", "target", "under_way"),
    )
    more_body = False  #: It is whole.

    def __init__(self, connection: ExpressProtocol, method: bytes, sent: Sent) -> None:
        self.connection = connection
        self.method = method
        self.target: bytes = connection.url
        self.headers = sent  #: Each once, by lower-case names.
        self.body = b""
        self.client: str = connection.client[0] if connection.client else ""
        self.keep_alive = True
        self.response_complete = self.disconnected = False
        self.under_way: Waits | None = None  #: What waits in a line for this.

    @property
    def message_event(self) -> Asked:
        """Who is told that the client has left."""
        return self

    @property
    def response_started(self) -> bool:
        """Whether the answer has begun, which is given as a whole."""
        return self.response_complete

    def set(self) -> None:
        """The client has left: what runs goes on, and is told to nobody; what waits is left."""
        self.parts(sure=True)

    def parts(self, *, sure: bool) -> bool:
        """Have nothing begin for a client that has left; tell whether that was in time."""
        under_way = self.under_way
        if under_way is None or not under_way.forsake(sure=sure):
            return False
        self.under_way = None
        return True

    def answer(self, status: int, headers: bytes, body: bytes) -> None:
        """Answer, at once or later; headers are lines, each with its end."""
        self.under_way = None
        if not self.disconnected:
            self.connection.say(self, status, headers, body)


class ExpressProtocol(PatientProtocol):
    """Shows each request to whoever answers plain ones; what is not plain goes the general way.

    While a request is `light`, nobody was asked anything, and there is nothing of it but what its
    head said. It becomes a general one at any moment, as if it had been one from its beginning.
    """

    def __init__(
        self,
        express: Express,
        pace: Pace,
        room: Room,
        patience: Patience,
        **told: Any,  # noqa: ANN401 - uvicorn's
    ) -> None:
        super().__init__(room, patience, **told)
        self._express = express
        self._pace = pace
        self._at_once = False  #: Whether an answer would come before any instance was asked.
        self._said: tuple[Asked, int, bytes, bytes] | None = None  #: An answer that is held back.
        self._light = self._watched = self._read = False
        self._run: Run | None = None
        self._ask: Asked | None = None
        self._pieces: list[bytes] = []
        self._rested_at = 0.0
        self._resting: asyncio.TimerHandle | None = None
        self._common: tuple[object, bytes] = (None, b"")

    def data_received(self, data: bytes) -> None:
        """Take what was sent; a light request that is not whole yet is waited for."""
        super().data_received(data)
        if self._light and not (self._watched or self._deaf):
            self._watched = True
            self._unset_keepalive_if_required()
            head = self._part is Part.HEAD
            self._wait(self._patience.head_s if head else self._patience.pause_s)

    def on_message_begin(self) -> None:
        """A head begins; whoever is owed an answer before has it the general way."""
        if self._running is not None or self.pipeline:
            super().on_message_begin()
            return
        self._light, self._watched, self._read, self._run = True, False, False, None
        self.url, self.headers = b"", []
        self._part, self._head_bytes = Part.HEAD, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if not self._light:
            super().on_header(name, value)
            return
        if len(self.headers) >= decency.MOST_HEADERS:
            raise Indecent(decency.TOO_MANY)
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole: see whether the request is plain, and who answers it."""
        if not self._light:
            super().on_headers_complete()
            return
        sent = dict(self.headers)
        method = self.parser.get_method()
        if len(sent) == len(self.headers) and self._is_plain(method, sent):
            self._run = self._express.find(method, self.url, sent)
        if self._run is None:
            self._give_way()
            return
        self._room.busy(self)  # it is owed an answer, however long its body takes
        self._ask = Asked(self, method, sent)
        self._read, self._pieces = True, []
        self._part, self._body_bytes, self._dry_bytes = Part.BODY, 0, 0
        self._body_left = int(sent.get(b"content-length", b"0"))
        self._body_began, self._unread_s = self._heard_at, self.flow.unread_s

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        if not self._light:
            super().on_body(body)
            return
        self._pieces.append(body)
        self._body_bytes += len(body)
        self._body_left -= len(body)
        self._dry_bytes = 0

    def on_message_complete(self) -> None:
        """The request is whole: have it answered."""
        if not self._light:
            super().on_message_complete()
            return
        ask, run = self._ask, self._run
        if ask is None or run is None or self.flow.write_paused:
            self._give_way()
            super().on_message_complete()
            return
        self._light = False
        self._part = Part.NONE
        self._rest()
        self._unset_keepalive_if_required()
        pieces, self._pieces = self._pieces, []  # the next request is none of them
        ask.body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        ask.keep_alive = self.parser.should_keep_alive()
        self._ask = self._run = None
        before = self.cycle
        self.cycle = self._running = ask  # type: ignore[assignment] # all that is asked of one
        self._at_once = True
        try:
            runs = run(ask)
        finally:
            self._at_once = False
        if runs is False:
            self.cycle, self._running = before, None
            self._pieces = pieces
            self._give_way()
            super().on_message_complete()

    def say(self, ask: Asked, status: int, headers: bytes, body: bytes) -> None:
        """Answer a request, and go on; who is given nothing waits where there are many such."""
        if self._at_once and not self._pace.lets(self):
            ask.body = b""
            self._said = (ask, status, headers, body)
            return
        ask.response_complete = True
        common = self.server_state.default_headers
        if common is not self._common[0]:
            lines = [b"%b: %b\r\n" % one for one in common]
            self._common = (common, b"".join(lines))
        close = b"\r\n" if ask.keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(b"".join((STATUS_LINE[status], self._common[1], headers, close, body)))
        usual = not (self.pipeline or self._held or self._heard_all or self._deaf)
        if usual and ask.keep_alive and not self.flow.read_paused:
            self._running = None
            self.server_state.total_requests += 1
            self._room.idle(self)
            self._rest_until_asked()
            return
        if not ask.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def hear(self) -> None:
        """Give the answer that was held back."""
        said, self._said = self._said, None
        if said is not None:
            self.say(*said)

    def eof_received(self) -> Any:  # noqa: ANN401 - uvicorn says that it returns nothing
        """Take a client for gone that says no more while its call waits behind others."""
        running: object = self._running
        if isinstance(running, Asked) and running.parts(sure=False):
            return False
        return super().eof_received()

    def shutdown(self) -> None:
        """Answer a request that has begun to come, and no more."""
        if self._light and self._read:
            self._give_way()
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        self._light = False
        if self._said is not None:
            self._said = None
            self._pace.forget(self)
        super().connection_lost(exc)

    def _is_plain(self, method: bytes, sent: Sent) -> bool:
        """Tell whether nothing about a head is unusual."""
        length = decency.plain(method, self.url, sent)
        return (
            length is not None
            and length <= MOST_BODY_BYTES
            and self.parser.get_http_version() == "1.1"
        )

    def _give_way(self) -> None:
        """Go on as if the request, whose head is whole, had been a general one from its begin."""
        self._light = False
        url, headers = self.url, self.headers
        self._ask = self._run = None
        super().on_message_begin()
        self.url = url
        for one in headers:
            super().on_header(*one)
        super().on_headers_complete()
        for piece in self._pieces:
            super().on_body(piece)
        self._pieces = []

    def _refuse(self, flaw: Flaw) -> None:
        if self._light:  # There is nobody yet who could be told.
            self._light, self._part = False, Part.HEAD
        super()._refuse(flaw)

    def _rest_until_asked(self) -> None:
        """End a connection that is not used; one timer serves many requests."""
        self._rested_at = self.loop.time()
        if self._resting is None:
            self._resting = self.loop.call_later(self._patience.idle_s, self._look)

    def _look(self) -> None:
        self._resting = None
        waits = self._part is Part.NONE and self._running is None and not self._deaf
        if not waits or self.timeout_keep_alive_task is not None:
            return
        left_s = self._rested_at + self._patience.idle_s - self.loop.time()
        if left_s > 0:
            self._resting = self.loop.call_later(left_s, self._look)
        else:
            self.leave()
