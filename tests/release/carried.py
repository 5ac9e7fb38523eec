"""What tests of controllers have in common: as much of a server as carries rollouts on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC
from itertools import count
from typing import Any, cast

from huidu.invoke.routes import Routes
from huidu.model.effect import Effect, RolloutKept
from huidu.model.rollout import Rollout, State
from huidu.model.version import Version
from huidu.release.controller import Controller
from huidu.release.hours import Hours
from huidu.release.report import Archive
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.reading import Reading
from huidu.store.writing import Writing
from tests.fakes import Clock
from tests.fakes_store import FUNCTION, begin
from tests.mortal import Killed, Mortal
from tests.rollouts import TEN_MINUTES_S, rollout

PLAN = "10%/10m, 100%"
NUMBERS = count(1)


class Surroundings:
    """What a controller needs of a server, of which nothing happens here."""

    def __init__(self) -> None:
        self.holds: dict[str, int] = {}  #: How many instances are held of each version.

    def follow(self, function_id: str, alias: str, hear: Callable[..., None]) -> None: ...

    def unfollow(self, function_id: str, alias: str, hear: Callable[..., None]) -> None: ...

    def running_in(self, lane: object) -> int:
        return 0

    async def ready(self, version: Version, count: int) -> str:
        return ""

    def held(self) -> Mapping[tuple[str, str, str], int]:
        return {}

    def hold(self, version: Version, count: int) -> None:
        self.holds[version.number] = count

    async def flush(self) -> None: ...

    async def find(self, search: object) -> tuple[int, Sequence[Any]]:
        return 0, ()

    async def printed(self, request_ids: Sequence[str]) -> Mapping[Any, str]:
        return {}

    async def latest(
        self, function_id: str, alias: str | None, window_s: int
    ) -> Mapping[str, Sequence[Any]]:
        return {}


class Server:
    """As much of a server as carries rollouts on, over a database that outlives it."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        dies_at: int = 0,
        *,
        around: Surroundings | None = None,
        warm_s: float = 1.0,
    ) -> None:
        nothing = cast("Any", around or Surroundings())
        self.clock = clock
        self.routes = Routes(lambda: 0.5)
        self.controller = Controller(
            routes=self.routes,
            recorder=nothing,
            counters=nothing,
            instances=nothing,
            series=nothing,
            archive=Archive(journal=nothing, logs=nothing, flush=nothing.flush),
            hours=Hours(UTC),
            ask=nothing,
            warm_s=warm_s,
            clock=clock.time,
            new_id=lambda: f"id-{next(NUMBERS)}",
        )
        self.life = Mortal(database, self.publish, dies_at)
        self.database = database

    def publish(self, effects: Sequence[Effect]) -> None:
        self.routes.apply(effects)
        self.controller.apply(effects)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Serve, until the end of the block or of its life."""
        await Catalog(self.database, self.publish).load()
        await self.controller.begin(self.life.catalog)
        serving = asyncio.create_task(self.controller.run())
        try:
            yield
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError, Killed):
                await serving

    async def carry_on(self) -> None:
        """Let ten minutes after ten minutes pass, until the rollout has ended, or the server."""
        async with self.up():
            while not self.life.dead and (kept := await kept_of(self.database)).owns:
                self.clock.now += TEN_MINUTES_S
                await self._next(kept)

    async def _next(self, kept: Rollout) -> None:
        """Wait for the next step, or for the end of this server."""
        self.controller.apply([RolloutKept(kept)])  # so that it looks at once
        for _ in range(5000):
            await asyncio.sleep(0.001)
            if self.life.dead or (await kept_of(self.database)).revision > kept.revision:
                return
        raise AssertionError(f"nothing follows on {kept.state} at {kept.weight}")


async def kept_of(database: Database) -> Rollout:
    catalog = Catalog(database, lambda _: None)
    return await catalog.read(lambda reading: reading.rollouts.one("ro-1"))


async def start(database: Database, clock: Clock) -> None:
    """Keep a rollout that is about to begin."""
    kept = replace(rollout(PLAN, bake_s=600.0), began_at=clock.now, since=clock.now)

    def change(writing: Writing) -> None:
        begin(writing)
        writing.rollouts.add(kept)

    await Catalog(database, lambda _: None).write(change)


async def agrees(database: Database) -> None:
    """Fail unless the alias leads where its rollout says."""

    def ask(reading: Reading) -> tuple[Rollout, str, int]:
        routed = reading.alias(FUNCTION, "release")
        shares = [share.weight for share in routed.shares if share.version == "2"]
        return reading.rollouts.one("ro-1"), routed.version, sum(shares)

    kept, leads, weight = await Catalog(database, lambda _: None).read(ask)
    assert weight == kept.weight
    assert (leads == "2") == (kept.state in (State.BAKING, State.DONE))
