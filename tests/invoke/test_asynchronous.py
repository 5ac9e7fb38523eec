"""Events that nobody waits for: each is run until it succeeds, whatever the store does then."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from huidu.invoke.asynchronous import AT_ONCE, Asynchronous
from huidu.invoke.attempt import Attempts
from huidu.invoke.flight import Answered
from huidu.invoke.terms import Terms
from huidu.model.effect import EventConfigKept, FunctionGone, RetryTargetKept
from huidu.model.errors import NotFound
from huidu.model.event import Kept, QueuedEvent, State
from huidu.model.function import FunctionName
from huidu.model.invocation import Invocation, Outcome, Status
from huidu.model.retry import EventConfig
from tests.fakes import turns
from tests.fakes_queue import ME, MoodyQueue
from tests.fakes_store import BACKENDS, FUNCTION, HELLO, event, soon

HELD: dict[str, Any] = {"function_id": FUNCTION.id}


class Runs:
    """An invoker that tells what it was given, and may be held up or fail."""

    def __init__(self) -> None:
        self.begun: list[Invocation] = []
        self.ended: list[str] = []
        self.most_at_once = 0
        self.gate: asyncio.Event | None = None
        self.fails: Exception | None = None
        self.statuses: list[int] = []
        self.version = "1"

    @property
    def ids(self) -> list[str]:
        return [invocation.request_id for invocation in self.begun]

    async def invoke(self, invocation: Invocation) -> Answered:
        self.begun.append(invocation)
        version = invocation.stays_on or self.version
        self.most_at_once = max(self.most_at_once, len(self.begun) - len(self.ended))
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.fails is not None:
                raise self.fails
            status = self.statuses.pop(0) if self.statuses else Status.SUCCESS
            error = "" if status == Status.SUCCESS else "told to"
            outcome = Outcome(status=status, error=error, log="printed\n")
            return Answered(outcome, version, "release", 3, "main version")
        finally:
            self.ended.append(invocation.request_id)


class Hello:
    """A table with one function, of the id that its events name or of none."""

    def id_of(self, named: FunctionName) -> str | None:
        return FUNCTION.id if named == HELLO else None


class Clock:
    """Time that goes on only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class House:
    """A queue, and who runs what is in it."""

    def __init__(self, queue: MoodyQueue) -> None:
        self.queue, self.runs, self.clock, self.terms = queue, Runs(), Clock(), Terms()
        self.recorded = 0
        self.interrupted: list[str] = []

    async def record(self) -> None:
        self.recorded += 1

    def interrupt(self, request_id: str) -> bool:
        self.interrupted.append(request_id)
        return True

    def asynchronous(self, **more: Any) -> Asynchronous:
        attempts = Attempts(
            invoker=self.runs, table=Hello(), terms=self.terms, clock=self.clock, interval_s=60.0
        )
        known: dict[str, Any] = {"recorded": self.record, "clock": self.clock, "owner": ME}
        return Asynchronous(self.queue, attempts, **known | {"interrupt": self.interrupt} | more)

    async def put(self, *ids: str, **more: Any) -> None:
        for n, request_id in enumerate(ids):
            sent = {"accepted_at": self.clock.now + n / 1000} | HELD | more
            await self.queue.put(event(request_id, **sent))

    async def kept(self, request_id: str) -> Kept:
        kept = await self.queue.find(request_id)
        assert kept is not None
        return kept

    async def is_in(self, state: State, *ids: str) -> None:
        async with asyncio.timeout(10):
            # It is in a database, which nobody can wait for.
            while {(await self.kept(one)).state for one in ids} != {state}:  # noqa: ASYNC110
                await asyncio.sleep(0.002)


@pytest.fixture(params=BACKENDS)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    database = BACKENDS[request.param](tmp_path)
    await database.open("catalog")
    yield House(MoodyQueue(database))
    await database.close()


@asynccontextmanager
async def running(asynchronous: Asynchronous) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(asynchronous.run())
    yield task
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def gone(house: House) -> Callable[[], bool]:
    return lambda: not house.queue.waiting


