"""The gateway listener: APIs of services, function URLs by path and by host, and health."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog
from msgspec.structs import replace

from huidu import body as bodies
from huidu.gateway import urls
from huidu.gateway.asking import (
    CLOSE,
    Headers,
    Invoker,
    Kinds,
    Said,
    asked,
    failed,
    failed_here,
    left_to,
    refused,
    request_of,
    says,
)
from huidu.gateway.entrance import Entrance, address_of
from huidu.gateway.event import BODILESS, event_of, response_of, traits
from huidu.gateway.message import Request, Response
from huidu.gateway.proxies import Proxies
from huidu.gateway.urls import Address
from huidu.gateway.visit import Receive, Scope, Send, Visit, head_of, traced, tunnels, unseen, unset
from huidu.invoke.flight import Answered
from huidu.invoke.tracing import HANDED_ON, Tracing
from huidu.model.invocation import MOST_EVENT_BYTES, Invocation
from huidu.model.trace import Trace, carried, sent_in
from huidu.model.trigger import Trigger

TRIGGER = "http"
HEALTH = "/healthz"
NOBODY = Proxies()

log = structlog.get_logger("huidu.gateway")


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
        tracing: Tracing = HANDED_ON,
    ) -> None:
        self._urls = urls
        self._entrance = entrance
        self._proxies = proxies
        self._kinds = kinds
        self._invoker = invoker
        self._new_id = new_id
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request_id = self._new_id()
        scope, send = unseen(self._proxies.settle(scope)), unset(send)
        response, more = await self._said(scope, receive, send, request_id)
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

    async def _said(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> Said:
        """Return the response, or that it is an error of ours: nobody hears less than its id."""
        try:
            return await self._answer(scope, receive, send, request_id)
        except Exception:
            log.exception("failed", request_id=request_id)
            return failed_here(request_id), [CLOSE]

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> Said:
        """Return the response; None where the function gave it itself."""
        address = address_of(scope) if self._entrance is not None else None
        if self._entrance is not None and address is not None and scope["path"] != HEALTH:
            return await self._entrance.answer(address, scope, receive, send, request_id)
        found = self._found(scope)
        if isinstance(found, Response):
            return found, []
        trigger, called, asked = found
        sent = dict(scope["headers"])
        declared = sent.get(b"content-length", b"0").decode("latin-1")
        if self._kinds.is_web(trigger.function):
            if not bodies.fits(declared, MOST_EVENT_BYTES):
                return _too_large()
            ours = [(b"x-api-requestid", request_id.encode())]
            dressing = urls.dressing(trigger, asked.headers)
            trace = self._place(asked, request_id)
            head = traced(head_of(scope, called.prefix), trace)
            visit = Visit(scope, receive, send, head, ours, dressing)
            return await self._visit(trigger, asked, visit, request_id, trace)
        body = b"" if tunnels(scope) else await bodies.read(declared, receive, MOST_EVENT_BYTES)
        if body is None:
            return _too_large()
        response, more = await self._call(trigger, replace(asked, body=body), request_id)
        dressed = urls.dressing(trigger, asked.headers)(response.headers)
        return replace(response, headers=dressed), more

    def _found(self, scope: Scope) -> tuple[Trigger, Address, Request] | Response:
        """Return which URL is asked for what, or the answer where no function is to be asked."""
        path, host = scope["path"], dict(scope["headers"]).get(b"host", b"")
        address = urls.address_of(path, host.decode("latin-1"))
        if address is None and path == HEALTH:
            return says(200, status="ok")
        trigger = self._urls.find(address.url_id) if address else None
        if address is None or trigger is None:
            return says(404, errorMessage="nothing is published at this path")
        asked = request_of(scope, address.path, b"")
        if forbidden := urls.refusal(trigger, asked.source_ip):
            return says(403, errorMessage=forbidden)
        allowed = urls.preflight(trigger, asked.method, dict(asked.headers))
        if allowed is not None:
            return Response(status=204, headers=allowed, body=b"")
        return trigger, address, asked

    async def _visit(
        self, trigger: Trigger, request: Request, visit: Visit, request_id: str, trace: Trace
    ) -> Said:
        async def ask() -> Answered:
            invocation = Invocation(
                request_id=request_id,
                function=trigger.function,
                qualifier=trigger.qualifier,
                traits=traits(request),
                trigger=TRIGGER,
                trace=trace,
            )
            return await self._invoker.exchange(invocation, visit)

        return await left_to(visit, await asked(ask, failed, refused, request_id))

    async def _call(
        self, trigger: Trigger, request: Request, request_id: str
    ) -> tuple[Response, Headers]:
        async def ask() -> Answered:
            trace = self._place(request, request_id)
            invocation = Invocation(
                request_id=request_id,
                function=trigger.function,
                qualifier=trigger.qualifier,
                event=event_of(replace(request, headers=carried(request.headers, trace))),
                traits=traits(request),
                trigger=TRIGGER,
                trace=trace,
            )
            return await self._invoker.invoke(invocation)

        return await asked(ask, response_of, refused, request_id)

    def _place(self, request: Request, request_id: str) -> Trace:
        return self._tracing.place(sent_in(request.headers), request_id)


def _too_large() -> tuple[Response, list[tuple[str, str]]]:
    message = f"the body is larger than {MOST_EVENT_BYTES} bytes"
    return says(413, errorMessage=message), [CLOSE]
