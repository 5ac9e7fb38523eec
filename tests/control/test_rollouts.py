"""A rollback on a bad day: calls are kept from the candidate, whatever becomes of the write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from huidu.actions import rollouts as wire
from huidu.control import rollouts
from huidu.control.plane import Asked, Plane
from huidu.invoke.routes import Routes
from huidu.model.budget import CLOSED, Allowance
from huidu.model.errors import Failed, Unavailable
from huidu.model.rollout import Event, Rollout, State, Step
from huidu.model.routing import Share, Weighted
from huidu.model.split import WHOLE
from huidu.model.traits import NO_TRAITS
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.writing import Writing
from tests.fakes_store import FUNCTION, HELLO, alias, begin, version
from tests.mortal import Mortal
from tests.rollouts import rollout

ASKED = Asked(request_id="r-1", who="AKID")
BEFORE_COMMIT = 2


class Day:
    """A server on which a version has half of the calls, and what a rollback needs of it."""

    def __init__(self, database: Database) -> None:
        self.routes = Routes(lambda: 0.0)
        self.database = database
        self.catalog = Catalog(database, self.routes.apply)
        self.allowance: Allowance | None = None
        self.insisted: list[Step] = []

    async def start(self, kept: Rollout, stable: str = "1") -> None:
        def change(writing: Writing) -> None:
            begin(writing)
            writing.add_version(version("3", status="PublishFailed"))
            half = Weighted((Share("2", kept.weight),))
            leads = alias("half", at=stable, routing=half if kept.weight < WHOLE else None)
            writing.add_alias(FUNCTION, leads)
            writing.rollouts.add(replace(kept, alias="half", stable=stable))

        await self.catalog.write(change)
        self.allowance = Allowance(kept.terms.budget, stable, "2")
        self.routes.allow(FUNCTION.id, "half", self.allowance)

    def reached(self) -> set[tuple[str, str]]:
        """Return where calls go now, and why."""
        made = [self.routes.route(HELLO, "half", NO_TRAITS) for _ in range(4)]
        return {(one.version.number, one.decision.reason) for one in made}

    # As the controller does it.

    def close(self, kept: Rollout) -> None:
        assert self.allowance is not None
        self.allowance.close()

    def reopen(self, rollout_id: str) -> None:
        assert self.allowance is not None
        self.allowance.closed = False

    def insist(self, rollout_id: str, step: Step) -> None:
        self.insisted.append(step)

    def findings(self, rollout_id: str) -> None: ...

    def seen(self, rollout_id: str) -> str:
        return ""

    async def quiet(self, lane: object, most_s: float) -> int:
        return 0

    async def find(self, search: object) -> tuple[int, Sequence[Any]]:
        return 0, []

    async def flush(self) -> None: ...

    def held(self) -> dict[tuple[str, str, str], int]:
        return {}

    async def roll_back(self, catalog: Catalog | Mortal) -> wire.RolledBack:
        """Ask for it."""
        plane = SimpleNamespace(
            catalog=catalog.catalog if isinstance(catalog, Mortal) else catalog,
            rollouts=self,
            recorder=self,
            journal=self,
            instances=self,
            timer=lambda: 0.0,
            clock=lambda: 5000.0,
            new_id=lambda: "new",
            warm_s=0.0,
            zone=UTC,
        )
        asked = wire.RollbackRollout(rollout_id="ro-1", reason="bad", wait=0)
        return await rollouts.roll_back(cast("Plane", plane), ASKED, asked)


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[Day]:
    database = Database(tmp_path / "kept.db", durable=False)
    await database.open("catalog")
    yield Day(database)
    await database.close()


def half(**more: Any) -> Rollout:
    return rollout("50%/1h, 100%", at={"weight": 5000, "state": State.RAMPING, **more})


async def test_a_rollback_moves_the_alias_and_says_so(day: Day) -> None:
    await day.start(half())
    assert {number for number, _ in day.reached()} == {"1", "2"}
    done = await day.roll_back(day.catalog)
    assert (done.switched.moved, done.switched.from_version) == (True, "2")
    assert day.reached() == {("1", "main version")}
    assert (done.rollout.state, done.rollout.weight) == ("rolled back", 0)


async def test_where_the_store_cannot_be_written_calls_are_kept_away_all_the_same(day: Day) -> None:
    await day.start(half())
    broken = Mortal(day.database, day.routes.apply, dies_at=BEFORE_COMMIT)
    with pytest.raises(Unavailable, match="kept away from version 2 all the same"):
        await day.roll_back(broken)
    assert [(one.event, one.who, one.said) for one in day.insisted] == [
        (Event.ROLL_BACK, "AKID", "bad")
    ]
    assert ("1", CLOSED) in day.reached()
    assert {number for number, _ in day.reached()} == {"1"}

    done = await day.roll_back(day.catalog)  # once it can be written again
    assert done.rollout.state == "rolled back"
    assert day.reached() == {("1", CLOSED)} or day.reached() == {("1", "main version")}


async def test_where_there_is_nothing_to_go_back_to_calls_go_on_as_they_did(day: Day) -> None:
    await day.start(half(), stable="3")
    before = {number for number, _ in day.reached()}
    with pytest.raises(Failed, match="version 3 is PublishFailed: it cannot answer"):
        await day.roll_back(day.catalog)
    assert {number for number, _ in day.reached()} == before == {"2", "3"}
    assert not day.insisted


async def test_a_rollback_of_a_baking_version_gives_all_calls_back(day: Day) -> None:
    await day.start(
        rollout(at={"weight": WHOLE, "state": State.BAKING, "full_at": 1.0}), stable="1"
    )
    # The alias leads to the candidate only, as it does in a bake.
    leads = replace(alias("half", at="2"), revision=2)
    await day.catalog.write(lambda writing: writing.replace_alias(FUNCTION, leads))
    assert day.reached() == {("2", "main version")}
    done = await day.roll_back(day.catalog)
    assert done.switched.moved
    assert {number for number, _ in day.reached()} == {"1"}
