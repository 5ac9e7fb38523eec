"""Tunnel: a connection of the gateway on which the client would go on as a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from huidu.flow import Flow, Patience

MOST_UNREAD_BYTES = 64 * 1024
SWITCHING = 101


class Tunnel(asyncio.Protocol):
    """Has the application answer as it answers any request, and say 101 if it agrees.

    Then what either side sends is carried as it is. An answer of another kind is sent as usual;
    either way the connection ends with it.
    """

    def __init__(
        self,
        scope: dict[str, Any],
        app: Any,  # noqa: ANN401 - uvicorn's own types are narrower
        state: Any,  # noqa: ANN401 - as above
        patience: Patience,
    ) -> None:
        self._scope = scope | {"state": scope["state"] | {"cut": self._abort}}
        self._app = app
        self._state = state
        self._patience = patience
        self._unread = bytearray()
        self._came = asyncio.Event()
        self._left = False
        self._transport: asyncio.Transport
        self._flow: Flow

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as above
        """Take over the connection, and have the request answered."""
        self._transport = transport
        self._flow = Flow(transport, self._patience)
        self._state.connections.add(self)
        task = asyncio.get_running_loop().create_task(self._answer())
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def data_received(self, data: bytes) -> None:
        """Keep what came until it is read, and take no more than that is quick."""
        self._unread += data
        if len(self._unread) > MOST_UNREAD_BYTES:
            self._flow.pause_reading()
        self._came.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever reads that there is nobody any more."""
        self._left = True
        self._state.connections.discard(self)
        self._came.set()
        self._flow.resume_writing()
        self._flow.stop()

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        self._flow.pause_writing()

    def resume_writing(self) -> None:
        """The client takes it again."""
        self._flow.resume_writing()

    def shutdown(self) -> None:
        """Leave: the listener closes, and a WebSocket has no end of its own to wait for."""
        self._flow.end()

    def _abort(self) -> None:
        self._transport.abort()

    async def _answer(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        finally:
            if not self._left:
                self._flow.end()

    async def _receive(self) -> dict[str, Any]:
        if not self._unread and not self._left:
            self._flow.resume_reading()
            self._came.clear()
            await self._came.wait()
        if not self._unread:
            return {"type": "http.disconnect"}
        body = bytes(self._unread)
        self._unread.clear()
        return {"type": "http.request", "body": body, "more_body": True}

    async def _send(self, message: dict[str, Any]) -> None:
        if self._flow.write_paused and not self._left:
            await self._flow.drain()
        if self._left:
            return
        if message["type"] == "http.response.start":
            self._transport.write(_head(message["status"], message["headers"]))
        else:
            self._transport.write(message.get("body", b""))
            if not message.get("more_body", False):
                self._transport.close()


def _head(status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the head of an answer; one that is not 101 ends with the connection."""
    upgrade = b"connection: upgrade\r\nupgrade: websocket\r\n"
    last = upgrade if status == SWITCHING else b"connection: close\r\n"
    lines = [name + b": " + value + b"\r\n" for name, value in headers]
    return b"".join((STATUS_LINE[status], *lines, last, b"\r\n"))
