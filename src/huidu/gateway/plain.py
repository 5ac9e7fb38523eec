"""Plain: a whole, small request that is answered by callbacks, and the bytes of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from huidu.gateway.asking import Headers
from huidu.gateway.event import BODILESS, Response
from huidu.gateway.visit import sets_ours
from huidu.invoke.flight import Caller, UnderWay
from huidu.model.invocation import Invocation

log = structlog.get_logger("huidu.gateway")


class Waits(Protocol):
    """What waits for its turn on behalf of a client."""

    def forsake(self, *, sure: bool) -> bool: ...


class Ask(Protocol):
    """A whole request, and how it is answered."""

    method: bytes
    target: bytes
    headers: Mapping[bytes, bytes]  #: Each once, by lower-case names.
    body: bytes
    client: str
    under_way: Waits | None  #: What is told that the client has left.

    def answer(self, status: int, headers: bytes, body: bytes) -> None: ...


#: Answers a request, at once or later; says that it will not by `False`.
Run = Callable[[Ask], bool | None]


class Invoker(Protocol):
    """The one way from a call to its outcome."""

    def begin(self, invocation: Invocation, caller: Caller) -> UnderWay: ...


def say(
    ask: Ask,
    request_id: str,
    response: Response,
    more: Headers = (),
    headers: Headers | None = None,
) -> None:
    """Answer; `more` come before the headers of the response, or those that take their place."""
    lines = [b"x-api-requestid: %b\r\n" % request_id.encode()]
    for name, value in (*more, *(response.headers if headers is None else headers)):
        line = name.lower().encode("latin-1"), value.encode()
        if not sets_ours(*line):
            lines.append(b"%b: %b\r\n" % line)
    if response.status not in BODILESS:
        lines.append(b"content-length: %d\r\n" % len(response.body))
    ask.answer(response.status, b"".join(lines), response.body)


def unforeseen(error: Exception, request_id: str) -> None:
    """Write down an error of ours."""
    log.error("failed", request_id=request_id, exc_info=error)
