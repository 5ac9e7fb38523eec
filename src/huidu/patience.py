"""Patience: what a connection may send, how much, how slowly, and in which order it is answered."""

from __future__ import annotations

import asyncio
import urllib.parse
from enum import Enum, auto
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from huidu import decency
from huidu.answering import App, Watched, last_words, unchunked
from huidu.behind import PIECE_BYTES
from huidu.decency import Flaw, Indecent
from huidu.flow import Flow, Patience
from huidu.room import Room
from huidu.tunnel import Tunnel

MOST_HEAD_BYTES = 64 * 1024
#: Around a body: sizes and extensions of chunks, and trailers, without a byte of the body.
MOST_DRY_BYTES = 16 * 1024
MALFORMED = Flaw(400, "this is not a request of HTTP/1.1")
ENDLESS_TARGET = Flaw(414, f"a head of more than {MOST_HEAD_BYTES} bytes")
ENDLESS_HEAD = Flaw(431, f"a head of more than {MOST_HEAD_BYTES} bytes")
ENDLESS_TRAILERS = Flaw(400, "a body that is mostly not body")
#: Behind requests that wait for their answers.
MOST_HELD_BYTES = 64 * 1024
#: How much more a client may send that has been refused.
MOST_PASSED_OVER_BYTES = 1024 * 1024
TOO_SLOW = Flaw(408, "the request did not come in time")
FULL = Flaw(503, "there are too many connections; try again later")


