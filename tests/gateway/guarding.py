"""What the tests of the guard share: an API, a plan, a key, and requests to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from huidu.gateway.access import Access
from huidu.gateway.guard import Asked, Denied, Passed
from huidu.gateway.message import Request
from huidu.model.effect import KeyKept, PlanKept
from huidu.model.function import FunctionName
from huidu.model.key import Key
from huidu.model.plan import Granted, Place, Plan
from huidu.model.service import SECRET, Api, Backend
from tests.gateway.signing import signed

NOW = 1_800_000_000.0
SERVICE_ID, API_ID, OTHER_ID = "service-aaaaaaaa", "api-aaaaaaaa", "api-bbbbbbbb"
BOB, BOBS = "AKIDbob", "bobs_secret_01"
HERE = Place(SERVICE_ID, "", "release")

Headers = Iterable[tuple[str, str]]


class Gate:
    """A guard whose time passes when it is told to."""

    def __init__(self, *, ready: bool = True) -> None:
        self.now = NOW
        self.ticks = 0
        self.access = Access(lambda: self.now, lambda: self.ticks)
        if ready:
            self.grant()
            self.access.apply([KeyKept(key())])

    def move(self, seconds: float) -> None:
        self.now += seconds
        self.ticks += int(seconds * 1e9)

    def grant(
        self,
        keys: Iterable[str] = (BOB,),
        places: Iterable[Place] = (HERE,),
        plan_id: str = "usagePlan-1",
        **more: Any,
    ) -> None:
        made = Plan(**{"id": plan_id, "name": "gold", **more})
        self.access.apply([PlanKept(Granted(made, frozenset(keys), frozenset(places)))])

    def ask(
        self,
        headers: Headers = (),
        environment: str = "release",
        api_id: str = API_ID,
        auth: str = SECRET,
        source_ip: str = "203.0.113.9",
    ) -> Passed | Denied:
        sent = [(name.lower(), value.encode().decode("latin-1")) for name, value in headers]
        request = Request(
            method="GET", path="/", query="", headers=sent, body=b"", source_ip=source_ip
        )
        return self.access.admit(
            Asked(environment=environment, api=api(api_id, auth), request=request)
        )

    def by_bob(self, **more: Any) -> Passed | Denied:
        """Ask as Bob, signed as the documentation says, now."""
        return self.ask(signed(BOB, BOBS, self.now), **more)


def key(key_id: str = BOB, secret: str = BOBS, **more: Any) -> Key:
    return Key(**{"id": key_id, "secret": secret, "name": "bob", **more})


def api(api_id: str = API_ID, auth: str = SECRET) -> Api:
    return Api(
        id=api_id,
        service_id=SERVICE_ID,
        name="a",
        path="/",
        method="ANY",
        backend=Backend(function=FunctionName("default", "hello"), qualifier="release"),
        timeout_s=15,
        auth=auth,
    )


def told(answer: Passed | Denied) -> tuple[int, str]:
    """Return the status and the message of a denial; 200 and nothing where there is none."""
    if isinstance(answer, Passed):
        return 200, ""
    headers = dict(answer.response.headers)
    assert headers["content-type"] == "application/json"
    body = json.loads(answer.response.body)
    assert list(body) == ["message"]
    return answer.response.status, body["message"]