async def test_each_event_is_run_once_and_recorded_before_the_queue_has_done_with_it(
    house: House,
) -> None:
    await house.put(*(f"r-{n}" for n in range(100)))
    async with running(house.asynchronous()):
        await soon(gone(house))

    assert sorted(house.runs.ids) == sorted(f"r-{n}" for n in range(100))
    assert house.runs.ids[:5] == [f"r-{n}" for n in range(5)]
    assert house.runs.most_at_once <= AT_ONCE
    assert house.recorded > 0


async def test_an_event_is_run_as_it_was_sent_and_each_attempt_says_where_it_went_and_why(
    house: House,
) -> None:
    sent = {"event": b"[1]", "routing_key": '{"User":"Bob"}', "trigger": "timer"}
    await house.put("r-1", **sent)
    async with running(house.asynchronous()):
        await house.is_in(State.FINISHED, "r-1")

    (call,) = house.runs.begun
    assert (call.request_id, call.function, call.qualifier) == ("r-1", HELLO, "release")
    assert (call.event, call.trigger, call.retry_number) == (b"[1]", "timer", 0)
    assert (call.routing_key, call.traits.headers) == ('{"User":"Bob"}', {"User": "Bob"})
    (attempt,) = (await house.kept("r-1")).event.history
    assert (attempt.number, attempt.version, attempt.status) == (0, "1", 200)
    assert (attempt.alias, attempt.revision, attempt.reason) == ("release", 3, "main version")


async def test_no_more_run_at_once_than_there_is_room_for(house: House) -> None:
    await house.put(*(f"r-{n}" for n in range(20)))
    house.runs.gate = asyncio.Event()
    spare = 4
    async with running(house.asynchronous(spare=lambda: spare - len(house.runs.begun))):
        await soon(lambda: len(house.runs.begun) == 3)
        await turns()
        assert house.runs.ids == ["r-0", "r-1", "r-2"]
        spare = 100
        house.runs.gate.set()
        await soon(gone(house))

    assert Counter(house.runs.ids) == {f"r-{n}": 1 for n in range(20)}


async def test_one_is_run_even_where_callers_leave_no_room(house: House) -> None:
    await house.put("r-1", "r-2")
    async with running(house.asynchronous(spare=lambda: -5)):
        await soon(gone(house))

    assert house.runs.most_at_once == 1


async def test_what_comes_later_is_run_when_it_is_told_and_nobody_looks_before(
    house: House,
) -> None:
    asynchronous = house.asynchronous()
    async with running(asynchronous):
        await soon(lambda: house.queue.turns == 1)
        await house.put("r-1")
        await asyncio.sleep(0.05)
        assert (house.runs.ids, house.queue.turns) == ([], 1)
        asynchronous.wake()
        await house.is_in(State.FINISHED, "r-1")


@pytest.mark.parametrize(
    ("status", "waits_s", "attempts"),
    [
        (Status.USER_ERROR, [60, 60], 3),
        (Status.TIMED_OUT, [60, 60], 3),
        (Status.QUALIFIER_NOT_FOUND, [], 1),
    ],
)
async def test_a_failure_is_tried_again_by_its_class_and_then_kept_as_a_dead_letter(
    house: House, status: int, waits_s: list[float], attempts: int
) -> None:
    house.runs.statuses = [status] * 9
    await house.put("r-1")
    asynchronous = house.asynchronous()
    async with running(asynchronous):
        for n, wait_s in enumerate(waits_s, 1):
            await house.is_in(State.DELAYED, "r-1")
            assert (await house.kept("r-1")).next_at == house.clock.now + wait_s
            asynchronous.wake()
            await turns()
            assert len(house.runs.begun) == n
            house.clock.now += wait_s
            asynchronous.wake()
            await soon(lambda n=n: len(house.runs.begun) == n + 1)  # type: ignore[misc] # it is bound
        await house.is_in(State.DEAD, "r-1")

    assert [call.retry_number for call in house.runs.begun] == [*range(attempts)]
    kept = await house.kept("r-1")
    assert (kept.status, kept.error, kept.log, kept.version) == (
        status,
        "told to",
        "printed\n",
        "1",
    )
    assert len(kept.event.history) == attempts
    assert kept.event.history[-1].then.startswith("given up")
    assert (house.queue.waiting, house.queue.dead) == ({}, {HELLO: 1})


