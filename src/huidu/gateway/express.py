"""Express: calls at function URLs that are plain, from their bytes to the bytes of their answers.

What is not plain is the general way's (`gateway/app.py`), and both give the same answers: they
share what makes an event of a request and a response of an outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Protocol
from urllib.parse import unquote

from huidu.ask import Ask, Run
from huidu.gateway import urls
from huidu.gateway.asking import Kinds, failed_here, refused, says, who
from huidu.gateway.entrance import IN_PATH, service_of
from huidu.gateway.event import (
    event_from,
    failure_status,
    plain_body,
    queried,
    response_of,
    traits_from,
)
from huidu.gateway.express_api import ExpressApis
from huidu.gateway.message import Response
from huidu.gateway.plain import Invoker, say, unforeseen
from huidu.gateway.proxies import Proxies
from huidu.gateway.visit import CONSOLES
from huidu.invoke.flight import Answered, Caller
from huidu.invoke.tracing import HANDED_ON, Tracing
from huidu.model.errors import Refusal
from huidu.model.invocation import Invocation
from huidu.model.trace import NO_TRACE, PARENT, carried, sent_in
from huidu.model.trigger import Trigger

TRIGGER = "http"
OK = int(HTTPStatus.OK)
NOBODY = Proxies()
ALL_BODY = Response(status=HTTPStatus.OK, headers=(), body=b"")  #: Where there is only a body.

#: A request as it was read: method, path, query, headers, body, and whose it is.
Read = tuple[str, str, dict[str, str], dict[str, str], bytes, str]


class Urls(Protocol):
    """Where URLs lead."""

    def find(self, url_id: str) -> Trigger | None: ...


class Errand(Caller):
    """Whoever asked, as the one who is told what came of a call."""

    __slots__ = ("_ask", "_request_id")

    def __init__(self, ask: Ask, request_id: str) -> None:
        self._ask = ask
        self._request_id = request_id

    def answered(self, answered: Answered) -> None:
        """Send what a function answered."""
        outcome, status = answered.outcome, OK
        try:
            body = plain_body(outcome)
            if body is None and not outcome.succeeded:
                # As `response_of` says it; to refuse is to cost little.
                status, body = failure_status(outcome.status), outcome.result.encode()
            response = response_of(outcome) if body is None else ALL_BODY
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told
            self.failed(error)
            return
        if body is None:
            say(self._ask, self._request_id, response, who(answered))
            return
        alias = f"x-scf-alias: {answered.alias}\r\n" if answered.alias else ""
        head = (
            f"x-api-requestid: {self._request_id}\r\nx-scf-version: {answered.version}\r\n{alias}"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        )
        self._ask.answer(status, head.encode(), body)

    def failed(self, error: Exception) -> None:
        """Send why no version was asked."""
        if isinstance(error, Refusal):
            say(self._ask, self._request_id, refused(error))
        else:
            unforeseen(error, self._request_id)
            say(self._ask, self._request_id, failed_here(self._request_id))


class Express:
    """Answers plain calls at function URLs and of APIs; what it does not `find` is general."""

    def __init__(
        self,
        urls: Urls,
        kinds: Kinds,
        invoker: Invoker,
        new_id: Callable[[], str],
        tracing: Tracing = HANDED_ON,
        apis: ExpressApis | None = None,
        proxies: Proxies = NOBODY,
    ) -> None:
        self._urls = urls
        self._kinds = kinds
        self._invoker = invoker
        self._new_id = new_id
        self._tracing = tracing
        self._apis = apis
        self._proxies = proxies

    def find(self, method: bytes, target: bytes, sent: Mapping[bytes, bytes]) -> Run | None:
        """Return what answers a request of this head; None where an application is to.

        That is where a web function, a page's CORS or a cookie of ours has a part in it, or where
        the answer is ours.
        """
        if method == b"HEAD" or not target.isascii():
            return None
        if b"cookie" in sent and CONSOLES in sent[b"cookie"]:
            return None
        host = sent[b"host"]
        if target.startswith(IN_PATH) or service_of(host):
            return self._apis.find(method, target, sent) if self._apis is not None else None
        raw, _, query = target.partition(b"?")
        path = raw.decode("ascii")
        if "%" in path:
            path = unquote(path)
        url_id = _url_of(host)
        if not url_id and path.startswith(urls.PREFIX):
            url_id, _, rest = path[len(urls.PREFIX) :].partition("/")
            path = f"/{rest}"
        trigger = self._urls.find(url_id)
        if trigger is None or self._kinds.is_web(trigger.function):
            return None
        if urls.demands(trigger.definition).cors is not None:
            return None
        return partial(self._call, trigger, path, query.decode("ascii"))

    def _call(self, trigger: Trigger, path: str, query: str, ask: Ask) -> None:
        request_id = self._new_id()
        errand = Errand(ask, request_id)
        try:
            client, _, sent = self._proxies.settled(ask.client, ask.headers)
            if forbidden := urls.refusal(trigger, client):
                say(ask, request_id, says(HTTPStatus.FORBIDDEN, errorMessage=forbidden))
                return
            headers = {one.decode("latin-1"): text.decode("latin-1") for one, text in sent.items()}
            request = (ask.method.decode(), path, queried(query), headers, ask.body, client)
            invocation = self._invocation(trigger, request, request_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told
            errand.failed(error)
            return
        under_way = self._invoker.begin(invocation, errand)
        if not under_way.over:
            ask.under_way = under_way

    def _invocation(self, trigger: Trigger, request: Read, request_id: str) -> Invocation:
        method, path, query, headers, body, client = request
        told, trace = headers, NO_TRACE
        if self._tracing.bits is not None or PARENT in headers:
            trace = self._tracing.place(sent_in(headers.items()), request_id)
            told = dict(carried(headers.items(), trace))
        return Invocation(
            request_id=request_id,
            function=trigger.function,
            qualifier=trigger.qualifier,
            event=event_from(method, path, query, told, body, client),
            traits=traits_from(headers, query, client),
            trigger=TRIGGER,
            trace=trace,
        )


@lru_cache(maxsize=4096)
def _url_of(host: bytes) -> str:
    """Return the id of the URL that a host names; nothing where it names none."""
    found = urls.HOST.fullmatch(host.decode("latin-1"))
    return found[1].lower() if found else ""
