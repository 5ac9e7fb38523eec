"""What the catalog keeps of retries, what is done with dead letters, and who is told of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from huidu.model.effect import Effect, EventConfigKept, EventsMoved, Happened, RetryTargetKept
from huidu.model.errors import NotFound, Refusal, Unavailable
from huidu.model.event import State
from huidu.model.happening import Happening
from huidu.model.retry import USUAL, EventConfig
from huidu.model.webhook import Webhook
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.queue import Queue
from huidu.store.queue_asking import Search
from huidu.store.together import Together
from huidu.store.told import Asking
from tests.fakes_queue import ended, wanted
from tests.fakes_store import FUNCTION, HELLO, Published, begin, event

MINE = Search(namespace="default", function="hello")


@pytest.fixture
async def catalog(database: Database, published: Published) -> Catalog:
    opened = Catalog(database, published)
    await opened.write(begin)
    return opened


async def dead(queue: Queue, *ids: str, version: str = "2") -> None:
    for request_id in ids:
        await queue.put(event(request_id, function_id=FUNCTION.id, event=b'{"a":1}'))
    events = (await queue.turn([], wanted())).events
    await queue.turn([ended(one, State.DEAD, version=version) for one in events], wanted())


async def test_how_events_are_retried_is_kept_told_and_loaded_again(
    catalog: Catalog, published: Published
) -> None:
    config = EventConfig(retries=1, ttl_s=90)
    assert await catalog.read(lambda r: r.events.config(FUNCTION)) == USUAL
    await catalog.write(lambda w: w.events.put_config(FUNCTION, config))
    await catalog.write(lambda w: w.events.put_target(FUNCTION, "release", "first"))

    told = [EventConfigKept(FUNCTION.id, config), RetryTargetKept(FUNCTION.id, "release", "first")]
    assert published.effects[-2:] == told
    assert await catalog.read(lambda r: r.events.config(FUNCTION)) == config
    assert await catalog.read(lambda r: r.events.target(FUNCTION, "release")) == "first"
    published.commits.clear()
    await catalog.load()
    assert [one for one in published.effects if one in told] == told
    alias = await catalog.read(lambda r: r.alias(FUNCTION, "release"))
    await catalog.write(lambda w: w.delete_alias(FUNCTION, alias))
    assert await catalog.read(lambda r: r.events.target(FUNCTION, "release")) == "current"
    await catalog.write(lambda w: w.delete_function(FUNCTION))
    assert await catalog.read(lambda r: r.events.config(FUNCTION)) == USUAL


async def test_dead_letters_are_redriven_by_id_by_version_and_all_and_each_once(
    catalog: Catalog, database: Database, published: Published
) -> None:
    queue = Queue(database)
    await dead(queue, "r-1", "r-2", version="2")
    await dead(queue, "r-3", version="3")
    counted = await catalog.read(lambda r: r.events.dead_by_version(MINE))
    assert counted == [(HELLO, "2", 2), (HELLO, "3", 1)]

    async def redriven(search: Search, *ids: str, to: str = "") -> int:
        return await catalog.write(lambda w: w.events.redrive(search, ids, "lam-9", to, 5e6))

    assert await redriven(MINE, "r-1", "r-9") == 1
    assert await redriven(MINE, "r-1") == 0
    assert await redriven(Search(namespace="default", function="hello", version="3"), to="1") == 1
    assert await redriven(MINE) == 1
    moved = [one for one in published.effects if isinstance(one, EventsMoved)]
    assert moved == [EventsMoved(HELLO, 1, -1)] * 3
    queue.apply(moved)
    assert (queue.waiting, queue.dead) == ({HELLO: 3}, {})
    turn = await queue.turn([], wanted(now=5e6))
    again = {one.request_id: one for one in turn.events}
    assert {one.qualifier for one in turn.events} == {"release", "1"}
    assert again["r-3"].qualifier == "1"
    one = again["r-1"]
    assert (one.function_id, one.attempts, one.failures, one.since) == ("lam-9", 1, 0, 5e6)
    assert (one.event, [a.version for a in one.history]) == (b'{"a":1}', ["2"])


async def test_a_discarded_letter_is_gone_but_for_its_status(
    catalog: Catalog, database: Database
) -> None:
    queue = Queue(database)
    await dead(queue, "r-1", "r-2")
    assert await catalog.write(lambda w: w.events.discard(MINE, ["r-1"])) == 1

    kept = await catalog.read(lambda r: r.events.find("r-1"))
    assert (kept.state, kept.event.event) == (State.DISCARDED, b"")
    total, left = await catalog.read(
        lambda r: r.events.search(Search(states=(State.DEAD,), function="hello"))
    )
    assert (total, left[0].event.request_id) == (1, "r-2")
    with pytest.raises(NotFound):
        await catalog.read(lambda r: r.events.find("nobody"))


async def test_a_webhook_that_wants_dead_letters_is_told_of_each_with_what_was_sent(
    catalog: Catalog, database: Database
) -> None:
    queue = Queue(database)
    told: list[Effect] = []
    queue.tell = told.extend
    await dead(queue, "r-1", "r-2")  # nobody asks: one line says it
    hook = Webhook(
        id="wh-1",
        name="chat",
        url="https://example.com",
        secret="s" * 16,
        kinds=("event.*",),
        added_at=1.0,
        modified_at=1.0,
    )
    await catalog.write(lambda w: w.add_webhook(hook))
    await dead(queue, "r-3", "r-4")

    def happened(reading: object) -> Sequence[Happening]:
        return reading.happenings(Asking(kinds=("event.dead",), descending=False))  # type: ignore[attr-defined, no-any-return] # a Reading

    found = await catalog.read(happened)
    assert [one.subject for one in found] == ["r-1", "r-3", "r-4"]
    detail = json.loads(found[-1].detail)
    assert (detail["InvokeRequestId"], detail["Event"]) == ("r-4", '{"a":1}')
    assert (found[-1].version, detail["StatusCode"]) == ("2", 430)
    assert told == [Happened("event.dead")] * 3
    assert await catalog.read(lambda r: r.count_deliveries("wh-1", "pending")) == 2


async def test_those_who_ask_while_others_are_served_are_served_together() -> None:
    served: list[Sequence[int]] = []
    gate = asyncio.Event()

    async def do(batch: Sequence[int]) -> None:
        served.append(batch)
        await gate.wait()
        if 5 in batch:
            raise Unavailable("Storage", "full")

    together = Together(do, 3)
    asked = [asyncio.create_task(together.add(n)) for n in range(6)]
    await asyncio.sleep(0)
    late = asyncio.create_task(together.add(9))
    await asyncio.sleep(0)
    gate.set()
    came = await asyncio.gather(*asked, late, return_exceptions=True)
    assert served == [[0, 1, 2], [3, 4, 5], [9]]
    assert [isinstance(one, Refusal) for one in came] == [*[False] * 3, *[True] * 3, False]
    await together.add(7)
    assert served[-1] == [7]