async def test_what_the_function_says_of_retries_holds_for_what_waits_as_well(
    house: House,
) -> None:
    house.terms.apply([EventConfigKept(FUNCTION.id, EventConfig(retries=0, ttl_s=60))])
    house.runs.statuses = [Status.USER_ERROR]
    await house.put("r-late", accepted_at=house.clock.now - 61)
    await house.put("r-1")
    async with running(house.asynchronous()):
        await house.is_in(State.DEAD, "r-1", "r-late")

    assert house.runs.ids == ["r-1"]
    assert "longer than MsgTTL (60 s)" in (await house.kept("r-late")).event.history[-1].then
    house.terms.apply([FunctionGone(FUNCTION)])
    assert house.terms.config(FUNCTION.id) == EventConfig()


@pytest.mark.parametrize("stays", [False, True])
async def test_a_retry_goes_where_the_alias_leads_now_unless_it_is_to_stay(
    house: House, *, stays: bool
) -> None:
    if stays:
        house.terms.apply([RetryTargetKept(FUNCTION.id, "release", "first")])
    house.runs.statuses = [Status.USER_ERROR]
    await house.put("r-1")
    asynchronous = house.asynchronous()
    async with running(asynchronous):
        await house.is_in(State.DELAYED, "r-1")
        house.runs.version = "2"
        house.clock.now += 60
        asynchronous.wake()
        await house.is_in(State.FINISHED, "r-1")

    history = (await house.kept("r-1")).event.history
    assert [one.version for one in history] == ["1", "1" if stays else "2"]


async def test_an_event_that_the_platform_could_not_run_backs_off_and_counts_no_retry(
    house: House,
) -> None:
    house.runs.statuses = [Status.INTERNAL_ERROR] * 4
    await house.put("r-1")
    asynchronous = house.asynchronous()
    waits = []
    async with running(asynchronous):
        for _ in range(4):
            await house.is_in(State.DELAYED, "r-1")
            waits.append((await house.kept("r-1")).next_at - house.clock.now)
            house.clock.now += 300
            asynchronous.wake()
            await soon(lambda: len(house.runs.begun) > len(waits))
        await house.is_in(State.FINISHED, "r-1")

    assert waits == [1, 2, 4, 8]


async def test_a_function_that_has_no_room_is_given_fewer_events_and_then_a_pause(
    house: House,
) -> None:
    house.runs.statuses = [Status.CONCURRENCY_EXCEEDED] * 1000
    await house.put(*(f"r-{n}" for n in range(200)))
    asynchronous = house.asynchronous()
    async with running(asynchronous):
        await soon(lambda: len(house.runs.ended) >= 24)
        await asyncio.sleep(0.1)
        # Not each of them is sent against the wall, and back for a minute.
        assert len(house.runs.begun) < 60
        house.runs.statuses.clear()
        looked = house.queue.turns
        await asyncio.sleep(0.1)
        assert house.queue.turns - looked < 5  # and nobody asks again and again meanwhile
        house.clock.now += 100
        asynchronous.wake()
        await soon(lambda: len(house.runs.ended) >= 200)
        looked = house.queue.turns
        await asyncio.sleep(0.1)
        assert house.queue.turns - looked < 5


async def test_events_go_on_when_callers_leave_room_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huidu.invoke.asynchronous.AGAIN_S", 0.01)
    await house.put("r-1", "r-2", "r-3")
    house.runs.gate = asyncio.Event()
    spare = 0
    async with running(house.asynchronous(spare=lambda: spare)):
        await soon(lambda: len(house.runs.begun) == 1)
        await asyncio.sleep(0.05)
        assert house.runs.ids == ["r-1"]
        spare = 10  # and r-1 runs on
        await soon(lambda: len(house.runs.begun) == 3)
        house.runs.gate.set()
        await soon(gone(house))


