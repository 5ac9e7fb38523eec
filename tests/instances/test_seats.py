"""Seats: several calls on one instance, and what then still holds."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.instances.guests import Numbers
from huidu.instances.pool import Pool
from huidu.model.capacity import Busy, Limits, Retired, Scene, plan
from tests.fakes import Clock, Nursery, Rooms, Sitter, turns

LIMITS = Limits(instances=3, waiting=4, idle_s=60, patience_ms=5, linger_ms=20, seats=3)
STEPS = st.sampled_from(
    ["call", "call", "call", "back", "back", "leave", "die", "deliver", "wait", "long", "owe"]
)


class Room:
    """A pool with seats, and everything that a test moves by hand."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.clock, self.nursery, self.rooms = Clock(), Nursery(), Rooms(100)
        self.pool = Pool(self.nursery.start, limits, self.clock, self.rooms)
        self.limits = limits
        self.calls: list[asyncio.Task[Sitter]] = []
        self.guests: Counter[str] = Counter()
        self.stopped: set[str] = set()
        self.sitters: list[Sitter] = []

    async def call(self) -> asyncio.Task[Sitter]:
        task = asyncio.create_task(self.pool.take())
        self.calls.append(task)
        await turns()
        return task

    async def deliver(self) -> Sitter:
        self.sitters.append(await self.nursery.deliver())
        return self.sitters[-1]

    @property
    def seated(self) -> list[asyncio.Task[Sitter]]:
        return [t for t in self.calls if t.done() and not t.cancelled() and not t.exception()]

    async def back(self, task: asyncio.Task[Sitter]) -> None:
        self.calls.remove(task)
        self.pool.give_back(task.result())
        await turns()

    async def step(self, what: str) -> None:
        waiting = [task for task in self.calls if not task.done()]
        if what == "call":
            await self.call()
        elif what == "back" and self.seated:
            await self.back(self.seated[0])
        elif what == "leave" and waiting:
            waiting[-1].cancel()
        elif what == "die" and self.sitters:
            self.sitters.pop(0).die()
        elif what == "deliver" and self.nursery.expected:
            await self.deliver()
        elif what == "owe":
            self.pool.owe()
        elif what in ("wait", "long"):
            self.clock.move(0.03 if what == "wait" else 100)
        await turns()

    def check(self) -> None:
        """Never more than its seats on an instance, and none with a guest let go."""
        guests = Counter(task.result() for task in self.seated)
        assert all(count <= self.limits.seats for count in guests.values())
        assert all(sitter.alive or sitter not in self.sitters for sitter in guests)


@given(st.lists(STEPS, max_size=60))
def test_no_call_is_lost_and_no_instance_has_more_than_its_seats(steps: list[str]) -> None:
    async def play() -> None:
        room = Room()
        for what in steps:
            await room.step(what)
            room.check()
        room.pool.forgive()
        for _ in range(200):  # whoever waits is served, however it went before
            if not room.pool.numbers.waiting:
                break
            room.clock.move(2)
            await room.step("deliver")
            await room.step("back")
            room.check()
        assert not room.pool.numbers.waiting
        for task in room.calls:
            assert task.done()
            assert task.cancelled() or not task.exception() or isinstance(task.exception(), Busy)

    asyncio.run(play())


async def test_calls_sit_together_before_a_second_instance_is_started() -> None:
    room = Room()
    first, second, third = [await room.call() for _ in range(3)]
    instance = await room.deliver()

    assert {await first, await second, await third} == {instance}
    assert room.pool.numbers == Numbers(busy=1)
    await room.call()
    room.clock.move(0.03)
    await turns()
    assert len(room.nursery.expected) == 1


async def test_a_seat_beside_others_is_taken_before_an_idle_instance() -> None:
    room = Room()
    for _ in range(4):
        await room.call()
    await room.deliver()
    room.clock.move(0.03)
    await turns()
    await room.deliver()
    (fuller,) = {t.result() for t in room.seated[:3]}
    await room.back(room.seated[3])
    assert room.pool.numbers == Numbers(idle=1, busy=1)
    await room.back(room.seated[0])

    assert (await room.call()).result() is fuller
    assert room.pool.numbers == Numbers(idle=1, busy=1)


async def test_an_instance_that_ends_takes_nobody_more_and_leaves_with_its_last_guest() -> None:
    room = Room()
    first, second = [await room.call() for _ in range(2)]
    instance = await room.deliver()
    instance.die()
    third = await room.call()

    await room.back(first)
    assert room.pool.numbers.busy == 1
    await room.back(second)
    assert room.pool.numbers.busy == 0
    room.clock.move(0.03)
    await turns()
    assert await room.deliver() is await third


async def test_an_instance_that_is_owed_takes_nobody_more() -> None:
    room = Room()
    first = await room.call()
    await room.deliver()
    assert first.done()
    room.pool.owe()
    await room.call()
    assert room.pool.numbers == Numbers(busy=1, waiting=1)

    await room.back(first)
    await turns()
    assert room.pool.numbers.instances - room.pool.numbers.starting == 0


async def test_the_line_is_as_long_as_the_seats_that_may_come() -> None:
    room = Room(replace(LIMITS, waiting=0, instances=1))
    for _ in range(3):
        await room.call()
    with pytest.raises(Busy):
        await room.pool.take()
    room.pool.end()
    with pytest.raises(Retired):
        await room.pool.take()
    await turns()


@given(
    st.integers(1, 5),
    st.integers(0, 12),
    st.lists(st.integers(1, 4), max_size=3),
    st.integers(0, 3),
    st.integers(0, 4),
)
def test_a_plan_fills_no_seat_twice(
    seats: int, line: int, free: list[int], idle: int, owed: int
) -> None:
    open_ = {f"o{place}": min(count, seats) for place, count in enumerate(free)}
    scene = Scene(
        line=dict.fromkeys(range(line), 0.0),
        idle={f"i{place}": 0.0 for place in range(idle)},
        busy=len(open_),
        room=10,
        owed=owed,
        open=open_,
    )
    made = plan(scene, replace(LIMITS, seats=seats, idle_s=5), 1.0)
    taken = Counter(name for _, name in made.assign)
    left = max(0, len(open_) + idle - owed)

    assert [call for call, _ in made.assign] == list(range(len(made.assign)))
    assert all(count <= open_.get(name, seats) for name, count in taken.items())
    assert not set(made.stop) & set(taken)
    assert len(taken) <= left
    if len(made.assign) < line:
        assert made.start or made.assign or scene.busy or made.wake_at < 10


async def test_an_instance_that_always_has_a_guest_is_too_old_some_day_as_well() -> None:
    room = Room(replace(LIMITS, max_age_s=100))
    guest = await room.call()
    first = await room.deliver()
    for _ in range(4):
        room.clock.move(33)
        other = await room.call()
        assert other.result() is first
        await room.back(guest)
        guest = other
    assert room.pool.numbers.starting == 1, "it serves until its successor is there"

    second = await room.deliver()
    last = await room.call()
    assert last.result() is second
    await room.back(guest)

    assert not first.alive
    await room.back(last)
