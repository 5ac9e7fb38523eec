"""A controller: what goes wrong around a rollout keeps nobody from taking it back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from huidu.model.effect import RolloutKept
from huidu.model.rollout import Event, Rollout, State, Step
from huidu.model.version import Version
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.reading import Reading
from tests.fakes import Clock
from tests.release.carried import Server, Surroundings, kept_of, start

T = TypeVar("T")

pytestmark = pytest.mark.timeout(20)
BACK = Step(event=Event.ROLL_BACK, at=5000.0, who="ann", said="bad")


class Starting(Surroundings):
    """Instances that are never ready."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def ready(self, version: Version, count: int) -> str:
        self.asked.set()
        await asyncio.sleep(600)
        return ""


class Slow(Catalog):
    """A catalog that answers once it is let."""

    def __init__(self, database: Database, server: Server) -> None:
        super().__init__(database, server.publish)
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()

    async def read(self, ask: Callable[[Reading], T]) -> T:
        self.asked.set()
        await self.open.wait()
        return await super().read(ask)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(tmp_path / "kept.db", durable=False)
    await made.open("catalog")
    yield made
    await made.close()


async def until(database: Database, is_so: Callable[[Rollout], bool]) -> Rollout:
    """Wait until the rollout that is kept is as it should be."""
    for _ in range(5000):
        if is_so(kept := await kept_of(database)):
            return kept
        await asyncio.sleep(0.001)
    raise AssertionError(f"it stays {kept.state} at {kept.weight}")


async def test_a_rollback_does_not_wait_for_instances_that_a_share_waits_for(
    database: Database,
) -> None:
    clock, around = Clock(), Starting()
    await start(database, clock)
    server = Server(database, clock, around=around, warm_s=600.0)
    async with server.up():
        await around.asked.wait()
        server.controller.insist("ro-1", BACK)
        back = await until(database, lambda kept: not kept.owns)

    assert (back.state, back.past[-1].who) == (State.BACK, "ann")


async def test_where_nothing_is_to_be_started_a_share_waits_for_nothing(database: Database) -> None:
    clock, around = Clock(), Starting()
    await start(database, clock)
    async with Server(database, clock, around=around, warm_s=0.0).up():
        await until(database, lambda kept: kept.weight > 0)

    assert not around.asked.is_set()


async def test_a_step_that_nobody_was_told_of_keeps_no_rollback_from_being_written(
    database: Database,
) -> None:
    clock = Clock()
    await start(database, clock)
    server = Server(database, clock)
    async with server.up():
        grown = await until(database, lambda kept: kept.weight > 0)
        paused = grown.after(Step(event=Event.PAUSE, at=clock.now))
        unheard = Catalog(database, lambda _: None)
        await unheard.write(lambda writing: writing.rollouts.replace(paused))
        server.controller.insist("ro-1", BACK)
        await until(database, lambda kept: kept.state is State.BACK)


async def test_a_version_taken_back_after_its_rollout_had_ended_has_its_report(
    database: Database,
) -> None:
    clock = Clock()
    await start(database, clock)
    server = Server(database, clock)
    await server.carry_on()
    done = await kept_of(database)
    assert done.state is State.DONE
    again = Server(database, clock)
    async with again.up():
        back = done.after(BACK)
        again.controller.apply([RolloutKept(back)])
        catalog = Catalog(database, lambda _: None)
        told = ""
        while not told:
            told = await catalog.read(lambda reading: reading.rollouts.report("ro-1"))
            await asyncio.sleep(0.001)

    assert (json.loads(told)["Why"], json.loads(told)["Who"]) == ("bad", "ann")


async def test_a_rollout_that_ends_while_it_is_taken_up_leaves_no_version_held(
    database: Database,
) -> None:
    clock, around = Clock(), Surroundings()
    await start(database, clock)
    server = Server(database, clock, around=around)
    slow = Slow(database, server)
    await server.controller.begin(slow)
    serving = asyncio.create_task(server.controller.run())
    slow.open.clear()
    slow.asked.clear()
    await slow.asked.wait()
    over = (await kept_of(database)).after(Step(event=Event.TAKE_OVER, at=clock.now))
    server.controller.apply([RolloutKept(over)])
    await asyncio.sleep(0)
    slow.open.set()
    for _ in range(5000):
        if around.holds:
            break
        await asyncio.sleep(0.001)
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving

    assert around.holds == {"1": 0}


async def test_a_rollback_that_was_decided_as_the_rollout_finished_is_written_all_the_same(
    database: Database,
) -> None:
    clock = Clock()
    await start(database, clock)
    server = Server(database, clock)
    async with server.up():
        await until(database, lambda kept: kept.weight > 0)
        follower = next(iter(server.controller._followers.values()))
        kept = await kept_of(database)
        baked = kept.after(Step(event=Event.PROMOTE, at=clock.now)).after(
            Step(event=Event.FINISH, at=clock.now)
        )
        follower.insist(BACK)

        done = replace(baked, revision=kept.revision + 1)
        await Catalog(database, server.publish).write(lambda w: w.rollouts.replace(done))
        await until(database, lambda kept: kept.state is State.BACK)
