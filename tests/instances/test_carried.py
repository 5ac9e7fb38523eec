"""Whatever befalls calls and instances: no call is lost, told twice, run twice or left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from huidu.instances.claim import Carriage
from huidu.instances.instance import NOBODY
from huidu.instances.living import Rider
from huidu.instances.outcomes import Ending, StartFailed
from huidu.instances.pool import Pool
from huidu.invoke.flight import Answered, Flight
from huidu.invoke.invoker import Invoker
from huidu.invoke.routes import Routes
from huidu.model.capacity import Limits, Stopped
from huidu.model.carrying import Passenger
from huidu.model.effect import AliasKept, FunctionKept, VersionKept
from huidu.model.invocation import Outcome
from huidu.model.task import Task
from huidu.model.version import Version
from tests.fakes import Clock, Nursery, Rooms, Sitter, turns
from tests.fakes_store import FUNCTION, Kept, alias, invocation, version

LIMITS = Limits(instances=3, waiting=6, idle_s=5)
FINE, ENDED = Outcome(status=200, result='"ok"'), Outcome(status=439, result="{}")
SHORT_S, LONG_S = 0.0001, 0.005
#: What befalls a pool from outside; one that is ended has its alias lead to it still.
ORDERS: Sequence[Callable[[Pool[Worker]], None]] = (
    lambda pool: pool.end(),
    lambda pool: pool.revive(),
    lambda pool: pool.owe(),
    lambda pool: pool.provide(2),
    lambda pool: pool.provide(0),
    lambda pool: pool.stop(Stopped(64, 128)),
    lambda pool: pool.stop(None),
)


@dataclass(eq=False)
class Turn:
    """A call that a worker has."""

    worker: Worker
    task: Task
    rider: Rider

    def leave(self) -> None:
        self.rider = NOBODY
        self.worker.left(self)


class Worker(Sitter):
    """An instance that runs calls as a real one does, and answers when a test says so."""

    def __init__(self, name: str, of: Version) -> None:
        super().__init__(name)
        self.of = of
        self.turns: list[Turn] = []
        self.most_ahead = 0
        self.ran: list[str] = []  #: The calls that began.

    @property
    def ahead(self) -> bool:
        return len(self.turns) <= self.most_ahead > 0

    @ahead.setter
    def ahead(self, takes: bool) -> None:
        self.most_ahead = 3 if takes else 0

    def start(self, task: Task, rider: Rider) -> Turn:
        assert self.alive, "an instance that is dead was given a call"
        assert task.version == self.of, "a call was given to a version that is not its own"
        assert len(self.turns) < 1 + self.most_ahead, "an instance has more calls than it can have"
        turn = Turn(self, task, rider)
        self.turns.append(turn)
        if len(self.turns) == 1:
            self._begin(turn)
        return turn

    def answer(self, took_s: float) -> None:
        """Answer the call that runs, and begin with the one that was sent ahead."""
        turn = self.turns.pop(0)
        self.took_s = took_s
        if self.turns:
            ahead = self.turns[0]
            self._begin(ahead)
            if ahead.rider is NOBODY:
                self.end(unread=False)
        turn.rider.hears(FINE)

    def left(self, turn: Turn) -> None:
        if turn in self.turns[:1]:
            self.end(unread=False)
        elif turn in self.turns and self.alive:
            self.die()

    def end(self, *, unread: bool) -> None:
        """Die; `unread`: so that the newest call was certainly not begun."""
        if self.alive:
            self.die()
        self.ahead = False
        loop, had = asyncio.get_running_loop(), [*self.turns]
        self.turns.clear()
        for turn in had[1:]:
            loop.call_soon(turn.rider.hears, None)
        if had and had[0].rider is not NOBODY:
            never = unread and len(had) == 1
            if never:
                self.ran.remove(had[0].task.invocation.request_id)
            loop.call_soon(had[0].rider.hears, None if never else ENDED)

    async def stop(self) -> None:
        self.end(unread=False)

    def _begin(self, turn: Turn) -> None:
        self.ran.append(turn.task.invocation.request_id)
        turn.rider.begins()


@dataclass
class Caller:
    """Who called, and what he was told."""

    name: str
    told: list[Answered | Exception] = field(default_factory=list)
    left: bool = False
    under_way: Flight | None = None

    def answered(self, answered: Answered) -> None:
        self.told.append(answered)

    def failed(self, error: Exception) -> None:
        self.told.append(error)


class Place:
    """The pool of one version, and all the workers that it ever had."""

    def __init__(self, of: Version, clock: Clock) -> None:
        self.nursery = Nursery()
        self.workers: list[Worker] = []
        self.pool: Pool[Worker] = Pool(self._start, LIMITS, clock, Rooms(4))
        self._of = of

    @property
    def awaits(self) -> bool:
        """Whether somebody still waits for an instance to start."""
        coming = self.nursery.expected
        coming[:] = [one for one in coming if not one.done()]
        return bool(coming)

    async def _start(self) -> Worker:
        sitter = await self.nursery.start()
        worker = Worker(sitter.name, self._of)
        worker.ahead = True
        self.workers.append(worker)
        return worker


class Places:
    """A fleet of as many pools as there are versions."""

    def __init__(self, clock: Clock) -> None:
        self.places = {n: Place(version(n), clock) for n in ("1", "2")}

    def carry(self, wanted: Version, passenger: Passenger, *, later: bool = False) -> Carriage:
        carriage = Carriage(cast("Any", self._pool), wanted, passenger, later=later)
        carriage.go()
        return carriage

    def _pool(self, wanted: Version) -> Pool[Worker]:
        return self.places[wanted.number].pool


class Carrying(RuleBasedStateMachine):
    """Calls come and leave, instances come, answer and die, versions go; a loop turns at times."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.wrong: list[object] = []
        self.loop.set_exception_handler(lambda _, said: self.wrong.append(said))
        self.clock, self.kept, self.callers = Clock(), Kept(), list[Caller]()
        self.fleet = Places(self.clock)
        self.at = "1"
        self.routes = Routes(lambda: 0.5)
        known = [VersionKept(version(number)) for number in ("1", "2")]
        self.routes.apply([FunctionKept(FUNCTION), *known, AliasKept(alias())])
        self.invoker = Invoker(
            table=self.routes,
            fleet=self.fleet,  # type: ignore[arg-type] # nothing is claimed
            recorder=self.kept,
            clock=self.clock.time,
            timer=self.clock.time,
        )

    def run(self, does: object, *told: object, **more: object) -> None:
        """Have something done within the loop, and the loop not turn for it."""

        async def go() -> None:
            does(*told, **more)  # type: ignore[operator]

        self.loop.run_until_complete(go())

    @property
    def busy(self) -> list[Worker]:
        return [one for place in self.fleet.places.values() for one in place.workers if one.turns]

    @property
    def living(self) -> list[Worker]:
        return [one for place in self.fleet.places.values() for one in place.workers if one.alive]

    @property
    def waiting(self) -> list[Caller]:
        return [one for one in self.callers if not one.told and not one.left]

    @initialize()
    def begin(self) -> None:
        """Have one instance idle, of which it is known that its calls are short."""
        self.call(1)
        self.turn(6)
        self.deliver("1", fails=False)
        self.run(self.busy[0].answer, SHORT_S)

    @rule(number=st.integers(1, 4))
    def call(self, number: int) -> None:
        for _ in range(number):
            self.run(self._call, later=False)

    @rule()
    def call_later(self) -> None:
        self.run(self._call, later=True)

    def _call(self, *, later: bool) -> None:
        caller = Caller(f"r-{len(self.callers)}")
        self.callers.append(caller)
        asked = invocation(request_id=caller.name, later=later)
        caller.under_way = self.invoker.begin(asked, caller)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), number=st.integers(1, 2))
    def leave(self, data: st.DataObject, number: int) -> None:
        """Have callers leave in the same moment."""
        chosen = [data.draw(st.sampled_from(self.waiting)) for _ in range(number)]

        self.run(self._leave, chosen)

    def _leave(self, chosen: Sequence[Caller]) -> None:
        for caller in chosen:
            if caller.under_way is not None and not caller.told:
                caller.left = True
                caller.under_way.leave()

    @rule(at=st.sampled_from("12"), fails=st.sampled_from([False, False, False, True]))
    def deliver(self, at: str, *, fails: bool) -> None:
        place = self.fleet.places[at]
        nursery = place.nursery
        if not place.awaits:
            return
        broken = StartFailed(Ending(status=437, message="no handler"))
        self.loop.run_until_complete(nursery.fail(broken) if fails else nursery.deliver())

    @precondition(lambda self: self.busy)
    @rule(data=st.data(), took_s=st.sampled_from([SHORT_S, SHORT_S, SHORT_S, LONG_S]))
    def answer(self, data: st.DataObject, took_s: float) -> None:
        self.run(data.draw(st.sampled_from(self.busy)).answer, took_s)

    @precondition(lambda self: self.living)
    @rule(data=st.data(), unread=st.booleans())
    def die(self, data: st.DataObject, *, unread: bool) -> None:
        self.run(data.draw(st.sampled_from(self.living)).end, unread=unread)

    @precondition(lambda self: self.living)
    @rule(data=st.data())
    def mix_up(self, data: st.DataObject) -> None:
        """Have an instance print what does not say of which call it is."""
        worker = data.draw(st.sampled_from(self.living))
        if len(worker.turns) < 2:
            worker.ahead = False

    @rule(at=st.sampled_from("12"))
    def retire(self, at: str) -> None:
        """Have a version go as a release does: the alias first."""
        other = "2" if at == "1" else "1"
        self.at = other
        self.fleet.places[other].pool.revive()
        self.routes.apply([AliasKept(alias(at=other))])
        self.run(self.fleet.places[at].pool.retire)

    @rule(at=st.sampled_from("12"), order=st.sampled_from(ORDERS))
    def order(self, at: str, order: Callable[[Pool[Worker]], None]) -> None:
        self.run(order, self.fleet.places[at].pool)

    @rule(seconds=st.sampled_from([0.006, 0.03, 6.0]))
    def wait(self, seconds: float) -> None:
        self.run(self.clock.move, seconds)

    @rule(number=st.integers(1, 3))
    def turn(self, number: int) -> None:
        self.loop.run_until_complete(turns(number))

    @invariant()
    def nobody_is_told_twice_or_run_twice(self) -> None:
        assert not self.wrong
        assert all(len(one.told) <= 1 - one.left for one in self.callers)
        ran = [
            name for place in self.fleet.places.values() for w in place.workers for name in w.ran
        ]
        assert len(set(ran)) == len(ran)

    @invariant()
    def a_pool_knows_who_is_busy(self) -> None:
        for place in self.fleet.places.values():
            crew, held = place.pool.crew, place.pool.numbers
            assert held.busy >= 0
            idle = [one for one in place.workers if one.name in crew.idle]
            assert not any(one.turns for one in idle)

    def teardown(self) -> None:
        try:
            self.loop.run_until_complete(self._come_to_an_end())
        finally:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(turns())
            self.loop.close()

    async def _come_to_an_end(self) -> None:
        """Let all go on, and see that nothing is left."""
        places = self.fleet.places.values()
        for place in places:
            place.pool.revive()
            place.pool.stop(None)
            place.pool.provide(0)
        for _ in range(60):
            await turns()
            for place in places:
                if place.awaits:
                    await place.nursery.deliver()
            for worker in self.busy:
                worker.answer(SHORT_S)
            self.clock.move(0.05)
        self.nobody_is_told_twice_or_run_twice()
        assert not self.waiting
        assert self.kept.running == []
        assert sorted(one.request_id for one in self.kept.records) == sorted(
            one.name for one in self.callers
        )
        for place in places:
            held = place.pool.numbers
            assert (held.busy, held.waiting) == (0, 0)
            place.pool.end()
            for coming in place.nursery.expected:
                coming.cancel()
        await turns()
        assert all(place.pool.empty for place in places)


Carrying.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[*HealthCheck],
)
TestCarrying = Carrying.TestCase


def test_two_that_have_one_instance_and_leave_in_one_moment_are_not_run_again() -> None:
    carrying = Carrying()
    carrying.begin()
    carrying.call(2)

    carrying.run(carrying._leave, carrying.waiting)

    carrying.teardown()
    ran = [
        name for place in carrying.fleet.places.values() for w in place.workers for name in w.ran
    ]
    assert ran == ["r-0", "r-1"]


def test_who_leaves_as_it_is_told_that_there_is_no_instance_goes_to_no_other() -> None:
    carrying = Carrying()
    carrying.call(1)
    pool = carrying.fleet.places["1"].pool

    def go() -> None:
        pool.end()
        pool.revive()
        carrying._leave(carrying.waiting)

    carrying.run(go)

    carrying.turn(3)
    assert not carrying.fleet.places["1"].awaits
    carrying.teardown()
