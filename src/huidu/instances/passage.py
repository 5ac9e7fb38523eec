"""Passage: one exchange over one connection to the server in a web instance."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress

import h11

from huidu.instances.frames import Frames, goodbye
from huidu.model.exchange import (
    SWITCHING,
    Answer,
    BodyTooLarge,
    CallerLeft,
    Exchange,
    Head,
    Headers,
)
from huidu.model.task import Task

CHUNK = 64 * 1024
MOST_HEAD_BYTES = 64 * 1024
MOST_HEADER_BYTES = 4096  #: Of one line (section 4.6).
NO_BODY = (204, 304)
HIGHEST_STATUS = 599  #: What HTTP has beyond is nothing that anybody could be answered.
LENGTH, CODING = b"content-length", b"transfer-encoding"

#: What concerns one connection alone (RFC 9110, section 7.6.1).
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


class Broken(Exception):
    """The server does not answer as HTTP has it, or not to the end."""


class BadRequest(Exception):
    """The request cannot be passed on as it is."""


class Silent(Exception):
    """Nobody said anything on a WebSocket for too long."""


class Vanished(Exception):
    """The caller of a WebSocket left without a word."""


def passed_on(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return headers without those of one connection, and those that it says are its own."""
    named = {
        name.strip().lower()
        for key, value in headers
        if key.lower() == b"connection"
        for name in value.split(b",")
    }
    return [one for one in headers if one[0].lower() not in HOP_BY_HOP | named]


