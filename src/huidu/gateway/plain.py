"""Plain: a whole, small request that is answered by callbacks, and the bytes of its answer."""

from __future__ import annotations

from typing import Protocol

import structlog

from huidu.ask import Ask
from huidu.gateway.asking import Headers
from huidu.gateway.event import BODILESS
from huidu.gateway.message import Response
from huidu.gateway.visit import sets_ours
from huidu.invoke.flight import Caller, UnderWay
from huidu.model.invocation import Invocation

log = structlog.get_logger("huidu.gateway")


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
