"""APIs and released versions to test with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

from huidu.gateway.app import Gateway
from huidu.gateway.entrance import Entrance
from huidu.gateway.guard import Asked, Denied, Passed
from huidu.gateway.proxies import Proxies
from huidu.gateway.services import Services
from huidu.listener import Listener
from huidu.model.effect import ServiceGone, ServiceKept
from huidu.model.invocation import Outcome
from huidu.model.service import Api, Backend, Release, Served
from tests.fakes_store import HELLO
from tests.gateway.wire import Behind, Heard, Urls, Wire

SERVICE = "service-a1b2c3d4"


def api(path: str = "/", method: str = "ANY", *, integrated: bool = False, **more: Any) -> Api:
    """An API that calls the alias `release` of the function `hello`."""
    known: dict[str, Any] = {
        "id": "api-1",
        "service_id": SERVICE,
        "name": "hello",
        "backend": Backend(function=HELLO, qualifier="release", integrated=integrated),
        "timeout_s": 15,
    }
    return Api(path=path, method=method, **known | more)


def released(*apis: Api, name: str = "v1", protocol: str = "http&https") -> Release:
    return Release(
        service_id=SERVICE,
        name=name,
        description="",
        apis=apis,
        protocol=protocol,
        released_at=0.0,
    )


def served(**releases: Release) -> Served:
    """What is online, by environment."""
    return Served(SERVICE, releases)


class Shop:
    """A service at a gateway on a real socket."""

    def __init__(self, wire: Wire, services: Services, guard: Gate) -> None:
        self.wire = wire
        self.behind = wire.behind
        self.guard = guard
        self._services = services

    def begin_anew(self) -> None:
        """Forget what a test before this one did."""
        self.behind.begin_anew()
        self.guard.says, self.guard.fails = Passed(), None
        self.guard.asked.clear()
        self._services.apply([ServiceGone(SERVICE)])

    def put(self, *apis: Api, **more: Any) -> None:
        """Have APIs be what is released, in the environment `release` and no other."""
        self.serve(release=released(*apis, **more))

    def serve(self, **releases: Release) -> None:
        """Have releases be what is online."""
        self._services.apply([ServiceKept(served(**releases))])

    async def get(self, path: str, *headers: str, **more: Any) -> Heard:
        """Ask for a path below the environment `release`."""
        return await self.wire.get(f"/{SERVICE}/release{path}", *headers, **more)

    async def event(self, path: str, *headers: str, **more: Any) -> dict[str, Any]:
        """Return the event that a request makes."""
        heard = await self.get(path, *headers, **more)
        assert heard.status == 200, heard
        return self.behind.event


class Gate:
    """A guard that says what a test wants."""

    def __init__(self) -> None:
        self.says: Passed | Denied = Passed()
        self.fails: Exception | None = None
        self.asked: list[Asked] = []

    def admit(self, asked: Asked) -> Passed | Denied:
        self.asked.append(asked)
        if self.fails is not None:
            raise self.fails
        return self.says


def says(shop: Shop, said: object, **wanted: Any) -> None:
    """Have the function of an API that is integrated return something."""
    shop.put(api(integrated=True, **wanted))
    shop.behind.outcome = Outcome(status=200, result=json.dumps(said))


def values(heard: Heard, name: str) -> list[str]:
    return [value for key, value in heard.pairs if key == name]


@asynccontextmanager
async def open_shop(proxies: str = "") -> AsyncIterator[Shop]:
    """Open a gateway, and close it at the end."""
    behind, services, guard = Behind(), Services(), Gate()
    entrance = Entrance(services, behind, behind, guard, "1250000000")
    trusted = Proxies([ip_network(one) for one in proxies.split()])
    listener = Listener("127.0.0.1", 0)
    gateway = Gateway(Urls(), behind, behind, behind.new_id, entrance, trusted)
    await listener.open(gateway, tunnels=True)
    yield Shop(Wire(behind, int(listener.url.rpartition(":")[2])), services, guard)
    await listener.close()
