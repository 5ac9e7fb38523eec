"""The API listener: cloud API at `/`, and beside it health and metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from huidu import body as bodies
from huidu.cloudapi import wire
from huidu.cloudapi.desk import Desk

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# The SDKs look for errors only where the type is exactly this, without a charset.
JSON = b"application/json"


class Api:
    """An ASGI application. Requests that are too large are answered before they are read."""

    def __init__(self, desk: Desk, others: App) -> None:
        self._desk = desk
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] != "/":
            await self._others(scope, receive, send)
            return
        request = _request(scope)
        limit = self._desk.limit_bytes(request)
        body = await _body(request, receive, limit)
        if body is None:
            await bodies.pass_over(_declared(request), receive)
            await _send(send, self._desk.refuse(wire.too_large(limit)), close=True)
            return
        whole = wire.Request(
            method=request.method,
            path=request.path,
            query=request.query,
            headers=request.headers,
            body=body,
        )
        client = scope.get("client")
        answer = await self._desk.answer(whole, client[0] if client else None)
        await _send(send, answer, close=False)


def _request(scope: Scope) -> wire.Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return wire.Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
    )


async def _body(request: wire.Request, receive: Receive, limit: int) -> bytes | None:
    """Return the body, or None as soon as it is known to be too large."""
    if request.method == "GET":
        return b"" if len(request.query) <= limit else None
    return await bodies.read(_declared(request), receive, limit)


def _declared(request: wire.Request) -> str:
    return request.headers.get("content-length", "0")


async def _send(send: Send, body: bytes, *, close: bool) -> None:
    headers = [(b"content-type", JSON), (b"content-length", str(len(body)).encode())]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
