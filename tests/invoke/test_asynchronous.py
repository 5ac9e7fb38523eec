"""Events that nobody waits for: each is run, once, whatever the store does meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from huidu.invoke.asynchronous import AT_ONCE, Asynchronous
from huidu.invoke.asynchronous import Queue as AnyQueue
from huidu.invoke.invoker import Answered
from huidu.model.errors import NotFound
from huidu.model.function import FunctionName
from huidu.model.invocation import Invocation, Outcome, Status
from huidu.store.queue import Queue
from tests.fakes import turns
from tests.fakes_store import BACKENDS, FUNCTION, HELLO, MoodyQueue, event, soon


class Runs:
    """An invoker that tells what it was given, and may be held up or fail."""

    def __init__(self) -> None:
        self.begun: list[Invocation] = []
        self.ended: list[str] = []
        self.most_at_once = 0
        self.gate: asyncio.Event | None = None
        self.fails: Exception | None = None
        self.statuses: list[int] = []

    @property
    def ids(self) -> list[str]:
        return [invocation.request_id for invocation in self.begun]

    async def invoke(self, invocation: Invocation) -> Answered:
        self.begun.append(invocation)
        self.most_at_once = max(self.most_at_once, len(self.begun) - len(self.ended))
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.fails is not None:
                raise self.fails
            status = self.statuses.pop(0) if self.statuses else Status.SUCCESS
            return Answered(Outcome(status=status), "1", "release")
        finally:
            self.ended.append(invocation.request_id)


class Hello:
    """A table with one function, of the id that its events name or of none."""

    def id_of(self, named: FunctionName) -> str | None:
        return FUNCTION.id if named == HELLO else None


BEGAN = time.monotonic()


def clock() -> float:
    """Seconds since the tests began, for what was accepted at 0."""
    return time.monotonic() - BEGAN


async def recorded() -> None:
    """Every record is in the journal at once."""


def over(queue: AnyQueue, runs: Runs, **more: Any) -> Asynchronous:
    return Asynchronous(queue, runs, Hello(), recorded=recorded, clock=clock, **more)


@pytest.fixture
def runs() -> Runs:
    return Runs()


@asynccontextmanager
async def running(asynchronous: Asynchronous) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(asynchronous.run())
    yield task
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_each_event_is_run_once_in_the_order_of_acceptance(runs: Runs) -> None:
    queue = MoodyQueue(*(event(f"r-{n}") for n in range(100)))
    async with running(over(queue, runs)):
        await soon(lambda: not queue.events)

    assert runs.ids == [f"r-{n}" for n in range(100)]
    assert runs.most_at_once <= AT_ONCE


async def test_an_event_is_run_as_it_was_sent(runs: Runs) -> None:
    sent = event(
        "r-1", qualifier="release", event=b"[1]", routing_key='{"User":"Bob"}', trigger="timer"
    )
    queue = MoodyQueue(sent)
    async with running(over(queue, runs)):
        await soon(lambda: not queue.events)

    (call,) = runs.begun
    assert (call.request_id, call.function, call.qualifier) == ("r-1", sent.function, "release")
    assert (call.event, call.trigger, call.retry_number) == (b"[1]", "timer", 0)
    assert (call.routing_key, call.traits.headers) == ('{"User":"Bob"}', {"User": "Bob"})


async def test_no_more_run_at_once_than_may(runs: Runs) -> None:
    queue = MoodyQueue(*(event(f"r-{n}") for n in range(10)))
    runs.gate = asyncio.Event()
    async with running(over(queue, runs, at_once=3)):
        await soon(lambda: len(runs.begun) == 3)
        await turns()
        assert runs.ids == ["r-0", "r-1", "r-2"]
        runs.gate.set()
        await soon(lambda: not queue.events)

    assert runs.most_at_once == 3
    assert Counter(runs.ids) == {f"r-{n}": 1 for n in range(10)}


async def test_what_comes_later_is_run_when_it_is_told(runs: Runs) -> None:
    queue = MoodyQueue()
    asynchronous = over(queue, runs)
    async with running(asynchronous):
        await soon(lambda: queue.looks == 1)
        await queue.put(event("r-1"))
        await turns()
        assert runs.ids == []
        asynchronous.wake()
        await soon(lambda: not queue.events)

    assert runs.ids == ["r-1"]


async def test_an_event_that_ends_during_a_look_at_the_queue_is_not_run_again(runs: Runs) -> None:
    """A look takes its time, in a thread: what it shows may have ended meanwhile."""
    queue = MoodyQueue(event("r-1"))
    runs.gate = asyncio.Event()
    asynchronous = over(queue, runs)
    async with running(asynchronous):
        await soon(lambda: runs.ids == ["r-1"])
        slow = queue.slow = asyncio.Event()
        asynchronous.wake()
        await soon(lambda: queue.slow is None)  # the look has seen r-1
        runs.gate.set()
        await soon(lambda: not queue.events)  # and r-1 has ended
        await turns()
        slow.set()
        await turns(20)

    assert runs.ids == ["r-1"]


@pytest.mark.parametrize("fails", [NotFound("FunctionName", "hello"), None], ids=repr)
async def test_an_event_leaves_the_queue_whatever_came_of_it(
    runs: Runs, fails: Exception | None
) -> None:
    runs.fails = fails
    queue = MoodyQueue(event("r-1"), event("r-2"))
    async with running(over(queue, runs)):
        await soon(lambda: not queue.events)

    assert sorted(runs.ids) == ["r-1", "r-2"]


@pytest.mark.parametrize(
    "status", [Status.CONCURRENCY_EXCEEDED, Status.INIT_FAILED, Status.INSTANCE_EXITED]
)
async def test_an_event_that_the_platform_could_not_run_is_tried_again(
    runs: Runs, status: Status
) -> None:
    runs.statuses = [status]
    queue = MoodyQueue(event("r-1"), event("r-2"))
    async with running(over(queue, runs)):
        await soon(lambda: not queue.events)

    assert sorted(runs.ids) == ["r-1", "r-1", "r-2"]


async def test_an_event_for_a_function_that_is_gone_is_not_run_by_its_namesake(runs: Runs) -> None:
    queue = MoodyQueue(event("r-1", function_id="lam-gone"), event("r-2", function_id=FUNCTION.id))
    async with running(over(queue, runs)):
        await soon(lambda: not queue.events)

    assert runs.ids == ["r-2"]


async def test_a_platform_that_closes_does_not_wait_for_a_store_that_refuses(runs: Runs) -> None:
    queue = MoodyQueue(event("r-1"))
    queue.ending.refusals = 10**9
    async with running(over(queue, runs)):
        await soon(lambda: bool(runs.ended))

    assert list(queue.events) == ["r-1"]


async def test_an_event_that_could_never_be_run_leaves_the_queue(runs: Runs) -> None:
    queue = MoodyQueue(event("r-1", routing_key="not JSON"))
    async with running(over(queue, runs)):
        await soon(lambda: not queue.events)

    assert runs.ids == []


@pytest.mark.parametrize("step", ["looking", "beginning", "ending"])
async def test_a_store_that_refuses_for_a_while_loses_nothing_and_runs_nothing_twice(
    runs: Runs, step: str
) -> None:
    queue = MoodyQueue(event("r-1"), event("r-2"))
    getattr(queue, step).refusals = 1
    async with running(over(queue, runs)):
        await soon(lambda: not queue.events)

    assert sorted(runs.ids) == ["r-1", "r-2"]


async def test_what_has_begun_comes_to_its_end_when_the_platform_closes(runs: Runs) -> None:
    queue = MoodyQueue(*(event(f"r-{n}") for n in range(4)))
    gate = runs.gate = asyncio.Event()
    async with running(over(queue, runs, at_once=2)) as task:
        await soon(lambda: len(runs.begun) == 2)
        task.cancel()
        await turns()
        assert not task.done()
        gate.set()

    assert runs.ended == ["r-0", "r-1"]
    assert list(queue.events) == ["r-2", "r-3"]


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Queue]:
    database = BACKENDS["sqlite"](tmp_path)
    await database.open("catalog")
    yield Queue(database)
    await database.close()


async def test_a_run_that_was_cut_off_is_run_again_after_the_restart(
    kept: Queue, runs: Runs
) -> None:
    cut_off, waiting = event("r-1", accepted_at=1.0), event("r-2", accepted_at=2.0)
    await kept.put(cut_off)
    await kept.put(waiting)
    await kept.begin(cut_off)  # and here the power fails
    async with running(over(kept, runs)):
        await soon(lambda: len(runs.ended) == 2)

    assert [(call.request_id, call.retry_number) for call in runs.begun] == [
        ("r-1", 1),
        ("r-2", 0),
    ]
    assert await kept.waiting(10) == []


async def test_over_a_real_store_each_of_many_events_is_run_once(kept: Queue, runs: Runs) -> None:
    asynchronous = over(kept, runs)
    async with running(asynchronous):
        for n in range(150):
            await kept.put(event(f"r-{n}", event=bytes(20_000), accepted_at=float(n)))
            asynchronous.wake()
        await soon(lambda: len(runs.ended) >= 150)

    assert Counter(runs.ids) == {f"r-{n}": 1 for n in range(150)}
    assert await kept.waiting(10) == []
