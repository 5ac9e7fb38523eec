"""Entrance: from a request at a service's address to what an API of it answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

from msgspec import Struct, structs

from huidu import body as bodies
from huidu.gateway import api_response as responses
from huidu.gateway.api_event import Call, is_ours, with_constants
from huidu.gateway.asking import (
    CLOSE,
    Headers,
    Invoker,
    Kinds,
    Said,
    asked,
    failed,
    left_to,
    request_of,
)
from huidu.gateway.event import ROUTING_KEY, first, traits_from
from huidu.gateway.guard import Asked, Denied, Guard, Passed
from huidu.gateway.message import Request, Response
from huidu.gateway.services import Stage, Stages
from huidu.gateway.visit import Receive, Scope, Send, Visit, head_at, raw_path, traced, tunnels
from huidu.invoke.flight import Answered
from huidu.invoke.tracing import HANDED_ON, Tracing
from huidu.model.errors import Refusal
from huidu.model.exchange import Answer
from huidu.model.invocation import EMPTY_EVENT, MOST_EVENT_BYTES, Invocation, Outcome
from huidu.model.paths import Match, Missing, climbs, readable
from huidu.model.service import ANY, ENVIRONMENTS, Api
from huidu.model.trace import sent_in

TRIGGER = "apigw"
#: The host form: `service-a1b2c3d4-1250000000.gz.apigw.tencentcs.com`, with or without a port.
HOST = re.compile(rb"(service-[a-z0-9]+)-[0-9]+(?:\..*)?", re.IGNORECASE)
IN_PATH = b"/service-"
TOO_LARGE = responses.message(413, "Request Entity Too Large")
CLIMBING = responses.message(400, "The path must have no . or .. between its slashes")


class Services(Protocol):
    """What is released where."""

    def find(self, service_id: str) -> Stages | None: ...


class Address(Struct, frozen=True, gc=False):
    """Where a request goes: a service by its id, and the path from its environment on, as sent."""

    service_id: str
    rest: bytes
    called: str  #: What the client calls the service.


def address_of(scope: Scope) -> Address | None:
    """Return the service that a request asks for, by its host or its path; None for neither."""
    hosts = (value for name, value in scope["headers"] if name == b"host")
    return address_at(next(hosts, b""), raw_path(scope))


@lru_cache(maxsize=4096)
def service_of(host: bytes) -> str:
    """Return the id of the service that a host names; nothing where it names none."""
    found = HOST.fullmatch(host.partition(b":")[0].strip())
    return found[1].decode().lower() if found else ""


def address_at(host: bytes, raw: bytes) -> Address | None:
    """Return the same of a host and a path as they were sent."""
    named = service_of(host)
    if named:
        return Address(named, raw, host.partition(b":")[0].decode("latin-1"))
    if not raw.startswith(IN_PATH):
        return None
    service_id, slash, rest = raw[1:].partition(b"/")
    called = service_id.decode("latin-1")
    return Address(called, slash + rest, called)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, where, and what was released there when he did."""

    address: Address
    stage: Stage
    scope: Scope
    receive: Receive
    send: Send
    path: bytes  #: From behind the environment on, as it was sent.
    before: tuple[Api, Passed] | None = None  #: What he was let in to, where that is past.

    def let_in(self, api: Api) -> Passed | None:
        """Return how the guard let him in to an API before, where that is as good for this one."""
        if self.before is None:
            return None
        old, passed = self.before
        return passed if (old.id, old.auth) == (api.id, api.auth) else None


