"""A full disk: calls are kept from a bad version, and that is written once there is room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from huidu.model.budget import CLOSED
from huidu.model.effect import RolloutKept
from huidu.model.errors import Unavailable
from huidu.model.rollout import Event, Rollout, State, Step
from huidu.model.split import WHOLE
from huidu.model.traits import NO_TRAITS
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.writing import Writing
from tests.fakes import Clock
from tests.fakes_store import FUNCTION, HELLO, alias, begin
from tests.release.carried import Server, kept_of
from tests.release.test_going_on import agrees
from tests.rollouts import rollout

T = TypeVar("T")
BACK = Step(event=Event.ROLL_BACK, at=5000.0, who="AKID", said="bad")


class Disk(Database):
    """A database on a disk that can be full."""

    full = False

    async def write(self, change: Callable[[Connection], T]) -> T:
        if self.full:
            raise Unavailable("Storage", "the disk is full")
        return await super().write(change)


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    database = Disk(tmp_path / "kept.db", durable=False)
    await database.open("catalog")
    yield database
    await database.close()


async def start(disk: Disk, kept: Rollout) -> None:
    def change(writing: Writing) -> None:
        begin(writing)
        writing.rollouts.add(kept)
        writing.replace_alias(FUNCTION, alias("release", at="2", revision=2))

    await Catalog(disk, lambda _: None).write(change)


def reached(server: Server) -> tuple[str, str]:
    """Return where a call goes, and why."""
    routed = server.routes.route(HELLO, "release", NO_TRAITS)
    return routed.version.number, routed.decision.reason


async def rolled_back(disk: Disk) -> None:
    for _ in range(500):
        if (await kept_of(disk)).state is State.BACK:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody wrote it")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("state", [State.BAKING, State.DONE])
async def test_a_rollback_that_cannot_be_written_is_written_once_there_is_room(
    disk: Disk, state: State
) -> None:
    ended_at = 1000.0 if state is State.DONE else 0.0
    at = {"weight": WHOLE, "state": state, "ended_at": ended_at, "full_at": 1000.0}
    kept = rollout(at=at, bake_s=86_400.0)
    await start(disk, kept)
    server = Server(disk, Clock())
    async with server.up():
        assert reached(server) == ("2", "main version")
        disk.full = True
        server.controller.close(kept)
        server.controller.insist(kept.id, BACK)
        await asyncio.sleep(0.05)
        assert reached(server) == ("1", CLOSED)

        disk.full = False
        await rolled_back(disk)
        await agrees(disk)
        assert reached(server) == ("1", "main version")
    assert (await kept_of(disk)).past[-1].who == "AKID"


@pytest.mark.timeout(30)
async def test_whoever_moves_the_alias_after_a_late_rollback_was_asked_for_has_the_last_word(
    disk: Disk,
) -> None:
    kept = rollout(at={"weight": WHOLE, "state": State.DONE, "ended_at": 1000.0})
    await start(disk, kept)
    server = Server(disk, Clock())
    async with server.up():
        server.controller.close(kept)
        disk.full = True
        server.controller.insist(kept.id, BACK)
        disk.full = False
        moved = alias("release", at="2", revision=3)
        await Catalog(disk, server.publish).write(
            lambda writing: writing.replace_alias(FUNCTION, moved)
        )
        assert reached(server) == ("2", "main version")
        await asyncio.sleep(1.2)
    assert (await kept_of(disk)).state is State.DONE


@pytest.mark.timeout(30)
async def test_a_late_rollback_leaves_an_alias_alone_that_another_rollout_moves_by_now(
    disk: Disk,
) -> None:
    kept = rollout(at={"weight": WHOLE, "state": State.DONE, "ended_at": 1000.0})
    await start(disk, kept)
    server = Server(disk, Clock())
    async with server.up():
        baking = {"id": "ro-2", "weight": WHOLE, "state": State.BAKING, "full_at": 1000.0}
        server.controller.apply([RolloutKept(rollout(at=baking, bake_s=86_400.0))])
        server.controller.close(kept)
        assert reached(server) == ("2", "main version")
