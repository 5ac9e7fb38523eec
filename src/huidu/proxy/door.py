"""The door: hears where a client wants to go, and opens a tunnel or says why not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import h11

from huidu.proxy.authority import Authority
from huidu.proxy.hosts import Unknown, Way, way
from huidu.proxy.side import Side

GOODBYE_S = 2.0
LARGEST_HEAD_BYTES = 16 * 1024
CONNECT = b"CONNECT"
WHAT = "this proxy leads the cloud's clients to a server of Huidu's"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """What the doors of a proxy work with."""

    authority: Authority
    connect: Callable[[str, Side], Awaitable[None]]  #: Joins a side to the server's API or gateway.
    room: Callable[[], bool]
    say: Callable[[str], None]
    clock: Callable[[], float]
    patience_s: float  #: For a request to be whole, for the server, and for the client's TLS.


class Door(asyncio.Protocol):
    """A connection of a client until it is a tunnel, or is refused."""

    def __init__(self, ends: Ends, gone: Callable[[Door], None]) -> None:
        self._ends = ends
        self._gone = gone
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEAD_BYTES)
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._late: asyncio.TimerHandle | None = None
        self.near: Side | None = None  #: The client's side of the tunnel, once there is one.
        self.far: Side | None = None

    @property
    def busy_at(self) -> float:
        """When something last went through."""
        return max((side.busy_at for side in (self.near, self.far) if side), default=0.0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for what the client wants, and not for long."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - there are no others here
        self._transport = transport
        loop = asyncio.get_running_loop()
        late = self._ends.patience_s
        self._late = loop.call_later(late, self._refuse, 408, f"no whole request in {late:g} s")

    def data_received(self, data: bytes) -> None:
        """Read what the client wants."""
        if self._task is not None:  # It did not wait for its answer; what it sent means nothing.
            self.abort()
            return
        try:
            self._http.receive_data(data)
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint, f"no request of HTTP: {error}")
            return
        if isinstance(event, h11.Request):
            self._late_no_more()
            self._asked(event)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget a client that has left before it had a tunnel."""
        self._late_no_more()
        if self._task is not None:
            self._task.cancel()
        self._gone(self)

    def abort(self) -> None:
        """End it at once, with its tunnel."""
        for side in (self.near, self.far):
            if side is not None:
                side.abort()
        if self._transport is not None:
            self._transport.abort()

    def _asked(self, request: h11.Request) -> None:
        target = request.target.decode("latin-1")
        if request.method != CONNECT:
            why = f"{WHAT}, by CONNECT only; set HTTPS_PROXY to it, and not HTTP_PROXY"
            self._refuse(405, why)
            return
        try:
            where = way(target)
        except Unknown as unknown:
            if not unknown.quiet:
                self._ends.say(f"refused: {unknown}")
            self._refuse(403, f"{WHAT}: {unknown}")
            return
        if not self._ends.room():
            self._refuse(503, "too many tunnels are open; try again")
            return
        self._task = asyncio.get_running_loop().create_task(self._open(where))

    async def _open(self, where: Way) -> None:
        transport = self._transport
        assert transport is not None  # noqa: S101 - there is one since it is connected
        near = Side(self._ends.clock, lambda: self._gone(self))
        self.far = far = Side(self._ends.clock, lambda: None)
        near.join(far)
        try:
            async with asyncio.timeout(self._ends.patience_s):
                await self._ends.connect(where.end, far)
        except asyncio.CancelledError:  # The client left, perhaps as the connection came.
            far.abort()
            raise
        except (OSError, TimeoutError) as error:
            self._ends.say(f"no server for {where.host}: {error or 'it does not answer'}")
            self._refuse(502, f"the server of Huidu's does not answer: {error}")
            return
        self.near = near
        transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await self._tunnel(transport, near, where)
        except (OSError, TimeoutError) as error:
            self._ends.say(f"{where.host}: no TLS with this client: {_plain(error)}")
            self.abort()
            self._gone(self)

    async def _tunnel(self, transport: asyncio.Transport, near: Side, where: Way) -> None:
        """Let the client's side speak over its connection from now on, in TLS or plainly."""
        if not where.tls:
            transport.set_protocol(near)
            near.use(transport)
            return
        over_tls = await asyncio.get_running_loop().start_tls(
            transport,
            near,
            self._ends.authority.context(where.host),
            server_side=True,
            ssl_handshake_timeout=self._ends.patience_s,
            ssl_shutdown_timeout=GOODBYE_S,
        )
        assert over_tls is not None  # noqa: S101 - it is None for a closed loop only
        near.use(over_tls)

    def _refuse(self, status: int, why: str) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._late_no_more()
        body = f"huidu proxy: {why}\n".encode("utf-8", "replace")
        head = (
            f"HTTP/1.1 {status} Refused\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        transport.write(head.encode() + body)
        transport.close()

    def _late_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def _plain(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"{error.reason or error}; does it believe the file in NODE_EXTRA_CA_CERTS?"
    return str(error) or "it did not shake hands in time"