class Entrance:
    """Answers requests for APIs; a request is answered by one released version from end to end."""

    def __init__(
        self,
        services: Services,
        kinds: Kinds,
        invoker: Invoker,
        guard: Guard,
        appid: str,
        tracing: Tracing = HANDED_ON,
    ) -> None:
        self._services = services
        self._kinds = kinds
        self._invoker = invoker
        self._guard = guard
        self._appid = appid
        self._tracing = tracing

    async def answer(
        self,
        address: Address,
        scope: Scope,
        receive: Receive,
        send: Send,
        request_id: str,
        before: tuple[Api, Passed] | None = None,
    ) -> Said:
        """Return what is to be said; nothing where the function has said it itself.

        Who was let in `before` to the same API is not asked for his nonce, or counted, again.
        """
        named, _, path = address.rest[1:].partition(b"/")
        environment, path = named.decode("latin-1"), b"/" + path
        scheme: str = scope.get("scheme", "http")
        stage = self._stage(address, environment, scheme)
        if isinstance(stage, Response):
            return stage, ()
        request = request_of(scope, readable(path), b"")
        found = stage.paths.find(request.path, request.method)
        if request.method == "OPTIONS":
            told = _preflight(stage, request, found)
            if told is not None:
                return told, ()
        if found is Missing.PATH:
            return responses.message(404, f"There is no api match uri[{request.path}]"), ()
        if not isinstance(found, Match):
            return responses.message(404, "Could not support method"), ()
        call = Call(
            request=request,
            match=found,
            environment=environment,
            request_id=request_id,
            scheme=scheme,
            trace=self._tracing.place(sent_in(request.headers), request_id),
        )
        visitor = Visitor(address, stage, scope, receive, send, path, before)
        return await self._admitted(call, visitor)

    def _stage(self, address: Address, environment: str, scheme: str) -> Stage | Response:
        """Return what is released where a request goes, or what is said where nothing is."""
        stages = self._services.find(address.service_id)
        if stages is None:
            return responses.message(404, f"There is no api match host[{address.called}]")
        if environment not in ENVIRONMENTS:
            return responses.message(
                404, f"There is no api match default env_mapping[{environment}]"
            )
        stage = stages.get(environment)
        if stage is None:
            return responses.message(404, f"There is no api match env_mapping[{environment}]")
        if scheme not in stage.release.protocol.split("&"):
            return responses.message(404, f"Not allow use {scheme.upper()} protocol")
        return stage

    async def _admitted(self, call: Call, visitor: Visitor) -> Said:
        """Ask the guard, and go on if it lets the call in; it counts each call once."""
        admitted = visitor.let_in(call.api) or self._guard.admit(
            Asked(environment=call.environment, api=call.api, request=call.request)
        )
        if isinstance(admitted, Denied):
            return _finished(call, admitted.response, ())
        length = call.headers.get("content-length", "0")
        wrong = _wrong(call, length)
        if wrong is not None:
            response, more = wrong
            return _finished(call, response, (*admitted.headers, *more))
        backend = call.api.backend
        if backend.web or self._kinds.is_web(backend.function):
            if climbs(call.request.path):
                return _finished(call, CLIMBING, (*admitted.headers, CLOSE))
            said, more = await self._visited(call, admitted, visitor)
            return _finished(call, said, (*admitted.headers, *more))
        return await self._heard(call, admitted, visitor, length)

    async def _heard(self, call: Call, admitted: Passed, visitor: Visitor, length: str) -> Said:
        """Read the body, and go on with what is released once it is there."""
        body: bytes | None = b""
        if not tunnels(visitor.scope):
            body = await bodies.read(length, visitor.receive, MOST_EVENT_BYTES)
        if body is None:
            return _finished(call, TOO_LARGE, (*admitted.headers, CLOSE))
        if self._is_past(call, visitor):
            # Its aliases may have moved with it: the old API would meet the new version.
            return await self.answer(
                visitor.address,
                visitor.scope,
                _again(body, visitor.receive),
                visitor.send,
                call.request_id,
                (call.api, admitted),
            )
        response, more = await self._called(call, admitted, visitor.scope, body)
        return _finished(call, response, (*admitted.headers, *more))

    def _is_past(self, call: Call, visitor: Visitor) -> bool:
        """Tell whether something else was released while the body was on its way."""
        stages = self._services.find(visitor.address.service_id)
        return stages is None or stages.get(call.environment) is not visitor.stage

    async def _called(self, call: Call, admitted: Passed, scope: Scope, body: bytes) -> Said:
        async def ask() -> Answered:
            return await self._invoker.invoke(
                invocation_of(call, call.event(body, admitted.secret_id))
            )

        respond = responses.responder(call.api.backend, call.request_id)
        until = asyncio.timeout(call.api.timeout_s)
        return await self._in_time(call, scope, ask, respond, until)

    async def _visited(self, call: Call, admitted: Passed, visitor: Visitor) -> Said:
        """Have a web function answer itself, with what we would have said beside it."""
        scope = visitor.scope
        until = asyncio.timeout(call.api.timeout_s)
        more = [("x-api-requestid", call.request_id), ("x-api-id", call.api.id), *admitted.headers]
        more += responses.CORS if call.api.cors else ()
        sent = [one for one in scope["headers"] if not is_ours(one[0].decode("latin-1"))]
        headers, query, constant = with_constants(call.api.constants, sent, scope["query_string"])
        head = head_at({**scope, "headers": headers, "query_string": query}, visitor.path)
        ours = _as_bytes([*call.ours().items()])  # whatever the client's `Connection` names
        head = replace(head, headers=[*head.headers, *constant, *ours])
        head = traced(head, call.trace)
        begins = _beginning(until, cors=call.api.cors)
        visit = Visit(scope, visitor.receive, visitor.send, head, _as_bytes(more), begins=begins)

        async def ask() -> Answered:
            return await self._invoker.exchange(invocation_of(call, EMPTY_EVENT), visit)

        return await left_to(visit, await self._in_time(call, scope, ask, failed, until))

    async def _in_time(
        self,
        call: Call,
        scope: Scope,
        ask: Callable[[], Awaitable[Answered]],
        respond: Callable[[Outcome], Response],
        until: asyncio.Timeout,
    ) -> tuple[Response, Headers]:
        """Return what comes of a call, or 504 as soon as the API's own time is over.

        The call is broken off then as it is when a caller leaves: an instance that ran nothing
        but this call goes with it.
        """
        failures: list[int] = []

        def heard(outcome: Outcome) -> Response:
            if not outcome.succeeded:
                failures.append(int(outcome.status))
            return respond(outcome)

        def refused(refusal: Refusal) -> Response:
            response = responses.refused(refusal, call.request_id)
            failures.append(response.status)
            return response

        try:
            async with until:
                response, more = await asked(ask, heard, refused, call.request_id)
        except TimeoutError:
            failures.append(504)
            response, more = responses.message(504, "Gateway Time-out"), ()
        if failures:
            raw = raw_path(scope).decode("latin-1")
            more = (*more, *blamed(call, raw, self._appid, response.status, failures[-1]))
        return response, more