class Part(Enum):
    """Which part of a request a connection is waited for."""

    HEAD = auto()
    BODY = auto()
    NONE = auto()  #: Between two requests, or the answer is ours to give.


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with an end to its patience.

    httptools itself takes heads of any length, and uvicorn waits for ever for the rest of a
    request. A connection that has sent nothing yet is waited for like one amid a head. What is
    refused here is refused behind the answers that are owed for earlier requests.
    """

    def __init__(self, room: Room, patience: Patience, **told: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(**told)
        self._room = room
        self._patience = patience
        self._alarm: asyncio.TimerHandle | None = None
        self._part = Part.HEAD
        self._head_bytes = 0
        self._body_bytes = 0
        self._dry_bytes = 0
        self._body_left = 0  #: What is still to come of a body of which the length is known.
        self._body_began = self._heard_at = self._unread_s = 0.0
        self.running: RequestResponseCycle | None = None  #: `cycle` is the newest, this the oldest.
        self._held = b""  #: What came behind requests that wait for their answers.
        self._deaf = False  #: Whether nothing is listened to any more.
        self._heard_all = False  #: Whether the client has said that it sends no more.
        self._last_words: bytes | None = None
        self._passed_over_bytes = 0
        self._tunnel: Tunnel | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvicorn's own type is narrower
        """Begin to wait for a head, if there is room."""
        super().connection_made(transport)
        self.flow: Flow = Flow(transport, self._patience)
        if self._room.admit(len(self.connections)):
            self._room.idle(self)
            self._wait(self._patience.head_s)
        else:
            self._deaf = True
            transport.write(last_words(FULL))
            self.flow.end()

    def data_received(self, data: bytes) -> None:
        """Take what was sent; behind requests that wait for their turn, no more for now."""
        if self._deaf:
            self._pass_over(len(data))
            return
        self._heard_at = self.loop.time()
        data = self._held + data if self._held else data
        self._held = b""
        self._take_in(data)

    def _take_in(self, data: bytes) -> None:
        """Have data parsed, a piece at a time, as far as it is its turn."""
        while data and not self._deaf:
            if self.pipeline:
                self._held = data
                break
            taken = self._feed(data[: max(PIECE_BYTES, self._body_left)])
            data = data[taken:]
        if self.pipeline:
            self._wait_for_answers()
        if data and self._tunnel is not None:
            self._tunnel.data_received(data)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self.scope["state"]["cut"] = self.transport.abort
        self._part, self._head_bytes = Part.HEAD, 0
        self._wait(self._patience.head_s)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes behind the body, a trailer, is none."""
        if self._part is not Part.HEAD:
            return
        if len(self.headers) >= decency.MOST_HEADERS:
            raise Indecent(decency.TOO_MANY)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole; a body may follow."""
        version = self.parser.get_http_version()
        method, upgrades = self.parser.get_method(), self.parser.should_upgrade()
        decency.check(method, version, self.url, self.headers, upgrades=upgrades)
        self.url, host = decency.at_home(self.url)
        if host is not None:
            kept = [one for one in self.headers if one[0] != b"host"]
            self.headers[:] = [(b"host", host), *kept]
        if version == "1.0":
            self.expect_100_continue = False  # it knows of no interim answers
        super().on_headers_complete()
        if self.expect_100_continue and self.cycle is not None:
            self.cycle.keep_alive = False  # who is answered early may keep the body to himself
        self._room.busy(self)
        self._part, self._body_bytes, self._dry_bytes = Part.BODY, 0, 0
        self._body_left = decency.length_of(self.headers)
        self._body_began, self._unread_s = self._heard_at, self.flow.unread_s
        self._wait(self._patience.pause_s)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        super().on_body(body)
        self._body_bytes += len(body)
        self._body_left -= min(len(body), self._body_left)
        self._dry_bytes = 0

    def on_message_complete(self) -> None:
        """The request is whole; how long its answer takes is not the client's doing."""
        super().on_message_complete()
        self._part = Part.NONE
        self._rest()

    def on_response_complete(self) -> None:
        """Go on with what waited for this answer."""
        self.running = None
        super().on_response_complete()
        if self.transport.is_closing():
            self.flow.end()
        elif self.running is None and self._last_words is not None:
            self._say_goodbye()
        elif not self.pipeline and not self._deaf:
            if self.running is None:
                self._room.idle(self)
            self.flow.release()
            self.data_received(b"")
            if self._heard_all:
                self._end_with_the_last()

    def eof_received(self) -> Any:  # noqa: ANN401 - uvicorn says that it returns nothing
        """Have a client that only says that it has no more to ask hear its answers.

        An application that waits for the client to leave is told that it has: between leaving and
        falling silent there is no difference to be seen from here.
        """
        if self.running is None or self._part is Part.BODY:
            return False
        event = self.running.message_event
        if isinstance(event, Watched) and event.watchers:
            return False
        self._heard_all = True
        self._end_with_the_last()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more, and tell whoever answers that there is nobody."""
        self._deaf, self._held = True, b""
        self._rest()
        self.flow.stop()
        self._room.busy(self)
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        if self.running is not None:
            self.running.disconnected = True
            self.running.message_event.set()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read."""
        self._refuse(MALFORMED)

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that is not used."""
        self.leave()

    def leave(self) -> None:
        """End, for nothing is owed to the client."""
        self._deaf = True
        self.flow.end()

    def handle_websocket_upgrade(self) -> None:
        """Have the connection go on as a tunnel, with the request that begins it."""
        self._rest()
        self._part = Part.NONE
        try:
            url = httptools.parse_url(self.url)
        except httptools.HttpParserInvalidURLError:
            self._refuse(MALFORMED)
            return
        self._deaf = True
        self.flow.stop()
        self._room.busy(self)
        self.connections.discard(self)
        scope: dict[str, Any] = {
            **self.scope,
            "path": urllib.parse.unquote(url.path.decode("ascii")),
            "raw_path": url.path,
            "query_string": url.query or b"",
            "state": {**self.scope["state"], "tunnel": True},
        }
        self._tunnel = tunnel = Tunnel(scope, self.app, self.server_state, self._patience)
        self.transport.set_protocol(tunnel)
        tunnel.connection_made(self.transport)

    def _should_upgrade(self) -> bool:
        """Tell whether a request begins a tunnel, which then has the connection to itself."""
        alone = self.cycle is None or self.cycle.response_complete
        return alone and self.scope.get("method") == "GET" and super()._should_upgrade()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 - ASGI
        self.running = cycle
        cycle.message_event = Watched(already=cycle.message_event.is_set())
        answers: App = unchunked(app, cycle) if cycle.scope["http_version"] == "1.0" else app
        super()._start_asgi_task(cycle, answers)

    @property
    def stalls(self) -> bool:
        """Whether it is the client whom this connection waits for, amid a request or an answer."""
        owed = self._part is not Part.NONE or self.flow.write_paused
        return owed or self.transport.is_closing()

    def _feed(self, piece: bytes) -> int:
        """Have a piece parsed, and return how much of it was."""
        taken = len(piece)
        try:
            self.parser.feed_data(piece)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError) as error:
            taken = self._stumbled(error, taken)
        self._count(taken)
        return taken

    def _stumbled(self, error: Exception, size: int) -> int:
        """See to what the parser has told of a piece, and return how much of it was parsed."""
        if not isinstance(error, httptools.HttpParserUpgrade):
            cause = error.__context__
            self._refuse(cause.flaw if isinstance(cause, Indecent) else MALFORMED)
            return size
        if self._should_upgrade():
            self.handle_websocket_upgrade()
        return int(error.args[0])

    def _count(self, taken: int) -> None:
        """Refuse what has become more than anybody needs to say so little."""
        if self._deaf:
            return
        if self._part is Part.HEAD:
            self._head_bytes += taken
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(ENDLESS_HEAD if self._knows_headers() else ENDLESS_TARGET)
        elif self._part is Part.BODY:
            self._dry_bytes += min(taken, PIECE_BYTES)
            if self._dry_bytes > MOST_DRY_BYTES:
                self._refuse(ENDLESS_TRAILERS)

    def _knows_headers(self) -> bool:
        """Tell whether a head that comes has had a header yet."""
        return bool(self.headers)

    def _refuse(self, flaw: Flaw) -> None:
        """Say why not, behind the answers that are owed, and end the connection."""
        self._deaf, self._held = True, b""
        self._rest()
        self._room.busy(self)
        self._last_words = last_words(flaw)
        if self._part is Part.BODY:
            self._give_up(self.cycle)
        if self.running is None and not self.transport.is_closing():
            self._say_goodbye()

    def _give_up(self, cycle: RequestResponseCycle) -> None:
        """Have nobody answer a request that will never be whole."""
        if cycle.response_complete:
            self._last_words = b""  # it has its answer
        elif cycle is not self.running:
            self.pipeline.popleft()
        else:
            if cycle.response_started:
                self._last_words = b""
            self.running = None
            cycle.disconnected = True
            cycle.message_event.set()

    def _say_goodbye(self) -> None:
        """Give a client that still sends the time to read why; a reset would take that from it."""
        self._unset_keepalive_if_required()
        self.transport.write(self._last_words or b"")
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.release()
        self._alarm = self.loop.call_later(self._patience.linger_s, self.flow.end)

    def _wait_for_answers(self) -> None:
        """Read on while there is little, for only who reads sees a client leave."""
        if len(self._held) > MOST_HELD_BYTES:
            self.flow.hold()
        else:
            self.flow.resume_reading()

    def _end_with_the_last(self) -> None:
        """End behind the last answer to a client that has no more to ask."""
        if self._held:
            return
        if self.running is None:
            self.leave()
        else:
            self.cycle.keep_alive = False

    def _pass_over(self, came_bytes: int) -> None:
        """Listen no more to a client that goes on although it was refused."""
        self._passed_over_bytes += came_bytes
        if self._passed_over_bytes > MOST_PASSED_OVER_BYTES:
            self.transport.abort()

    def _wait(self, seconds: float) -> None:
        self._rest()
        self._alarm = self.loop.call_later(seconds, self._lose_patience)

    def _rest(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _lose_patience(self) -> None:
        self._alarm = None
        if self._part is Part.HEAD and not self._head_bytes:
            self.leave()
        elif self._part is Part.HEAD or (left_s := self._body_left_s()) <= 0:
            self._refuse(TOO_SLOW)
        else:
            self._wait(left_s)

    def _body_left_s(self) -> float:
        """Return how long the body is still waited for, unless more of it comes.

        A body that we ourselves do not read on, for the application is slow, is not late.
        """
        pause_s, now = self._patience.pause_s, self.loop.time()
        if self.flow.read_paused:
            return pause_s
        silent_s = now - max(self._heard_at, self.flow.resumed_at)
        behind_s = now - self._body_began - (self.flow.unread_s - self._unread_s)
        earned_s = self._body_bytes / self._patience.least_bytes_per_s
        return pause_s + min(-silent_s, earned_s - behind_s)
