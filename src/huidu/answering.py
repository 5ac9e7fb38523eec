"""Answering: what an answer needs that uvicorn's request and response cycle does not know."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from huidu.decency import Flaw

App = Callable[..., Awaitable[None]]
BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Watched(asyncio.Event):
    """An event that knows whether anybody waits for it."""

    def __init__(self, *, already: bool) -> None:
        super().__init__()
        self.watchers = 0
        if already:
            self.set()

    async def wait(self) -> Any:  # noqa: ANN401 - the standard library promises True
        """Wait, and be counted."""
        self.watchers += 1
        try:
            return await super().wait()
        finally:
            self.watchers -= 1


def unchunked(app: App, cycle: RequestResponseCycle) -> App:
    """Return an application whose answers HTTP/1.0 can read: they end with the connection."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        counts = True

        async def plainly(message: Any) -> None:  # noqa: ANN401 - ASGI
            nonlocal counts
            if message["type"] == "http.response.start":
                named = {name.lower() for name, _ in message["headers"]}
                counts = b"content-length" in named or message["status"] in BODILESS
                if not counts:
                    cycle.chunked_encoding = False
            elif not counts and scope["method"] != "HEAD":
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, plainly)

    return answer


def last_words(flaw: Flaw) -> bytes:
    """Return the answer to a request that nobody behind the listener is to see."""
    reason = flaw.reason.encode()
    lines = [STATUS_LINE[flaw.status], b"connection: close\r\n"]
    if flaw.status not in BODILESS:
        lines += [
            b"content-type: text/plain; charset=utf-8\r\n",
            b"content-length: %d\r\n" % len(reason),
        ]
    return b"".join([*lines, b"\r\n", reason])
