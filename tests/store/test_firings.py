"""Firings: a tick is one event in the queue, whoever fires it, and whenever they die."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

import pytest
from sqlalchemy import select

from huidu.model.errors import LimitExceeded, Unavailable
from huidu.model.trigger import Firing, Trigger
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.firings import Firings
from huidu.store.queue import Queue
from huidu.store.queue_tables import QUEUED
from huidu.store.writing import Writing
from tests.fakes_store import FUNCTION, begin, event, trigger
from tests.mortal import Mortal

TICK, OTHER = trigger(modified_at=1.0), trigger("other", modified_at=1.0)


@pytest.fixture
async def catalog(database: Database) -> Catalog:
    def fill(writing: Writing) -> None:
        begin(writing)
        for made in (TICK, OTHER):
            writing.add_trigger(FUNCTION, made)

    catalog = Catalog(database, lambda _: None)
    await catalog.write(fill)
    return catalog


def firing(at: float, made: Trigger = TICK, of: str = "a") -> Firing:
    return Firing(made, at, event(f"{of}-{made.name}-{at:g}", accepted_at=at))


def firings_of(database: Database) -> Firings:
    return Firings(database, Queue(database))


async def queued(database: Database) -> list[str]:
    query = select(QUEUED.c.request_id).order_by(QUEUED.c.sequence)
    return await database.read(lambda connection: list(connection.execute(query).scalars()))


async def test_a_tick_is_fired_once_by_whoever_comes_first(
    database: Database, catalog: Catalog
) -> None:
    one, two = firings_of(database), firings_of(database)
    both = await asyncio.gather(
        *(server.fire([firing(5.0, of=of), firing(6.0, of=of)]) for server, of in
          ((one, "a"), (two, "b"), (one, "c")))
    )  # fmt: skip

    assert sorted(both) == [0, 0, 2]
    assert len(await queued(database)) == 2
    assert await one.fired() == {(FUNCTION.id, "tick"): 6.0, (FUNCTION.id, "other"): 0.0}
    assert await two.fire([firing(7.0), firing(5.5), firing(2.0, OTHER)]) == 2


async def test_a_timer_that_was_changed_closed_or_deleted_meanwhile_is_not_fired(
    database: Database, catalog: Catalog
) -> None:
    firings = firings_of(database)
    changed = replace(TICK, definition='{"cron": "0 * * * *"}', modified_at=2.0)
    await catalog.write(lambda writing: writing.replace_trigger(FUNCTION, changed))
    assert await firings.fire([firing(5.0)]) == 0
    assert await firings.fire([firing(5.0, changed)]) == 1

    closed = replace(changed, enabled=False)
    await catalog.write(lambda writing: writing.replace_trigger(FUNCTION, closed))
    assert await firings.fired() == {(FUNCTION.id, "tick"): 5.0, (FUNCTION.id, "other"): 0.0}
    assert await firings.fire([firing(6.0, closed)]) == 0
    await catalog.write(lambda writing: writing.delete_trigger(FUNCTION, closed))
    assert await firings.fire([firing(7.0, changed)]) == 0
    assert await queued(database) == ["a-tick-5"]


async def test_where_the_queue_is_full_nothing_is_fired(
    database: Database, catalog: Catalog
) -> None:
    queue = Queue(database, 1)
    firings = Firings(database, queue)

    with pytest.raises(LimitExceeded):
        await firings.fire([firing(5.0), firing(6.0)])
    assert queue.waiting == {}
    assert await firings.fired() == {(FUNCTION.id, "tick"): 0.0, (FUNCTION.id, "other"): 0.0}


async def test_whoever_dies_has_fired_all_or_nothing_and_who_comes_then_fires_the_rest(
    database: Database, catalog: Catalog
) -> None:
    for dies_at in range(1, 12):
        at = float(10 * dies_at)
        asked = [firing(at), firing(at, OTHER)]
        mortal = Mortal(database, lambda _: None, dies_at)
        doomed = firings_of(cast("Database", mortal))
        try:
            await doomed.fire(asked)
        except Unavailable:
            pass
        else:
            break
        before = [name for name in await queued(database) if name.endswith(f"-{at:g}")]
        assert len(before) in (0, 2)
        assert await firings_of(database).fire(asked) == 2 - len(before)
        after = [name for name in await queued(database) if name.endswith(f"-{at:g}")]
        assert sorted(after) == [f"a-other-{at:g}", f"a-tick-{at:g}"]
    assert dies_at > 4
