"""Express: calls at function URLs that are plain, from their bytes to the bytes of their answers.

What is not plain is the general way's (`gateway/app.py`), and both give the same answers: they
share what makes an event of a request and a response of an outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Protocol
from urllib.parse import unquote

import structlog

from huidu.gateway import urls
from huidu.gateway.asking import Kinds, failed_here, refused, says
from huidu.gateway.entrance import HOST as SERVICES
from huidu.gateway.event import (
    BODILESS,
    Response,
    event_from,
    plain_body,
    queried,
    response_of,
    traits_from,
)
from huidu.gateway.proxies import is_said
from huidu.gateway.visit import CONSOLES, sets_ours
from huidu.invoke.flight import Answered, Caller
from huidu.invoke.tracing import HANDED_ON, Tracing
from huidu.model.errors import Refusal
from huidu.model.invocation import Invocation
from huidu.model.trace import NO_TRACE, PARENT, carried, sent_in
from huidu.model.trigger import Trigger

TRIGGER = "http"
SAID = (b"x", b"f")  #: How headers begin that speak for somebody else.

log = structlog.get_logger("huidu.gateway")


class Ask(Protocol):
    """A whole request, and how it is answered."""

    method: bytes
    headers: Mapping[bytes, bytes]
    body: bytes
    client: str

    def answer(self, status: int, headers: bytes, body: bytes) -> None: ...


Run = Callable[[Ask], None]


class Urls(Protocol):
    """Where URLs lead."""

    def find(self, url_id: str) -> Trigger | None: ...


class Invoker(Protocol):
    """The one way from a call to its outcome."""

    def begin(self, invocation: Invocation, caller: Caller) -> object: ...


class Errand:
    """Whoever asked, as the one who is told what came of a call."""

    __slots__ = ("_ask", "_request_id")

    def __init__(self, ask: Ask, request_id: str) -> None:
        self._ask = ask
        self._request_id = request_id

    def answered(self, answered: Answered) -> None:
        """Send what a function answered."""
        outcome, version, alias = answered.outcome, answered.version, answered.alias
        who = f"x-scf-version: {version}\r\nx-scf-alias: {alias}\r\n" if alias else ""
        who = who or f"x-scf-version: {version}\r\n"
        body = plain_body(outcome)
        if body is None:
            self._say(response_of(outcome), who)
            return
        head = (
            f"x-api-requestid: {self._request_id}\r\n{who}content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
        )
        self._ask.answer(200, head.encode(), body)

    def failed(self, error: Exception) -> None:
        """Send why no version was asked."""
        if isinstance(error, Refusal):
            self._say(refused(error))
        else:
            log.error("failed", request_id=self._request_id, exc_info=error)
            self._say(failed_here(self._request_id))

    def forbidden(self, why: str) -> None:
        """Send that the client may not call this URL."""
        self._say(says(403, errorMessage=why))

    def _say(self, response: Response, who: str = "") -> None:
        lines = [f"x-api-requestid: {self._request_id}\r\n{who}".encode()]
        for name, value in response.headers:
            line = name.lower().encode("latin-1"), value.encode()
            if not sets_ours(*line):
                lines.append(b"%b: %b\r\n" % line)
        if response.status not in BODILESS:
            lines.append(b"content-length: %d\r\n" % len(response.body))
        self._ask.answer(response.status, b"".join(lines), response.body)


class Express:
    """Answers plain calls at function URLs; what it does not `find` is the application's."""

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

    def find(self, method: bytes, target: bytes, sent: Mapping[bytes, bytes]) -> Run | None:
        """Return what answers a request of this head; None where an application is to.

        That is where a web function, a page's CORS, a proxy's word or a cookie of ours has a part
        in it, or where the answer is ours.
        """
        if method == b"HEAD" or not target.isascii():
            return None
        raw, _, query = target.partition(b"?")
        led = _led_by(sent[b"host"])
        if led is None:
            return None
        path = raw.decode("ascii")
        if "%" in path:
            path = unquote(path)
        if led:
            url_id = led
        elif path.startswith(urls.PREFIX):
            url_id, _, rest = path[len(urls.PREFIX) :].partition("/")
            path = f"/{rest}"
        else:
            return None
        trigger = self._urls.find(url_id)
        if trigger is None or self._kinds.is_web(trigger.function) or _is_special(sent):
            return None
        if urls.demands(trigger.definition).cors is not None:
            return None
        return partial(self._call, trigger, path, query.decode("ascii"))

    def _call(self, trigger: Trigger, path: str, query: str, ask: Ask) -> None:
        request_id = self._new_id()
        errand = Errand(ask, request_id)
        try:
            if forbidden := urls.refusal(trigger, ask.client):
                errand.forbidden(forbidden)
                return
            invocation = self._invocation(trigger, path, query, ask, request_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told
            errand.failed(error)
            return
        self._invoker.begin(invocation, errand)

    def _invocation(
        self, trigger: Trigger, path: str, query: str, ask: Ask, request_id: str
    ) -> Invocation:
        headers = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in ask.headers.items()
        }
        told, trace = headers, NO_TRACE
        if self._tracing.bits is not None or PARENT in headers:
            trace = self._tracing.place(sent_in(headers.items()), request_id)
            told = dict(carried(headers.items(), trace))
        asked = queried(query)
        return Invocation(
            request_id=request_id,
            function=trigger.function,
            qualifier=trigger.qualifier,
            event=event_from(ask.method.decode(), path, asked, told, ask.body, ask.client),
            traits=traits_from(headers, asked, ask.client),
            trigger=TRIGGER,
            trace=trace,
        )


@lru_cache(maxsize=4096)
def _led_by(host: bytes) -> str | None:
    """Return the id of the URL that a host names: none, where the path is to name it.

    None where it is a service's.
    """
    if SERVICES.fullmatch(host.partition(b":")[0].strip()):
        return None
    found = urls.HOST.fullmatch(host.decode("latin-1"))
    return found[1].lower() if found else ""


def _is_special(sent: Mapping[bytes, bytes]) -> bool:
    """Tell whether a head says something that is settled before a function hears of it."""
    if b"cookie" in sent and CONSOLES in sent[b"cookie"]:
        return True
    return any(is_said(name) for name in sent if name.startswith(SAID))
