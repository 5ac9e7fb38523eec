"""A composite release, seen from where calls are routed: at each moment all of it, or nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest

from huidu.actions import releases as wire
from huidu.actions.aliases import RoutingConfig, VersionWeight
from huidu.control import apis, releases
from huidu.control.plane import Asked, Plane
from huidu.invoke.routes import Routes
from huidu.model.account import Account
from huidu.model.effect import Effect, ServiceGone, ServiceKept
from huidu.model.errors import InUse, Refusal
from huidu.model.function import FunctionName
from huidu.model.quota import Quota
from huidu.model.service import Backend, Served, Service
from huidu.model.version import Version
from huidu.store.catalog import Catalog
from huidu.store.writing import Writing
from tests.fakes_store import BACKENDS, HELLO, alias, begin
from tests.fakes_store import FUNCTION as HELLO_FUNCTION

ASKED = Asked(request_id="r-1", who="AKID")
HOME = Service(id="service-1", name="s", protocol="http")


@dataclass
class Door:
    """What a listener holds: where calls go and what is online, each commit in one step."""

    routes: Routes = field(default_factory=lambda: Routes(random.Random(1).random))
    served: dict[str, Served] = field(default_factory=dict)
    commits: int = 0

    def publish(self, effects: Sequence[Effect]) -> None:
        self.commits += 1
        self.routes.apply(effects)
        for effect in effects:
            match effect:
                case ServiceKept(served):
                    self.served[served.service_id] = served
                case ServiceGone(service_id):
                    del self.served[service_id]
                case _:
                    pass

    @property
    def seen(self) -> tuple[str, ...]:
        """What the aliases say of themselves, and what is online says: numbers that must agree."""
        targets = [self.routes.target(HELLO, name) for name in ("release", "second")]
        told = [target.alias.description for target in targets if target is not None]
        return (*told, *(r.description for r in self.served[HOME.id].releases.values()))


class Cold:
    """Instances of which there are none, until they are asked for; whoever asks waits a while."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.later: list[str] = []
        self.begun = asyncio.Event()
        self.there: dict[tuple[str, str, str], int] = {}

    def held(self) -> Mapping[tuple[str, str, str], int]:
        return self.there

    async def ready(self, version: Version, count: int) -> str:
        self.asked.append(version.number)
        self.begun.set()
        await asyncio.sleep(0.01)
        self.there[version.function_id, version.number, version.digest] = count
        return ""

    def soon(self, version: Version, count: int) -> None:
        self.later.append(version.number)


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
async def catalog(tmp_path: Path, door: Door) -> AsyncIterator[Catalog]:
    """A catalog with `hello`, two aliases of it, and a service with an API that calls one."""
    database = BACKENDS["sqlite"](tmp_path)
    await database.open("catalog")
    kept = Catalog(database, door.publish)
    await kept.write(begin)
    await kept.write(lambda writing: writing.add_alias(HELLO_FUNCTION, alias("second")))
    yield kept
    await database.close()


@pytest.fixture
async def plane(catalog: Catalog) -> Plane:
    numbers = count(1)
    nothing = cast("Any", None)
    made = Plane(
        catalog=catalog,
        packages=nothing,
        objects=nothing,
        uploads=nothing,
        queue=nothing,
        journal=nothing,
        recorder=nothing,
        series=nothing,
        rollouts=nothing,
        invoker=nothing,
        routes=nothing,
        instances=cast("Any", Cold()),
        keyring=nothing,
        runtimes=nothing,
        triggers={},
        courier=nothing,
        components=nothing,
        logs=nothing,
        download=nothing,
        gateway_url="http://gw",
        account=Account(),
        quota=Quota(),
        zone=UTC,
        default_qualifier="$DEFAULT",
        warm_s=0.0,
        mirroring=nothing,
        wake_queue=lambda: None,
        clock=lambda: 1_700_000_000.0,
        timer=lambda: 0.0,
        draw=random.Random(7).random,
        new_id=lambda: f"id-{next(numbers)}",
    )

    def change(writing: Writing) -> None:
        writing.add_service(HOME)
        blank = apis.blank(made, HOME)
        backend = Backend(function=HELLO, qualifier="release")
        apis.add(made, writing, HOME, replace(blank, backend=backend))

    await catalog.write(change)
    return made


def asked(said: str, to: str = "1", **more: Any) -> wire.ReleaseService:
    names = ("release", "second")
    changes = [
        wire.AliasChange(
            function_name=HELLO.name, name=name, function_version=to, description=said, **more
        )
        for name in names
    ]
    return wire.ReleaseService(
        service_id=HOME.id,
        environment_name="release",
        release_desc=said,
        alias_changes=changes,
    )


async def test_whoever_looks_at_any_moment_sees_all_of_a_composite_release_or_nothing(
    plane: Plane, door: Door
) -> None:
    seen = set[tuple[str, ...]]()
    await releases.release(plane, ASKED, asked("0"))

    async def look() -> None:
        while True:
            seen.add(door.seen)
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    for number in range(1, 31):
        await releases.release(plane, ASKED, asked(str(number), str(1 + number % 2)))
        assert door.seen == (str(number),) * 3  # as soon as it is answered
    looking.cancel()
    assert all(len(set(one)) == 1 for one in seen)
    assert len(seen) > 1


async def test_a_composite_release_is_published_once(plane: Plane, door: Door) -> None:
    before = door.commits
    await releases.release(plane, ASKED, asked("x", "2"))

    assert door.commits == before + 1


async def test_a_composite_release_that_fails_publishes_nothing(plane: Plane, door: Door) -> None:
    await releases.release(plane, ASKED, asked("x"))
    before, seen = door.commits, door.seen
    for wrong in (asked("y", expected_revision=9), asked("y", "9")):
        with pytest.raises(Refusal):
            await releases.release(plane, ASKED, wrong)

    assert (door.commits, door.seen) == (before, seen)


async def test_of_releases_that_expect_the_same_revision_one_is_carried_out(
    plane: Plane, door: Door
) -> None:
    every = [releases.release(plane, ASKED, asked(str(n), expected_revision=1)) for n in range(5)]
    said = await asyncio.gather(*every, return_exceptions=True)

    assert [type(one) for one in said].count(InUse) == 4
    assert len(set(door.seen)) == 1


async def test_every_version_that_is_new_to_an_alias_is_warmed_before_the_release(
    plane: Plane, door: Door
) -> None:
    cold = Cold()
    warm = replace(plane, warm_s=1.0, instances=cast("Any", cold))
    half = RoutingConfig(additional_version_weights=[VersionWeight(version="2", weight=0.5)])
    request = asked("x", "1")
    assert request.alias_changes is not None
    request.alias_changes[0].function_version = "2"
    request.alias_changes[1].routing_config = half
    releasing = asyncio.create_task(releases.release(warm, ASKED, request))
    await cold.begun.wait()
    assert door.served[HOME.id].releases == {}  # nothing moves before they are there
    await releasing

    assert cold.asked == ["2", "2"]  # once for each alias
    assert door.seen == ("x", "x", "x")


async def test_what_is_online_is_published_when_a_server_begins(
    plane: Plane, catalog: Catalog, door: Door
) -> None:
    await releases.release(plane, ASKED, asked("x"))
    online = door.served[HOME.id]
    door.served.clear()
    await catalog.load()

    assert door.served == {HOME.id: online}
    (one,) = online.releases["release"].apis
    assert one.backend == Backend(function=FunctionName("default", "hello"), qualifier="release")
