"""Asking: what every door of the gateway does to hand on a call and to say what came of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Protocol

import structlog

from huidu.gateway.event import failure_status
from huidu.gateway.message import Request, Response
from huidu.gateway.visit import Scope, Visit
from huidu.invoke.flight import Answered
from huidu.model.errors import Refusal
from huidu.model.exchange import Exchange
from huidu.model.function import FunctionName
from huidu.model.invocation import Invocation, Outcome, Status

CLOSE = ("connection", "close")
#: What HTTP calls a failure, where its own number would say something else to a client.
AS_HTTP = {
    Status.EVENT_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Status.USER_CODE_ERROR: HTTPStatus.BAD_GATEWAY,
}

Headers = Sequence[tuple[str, str]]
#: A response, or None where the function gave it itself; and headers beside its own.
Said = tuple[Response | None, Headers]

log = structlog.get_logger("huidu.gateway")


class Invoker(Protocol):
    """The one way from a call to its outcome."""

    async def invoke(self, invocation: Invocation) -> Answered: ...

    async def exchange(self, invocation: Invocation, exchange: Exchange) -> Answered: ...


class Kinds(Protocol):
    """Which functions there are of which kind."""

    def is_web(self, named: FunctionName) -> bool: ...


async def asked(
    ask: Callable[[], Awaitable[Answered]],
    respond: Callable[[Outcome], Response],
    refuse: Callable[[Refusal], Response],
    request_id: str,
) -> tuple[Response, Headers]:
    """Return the response that a call makes, and headers that say who answered."""
    try:
        answered = await ask()
    except Refusal as refusal:
        return refuse(refusal), ()
    except Exception:
        log.exception("failed", request_id=request_id)
        return failed_here(request_id), ()
    return respond(answered.outcome), who(answered)


def failed_here(request_id: str) -> Response:
    """Return what is heard of an error of ours; the log says more of it."""
    message = f"an error of ours; the log has it as {request_id}"
    return says(500, errorCode="InternalError", errorMessage=message)


def who(answered: Answered) -> Headers:
    """Return the headers that say which version answered, and through which alias."""
    version = ("x-scf-version", answered.version)
    return (version, ("x-scf-alias", answered.alias)) if answered.alias else (version,)


async def left_to(visit: Visit, said: tuple[Response, Headers]) -> Said:
    """Return what is still to be said, once a web function was asked."""
    response, more = said
    if not visit.begun:
        return response, more if visit.whole else (*more, CLOSE)
    if not visit.finished:
        visit.cut()
        await visit.left()
    return None, ()


def failed(outcome: Outcome) -> Response:
    """Return the response where a web function gave none itself."""
    status = AS_HTTP.get(Status(outcome.status)) or failure_status(outcome.status)
    return Response(
        status=int(status),
        headers=[("content-type", "application/json")],
        body=outcome.result.encode(),
    )


def request_of(scope: Scope, path: str, body: bytes) -> Request:
    """Return a request as events and rules see it; `path` is what the function is to see."""
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=path,
        query=scope["query_string"].decode("latin-1"),
        headers=[(n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]],
        body=body,
        source_ip=client[0] if client else "",
    )


def refused(refusal: Refusal) -> Response:
    """Return what is heard of a call that no version of a function was asked."""
    return says(_status(refusal), errorCode=refusal.code, errorMessage=refusal.message)


def _status(refusal: Refusal) -> int:
    if refusal.code.startswith("ResourceNotFound"):
        return 404
    return 400 if refusal.code.startswith("Invalid") else 500


def says(code: int, **fields: object) -> Response:
    """Return a response of ours: fields as JSON."""
    body = json.dumps(fields, ensure_ascii=False).encode()
    return Response(status=code, headers=[("content-type", "application/json")], body=body)