@pytest.mark.parametrize("fails", [NotFound("FunctionName", "hello"), OSError("disk")], ids=repr)
async def test_what_is_refused_or_fails_without_an_outcome_has_a_status_all_the_same(
    house: House, fails: Exception
) -> None:
    house.runs.fails = fails
    await house.put("r-1")
    state = State.DEAD if isinstance(fails, NotFound) else State.DELAYED
    async with running(house.asynchronous()):
        await house.is_in(state, "r-1")

    assert (await house.kept("r-1")).status == (435 if state == State.DEAD else 500)


async def test_an_event_for_a_function_that_is_gone_is_not_run_by_its_namesake(
    house: House,
) -> None:
    await house.put("r-1", function_id="lam-gone")
    await house.put("r-2", routing_key="not JSON")
    await house.put("r-3")
    async with running(house.asynchronous()):
        await house.is_in(State.FINISHED, "r-3")
        await house.is_in(State.DEAD, "r-1", "r-2")

    assert house.runs.ids == ["r-3"]
    assert [(await house.kept(one)).status for one in ("r-1", "r-2")] == [435, 400]


@pytest.mark.parametrize("step", ["beginning", "turning"])
async def test_a_store_that_refuses_for_a_while_loses_nothing_and_runs_nothing_twice(
    house: House, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huidu.invoke.asynchronous.AGAIN_S", 0.01)
    await house.put("r-1", "r-2")
    getattr(house.queue, step).refusals = 2
    async with running(house.asynchronous()):
        await soon(lambda: len(house.runs.ended) == 2)
        house.queue.turning.refusals = 2
        await house.is_in(State.FINISHED, "r-1", "r-2")

    assert sorted(house.runs.ids) == ["r-1", "r-2"]


async def test_what_has_begun_comes_to_its_end_when_the_platform_closes(house: House) -> None:
    await house.put(*(f"r-{n}" for n in range(4)))
    gate = house.runs.gate = asyncio.Event()
    async with running(house.asynchronous(at_once=3)) as task:
        await soon(lambda: len(house.runs.begun) == 2)
        task.cancel()
        await turns()
        assert not task.done()
        gate.set()
        await asyncio.wait((task,))

    assert sorted(house.runs.ended) == ["r-0", "r-1"]
    states = [(await house.kept(f"r-{n}")).state for n in range(4)]
    assert states == [State.FINISHED] * 2 + [State.READY] * 2


async def test_a_platform_that_closes_does_not_wait_for_a_store_that_refuses(
    house: House,
) -> None:
    await house.put("r-1")
    gate = house.runs.gate = asyncio.Event()
    async with running(house.asynchronous()) as task:
        await soon(lambda: bool(house.runs.begun))
        house.queue.turning.refusals = 10**9
        task.cancel()
        gate.set()
        await asyncio.wait((task,))

    assert await house.queue.holds("r-1")


async def test_what_was_lent_as_the_platform_closes_is_no_attempt(house: House) -> None:
    await house.put("r-1")
    async with running(house.asynchronous()) as task:
        await turns()  # it begins, and asks for events
        task.cancel()
        await asyncio.wait((task,))

    kept = await house.kept("r-1")
    assert (kept.state, kept.event.attempts) in (
        (State.READY, 0),
        (State.FINISHED, 1),  # it was quick
    )


async def test_a_run_that_was_cut_off_is_run_again_after_the_restart(house: House) -> None:
    await house.put("r-1", "r-2")
    first = asyncio.create_task(house.asynchronous(at_once=1).run())
    house.runs.gate = asyncio.Event()
    await soon(lambda: house.runs.ids == ["r-1"])
    first.cancel()
    await turns()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()  # as when a process is killed: nothing more is written
    await asyncio.gather(first, return_exceptions=True)
    house.runs.gate = None
    async with running(house.asynchronous(owner="server-2")):
        await house.is_in(State.FINISHED, "r-1", "r-2")

    assert [(call.request_id, call.retry_number) for call in house.runs.begun] == [
        ("r-1", 0),
        ("r-1", 1),
        ("r-2", 0),
    ]


async def test_an_event_that_waits_is_ended_and_never_run(house: House) -> None:
    await house.put("r-1", "r-2")
    house.runs.gate = asyncio.Event()
    asynchronous = house.asynchronous(at_once=1)
    async with running(asynchronous):
        await soon(lambda: house.runs.ids == ["r-1"])
        assert await asynchronous.terminate("r-2", graceful=False) == State.READY
        assert await asynchronous.terminate("r-2", graceful=False) == State.ABORTED
        assert await asynchronous.terminate("r-9", graceful=False) is None
        house.runs.gate.set()
        await soon(gone(house))

    assert house.runs.ids == ["r-1"]


async def test_an_event_that_runs_is_killed_and_tried_no_more(house: House) -> None:
    await house.put("r-1")
    house.runs.gate = asyncio.Event()
    asynchronous = house.asynchronous()
    async with running(asynchronous):
        await soon(lambda: house.runs.ids == ["r-1"])
        assert await asynchronous.terminate("r-1", graceful=False) == State.RUNNING
        await house.is_in(State.ABORTED, "r-1")

    assert ((await house.kept("r-1")).status, house.interrupted) == (499, [])


async def test_an_event_that_is_killed_before_it_has_begun_holds_no_place(house: House) -> None:
    await house.put("r-1", "r-2")
    asynchronous = house.asynchronous(at_once=1)
    lend = asynchronous._begin

    def killed(event: QueuedEvent) -> None:
        lend(event)
        if event.request_id == "r-1":
            asynchronous._stopping[event.request_id] = False
            asynchronous._running[event.request_id].cancel()

    asynchronous._begin = killed  # type: ignore[method-assign]
    async with running(asynchronous):
        await soon(gone(house))

    assert (house.runs.ids, asynchronous.running) == (["r-2"], 0)
    assert (await house.kept("r-1")).state == State.ABORTED


@pytest.mark.parametrize(
    ("ends", "status"), [(Status.SUCCESS, 499), (Status.USER_ERROR, 499), (439, 439)]
)
async def test_an_event_that_is_told_to_end_is_over_however_it_does(
    house: House, ends: int, status: int
) -> None:
    await house.put("r-1")
    gate = house.runs.gate = asyncio.Event()
    house.runs.statuses = [ends]
    asynchronous = house.asynchronous()
    async with running(asynchronous):
        await soon(lambda: house.runs.ids == ["r-1"])
        assert await asynchronous.terminate("r-1", graceful=True) == State.RUNNING
        gate.set()
        await house.is_in(State.ABORTED, "r-1")

    assert ((await house.kept("r-1")).status, house.interrupted) == (status, ["r-1"])


async def test_leases_are_lengthened_while_events_run_and_late_ones_are_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huidu.invoke.asynchronous.TENDED_S", 0.01)
    house.terms.apply([EventConfigKept(FUNCTION.id, EventConfig(ttl_s=60))])
    await house.put("r-1", "r-2")
    gate = house.runs.gate = asyncio.Event()
    asynchronous = house.asynchronous(at_once=1)
    async with running(asynchronous):
        await soon(lambda: house.runs.ids == ["r-1"])
        house.clock.now += 61  # the first lease is over
        await house.is_in(State.DEAD, "r-2")
        gate.set()
        await house.is_in(State.FINISHED, "r-1")

    assert house.runs.ids == ["r-1"]


def test_what_waits_is_begun_by_who_was_there_first() -> None:
    one: QueuedEvent = event("r-1", accepted_at=5.0)
    assert (one.waits_since, event("r-2", accepted_at=5.0, since=7.0).waits_since) == (5.0, 7.0)
