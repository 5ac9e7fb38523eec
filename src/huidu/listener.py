"""Listener: an ASGI application on a socket, by uvicorn, opened and closed by whoever owns it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import uvicorn

from huidu.ask import Express
from huidu.express import ExpressProtocol
from huidu.flow import Patience
from huidu.pace import Pace
from huidu.patience import PatientProtocol
from huidu.room import Room
from huidu.tunnel import Tunnel

BACKLOG = 4096
MOST_CONNECTIONS = 16_384
USUAL = Patience()
STALL_S = 3.0  #: How long a closing listener waits for clients that do not go on.

App = Callable[..., Any]


class _Server(uvicorn.Server):
    """Leaves signals to the process: there are two of these in it."""

    def capture_signals(self) -> Any:  # noqa: ANN401 - uvicorn's own type is a generator
        return nullcontext()


class _Adopted(asyncio.Protocol):
    """Hands a connection to whom it is for, with what had been read of it before."""

    def __init__(self, make: Callable[[], PatientProtocol], said: bytes) -> None:
        self.protocol = make()
        self._said = said

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as the others have it
        """Hand it on."""
        transport.set_protocol(self.protocol)
        self.protocol.connection_made(transport)
        self.protocol.data_received(self._said)


def _bound(host: str, port: int, beside: int) -> Sequence[socket.socket]:
    """Return sockets that share a port; the first of them listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = [socket.socket(family, socket.SOCK_STREAM) for _ in range(1 + beside)]
    own, *others = made
    try:
        for one in made:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind((host, port))  # alone: so nobody else has the port
        for one in made if others else ():
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        for one in others:
            one.bind(own.getsockname())
        own.listen(BACKLOG)  # until then, others may take the port as well
    except OSError as error:
        for one in made:
            one.close()
        raise OSError(f"cannot listen at {host}:{port}: {error.strerror}") from error
    return made


class Listener:
    """Serves one application from `open` to `close`."""

    def __init__(
        self, host: str = "", port: int = 0, beside: int = 0, bound: socket.socket | None = None
    ) -> None:
        """Take the port, or raise `OSError` that names it. Port 0 picks a free one.

        `beside`: so many more sockets are bound there, for processes that take connections as
        well. Each is to be listened at by its process, to which it is `bound`; the kernel shares
        connections out.
        """
        self.beside: Sequence[socket.socket] = ()
        if bound is None:
            bound, *self.beside = _bound(host, port, beside)
        self._socket = bound
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def open(
        self,
        app: App,
        *,
        express: Express | None = None,
        tunnels: bool = False,
        most_connections: int = MOST_CONNECTIONS,
        patience: Patience = USUAL,
        speaks: Callable[..., ExpressProtocol] = ExpressProtocol,
    ) -> None:
        """Return when the application answers requests; those for a WebSocket as well if it can.

        Plain requests are shown to `express` first, which answers those that it finds.
        """
        room = Room(most_connections)
        protocol: Any = partial(PatientProtocol, room, patience)
        if express is not None:
            pace = Pace(asyncio.get_running_loop())
            protocol = partial(speaks, express, pace, room, patience)
        self._server = server = _Server(
            uvicorn.Config(
                app,
                http=protocol,
                loop="none",
                ws=Tunnel if tunnels else "none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # nobody may say that he is somebody else
                backlog=BACKLOG,
                timeout_keep_alive=patience.idle_s,  # type: ignore[arg-type] # call_later takes both
            )
        )
        self._task = asyncio.create_task(server.serve(sockets=[self._socket]))
        while not server.started:
            if self._task.done():
                task, self._task = self._task, None
                raise OSError("cannot listen") from task.exception()
            await asyncio.sleep(0.001)

    async def adopt(self, connection: socket.socket, said: bytes) -> None:
        """Go on with a connection that was accepted elsewhere, where this much of it was read."""
        loop = asyncio.get_running_loop()
        adopted = _Adopted(self._protocol, said)
        await loop.connect_accepted_socket(lambda: adopted, connection)
        if self._server is not None and self._server.should_exit:
            adopted.protocol.shutdown()

    async def stand_in(self, place: int) -> asyncio.AbstractServer:
        """Take the connections of one of the sockets beside ours as well, until that is closed."""
        loop, copy = asyncio.get_running_loop(), self.beside[place].dup()
        return await loop.create_server(self._protocol, sock=copy, backlog=BACKLOG)

    def _protocol(self) -> Any:  # noqa: ANN401 - as uvicorn makes them
        if self._server is None:
            raise OSError("the listener is not open")
        make: Any = self._server.config.http_protocol_class
        state = self._server.server_state
        return make(config=self._server.config, server_state=state, app_state={})

    async def close(self) -> None:
        """Take no new requests, and return when those under way have been answered."""
        if self._server is not None:
            self._server.should_exit = True
        if self._task is not None:
            while not self._task.done():
                await asyncio.wait([self._task], timeout=STALL_S)
                self._leave_the_stalling()
            await self._task
        for one in (self._socket, *self.beside):
            one.close()

    def _leave_the_stalling(self) -> None:
        """Let go of connections whose clients send no more, or do not take their answers."""
        for connection in list(self._server.server_state.connections if self._server else ()):
            if isinstance(connection, PatientProtocol) and connection.stalls:
                connection.transport.abort()
