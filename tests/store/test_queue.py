"""The queue: what was accepted stays, in its order, until it has been run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from huidu.model.errors import LimitExceeded
from huidu.model.event import QueuedEvent
from huidu.model.function import FunctionName
from huidu.store import rows
from huidu.store.database import Database
from huidu.store.queue import MOST_QUEUED, Queue
from tests.fakes_store import BACKENDS, event

#: As many events as there may be, r1 and so on.
FULL = text("""
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :most)
    INSERT INTO event
    SELECT 'r' || i, 'default', 'hello', '', '1', x'7b7d', '', 'api', i, 0, '', '' FROM n
""").bindparams(most=MOST_QUEUED)


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database)


async def ids(queue: Queue, limit: int = 100) -> list[str]:
    return [waiting.request_id for waiting in await queue.waiting(limit)]


async def test_events_wait_in_the_order_of_their_acceptance(queue: Queue) -> None:
    for n in (3, 1, 2):
        await queue.put(event(f"r-{n}", accepted_at=float(n)))

    assert await ids(queue) == ["r-1", "r-2", "r-3"]
    assert await ids(queue, limit=2) == ["r-1", "r-2"]


async def test_an_event_is_held_until_it_has_been_run_to_its_end(queue: Queue) -> None:
    kept = event("r-1")
    await queue.put(kept)
    assert await queue.holds("r-1")
    await queue.begin(kept)
    assert await queue.holds("r-1")
    await queue.end(kept)

    assert not await queue.holds("r-1")
    assert await ids(queue) == []


async def test_each_attempt_is_counted(queue: Queue) -> None:
    kept = event("r-1")
    await queue.put(kept)
    for attempts in (0, 1, 2):
        assert await queue.waiting(1) == [replace(kept, attempts=attempts)]
        await queue.begin(kept)


async def test_what_was_put_is_there_after_another_start(
    database: Database, queue: Queue, tmp_path: Path
) -> None:
    kept = event("r-1", event=bytes(range(256)), routing_key='{"User":"鲍勃"}', trigger="timer")
    await queue.put(kept)
    await database.close()
    again = BACKENDS["sqlite"](tmp_path)
    await again.open("catalog")

    assert await Queue(again).waiting(10) == [kept]
    await again.close()


async def test_a_full_queue_takes_no_more_and_again_takes_one_for_one_that_has_been_run(
    database: Database, queue: Queue
) -> None:
    await database.write(lambda connection: connection.execute(FULL))

    with pytest.raises(LimitExceeded, match=str(MOST_QUEUED)) as full:
        await queue.put(event("one too many"))
    assert full.value.code == "LimitExceeded.Quota"
    assert not await queue.holds("one too many")

    await queue.end(event("r1"))
    await queue.put(event("one too many", accepted_at=1e9))
    assert (await ids(queue, limit=2)) == ["r2", "r3"]


async def test_many_may_put_at_once_and_none_is_lost(queue: Queue) -> None:
    await asyncio.gather(*(queue.put(event(f"r-{n}", accepted_at=n)) for n in range(50)))

    assert await ids(queue) == [f"r-{n}" for n in range(50)]


words = st.text(max_size=20)


@given(
    kept=st.builds(
        QueuedEvent,
        request_id=words,
        function=st.builds(FunctionName, words, words),
        qualifier=words,
        event=st.binary(max_size=50),
        routing_key=words,
        trigger=words,
        accepted_at=st.floats(0, 4e9),
        attempts=st.integers(0, 99),
    )
)
@settings(deadline=None)
def test_an_event_and_its_row_say_the_same(kept: QueuedEvent) -> None:
    row = rows.event_row(kept)

    assert rows.event_from(row) == kept  # type: ignore[arg-type] # a row is read by names alone
