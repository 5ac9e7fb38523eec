"""Front: what hears a connection first, and answers its plain, small requests without a task.

It is compiled where there is a compiler (`ARCHITECTURE.md`, "The hot path"), and stands before a
protocol that is not, for that one inherits from uvicorn's.
"""

from __future__ import annotations

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from huidu import decency
from huidu.ask import Express, Run, Sent, Waits
from huidu.behind import PIECE_BYTES, General
from huidu.decency import Indecent
from huidu.pace import Pace
from huidu.room import Room

#: A larger body is read by an application, as it comes.
MOST_BODY_BYTES = 256 * 1024


class Asked:
    """A whole request: its head, its body, and how it is answered.

    To the connection it is what uvicorn's cycle is for requests that an application answers.
    """

    __slots__ = (
        *("_front", "body", "client", "disconnected", "headers", "keep_alive", "method"),
        *("more_body", "response_complete", "target", "under_way"),
    )

    def __init__(self, front: Front, method: bytes, target: bytes, sent: Sent) -> None:
        self._front = front
        self.method = method
        self.target = target
        self.headers = sent  #: Each once, by lower-case names.
        self.body = b""
        self.client = front.client
        self.keep_alive = True
        self.response_complete = self.disconnected = self.more_body = False
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
            self._front.say(self, status, headers, body)


