"""Patience: how much a connection may send before it has said something, and how slowly."""

from __future__ import annotations

import asyncio
import urllib.parse
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from huidu.tunnel import Tunnel

MOST_HEAD_BYTES = 64 * 1024
#: For a whole head, and between two pieces of a body.
PATIENCE_S = 20.0
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"connection: close\r\ncontent-length: 0\r\n\r\n"
)


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with an end to its patience.

    httptools itself takes heads of any length, and uvicorn waits for ever for the rest of a
    request. A connection that has sent nothing yet is waited for like one amid a head.
    """

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvicorn's own type is narrower
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._reading_head = True
        self._reading_body = False
        self._head_bytes = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what was sent, unless it is more of a head than anybody needs."""
        super().data_received(data)
        if self._reading_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self.transport.write(TOO_LARGE)
                self.transport.close()
                self._reading_head = False
        elif self._reading_body:
            self._wait()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self.scope["state"]["cut"] = self.transport.abort
        self._reading_head, self._head_bytes = True, 0
        self._wait()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes behind the body, a trailer, is none."""
        if self._reading_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole; a body may follow."""
        super().on_headers_complete()
        self._reading_head, self._reading_body = False, True
        self._wait()

    def on_message_complete(self) -> None:
        """The request is whole; how long its answer takes is not the client's doing."""
        super().on_message_complete()
        self._reading_body = False
        self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._rest()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Have the connection go on as a tunnel, with the request that begins it."""
        self._rest()
        self._reading_head = self._reading_body = False
        try:
            url = httptools.parse_url(self.url)
        except httptools.HttpParserInvalidURLError:
            self.send_400_response("Invalid HTTP request received.")
            return
        self.connections.discard(self)
        scope: dict[str, Any] = {
            **self.scope,
            "path": urllib.parse.unquote(url.path.decode("ascii")),
            "raw_path": url.path,
            "query_string": url.query or b"",
            "state": {**self.scope["state"], "tunnel": True},
        }
        tunnel = Tunnel(scope, self.app, self.server_state)
        self.transport.set_protocol(tunnel)
        tunnel.connection_made(self.transport)

    def _should_upgrade(self) -> bool:
        """Tell whether a request begins a tunnel, which then has the connection to itself."""
        alone = self.cycle is None or self.cycle.response_complete
        return alone and self.scope.get("method") == "GET" and super()._should_upgrade()

    @property
    def stalls(self) -> bool:
        """Whether it is the client whom this connection waits for, amid a request or an answer."""
        return self._reading_head or self._reading_body or self.flow.write_paused

    def _wait(self) -> None:
        self._rest()
        self._alarm = self.loop.call_later(PATIENCE_S, self._lose_patience)

    def _rest(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _lose_patience(self) -> None:
        self._alarm = None
        # A body that we ourselves do not read on, for the application is slow, is not late.
        if not self.flow.read_paused:
            self.transport.abort()
