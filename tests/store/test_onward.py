"""What goes on from events: in the step that ends them, and once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from huidu.model.destination import FULL, TOO_DEEP, Destination, Onward, onward
from huidu.model.errors import LimitExceeded
from huidu.model.event import Ended, QueuedEvent, State
from huidu.model.function import FunctionName
from huidu.model.retry import EventConfig
from huidu.store.database import Database
from huidu.store.queue import Queue
from huidu.store.queue_asking import Search
from tests.fakes_queue import ended, wanted
from tests.fakes_store import HELLO, event

NEXT = FunctionName("default", "next")
THERE = {
    "success": Destination(function=NEXT, qualifier="release"),
    "failure": Destination(function=NEXT, qualifier="2"),
}


def goes(one: Ended) -> Onward | None:
    return onward(one, THERE, "lam-next") if one.event.function == HELLO else None


@pytest.fixture
def queue(database: Database) -> Queue:
    made = Queue(database)
    made.onward = goes
    return made


async def taken(queue: Queue, *ends: Ended) -> list[QueuedEvent]:
    return list((await queue.turn(ends, wanted())).events)


async def test_what_goes_on_is_in_the_queue_once_the_event_is_over_and_once(queue: Queue) -> None:
    await queue.put(event("r-1"))
    (one,) = await taken(queue)
    done = ended(one)
    turn = await queue.turn([done], wanted())
    (sent,) = turn.events
    assert turn.more
    assert (sent.function, sent.qualifier, sent.depth, sent.trigger) == (
        NEXT,
        "release",
        1,
        "destination",
    )
    assert queue.waiting == {NEXT: 1}

    assert await taken(queue, done) == []  # told again, it sends nothing again
    assert queue.sent["function"] == 1


async def test_what_is_tried_again_sends_nothing_and_what_is_given_up_goes_where_failures_go(
    queue: Queue,
) -> None:
    await queue.put(event("r-1"))
    (one,) = await taken(queue)
    (again,) = await taken(queue, ended(one, State.DELAYED, next_at=1.0))
    assert again.request_id == "r-1"
    (sent,) = await taken(queue, ended(again, State.DEAD))

    assert (sent.function, sent.qualifier) == (NEXT, "2")
    assert queue.dead == {HELLO: 1}


async def test_what_waited_for_too_long_goes_where_failures_go(queue: Queue) -> None:
    await queue.put(event("r-1", accepted_at=1.0, function_id="lam-1"))

    assert await queue.expire(lambda _: EventConfig(), 1e6) == 1
    (sent,) = await taken(queue)
    assert (sent.function, sent.qualifier) == (NEXT, "2")
    assert b"EventAgeExceeded" in sent.event


async def test_a_loop_is_kept_as_a_dead_letter_that_says_so(queue: Queue) -> None:
    await queue.put(event("r-1", depth=16))
    (one,) = await taken(queue)

    assert one.depth == 16
    assert await taken(queue, ended(one)) == []
    assert (queue.waiting, queue.dead) == ({}, {NEXT: 1})
    assert queue.sent["too_deep"] == 1
    _, (kept,) = await queue.search(Search(function=NEXT.name))
    assert (kept.state, kept.error) == (State.DEAD, TOO_DEEP)


async def test_what_goes_on_to_a_function_whose_room_is_taken_is_kept_as_a_dead_letter(
    database: Database,
) -> None:
    queue = Queue(database, 4)
    queue.onward = goes
    await queue.put(event("r-1"))
    (one,) = await taken(queue)
    with suppress(LimitExceeded):
        for n in range(9):
            await queue.put(replace(event(f"n-{n}"), function=NEXT))
    waiting = queue.waiting[NEXT]
    assert waiting < 5

    assert len(await taken(queue, ended(one))) == waiting
    assert (queue.waiting, queue.dead) == ({NEXT: waiting}, {NEXT: 1})
    assert (queue.sent["full"], queue.sent["too_deep"]) == (1, 0)
    _, (kept,) = await queue.search(Search(function=NEXT.name, states=(State.DEAD,)))
    assert kept.error == FULL


async def test_what_is_for_a_webhook_that_is_gone_is_lost_and_counted(queue: Queue) -> None:
    queue.onward = lambda one: Onward(record=b"{}", webhook="hook-9")
    await queue.put(event("r-1"))
    (one,) = await taken(queue)
    await taken(queue, ended(one))

    assert queue.sent["lost"] == 1