def blamed(call: Call, raw: str, appid: str, status: int, behind: int) -> Headers:
    """Return the headers that tell what failed behind the gateway (section 6.3)."""
    return (
        ("x-api-funcname", call.api.backend.function.name),
        ("x-api-appid", appid),
        ("x-api-serviceid", call.api.service_id),
        ("x-api-httphost", call.headers.get("host", "")),
        ("x-api-uri", raw),
        ("x-api-status", str(status)),
        ("x-api-upstreamstatus", str(behind)),
    )


def _wrong(call: Call, length: str) -> tuple[Response, Headers] | None:
    """Return what is said to a request that no function is to see, as far as its head tells."""
    missing = call.missing()
    if missing:
        return responses.message(403, missing), ()
    if not bodies.fits(length, MOST_EVENT_BYTES):
        return TOO_LARGE, (CLOSE,)
    return None


def _again(body: bytes, then: Receive) -> Receive:
    """Return what gives a body that was read already, and then what comes of the client."""
    given = False

    async def receive() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await then()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _finished(call: Call, response: Response | None, more: Headers) -> Said:
    """Return an answer of an API with what every such answer carries."""
    if response is None:
        return None, more
    more = (("x-api-id", call.api.id), *more)
    if call.api.cors:
        response = structs.replace(response, headers=responses.with_cors(response.headers))
    return response, more


def _preflight(stage: Stage, request: Request, found: Match | Missing) -> Response | None:
    """Return what the gateway says to `OPTIONS`; None where that is a call like any other.

    That is where an API is made for this very method and has no CORS; and where no page asks.
    """
    if isinstance(found, Match) and found.api.method == "OPTIONS":
        return responses.preflight(first(request.headers)) if found.api.cors else None
    headers = first(request.headers)
    meant = headers.get("access-control-request-method", ANY)
    target = stage.paths.find(request.path, meant)
    if not isinstance(target, Match):
        return None
    if target.api.cors:
        return responses.preflight(headers)
    if "origin" not in headers or "access-control-request-method" not in headers:
        return None
    text = f"req is cross origin, api {target.api.id} need open cors flag"
    return responses.message(429, text)


def invocation_of(call: Call, event: bytes) -> Invocation:
    """Return a call of an API's function."""
    return Invocation(
        request_id=call.request_id,
        function=call.api.backend.function,
        qualifier=call.api.backend.qualifier,
        event=event,
        traits=traits_from(call.headers, call.query, call.request.source_ip),
        routing_key=call.headers.get(ROUTING_KEY, ""),
        trigger=TRIGGER,
        trace=call.trace,
    )


def _beginning(until: asyncio.Timeout, *, cors: bool) -> Callable[[Answer], Answer]:
    """Return what is done once a web function begins to answer: from then on its own time counts.

    With CORS, what it says of that itself is left out.
    """

    def begins(answer: Answer) -> Answer:
        if not until.expired():
            until.reschedule(None)
        if not cors:
            return answer
        said = responses.SAID.encode()
        kept = [one for one in answer.headers if not one[0].lower().startswith(said)]
        return replace(answer, headers=kept)

    return begins


def _as_bytes(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode()) for name, value in headers]
