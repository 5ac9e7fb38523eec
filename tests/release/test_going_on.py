"""A server that dies at any moment of a rollout: the next one goes on, and takes no step twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest

from huidu.invoke.routes import Routes
from huidu.model.effect import Effect, RolloutKept
from huidu.model.rollout import Rollout, State
from huidu.model.traits import NO_TRAITS
from huidu.model.version import Version
from huidu.release.controller import Controller
from huidu.release.hours import Hours
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.reading import Reading
from huidu.store.told import Asking
from huidu.store.writing import Writing
from tests.fakes import Clock
from tests.fakes_store import FUNCTION, HELLO, begin
from tests.mortal import Killed, Mortal
from tests.rollouts import TEN_MINUTES_S, rollout

PLAN = "10%/10m, 100%"
#: Its steps, ten minutes apart: two shares, and the end of the baking.
ALL = ["grow", "grow", "finish"]
NUMBERS = count(1)


class Surroundings:
    """What a controller needs of a server, of which nothing happens here."""

    def follow(self, function_id: str, alias: str, hear: Callable[..., None]) -> None: ...

    def unfollow(self, function_id: str, alias: str, hear: Callable[..., None]) -> None: ...

    def running(self) -> Mapping[Any, int]:
        return {}

    async def ready(self, version: Version, count: int) -> str:
        return ""

    def held(self) -> Mapping[tuple[str, str, str], int]:
        return {}

    def hold(self, version: Version, count: int) -> None: ...

    async def latest(
        self, function_id: str, alias: str | None, window_s: int
    ) -> Mapping[str, Sequence[Any]]:
        return {}


class Server:
    """As much of a server as carries rollouts on, over a database that outlives it."""

    def __init__(self, database: Database, clock: Clock, dies_at: int = 0) -> None:
        nothing = cast("Any", Surroundings())
        self.clock = clock
        self.routes = Routes(lambda: 0.5)
        self.controller = Controller(
            routes=self.routes,
            recorder=nothing,
            counters=nothing,
            instances=nothing,
            series=nothing,
            archive=nothing,
            hours=Hours(UTC),
            ask=nothing,
            warm_s=1.0,
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


async def told_of(database: Database) -> tuple[list[str], list[str], list[str]]:
    """Return the steps, the lines of the history, and the events, the first first."""

    def ask(reading: Reading) -> tuple[list[str], list[str], list[str]]:
        kept = reading.rollouts.one("ro-1")
        lines = reading.history(FUNCTION, "release", 0, 100)[1]
        events = reading.happenings(Asking(alias="release", descending=False, limit=100))
        return (
            [str(one.event) for one in kept.past],
            [f"{line.action} {line.revision}" for line in reversed(lines)],
            [one.kind for one in events if one.kind.startswith("rollout.")],
        )

    return await Catalog(database, lambda _: None).read(ask)


async def agrees(database: Database) -> None:
    """Fail unless the alias leads where its rollout says."""

    def ask(reading: Reading) -> tuple[Rollout, str, int]:
        routed = reading.alias(FUNCTION, "release")
        shares = [share.weight for share in routed.shares if share.version == "2"]
        return reading.rollouts.one("ro-1"), routed.version, sum(shares)

    kept, leads, weight = await Catalog(database, lambda _: None).read(ask)
    assert weight == kept.weight
    assert (leads == "2") == (kept.state in (State.BAKING, State.DONE))


async def live_and_die(database: Database, dies_at: int) -> int:
    """Carry a rollout on by a server that dies, and by the next one; return the first's moments."""
    clock = Clock()
    await start(database, clock)
    first = Server(database, clock, dies_at)
    await first.carry_on()
    await agrees(database)
    second = Server(database, clock)
    await second.carry_on()
    await agrees(database)
    steps, lines, events = await told_of(database)
    assert steps == ALL
    assert lines == ["RolloutGrow 2", "RolloutGrow 3"]
    assert events == ["rollout.grew", "rollout.grew", "rollout.finished"]
    assert second.routes.route(HELLO, "release", NO_TRAITS).version.number == "2"
    return first.life.moments


@pytest.mark.timeout(60)
async def test_whenever_a_server_dies_the_next_one_takes_the_remaining_steps_once_each(
    tmp_path: Path,
) -> None:
    blank = tmp_path / "blank.db"
    made = Database(blank, durable=False)
    await made.open("catalog")
    await made.close()

    async def fresh(dies_at: int) -> int:
        file = tmp_path / f"{dies_at}.db"
        file.write_bytes(blank.read_bytes())
        database = Database(file, durable=False)
        try:
            return await live_and_die(database, dies_at)
        finally:
            await database.close()

    moments = await fresh(0)
    assert moments > len(ALL) * 5
    for dies_at in range(1, moments):
        await fresh(dies_at)
