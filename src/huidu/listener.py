"""Listener: an ASGI application on a socket, by uvicorn, opened and closed by whoever owns it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import uvicorn

from huidu.express import Express, ExpressProtocol
from huidu.flow import Patience
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


class Listener:
    """Serves one application from `open` to `close`."""

    def __init__(self, host: str, port: int) -> None:
        """Take the port, or raise `OSError` that names it. Port 0 picks a free one."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(BACKLOG)  # until then, others may take the port as well
        except OSError as error:
            self._socket.close()
            raise OSError(f"cannot listen at {host}:{port}: {error.strerror}") from error
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
    ) -> None:
        """Return when the application answers requests; those for a WebSocket as well if it can.

        Plain requests are shown to `express` first, which answers those that it finds.
        """
        room = Room(most_connections)
        protocol: Any = partial(PatientProtocol, room, patience)
        if express is not None:
            protocol = partial(ExpressProtocol, express, room, patience)
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

    async def close(self) -> None:
        """Take no new requests, and return when those under way have been answered."""
        if self._server is not None:
            self._server.should_exit = True
        if self._task is not None:
            while not self._task.done():
                await asyncio.wait([self._task], timeout=STALL_S)
                self._leave_the_stalling()
            await self._task
        self._socket.close()

    def _leave_the_stalling(self) -> None:
        """Let go of connections whose clients send no more, or do not take their answers."""
        for connection in list(self._server.server_state.connections if self._server else ()):
            if isinstance(connection, PatientProtocol) and connection.stalls:
                connection.transport.abort()
