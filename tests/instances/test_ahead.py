"""Ahead: where calls are short, an instance is given the next before it has answered one."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from huidu.instances.guests import Numbers
from huidu.instances.pool import Pool
from huidu.model.capacity import Limits
from tests.fakes import Clock, Nursery, Rooms, Sitter, turns

LIMITS = Limits(instances=1, waiting=10)


@dataclass
class Guest:
    """A call that waits, and what it was told."""

    alone: bool = False
    gone: bool = False
    seats: list[Sitter] = field(default_factory=list)

    def seated(self, instance: Sitter) -> None:
        self.seats.append(instance)

    def denied(self, why: BaseException) -> None:
        raise AssertionError(why)


class Scene:
    """A pool with one instance that can be sent calls ahead, and is idle."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.nursery = Nursery()
        self.pool = Pool(self.nursery.start, limits, Clock(), Rooms())

    async def one_idle(self, took_s: float = 0.0002) -> Sitter:
        first = Guest()
        self.pool.wait(first)
        self.nursery.ahead = True
        await turns()
        sitter = await self.nursery.deliver()
        sitter.took_s = took_s
        assert first.seats == [sitter]
        self.pool.give_back(sitter)
        return sitter

    def calls(self, count: int, *, alone: bool = False) -> list[Guest]:
        """Have so many calls come, each after the other."""
        guests = [Guest(alone=alone) for _ in range(count)]
        for guest in guests:
            instance = self.pool.seat(alone=alone)
            if instance is None:
                self.pool.wait(guest)
            else:
                guest.seated(instance)
        return guests


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_one_call_runs_one_is_sent_ahead_and_the_others_wait_in_line(scene: Scene) -> None:
    await scene.one_idle()

    guests = scene.calls(4)

    assert [len(guest.seats) for guest in guests] == [1, 1, 0, 0]
    assert scene.pool.numbers == Numbers(busy=1, waiting=2)


async def test_each_answer_sends_the_next_ahead_in_the_order_in_which_they_came(
    scene: Scene,
) -> None:
    sitter = await scene.one_idle()
    guests = scene.calls(5)

    for seated in (3, 4, 5):
        scene.pool.give_back(sitter)
        assert [len(guest.seats) for guest in guests] == [1] * seated + [0] * (5 - seated)
    scene.pool.give_back(sitter)
    assert scene.pool.numbers == Numbers(busy=1)
    scene.pool.give_back(sitter)
    assert scene.pool.numbers == Numbers(idle=1)


@pytest.mark.parametrize(("took_s", "ahead"), [(0.0001, 2), (0.00003, 7), (0.0, 7)])
async def test_of_calls_that_are_shorter_still_more_are_sent_ahead(
    scene: Scene, took_s: float, ahead: int
) -> None:
    sitter = await scene.one_idle(took_s=took_s)
    guests = scene.calls(10)

    for back in range(10):
        seated = min(10, 1 + ahead + back)
        assert [len(guest.seats) for guest in guests] == [1] * seated + [0] * (10 - seated)
        scene.pool.give_back(sitter)
    assert scene.pool.numbers == Numbers(idle=1)


async def test_after_a_call_that_took_long_one_is_sent_ahead_for_a_while(scene: Scene) -> None:
    sitter = await scene.one_idle(took_s=0.00002)

    def sent() -> int:
        guests = scene.calls(4)
        seated = sum(len(guest.seats) for guest in guests)
        for _ in guests:
            scene.pool.give_back(sitter)
        return seated

    assert sent() == 4
    scene.calls(1)
    sitter.took_s = 0.02
    scene.pool.give_back(sitter)
    sitter.took_s = 0.00002
    seen = [sent() for _ in range(30)]

    assert seen[0] == 1, "calls are long of late"
    assert 2 in seen, "they are short again, and one was long"
    assert seen[-1] == 4
    assert seen == sorted(seen)


async def test_all_instances_are_sent_calls_in_turn() -> None:
    scene = Scene(Limits(instances=2, waiting=10))
    first = await scene.one_idle(took_s=0.00002)
    busy = scene.calls(1)
    scene.pool.wait(Guest(alone=True))
    scene.pool.provide(2)
    await turns()
    second = await scene.nursery.deliver()
    second.took_s = 0.00002

    seats = [guest.seats[0] for guest in scene.calls(4)]

    assert busy[0].seats == [first]
    assert seats == [first, second, first, second]


async def test_where_calls_are_long_nobody_waits_within_an_instance(scene: Scene) -> None:
    await scene.one_idle(took_s=0.005)

    guests = scene.calls(2)

    assert [len(guest.seats) for guest in guests] == [1, 0]


async def test_one_long_call_keeps_those_behind_it_in_the_line(scene: Scene) -> None:
    sitter = await scene.one_idle()
    guests = scene.calls(4)

    sitter.took_s = 0.1
    scene.pool.give_back(sitter)

    assert [len(guest.seats) for guest in guests] == [1, 1, 0, 0]
    scene.pool.give_back(sitter)
    assert [len(guest.seats) for guest in guests] == [1, 1, 1, 0]


async def test_who_is_to_be_alone_waits_for_its_turn_and_nobody_overtakes_it(
    scene: Scene,
) -> None:
    sitter = await scene.one_idle()
    first, second = scene.calls(2, alone=True)
    third = scene.calls(1)[0]

    assert [len(one.seats) for one in (first, second, third)] == [1, 0, 0]
    scene.pool.give_back(sitter)
    assert [len(one.seats) for one in (first, second, third)] == [1, 1, 1]


async def test_where_nobody_may_wait_nobody_waits_within_an_instance_either() -> None:
    scene = Scene(Limits(instances=1, waiting=0))
    await scene.one_idle()

    assert scene.pool.seat(alone=False) is not None
    assert scene.pool.seat(alone=False) is None


async def test_an_instance_that_ends_with_two_calls_is_let_go_once_both_came_back(
    scene: Scene,
) -> None:
    sitter = await scene.one_idle()
    scene.calls(3)

    sitter.die()
    scene.pool.give_back(sitter)
    assert scene.pool.numbers.ready == 1
    scene.pool.give_back(sitter)
    await turns()

    assert scene.pool.numbers.ready == 0
    assert scene.pool.numbers.starting == 1


async def test_an_instance_owed_to_others_is_sent_nothing_more(scene: Scene) -> None:
    sitter = await scene.one_idle()
    guests = scene.calls(3)

    scene.pool.owe()
    scene.pool.give_back(sitter)

    assert [len(guest.seats) for guest in guests] == [1, 1, 0]