class Passage:
    """Carries a request up and its answer down, each as fast as it is taken, and no faster.

    `interrupt` ends it at any moment: it closes the connection, upon which `run` raises why.
    """

    def __init__(self, connection: socket.socket, task: Task, exchange: Exchange) -> None:
        self.status = 0  #: What the server answered; 0 before it has.
        self._connection = connection
        self._task = task
        self._exchange = exchange
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD_BYTES)
        self._fault: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._switched: asyncio.Future[None] = self._loop.create_future()
        self._up, self._down = Frames(), Frames()
        self._idle_s = 0.0
        self._heard = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def switched(self) -> bool:
        """Whether both sides went on to a WebSocket."""
        return self._switched.done()

    async def run(self, ours: Headers, idle_s: float) -> None:
        """Carry the exchange to its end, or raise what kept it from it."""
        self._idle_s = idle_s
        uploading = None
        try:
            await self._ask(self._exchange.head, ours)
            uploading = self._loop.create_task(self._carry_up())
            await self._carry_down()
        except (h11.RemoteProtocolError, OSError) as error:
            raise self._fault or Broken(str(error) or type(error).__name__) from error
        except Broken as error:
            raise self._fault or error from error
        finally:
            if uploading is not None:
                uploading.cancel()
                await asyncio.wait([uploading])
            if self._timer is not None:
                self._timer.cancel()
            self._connection.close()

    def interrupt(self, why: Exception) -> None:
        """Have it end at once, for this reason."""
        if self._fault is None:
            self._fault = why
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
            if self.status and not isinstance(why, Silent):
                self._exchange.cut()

    async def _ask(self, head: Head, ours: Headers) -> None:
        """Send the head and, where there is no body, the end of the request with it."""
        connection = [(b"connection", b"close")]
        if head.upgrade:
            connection = [(b"connection", b"upgrade"), (b"upgrade", head.upgrade)]
        headers = [*head.headers, *ours, *connection]
        try:
            request = h11.Request(method=head.method, target=head.target, headers=headers)
            words = self._http.send(request) or b""
        except h11.LocalProtocolError as error:
            raise BadRequest(str(error)) from error
        if not any(name in (LENGTH, CODING) for name, _ in headers):
            words += self._http.send(h11.EndOfMessage()) or b""
        await self._loop.sock_sendall(self._connection, words)

    async def _carry_up(self) -> None:
        try:
            while (piece := await self._exchange.read()) is not None:
                if self._exchange.head.upgrade:
                    await self._carry_frames(piece)
                elif piece:
                    await self._say(h11.Data(data=piece))
            if self._http.our_state is h11.SEND_BODY:
                await self._say(h11.EndOfMessage())
            await self._exchange.read()
        except CallerLeft as left:
            self.interrupt(self._departure(left))
        except (BodyTooLarge, h11.LocalProtocolError) as error:
            self.interrupt(error)
        except OSError:
            # The server takes no more. What it answers is heard to its end, unless nobody listens.
            await self._until_left()

    async def _until_left(self) -> None:
        try:
            while True:
                await self._exchange.read()
        except (CallerLeft, BodyTooLarge) as left:
            self.interrupt(left)

    def _departure(self, left: CallerLeft) -> Exception:
        goes = not self.switched or self._up.closed or self._down.closed
        return left if goes else Vanished()

    async def _carry_frames(self, piece: bytes) -> None:
        await asyncio.shield(self._switched)
        self._up.feed(piece)
        self._heard = self._loop.time()
        await self._loop.sock_sendall(self._connection, piece)

    async def _say(self, event: h11.Event) -> None:
        words = self._http.send(event)
        if words:
            await self._loop.sock_sendall(self._connection, words)

    async def _carry_down(self) -> None:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._hear())
            elif isinstance(event, h11.Data):
                await self._exchange.write(bytes(event.data))
            elif isinstance(event, h11.Response):
                await self._answer(event.status_code, event.headers.raw_items())
            elif isinstance(event, h11.InformationalResponse):
                if event.status_code == SWITCHING:
                    await self._switch(event.headers.raw_items())
                    return
            elif isinstance(event, h11.EndOfMessage):
                await self._exchange.finish()
                return
            else:
                raise Broken("the server closed the connection before it had answered")

    async def _hear(self) -> bytes:
        heard = await self._loop.sock_recv(self._connection, CHUNK)
        if self._fault is not None:
            raise self._fault
        return heard

    async def _answer(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        if status > HIGHEST_STATUS:
            raise Broken(f"{status} is no status of HTTP")
        for name, value in headers:
            if len(name) + len(value) > MOST_HEADER_BYTES:
                raise Broken(f"the header {name[:80].decode()} has over {MOST_HEADER_BYTES} bytes")
        kept = passed_on(headers)
        # Where both are there, the coding says how long a body is (RFC 9112, section 6.3).
        if status in NO_BODY or any(name.lower() == CODING for name, _ in headers):
            kept = [one for one in kept if one[0].lower() != LENGTH]
        self.status = status
        task = self._task
        await self._exchange.answer(
            Answer(status=status, headers=kept, version=task.version.number, alias=task.alias)
        )

    async def _switch(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Go on as a WebSocket, whose bytes are carried as they are."""
        await self._answer(SWITCHING, headers)
        self._switched.set_result(None)
        self._heard = self._loop.time()
        self._timer = self._loop.call_at(self._heard + self._idle_s, self._ring)
        frames, _ = self._http.trailing_data
        try:
            while frames or not self._down.closed or not self._up.closed:
                if frames:
                    self._down.feed(frames)
                    self._heard = self._loop.time()
                    await self._exchange.write(frames)
                frames = await self._hear()
                if not frames:
                    self._check_goodbye()
                    return
        except Silent:
            if self._down.whole:
                await self._exchange.write(goodbye(masked=False))
            raise
        finally:
            await self._exchange.finish()

    def _check_goodbye(self) -> None:
        if not self._down.closed and not self._up.closed:
            raise Broken("the server dropped the WebSocket")

    def _ring(self) -> None:
        """See whether a WebSocket has been silent too long. One timer serves until then."""
        until = self._heard + self._idle_s
        if self._loop.time() < until:
            self._timer = self._loop.call_at(until, self._ring)
            return
        if self._up.whole:
            with suppress(OSError):
                self._connection.send(goodbye(masked=True))
        self.interrupt(Silent())