class Front:
    """Shows each request to whoever answers plain ones; what is not plain goes the general way.

    While a request is `light`, nobody was asked anything, and there is nothing of it but what its
    head said. It becomes a general one at any moment, as if it had been one from its beginning.

    While the connection is `calm`, the general protocol has nothing to do and no part in it: it
    waits for nothing and knows of no request. A request that comes whole and finds it calm leaves
    it so. Before anything else happens, it is told of the one that is owed an answer (`wake`).
    """

    def __init__(self, general: General, express: Express, pace: Pace, room: Room) -> None:
        self._general = general
        self._express = express
        self._pace = pace
        self._room = room
        self.parser: Any = httptools.HttpRequestParser(self)
        self.client = ""  #: The address that the connection comes from.
        self._write: Any = None
        self._time: Any = None
        self._flow: Any = None
        self._state: Any = None
        self._idle_s = 0.0
        self._at_once = False  #: Whether an answer would come before any instance was asked.
        self._said: tuple[Asked, int, bytes, bytes] | None = None  #: An answer that is held back.
        self._calm = self._quick = self._light = self._watched = self.read = False
        self._asked: Asked | None = None  #: What is owed an answer.
        self._run: Run | None = None
        self._ask: Asked | None = None
        self._url = b""
        self._size = 0  #: Of a body that is to come.
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._rested_at = 0.0
        self._resting: Any = None
        self._common: Any = None
        self._lines = b""
        #: Is told once a request was answered from here.
        self.answered: Any = None

    def open(self, client: str, state: Any, idle_s: float) -> None:  # noqa: ANN401 - uvicorn's
        """Begin, on a connection that the general protocol has begun with."""
        general = self._general
        self.client = client
        self._state = state
        self._idle_s = idle_s
        self._write = general.transport.write
        self._time = general.loop.time
        self._flow = general.flow

    @property
    def light(self) -> bool:
        """Whether a request has begun to come that is not general yet."""
        return self._light

    @property
    def headed(self) -> bool:
        """Whether that had a header yet."""
        return bool(self._headers)

    def data_received(self, data: bytes) -> None:
        """Take what was sent; a light request that is not whole yet is waited for."""
        if self._calm and self._asked is None and 0 < len(data) <= PIECE_BYTES:
            self._quick = True
            try:
                self.parser.feed_data(data)
            except (httptools.HttpParserUpgrade, httptools.HttpParserError) as error:
                self.wake()
                self._general.stumble(error, data)
                return
            if self._quick and not self._light:
                self._quick = False
                return
            self.wake()
            self._general.fed(data)
        else:
            self.wake()
            self._general.hear(data)
        if self._light and not self._watched:
            self._watched = True
            self._general.linger()

    def wake(self) -> None:
        """Have the general protocol know what it would know if there were nobody before it."""
        if not self._calm:
            return
        self._calm = False
        if self._asked is not None:
            self._general.cycle = self._general.running = self._asked
        if self._quick:
            self._quick = False
            self._general.heard()
            if self._light:
                self._catch_up()

    def _catch_up(self) -> None:
        self._general.await_head()
        if self.read:
            self._general.await_body(self._size)
            for piece in self._pieces:
                self._general.took(len(piece))

    def on_message_begin(self) -> None:
        """A head begins; whoever is owed an answer before has it the general way."""
        if self._asked is not None:
            self.wake()
        if not self._calm:
            general = self._general
            if not general.silent or general.running is not None:
                general.on_message_begin()
                return
            general.await_head()
        self._light = True
        self._watched = self.read = False
        self._run = None
        self._url = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        """Take a target, or a piece of it."""
        if not self._light:
            self._general.on_url(url)
        elif self._url:
            self._url += url
        else:
            self._url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if not self._light:
            self._general.on_header(name, value)
            return
        if len(self._headers) >= decency.MOST_HEADERS:
            raise Indecent(decency.TOO_MANY)
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole: see whether the request is plain, and who answers it."""
        if not self._light:
            self._general.on_headers_complete()
            return
        sent = dict(self._headers)
        method: bytes = self.parser.get_method()
        if len(sent) == len(self._headers):
            size = decency.plain(method, self._url, sent)
            fits = size is not None and size <= MOST_BODY_BYTES
            if fits and self.parser.get_http_version() == "1.1":
                self._size = size or 0
                self._run = self._express.find(method, self._url, sent)
        if self._run is None:
            self.give_way()
            return
        self._room.busy(self._general)  # it is owed an answer, however long its body takes
        self._ask = Asked(self, method, self._url, sent)
        self.read = True
        self._pieces = []
        if not self._calm:
            self._general.await_body(self._size)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        if not self._light:
            self._general.on_body(body)
            return
        self._pieces.append(body)
        if not self._calm:
            self._general.took(len(body))

    def on_message_complete(self) -> None:
        """The request is whole: have it answered."""
        if not self._light:
            self._general.on_message_complete()
            return
        ask, run = self._ask, self._run
        if ask is None or run is None or self._flow.write_paused:
            self.give_way()
            self._general.on_message_complete()
            return
        self._light = False
        self._ask = self._run = None
        pieces = self._pieces
        if pieces:
            self._pieces = []  # the next request is none of them
            ask.body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        ask.keep_alive = self.parser.should_keep_alive()
        before = None
        if not self._calm:
            general = self._general
            general.rest()
            before = general.cycle
            general.cycle = general.running = ask
        self._asked = ask
        self._at_once = True
        try:
            runs = run(ask)
        finally:
            self._at_once = False
        if runs is False:
            self._decline(pieces, before)

    def _decline(self, pieces: list[bytes], before: Any) -> None:  # noqa: ANN401 - uvicorn's
        """Have a whole request answered the general way after all."""
        general = self._general
        if not self._calm:
            general.cycle, general.running = before, None
        self._asked = None
        self._pieces = pieces
        self.give_way()
        general.on_message_complete()

    def say(self, ask: Asked, status: int, headers: bytes, body: bytes) -> None:
        """Answer a request, and go on; who is given nothing waits where there are many such."""
        if self._at_once and not self._pace.lets(self):
            ask.body = b""
            self._said = (ask, status, headers, body)
            return
        ask.response_complete = True
        common = self._state.default_headers
        if common is not self._common:
            self._common = common
            self._lines = b"".join([b"%b: %b\r\n" % one for one in common])
        close = b"\r\n" if ask.keep_alive else b"connection: close\r\n\r\n"
        self._write(b"".join((STATUS_LINE[status], self._lines, headers, close, body)))
        self._asked = None
        if ask.keep_alive and not self._flow.read_paused and (self._calm or self._calms()):
            self._room.idle(self._general)
            self._rested_at = self._time()
            if self._resting is None:
                self._rest_until_asked(self._idle_s)
        else:
            self._end(ask)
        if self.answered is not None:
            self.answered()

    def _calms(self) -> bool:
        """Tell whether the general protocol has nothing more to do, and have it so."""
        general = self._general
        if not general.silent:
            return False
        general.running = None
        self._calm = True
        return True

    def _end(self, ask: Asked) -> None:
        """Go on with what the general protocol knows of behind an answer, or end there."""
        if self._calm:
            self._calm = False
            self._general.cycle = ask
        if not ask.keep_alive:
            self._general.transport.close()
        self._general.on_response_complete()

    def hear(self) -> None:
        """Give the answer that was held back."""
        said = self._said
        self._said = None
        if said is not None:
            self.say(said[0], said[1], said[2], said[3])

    def give_way(self) -> None:
        """Go on as if the request, whose head is whole, had been a general one from its begin."""
        general = self._general
        self._light = False
        self.wake()
        url, headers, pieces = self._url, self._headers, self._pieces
        self._ask = self._run = None
        self._pieces = []
        general.on_message_begin()
        general.on_url(url)
        for name, value in headers:
            general.on_header(name, value)
        general.on_headers_complete()
        for piece in pieces:
            general.on_body(piece)

    def eof_received(self) -> Any:  # noqa: ANN401 - as asyncio has it
        """Take a client for gone that says no more while its call waits behind others."""
        self.wake()
        asked = self._asked
        if asked is not None and asked.parts(sure=False):
            return False
        return self._general.heard_end()

    def forget(self) -> None:
        """Begin nothing more."""
        self._light = False

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        self._general.pause_writing()

    def resume_writing(self) -> None:
        """The client takes it again."""
        self._general.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        self.wake()
        self._light = False
        if self._said is not None:
            self._said = None
            self._pace.forget(self)
        self._general.lost(exc)
        self.parser = None

    def _rest_until_asked(self, left_s: float) -> None:
        """End a connection that is not used; one timer serves many requests."""
        self._resting = self._general.loop.call_later(left_s, self._look)

    def _look(self) -> None:
        self._resting = None
        if self._asked is not None or not (self._calm or self._general.idles()):
            return
        left_s = self._rested_at + self._idle_s - self._time()
        if left_s > 0:
            self._rest_until_asked(left_s)
        else:
            self._general.leave()
