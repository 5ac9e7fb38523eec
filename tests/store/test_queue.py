"""What each queue promises: what was accepted is kept, and lent to one at a time, until it ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from huidu.model.effect import Effect, Happened
from huidu.model.errors import LimitExceeded
from huidu.model.event import (
    Attempt,
    QueuedEvent,
    State,
    read_history,
    write_history,
)
from huidu.model.function import FunctionName
from huidu.model.retry import LONGEST_DELAY_S, EventConfig
from huidu.store import queue_asking
from huidu.store.database import Database
from huidu.store.queue import MOST_QUEUED, Queue
from huidu.store.queue_asking import Search
from tests.fakes_queue import ME, ended, wanted
from tests.fakes_store import BACKENDS, HELLO, event

#: As many events as there may be, r1 and so on.
FULL = text("""
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :most)
    INSERT INTO async_event (request_id, namespace, function, function_id, qualifier, routing_key,
      "trigger", traceparent, tracestate, accepted_at, since, state, event)
    SELECT 'r' || i, 'default', 'hello', 'lam-1', '1', '', 'api', '', '', i, i, 'ready', x'7b7d'
    FROM n
""").bindparams(most=MOST_QUEUED)


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database)


async def put(queue: Queue, *ids: str, **more: object) -> None:
    for n, request_id in enumerate(ids):
        await queue.put(event(request_id, **{"accepted_at": float(n), **more}))


async def taken(queue: Queue, **more: object) -> list[str]:
    return [one.request_id for one in (await queue.turn([], wanted(**more))).events]


async def state(queue: Queue, request_id: str) -> State | None:
    kept = await queue.find(request_id)
    return kept.state if kept else None


async def test_events_are_lent_in_the_order_of_their_acceptance_and_each_once(queue: Queue) -> None:
    for n in (3, 1, 2):
        await queue.put(event(f"r-{n}", accepted_at=float(n)))

    assert await taken(queue, free=8, holds={"": 0}) == ["r-1", "r-2", "r-3"]
    assert await taken(queue) == []
    assert queue.waiting == {HELLO: 3}


async def test_an_event_is_as_it_was_sent_and_says_how_often_it_was_tried(queue: Queue) -> None:
    sent = event("r-1", event=bytes(range(256)), routing_key='{"User":"鲍勃"}', trigger="timer")
    await queue.put(sent)
    (first,) = (await queue.turn([], wanted())).events
    assert first == replace(sent, sequence=first.sequence)
    again = ended(first, State.DELAYED, next_at=1002.0, failures=1)
    await queue.turn([again], wanted(free=0))

    (second,) = (await queue.turn([], wanted(now=1003.0))).events
    assert (second.attempts, second.failures, second.event) == (1, 1, sent.event)
    assert [one.version for one in second.history] == ["1"]
    assert (first.first_version, second.first_version) == ("", "1")


async def test_an_event_is_held_until_it_has_been_run_to_its_end(queue: Queue) -> None:
    await put(queue, "r-1")
    assert await queue.holds("r-1")
    (one,) = (await queue.turn([], wanted())).events
    assert await queue.holds("r-1")
    await queue.turn([ended(one)], wanted())

    assert not await queue.holds("r-1")
    kept = await queue.find("r-1")
    assert kept is not None
    assert (kept.state, kept.event.event, kept.version) == (State.FINISHED, b"", "1")
    assert queue.waiting == {}
    assert await queue.find("nobody") is None


async def test_a_delayed_event_is_lent_when_it_is_due_and_that_moment_is_told(queue: Queue) -> None:
    await put(queue, "r-1")
    (one,) = (await queue.turn([], wanted())).events

    turn = await queue.turn([ended(one, State.DELAYED, next_at=1060.0)], wanted())
    assert (turn.events, turn.next_at) == ((), 1060.0)
    assert await taken(queue, now=1059.9) == []
    assert await taken(queue, now=1060.0) == ["r-1"]


async def test_a_clock_that_was_set_back_delays_nothing_for_longer_than_any_delay(
    queue: Queue,
) -> None:
    await put(queue, "r-1", accepted_at=9e8)
    (one,) = (await queue.turn([], wanted(now=9e8))).events
    await queue.turn([ended(one, State.DELAYED, next_at=9e8 + 60)], wanted(now=9e8))

    assert await taken(queue, now=9e8 + 60 - LONGEST_DELAY_S) == []
    assert await taken(queue, now=5.0) == ["r-1"]
    await put(queue, "r-2", accepted_at=9e8)
    assert await taken(queue, now=5.0) == ["r-2"]  # accepted in a time that is yet to come


async def test_two_servers_are_never_lent_the_same_event(database: Database, queue: Queue) -> None:
    other = Queue(database)
    await put(queue, *(f"r-{n}" for n in range(60)))
    seen: list[str] = []

    async def drain(mine: Queue, owner: str) -> None:
        while turn := await mine.turn([], wanted(owner=owner, free=4)):
            if not turn.events:
                return
            seen.extend(one.request_id for one in turn.events)
            await mine.turn([ended(one) for one in turn.events], wanted(owner=owner, free=0))

    await asyncio.gather(drain(queue, ME), drain(other, "server-2"))
    assert Counter(seen) == {f"r-{n}": 1 for n in range(60)}


async def test_a_lease_that_nobody_lengthens_ends_and_its_event_is_run_again(queue: Queue) -> None:
    await put(queue, "r-1")
    (mine,) = (await queue.turn([], wanted())).events
    other = {"owner": "server-2"}
    assert await taken(queue, now=1059.0, **other) == []
    assert await queue.extend(ME, 1100.0) == 1
    assert await taken(queue, now=1061.0, **other) == []
    assert await taken(queue, now=1101.0) == []  # my own, I still have

    turn = await queue.turn([], wanted(now=1101.0, until=1200.0, owner="server-2"))
    assert [(one.attempts, one.history[0].error) for one in turn.events] == [
        (1, "cut off: its server ended")
    ]
    # What the first server still says of it changes nothing.
    await queue.turn([ended(mine)], wanted(now=1102.0, free=0))
    assert await state(queue, "r-1") == State.RUNNING


async def test_what_a_server_had_that_is_gone_is_run_again_at_once(
    database: Database, queue: Queue, tmp_path: Path
) -> None:
    await put(queue, "r-1", "r-2", "r-3")
    assert len(await taken(queue, free=3)) == 2
    await database.close()
    again = BACKENDS["sqlite"](tmp_path)
    await again.open("catalog")
    after = Queue(again)

    assert await after.begin("server-2") == 2
    assert after.waiting == {HELLO: 3}
    turn = await after.turn([], wanted(owner="server-2"))
    assert [(one.request_id, one.attempts) for one in turn.events] == [
        ("r-1", 1),
        ("r-2", 1),
        ("r-3", 0),
    ]
    await again.close()


async def test_a_function_with_thousands_of_events_leaves_turns_and_room_to_others(
    database: Database, queue: Queue
) -> None:
    await database.write(lambda connection: connection.execute(FULL))
    await queue.count()
    other = FunctionName("default", "other")
    await queue.put(event("o-1", function=other, function_id="lam-2", accepted_at=1e9))

    turn = await queue.turn([], wanted(free=8))
    assert "o-1" in {one.request_id for one in turn.events}
    # However often it is asked, the flood never gets the last places.
    holds = Counter(one.function_id for one in turn.events)
    for _ in range(20):
        free = 8 - holds.total()
        more = await queue.turn([], wanted(free=free, holds=holds, after=turn.after))
        holds.update(one.function_id for one in more.events)
    assert holds == {"lam-1": 5, "lam-2": 1}

    with pytest.raises(LimitExceeded, match=str(MOST_QUEUED)) as full:
        await queue.put(event("one too many"))
    assert full.value.code == "LimitExceeded.Quota"
    assert not await queue.holds("one too many")


async def test_functions_take_turns_and_none_is_passed_over(queue: Queue) -> None:
    for n in range(12):
        for f in "abc":
            await queue.put(event(f"{f}-{n}", function_id=f, accepted_at=float(n)))
    served: list[str] = []
    after = ""
    for _ in range(3):
        turn = await queue.turn([], wanted(free=1, after=after))
        after = turn.after
        served += [one.function_id for one in turn.events]
        assert turn.more

    assert served == ["a", "b", "c"]
    assert {one[0] for one in await taken(queue, free=6, most={"a": 0})} == {"b", "c"}


async def test_an_event_that_is_put_twice_is_there_once(queue: Queue) -> None:
    await put(queue, "r-1")
    await put(queue, "r-1", event=b"[]")
    assert queue.waiting == {HELLO: 1}
    (one,) = (await queue.turn([], wanted())).events
    assert one.event == b"{}"


async def test_many_may_put_at_once_and_none_is_lost(queue: Queue) -> None:
    await asyncio.gather(*(queue.put(event(f"r-{n}", accepted_at=n)) for n in range(50)))

    assert await taken(queue, free=500) == [f"r-{n}" for n in range(50)]


async def test_a_caller_that_leaves_while_its_event_is_put_keeps_no_other_from_being_put(
    queue: Queue,
) -> None:
    puts = [asyncio.create_task(queue.put(event(f"r-{n}"))) for n in range(3)]
    await asyncio.sleep(0)
    puts[1].cancel()
    await asyncio.gather(*puts, return_exceptions=True)

    assert {"r-0", "r-2"} <= set(await taken(queue))


async def test_late_events_are_given_up_and_told_of_once_a_minute(queue: Queue) -> None:
    told: list[Effect] = []
    queue.tell = told.extend
    await put(queue, "r-1", "r-2")
    await put(queue, "r-3", accepted_at=950.0)

    assert await queue.expire(lambda _: EventConfig(ttl_s=60), 1000.0) == 2
    assert await queue.expire(lambda _: EventConfig(ttl_s=60), 1000.0) == 0
    assert [await state(queue, f"r-{n}") for n in (1, 2, 3)] == [
        State.DEAD,
        State.DEAD,
        State.READY,
    ]
    assert (queue.waiting, queue.dead) == ({HELLO: 1}, {HELLO: 2})
    assert told == [Happened("event.dead")]


async def test_an_event_that_waits_can_be_ended_and_one_that_runs_is_not_tried_again(
    queue: Queue,
) -> None:
    await put(queue, "r-1", "r-2")
    assert await queue.abort("r-2", 999.0) == State.READY
    assert await queue.abort("r-2", 999.0) == State.ABORTED
    assert await queue.abort("nobody", 999.0) is None
    (one,) = (await queue.turn([], wanted())).events

    assert await queue.abort("r-1", 1000.0) == State.RUNNING
    await queue.turn([ended(one, State.DELAYED, next_at=1001.0)], wanted())
    assert await state(queue, "r-1") == State.ABORTED
    assert queue.waiting == {}


async def test_an_event_that_is_to_end_is_over_even_if_its_server_dies_first(queue: Queue) -> None:
    await put(queue, "r-1")
    await taken(queue)
    await queue.abort("r-1", 1000.0)

    assert await queue.begin("server-2") == 1
    assert await state(queue, "r-1") == State.ABORTED


async def test_old_statuses_are_forgotten_and_so_are_dead_letters_beyond_their_bounds(
    queue: Queue,
) -> None:
    await put(queue, *(f"r-{n}" for n in range(6)))
    events = (await queue.turn([], wanted())).events
    states = [State.FINISHED] * 3 + [State.DEAD] * 3
    ends = [
        ended(one, state, at=1000.0 + n)
        for n, (one, state) in enumerate(zip(events, states, strict=True))
    ]
    await queue.turn(ends, wanted())
    await queue.forget(1000.5, 100, 0.0, 2)
    assert [await state(queue, f"r-{n}") for n in range(6)] == [
        *(None, State.FINISHED, State.FINISHED),
        *(None, State.DEAD, State.DEAD),
    ]
    await queue.forget(0.0, 4, 1004.5, 2)
    total, left = await queue.search(Search())
    assert (total, {one.event.request_id for one in left}) == (2, {"r-2", "r-5"})
    assert queue.dead == {HELLO: 1}


async def test_events_are_found_by_what_is_known_of_them(queue: Queue) -> None:
    await put(queue, "r-1", "r-2", "r-3")
    first, second, _ = (await queue.turn([], wanted())).events
    await queue.turn([ended(first, version="7"), ended(second, State.DEAD)], wanted())

    async def found(**more: object) -> list[str]:
        _, page = await queue.search(Search(**more))  # type: ignore[arg-type] # of many kinds
        return [one.event.request_id for one in page]

    assert await found() == ["r-3", "r-2", "r-1"]
    assert await found(descending=False, limit=2) == ["r-1", "r-2"]
    assert await found(states=(State.DEAD, State.FINISHED)) == ["r-2", "r-1"]
    assert await found(qualifier="7") == ["r-1"]
    assert await found(qualifier="release", version="1") == ["r-2"]
    assert await found(accepted=(1.0, 2.0)) == ["r-2"]
    assert await found(ended=(None, 2000.0)) == ["r-2", "r-1"]
    assert await found(triggers=("timer",)) == []
    assert await found(function="hello", request_id="r-3") == ["r-3"]


async def test_what_is_due_is_found_by_an_index_beside_any_number_of_others(
    database: Database, queue: Queue
) -> None:
    plans: list[str] = []

    def explain(connection: object) -> None:
        for state, order in (("ready", "function_id, since"), ("delayed", "next_at")):
            query = f"EXPLAIN QUERY PLAN SELECT * FROM async_event WHERE state = '{state}'"  # noqa: S608
            found = connection.exec_driver_sql(f"{query} ORDER BY {order} LIMIT 1")  # type: ignore[attr-defined]
            plans.extend(str(row[-1]) for row in found)

    await database.read(explain)
    assert ["async_event_ready" in plans[0], "async_event_delayed" in plans[1]] == [True, True]
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]
    await database.read(queue_asking.counts)


words = st.text(max_size=20)


@given(
    st.lists(
        st.builds(
            Attempt,
            number=st.integers(0, 99),
            started_at=st.floats(0, 4e9),
            version=words,
            reason=words,
            status=st.integers(0, 599),
            error=words,
        ),
        max_size=4,
    )
)
def test_a_history_is_read_as_it_was_written(attempts: list[Attempt]) -> None:
    assert read_history(write_history(attempts)) == tuple(attempts)


def test_of_very_many_attempts_the_first_and_the_last_are_kept() -> None:
    kept: QueuedEvent = event("r-1")
    for number in range(100):
        kept = replace(kept, history=kept.with_attempt(Attempt(number=number)))
    assert [one.number for one in kept.history] == [0, *range(61, 100)]


async def test_what_somebody_ended_as_it_was_lent_and_given_back_is_over(queue: Queue) -> None:
    await queue.put(event("r-1"))
    await queue.put(event("r-2"))
    lent = (await queue.turn([], wanted())).events
    assert await queue.abort("r-1", 1000.0) == State.RUNNING
    await queue.give_back(lent, ME)

    found = [await queue.find(name) for name in ("r-1", "r-2")]
    assert [(kept.state, kept.event.attempts) for kept in found if kept] == [
        (State.ABORTED, 0),
        (State.READY, 0),
    ]
