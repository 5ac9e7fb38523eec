"""The gateway listener: function URLs under `/url/<id>/`, APIs of services, and health."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from huidu import body as bodies
from huidu.gateway.asking import (
    CLOSE,
    Invoker,
    Kinds,
    Said,
    asked,
    failed,
    left_to,
    request_of,
    says,
)
from huidu.gateway.entrance import Entrance, address_of
from huidu.gateway.event import BODILESS, Request, Response, event_of, response_of, traits
from huidu.gateway.proxies import Proxies
from huidu.gateway.visit import Receive, Scope, Send, Visit, head_of, tunnels
from huidu.invoke.invoker import Answered
from huidu.model.errors import Refusal
from huidu.model.invocation import MOST_EVENT_BYTES, Invocation
from huidu.model.trigger import Trigger

TRIGGER = "http"
PREFIX = "/url/"
NOBODY = Proxies()


class Urls(Protocol):
    """Where URLs lead."""

    def find(self, url_id: str) -> Trigger | None: ...


class Gateway:
    """An ASGI application; every answer carries `X-Api-RequestId`."""

    def __init__(
        self,
        urls: Urls,
        kinds: Kinds,
        invoker: Invoker,
        new_id: Callable[[], str],
        entrance: Entrance | None = None,
        proxies: Proxies = NOBODY,
    ) -> None:
        self._urls = urls
        self._entrance = entrance
        self._proxies = proxies
        self._kinds = kinds
        self._invoker = invoker
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request_id = self._new_id()
        scope = self._proxies.settle(scope)
        response, more = await self._answer(scope, receive, send, request_id)
        if response is None:
            return
        headers = [("x-api-requestid", request_id), *more, *response.headers]
        if response.status not in BODILESS:  # a length would be that of a body which never comes
            headers.append(("content-length", str(len(response.body))))
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": [
                    (name.lower().encode("latin-1"), value.encode("utf-8"))
                    for name, value in headers
                ],
            }
        )
        unread = CLOSE in more
        await send({"type": "http.response.body", "body": response.body, "more_body": unread})
        if unread:
            await bodies.pass_over("0", receive)
            await send({"type": "http.response.body"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> Said:
        """Return the response; None where the function gave it itself."""
        path: str = scope["path"]
        if path == "/healthz":
            return says(200, status="ok"), []
        address = address_of(scope) if self._entrance is not None else None
        if self._entrance is not None and address is not None:
            return await self._entrance.answer(address, scope, receive, send, request_id)
        return await self._at_url(scope, receive, send, request_id)

    async def _at_url(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> Said:
        path: str = scope["path"]
        url_id, _, rest = path.removeprefix(PREFIX).partition("/")
        trigger = self._urls.find(url_id) if path.startswith(PREFIX) else None
        if trigger is None:
            return says(404, errorMessage="nothing is published at this path"), []
        declared = dict(scope["headers"]).get(b"content-length", b"0").decode("latin-1")
        if self._kinds.is_web(trigger.function):
            if not bodies.fits(declared, MOST_EVENT_BYTES):
                return _too_large()
            head = head_of(scope, f"{PREFIX}{url_id}")
            ours = [(b"x-api-requestid", request_id.encode())]
            visit = Visit(scope, receive, send, head, ours)
            request = request_of(scope, f"/{rest}", b"")
            return await self._visit(trigger, request, visit, request_id)
        body = b"" if tunnels(scope) else await bodies.read(declared, receive, MOST_EVENT_BYTES)
        if body is None:
            return _too_large()
        return await self._call(trigger, request_of(scope, f"/{rest}", body), request_id)

    async def _visit(
        self, trigger: Trigger, request: Request, visit: Visit, request_id: str
    ) -> Said:
        async def ask() -> Answered:
            invocation = Invocation(
                request_id=request_id,
                function=trigger.function,
                qualifier=trigger.qualifier,
                traits=traits(request),
                trigger=TRIGGER,
            )
            return await self._invoker.exchange(invocation, visit)

        return await left_to(visit, await asked(ask, failed, _refused, request_id))

    async def _call(self, trigger: Trigger, request: Request, request_id: str) -> Said:
        async def ask() -> Answered:
            invocation = Invocation(
                request_id=request_id,
                function=trigger.function,
                qualifier=trigger.qualifier,
                event=event_of(request),
                traits=traits(request),
                trigger=TRIGGER,
            )
            return await self._invoker.invoke(invocation)

        return await asked(ask, response_of, _refused, request_id)


def _refused(refusal: Refusal) -> Response:
    return says(_status(refusal), errorCode=refusal.code, errorMessage=refusal.message)


def _too_large() -> tuple[Response, list[tuple[str, str]]]:
    message = f"the body is larger than {MOST_EVENT_BYTES} bytes"
    return says(413, errorMessage=message), [CLOSE]


def _status(refusal: Refusal) -> int:
    if refusal.code.startswith("ResourceNotFound"):
        return 404
    return 400 if refusal.code.startswith("Invalid") else 500
