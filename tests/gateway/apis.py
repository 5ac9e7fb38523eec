"""APIs and released versions to test with."""

from __future__ import annotations

from typing import Any

from huidu.model.service import Api, Backend, Release, Served
from tests.fakes_store import HELLO

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
