"""Beyond capacity: lines are bounded whatever comes, and who left before his turn is not run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from huidu.instances.pool import Pool
from huidu.model.capacity import Busy, Limits, Retired
from tests.fakes import Clock, Nursery, Rooms, Sitter, turns


@dataclass
class Guest:
    """A call that waits, and what it was told."""

    alone: bool = False
    gone: bool = False
    seats: list[Sitter] = field(default_factory=list)

    def seated(self, instance: Sitter) -> None:
        assert not self.seats
        self.seats.append(instance)

    def denied(self, why: BaseException) -> None:
        assert isinstance(why, Retired)


class Door:
    """A pool, those who have come, and what each of them has."""

    def __init__(self, limits: Limits, room: int) -> None:
        self.limits, self.room = limits, room
        self.nursery = Nursery()
        self.pool = Pool(self.nursery.start, limits, Clock(), Rooms(room))
        self.waiting: dict[int, Guest] = {}
        self.running: list[Sitter] = []
        self.refused = 0

    def come(self) -> None:
        instance = self.pool.seat()
        if instance is not None:
            self.running.append(instance)
            return
        guest = Guest()
        try:
            place = self.pool.wait(guest)
        except Busy:
            self.refused += 1
        else:
            self.waiting[place] = guest

    def leave(self) -> None:
        if self.waiting:
            place, guest = self.waiting.popitem()
            assert self.pool.leave(place) is (not guest.seats)
            self.running += guest.seats

    def end(self) -> None:
        if self.running:
            self.pool.give_back(self.running.pop(0))

    async def start(self) -> None:
        await turns()
        if self.nursery.expected:
            await self.nursery.deliver()

    def look(self) -> None:
        for place in [place for place, guest in self.waiting.items() if guest.seats]:
            self.running += self.waiting.pop(place).seats
        numbers = self.pool.numbers
        assert numbers.waiting == len(self.waiting)
        most = max(1, min(self.limits.instances, self.room))
        assert numbers.instances <= most
        assert numbers.waiting <= self.limits.waiting + most


STEPS = st.lists(st.sampled_from(["come", "come", "crowd", "leave", "end", "start"]), max_size=40)


@settings(max_examples=60, deadline=None)
@given(waiting=st.integers(0, 5), instances=st.integers(1, 4), room=st.integers(1, 4), steps=STEPS)
def test_no_line_is_longer_than_its_limit_and_what_is_still_to_start(
    waiting: int, instances: int, room: int, steps: list[str]
) -> None:
    async def walk() -> None:
        door = Door(Limits(waiting=waiting, instances=instances), room)
        for step in steps:
            if step == "start":
                await door.start()
            else:
                for _ in range(30 if step == "crowd" else 1):
                    getattr(door, "come" if step == "crowd" else step)()
            door.look()
        door.pool.end()
        await turns()

    asyncio.run(walk())


async def test_a_place_in_line_that_was_left_is_free_for_the_next() -> None:
    door = Door(Limits(waiting=2, instances=1), room=1)
    door.come()
    await door.start()
    door.look()
    for _ in range(3):
        door.come()
    assert (len(door.waiting), door.refused) == (2, 1)

    door.leave()
    door.come()

    assert (len(door.waiting), door.refused) == (2, 1)
