"""The gateway listener: function URLs under `/url/<id>/`, and health."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Protocol

import structlog

from huidu import body as bodies
from huidu.gateway.event import Request, Response, event_of, failure_status, response_of, traits
from huidu.gateway.visit import Receive, Scope, Send, Visit, head_of, traced, tunnels
from huidu.invoke.invoker import Answered
from huidu.invoke.tracing import HANDED_ON, Tracing
from huidu.model.errors import Refusal
from huidu.model.exchange import Exchange
from huidu.model.function import FunctionName
from huidu.model.invocation import MOST_EVENT_BYTES, Invocation, Outcome, Status
from huidu.model.trace import Trace, carried, sent_in
from huidu.model.trigger import Trigger

TRIGGER = "http"
PREFIX = "/url/"
CLOSE = ("connection", "close")
#: What HTTP calls a failure, where its own number would say something else to a client.
AS_HTTP = {
    Status.EVENT_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Status.USER_CODE_ERROR: HTTPStatus.BAD_GATEWAY,
}

log = structlog.get_logger("huidu.gateway")


class Urls(Protocol):
    """Where URLs lead."""

    def find(self, url_id: str) -> Trigger | None: ...


class Invoker(Protocol):
    """The one way from a call to its outcome."""

    async def invoke(self, invocation: Invocation) -> Answered: ...

    async def exchange(self, invocation: Invocation, exchange: Exchange) -> Answered: ...


class Kinds(Protocol):
    """Which functions there are of which kind."""

    def is_web(self, named: FunctionName) -> bool: ...


class Gateway:
    """An ASGI application; every answer carries `X-Api-RequestId`."""

    def __init__(
        self,
        urls: Urls,
        kinds: Kinds,
        invoker: Invoker,
        new_id: Callable[[], str],
        tracing: Tracing = HANDED_ON,
    ) -> None:
        self._urls = urls
        self._kinds = kinds
        self._invoker = invoker
        self._new_id = new_id
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request_id = self._new_id()
        response, more = await self._answer(scope, receive, send, request_id)
        if response is None:
            return
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
            await bodies.pass_over("0", receive)
            await send({"type": "http.response.body"})

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, request_id: str
    ) -> tuple[Response | None, list[tuple[str, str]]]:
        """Return the response; None where the function gave it itself."""
        path: str = scope["path"]
        if path == "/healthz":
            return _says(200, status="ok"), []
        url_id, _, rest = path.removeprefix(PREFIX).partition("/")
        trigger = self._urls.find(url_id) if path.startswith(PREFIX) else None
        if trigger is None:
            return _says(404, errorMessage="nothing is published at this path"), []
        declared = dict(scope["headers"]).get(b"content-length", b"0").decode("latin-1")
        if self._kinds.is_web(trigger.function):
            if not bodies.fits(declared, MOST_EVENT_BYTES):
                return _too_large()
            request = _request(scope, f"/{rest}", b"")
            trace = self._place(request, request_id)
            head = traced(head_of(scope, f"{PREFIX}{url_id}"), trace)
            ours = [(b"x-api-requestid", request_id.encode())]
            visit = Visit(scope, receive, send, head, ours)
            return await self._visit(trigger, request, visit, request_id, trace)
        body = b"" if tunnels(scope) else await bodies.read(declared, receive, MOST_EVENT_BYTES)
        if body is None:
            return _too_large()
        return await self._call(trigger, _request(scope, f"/{rest}", body), request_id)

    async def _visit(
        self, trigger: Trigger, request: Request, visit: Visit, request_id: str, trace: Trace
    ) -> tuple[Response | None, list[tuple[str, str]]]:
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

        response, more = await _asked(ask, _failure, request_id)
        if not visit.begun:
            return response, more if visit.whole else [*more, CLOSE]
        if not visit.finished:
            visit.cut()
            await visit.left()
        return None, []

    async def _call(
        self, trigger: Trigger, request: Request, request_id: str
    ) -> tuple[Response, list[tuple[str, str]]]:
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

        return await _asked(ask, response_of, request_id)

    def _place(self, request: Request, request_id: str) -> Trace:
        return self._tracing.place(sent_in(request.headers), request_id)


async def _asked(
    ask: Callable[[], Awaitable[Answered]],
    respond: Callable[[Outcome], Response],
    request_id: str,
) -> tuple[Response, list[tuple[str, str]]]:
    """Return the response that a call makes, and headers that say who answered."""
    try:
        answered = await ask()
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
    return respond(answered.outcome), more


def _failure(outcome: Outcome) -> Response:
    """Return the response where a web function gave none itself."""
    status = AS_HTTP.get(Status(outcome.status)) or failure_status(outcome.status)
    return Response(
        status=int(status),
        headers=[("content-type", "application/json")],
        body=outcome.result.encode(),
    )


def _too_large() -> tuple[Response, list[tuple[str, str]]]:
    message = f"the body is larger than {MOST_EVENT_BYTES} bytes"
    return _says(413, errorMessage=message), [CLOSE]


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


def _says(code: int, **fields: object) -> Response:
    body = json.dumps(fields, ensure_ascii=False).encode()
    return Response(status=code, headers=[("content-type", "application/json")], body=body)
