"""Visit: a caller of a web function, from the request's head to the end of the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from huidu.gateway.event import OURS
from huidu.model.exchange import Answer, BodyTooLarge, CallerLeft, Head, Headers
from huidu.model.invocation import MOST_EVENT_BYTES
from huidu.model.session import COOKIE
from huidu.model.trace import Trace, carried

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: What is done to the headers of an answer on their way out.
Dressing = Callable[[Sequence[tuple[str, str]]], Sequence[tuple[str, str]]]

WEBSOCKET = b"websocket"
CONSOLES = COOKIE.encode()
#: Headers of a request that are the connection's, or that say what only we may say.
NOT_PASSED_ON = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    b"transfer-encoding upgrade expect x-scf-request-id x-scf-memory x-scf-timeout x-scf-version "
    b"x-scf-name x-scf-namespace x-scf-region x-scf-appid x-scf-uin x-scf-alias "
    b"x-scf-remote-addr x-forwarded-for x-forwarded-proto".split()
)
#: What we write ourselves, or what the listener does.
NOT_ANSWERED = frozenset(name.encode() for name in OURS) - {b"content-length"}


def raw_path(scope: Scope) -> bytes:
    """Return a path as it was sent."""
    raw: bytes | None = scope.get("raw_path")
    return raw or quote(scope["path"]).encode()


def head_of(scope: Scope, prefix: str) -> Head:
    """Return the head that a server behind a URL is sent; `prefix` is where the URL ends."""
    raw = raw_path(scope)
    asked = raw.removeprefix(prefix.encode())
    if asked == raw:  # the prefix was written in another way
        asked = quote(scope["path"].removeprefix(prefix)).encode()
    return head_at(scope, b"/" + asked.removeprefix(b"/"))


def head_at(scope: Scope, path: bytes) -> Head:
    """Return the head of a request, for a server that sees it at this path."""
    query: bytes = scope["query_string"]
    return Head(
        method=scope["method"].encode(),
        target=path + (b"?" + query if query else b""),
        headers=_headers(scope, dict(scope["headers"])),
        upgrade=WEBSOCKET if tunnels(scope) else b"",
    )


def traced(head: Head, trace: Trace) -> Head:
    """Return a head that says where in a trace the call is, rather than where its caller is."""
    sent = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers]
    said = carried(sent, trace)
    return replace(
        head, headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in said]
    )


def unseen(scope: Scope) -> Scope:
    """Return a request without the cookies of the console.

    A browser sends the cookies of one port of a host to every other: whoever is signed in to the
    console and opens a function at the same host would give the function his session.
    """
    if not any(name == b"cookie" and CONSOLES in value for name, value in scope["headers"]):
        return scope
    kept = [
        (name, _others(value) if name == b"cookie" else value) for name, value in scope["headers"]
    ]
    return {
        **scope,
        "headers": [(name, value) for name, value in kept if name != b"cookie" or value],
    }


def _others(cookies: bytes) -> bytes:
    pairs = (pair.strip() for pair in cookies.split(b";"))
    return b"; ".join(pair for pair in pairs if CONSOLES not in pair.partition(b"=")[0])


def unset(send: Send) -> Send:
    """Return what sends an answer on without cookies for the console.

    A function could else put an end to the session of whoever opens it, or give him another.
    """

    async def say(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = message["headers"]
            if any(CONSOLES in value for _, value in headers):
                message["headers"] = [one for one in headers if not sets_ours(*one)]
        await send(message)

    return say


def sets_ours(name: bytes, value: bytes) -> bool:
    """Tell whether a header of an answer sets a cookie of the console."""
    return name.lower() == b"set-cookie" and CONSOLES in value.partition(b"=")[0]


def tunnels(scope: Scope) -> bool:
    """Tell whether the client would go on as a WebSocket: its request has no body then."""
    return "tunnel" in _state(scope)


def _headers(scope: Scope, sent: Mapping[bytes, bytes]) -> Headers:
    own = {name.strip().lower() for name in sent.get(b"connection", b"").split(b",")}
    kept = [
        (name, value)
        for name, value in scope["headers"]
        if not _is_ours(name) and (name not in own or name == b"content-length")
    ]
    client = scope.get("client")
    address = (client[0] if client else "").encode()
    peer = scope["peer"].encode() if "peer" in scope else address  # a proxy's, if it is trusted
    before = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    kept.append((b"x-forwarded-for", b", ".join([*before, peer])))
    kept.append((b"x-scf-remote-addr", address))
    kept.append((b"x-forwarded-proto", scope.get("scheme", "http").encode()))
    if b"x-forwarded-host" not in sent:
        kept.append((b"x-forwarded-host", sent.get(b"host", b"")))
    if b"transfer-encoding" in sent:
        kept.append((b"transfer-encoding", b"chunked"))
    return kept


def _is_ours(name: bytes) -> bool:
    """Tell whether a header is kept back; many servers see no difference between - and _ (CGI)."""
    return name.replace(b"_", b"-") in NOT_PASSED_ON


def _state(scope: Scope) -> MutableMapping[str, Any]:
    """Return what the listener adds: `cut`, to drop the connection, and `tunnel` for a Tunnel."""
    return scope.get("state") or {}


def _as_it_is(headers: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    return headers


class Visit:
    """The side of an exchange that ASGI is, held to what a web function may be sent."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        head: Head,
        ours: Headers,
        dressing: Dressing = _as_it_is,
        begins: Callable[[Answer], Answer] = lambda answer: answer,
    ) -> None:
        self.head = head
        self._begins = begins
        self.taken_bytes = 0
        self.given_bytes = 0
        self.begun = False
        self.finished = False
        self._cut: Callable[[], None] = _state(scope).get("cut", lambda: None)
        self._receive = receive
        self._send = send
        self._ours = ours
        self._dressing = dressing
        self._told = False
        self.whole = False  #: Whether the end of the body was read.

    async def read(self) -> bytes | None:
        """Return what came next of the body, or of a WebSocket."""
        if self.whole and not self._told:
            self._told = True
            return None
        if self.whole:
            while (await self._receive())["type"] != "http.disconnect":
                pass
            raise CallerLeft
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise CallerLeft
        piece: bytes = message.get("body", b"")
        self.taken_bytes += len(piece)
        if self.taken_bytes > MOST_EVENT_BYTES and not self.head.upgrade:
            raise BodyTooLarge
        self.whole = not message.get("more_body", False)
        return piece

    async def answer(self, answer: Answer) -> None:
        """Begin to answer, and say which version does."""
        self.begun = True
        answer = self._begins(answer)
        who = [(b"x-scf-version", answer.version.encode())]
        if answer.alias:
            who.append((b"x-scf-alias", answer.alias.encode()))
        given = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers
        ]
        kept = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in self._dressing(given)
            if name.lower().encode("latin-1") not in NOT_ANSWERED
        ]
        headers = [*self._ours, *who, *kept]
        await self._send(
            {"type": "http.response.start", "status": answer.status, "headers": headers}
        )

    async def write(self, data: bytes) -> None:
        """Go on with the answer."""
        self.given_bytes += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        """End the answer."""
        if not self.finished:
            self.finished = True
            await self._send({"type": "http.response.body", "body": b""})

    def cut(self) -> None:
        """Drop the connection: only so can the caller see that the answer is not whole."""
        if not self.finished:
            self._cut()

    async def left(self) -> None:
        """Wait until the connection is gone, once it was cut."""
        self.whole = self._told = True
        try:
            await self.read()
        except CallerLeft:
            return
