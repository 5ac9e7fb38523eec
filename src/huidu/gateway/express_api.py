"""Express: calls of APIs that are plain; what the gateway says itself is the general way's to say.

It takes the steps of `Entrance`, in their order, for an API of an event function: guard, required
parameters, event, call, response. Both ways share what each step decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from huidu.ask import Ask, Run
from huidu.gateway import api_response as responses
from huidu.gateway.api_event import Call
from huidu.gateway.asking import Headers, Kinds, failed_here, who
from huidu.gateway.entrance import Services, address_at, blamed, invocation_of
from huidu.gateway.guard import Asked, Denied, Guard, Passed
from huidu.gateway.message import Request, Response
from huidu.gateway.plain import Invoker, say, unforeseen
from huidu.gateway.proxies import Proxies
from huidu.gateway.services import Stage
from huidu.invoke.flight import Answered, UnderWay
from huidu.invoke.tracing import Tracing
from huidu.model.errors import Refusal
from huidu.model.paths import Match, readable
from huidu.model.trace import sent_in

NOBODY = Proxies()


class Errand:
    """Whoever asked, as the one who is told what came of a call of an API."""

    __slots__ = ("_admitted", "_appid", "_ask", "_call", "_over", "_timer", "under_way")

    def __init__(self, ask: Ask, call: Call, admitted: Passed, appid: str) -> None:
        self._ask = ask
        self._call = call
        self._admitted = admitted
        self._appid = appid
        self._over = False
        self.under_way: UnderWay | None = None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(call.api.timeout_s, self._late)

    def answered(self, answered: Answered) -> None:
        """Send what a function answered."""
        outcome, call = answered.outcome, self._call
        try:
            response = responses.responder(call.api.backend, call.request_id)(outcome)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told
            self.failed(error)
            return
        behind = None if outcome.succeeded else int(outcome.status)
        self._say(response, who(answered), behind)

    def failed(self, error: Exception) -> None:
        """Send why no version was asked."""
        if isinstance(error, Refusal):
            response = responses.refused(error, self._call.request_id)
            self._say(response, (), response.status)
        else:
            unforeseen(error, self._call.request_id)
            self._say(failed_here(self._call.request_id), (), None)

    def forsake(self, *, sure: bool) -> bool:
        """The client has left: have nothing begin for it; tell whether that was in time."""
        if self.under_way is None or not self.under_way.forsake(sure=sure):
            return False
        self._over = True
        self._timer.cancel()
        self.under_way = None
        return True

    def _late(self) -> None:
        """Say that the API's own time is over, and break the call off."""
        if self.under_way is not None and not self._over:
            self.under_way.leave()
            self._say(responses.message(504, "Gateway Time-out"), (), 504)

    def _say(self, response: Response, more: Headers, behind: int | None) -> None:
        if self._over:
            return
        self._over = True
        self._timer.cancel()
        self.under_way = None
        if behind is not None:
            raw = self._ask.target.partition(b"?")[0].decode("latin-1")
            more = (*more, *blamed(self._call, raw, self._appid, response.status, behind))
        finish(self._ask, self._call, response, (*self._admitted.headers, *more))


class ExpressApis:
    """Answers plain calls of APIs; what it does not `find` is the application's."""

    def __init__(
        self,
        services: Services,
        kinds: Kinds,
        invoker: Invoker,
        guard: Guard,
        appid: str,
        new_id: Callable[[], str],
        tracing: Tracing,
        proxies: Proxies = NOBODY,
    ) -> None:
        self._services = services
        self._kinds = kinds
        self._invoker = invoker
        self._guard = guard
        self._appid = appid
        self._new_id = new_id
        self._tracing = tracing
        self._proxies = proxies

    def find(self, method: bytes, target: bytes, sent: Mapping[bytes, bytes]) -> Run | None:
        """Return what answers a request of this head; None where the application is to."""
        if method == b"OPTIONS":
            return None
        raw, _, query = target.partition(b"?")
        address = address_at(sent[b"host"], raw)
        if address is None:
            return None
        named, _, path = address.rest[1:].partition(b"/")
        service_id, environment = address.service_id, named.decode("latin-1")
        stage = self._stage(service_id, environment)
        if stage is None:
            return None
        shown = readable(b"/" + path)
        found = stage.paths.find(shown, method.decode())
        if not isinstance(found, Match):
            return None
        backend = found.api.backend
        if backend.web or self._kinds.is_web(backend.function):
            return None
        place = (service_id, environment, stage)
        return partial(self._run, place, shown, query.decode("latin-1"), found)

    def _stage(self, service_id: str, environment: str) -> Stage | None:
        stages = self._services.find(service_id)
        return stages.get(environment) if stages is not None else None

    def _run(
        self, place: tuple[str, str, Stage], path: str, query: str, match: Match, ask: Ask
    ) -> bool:
        """Answer; not where something else was released while the body was on its way."""
        service_id, environment, stage = place
        client, scheme, sent = self._proxies.settled(ask.client, ask.headers)
        wrong = scheme not in stage.release.protocol.split("&")
        if wrong or self._stage(service_id, environment) is not stage:
            return False
        request_id = self._new_id()
        request = Request(
            method=ask.method.decode(),
            path=path,
            query=query,
            headers=[
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in sent.items()
            ],
            body=b"",
            source_ip=client,
        )
        call = Call(
            request=request,
            match=match,
            environment=environment,
            request_id=request_id,
            scheme=scheme,
            trace=self._tracing.place(sent_in(request.headers), request_id),
        )
        try:
            self._call(call, ask)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told
            unforeseen(error, request_id)
            say(ask, request_id, failed_here(request_id))
        return True

    def _call(self, call: Call, ask: Ask) -> None:
        admitted = self._guard.admit(
            Asked(environment=call.environment, api=call.api, request=call.request)
        )
        if isinstance(admitted, Denied):
            finish(ask, call, admitted.response, ())
            return
        if missing := call.missing():
            finish(ask, call, responses.message(403, missing), admitted.headers)
            return
        errand = Errand(ask, call, admitted, self._appid)
        try:
            invocation = invocation_of(call, call.event(ask.body, admitted.secret_id))
        except Exception as error:  # noqa: BLE001 - it may be what the client has shown of itself
            errand.failed(error)
            return
        errand.under_way = under_way = self._invoker.begin(invocation, errand)
        if not under_way.over:
            ask.under_way = errand


def finish(ask: Ask, call: Call, response: Response, more: Headers) -> None:
    """Send an answer of an API with what every such answer carries."""
    headers = responses.with_cors(response.headers) if call.api.cors else response.headers
    say(ask, call.request_id, response, (("x-api-id", call.api.id), *more), headers)
