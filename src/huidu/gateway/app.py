"""The gateway listener: function URLs under `/url/<id>/`, and health."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Protocol

import structlog

from huidu.gateway.event import Request, Response, event_of, response_of, traits
from huidu.invoke.invoker import Answered
from huidu.model.errors import Refusal
from huidu.model.invocation import MOST_EVENT_BYTES, Invocation
from huidu.model.trigger import Trigger

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TRIGGER = "http"
PREFIX = "/url/"
CLOSE = ("connection", "close")
MOST_PASSED_OVER_BYTES = 128 * 1024 * 1024
PASS_OVER_S = 10.0

log = structlog.get_logger("huidu.gateway")


class Urls(Protocol):
    """Where URLs lead."""

    def find(self, url_id: str) -> Trigger | None: ...


class Invoker(Protocol):
    """The one way from a call to its outcome."""

    async def invoke(self, invocation: Invocation) -> Answered: ...


class Gateway:
    """An ASGI application; every answer carries `X-Api-RequestId`."""

    def __init__(self, urls: Urls, invoker: Invoker, new_id: Callable[[], str]) -> None:
        self._urls = urls
        self._invoker = invoker
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request_id = self._new_id()
        response, more = await self._answer(scope, receive, request_id)
        headers = [("x-api-requestid", request_id), *more, *response.headers]
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": [
                    (name.lower().encode("latin-1"), value.encode("utf-8"))
                    for name, value in headers
                ]
                + [(b"content-length", str(len(response.body)).encode())],
            }
        )
        unread = CLOSE in more
        await send({"type": "http.response.body", "body": response.body, "more_body": unread})
        if unread:
            await _pass_over(receive)
            await send({"type": "http.response.body"})

    async def _answer(
        self, scope: Scope, receive: Receive, request_id: str
    ) -> tuple[Response, list[tuple[str, str]]]:
        path: str = scope["path"]
        if path == "/healthz":
            return _says(200, status="ok"), []
        url_id, _, rest = path.removeprefix(PREFIX).partition("/")
        trigger = self._urls.find(url_id) if path.startswith(PREFIX) else None
        if trigger is None:
            return _says(404, errorMessage="nothing is published at this path"), []
        body = await _body(scope, receive)
        if body is None:
            message = f"the body is larger than {MOST_EVENT_BYTES} bytes"
            return _says(413, errorMessage=message), [CLOSE]
        return await self._call(trigger, _request(scope, f"/{rest}", body), request_id)

    async def _call(
        self, trigger: Trigger, request: Request, request_id: str
    ) -> tuple[Response, list[tuple[str, str]]]:
        try:
            answered = await self._invoker.invoke(
                Invocation(
                    request_id=request_id,
                    function=trigger.function,
                    qualifier=trigger.qualifier,
                    event=event_of(request),
                    traits=traits(request),
                    trigger=TRIGGER,
                )
            )
        except Refusal as refusal:
            said = {"errorCode": refusal.code, "errorMessage": refusal.message}
            return _says(_status(refusal), **said), []
        except Exception:
            log.exception("failed", request_id=request_id)
            message = f"an error of ours; the log has it as {request_id}"
            return _says(500, errorCode="InternalError", errorMessage=message), []
        more = [("x-scf-version", answered.version)]
        if answered.alias:
            more.append(("x-scf-alias", answered.alias))
        return response_of(answered.outcome), more


def _status(refusal: Refusal) -> int:
    if refusal.code.startswith("ResourceNotFound"):
        return 404
    return 400 if refusal.code.startswith("Invalid") else 500


def _request(scope: Scope, path: str, body: bytes) -> Request:
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=path,
        query=scope["query_string"].decode("latin-1"),
        headers=[(n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]],
        body=body,
        source_ip=client[0] if client else "",
    )


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """Return the body, or None as soon as it is known to be too large."""
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > MOST_EVENT_BYTES:
        return None
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if message["type"] == "http.disconnect" or size > MOST_EVENT_BYTES:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _pass_over(receive: Receive) -> None:
    """Let a client finish sending what is thrown away: many hear no answer before they have."""
    passed = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(PASS_OVER_S):
            while passed < MOST_PASSED_OVER_BYTES:
                message = await receive()
                passed += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _says(code: int, **fields: object) -> Response:
    body = json.dumps(fields, ensure_ascii=False).encode()
    return Response(status=code, headers=[("content-type", "application/json")], body=body)
