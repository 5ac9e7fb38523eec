"""The pool: who sits where, who waits, who is let go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from huidu.instances.guests import Numbers
from huidu.instances.outcomes import Ending, StartFailed
from huidu.instances.pool import Pool
from huidu.model.capacity import ASK_AGAIN_S, NEVER, Busy, Limits, Retired, Stopped
from tests.fakes import Clock, Nursery, Rooms, Sitter, turns

LIMITS = Limits(instances=3, waiting=3, idle_s=60, patience_ms=5, linger_ms=20)
BROKEN = StartFailed(Ending(status=437, message="no handler"))


class Scene:
    """A pool, and everything that a test moves by hand."""

    def __init__(self, limits: Limits = LIMITS, room: int = 100) -> None:
        self.clock, self.nursery, self.rooms = Clock(), Nursery(), Rooms(room)
        self.pool = Pool(self.nursery.start, limits, self.clock, self.rooms)

    async def call(self) -> asyncio.Task[Sitter]:
        task = asyncio.create_task(self.pool.take())
        await turns()
        return task

    async def one_idle(self) -> Sitter:
        """Have one instance that was used, and is idle."""
        first = await self.call()
        await self.nursery.deliver()
        self.pool.give_back(await first)
        return await first


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_the_first_caller_has_an_instance_started_and_gets_it(scene: Scene) -> None:
    caller = await scene.call()
    assert scene.pool.numbers == Numbers(starting=1, waiting=1)

    instance = await scene.nursery.deliver()

    assert await caller is instance
    assert scene.pool.numbers == Numbers(busy=1)


async def test_an_instance_that_comes_back_is_lent_again(scene: Scene) -> None:
    instance = await scene.one_idle()

    assert await scene.pool.take() is instance
    assert scene.nursery.expected == []


async def test_the_instance_that_was_used_last_is_lent_first(scene: Scene) -> None:
    callers = [await scene.call(), await scene.call()]
    scene.clock.move(0.006)
    await turns()
    one, two = [await scene.nursery.deliver(), await scene.nursery.deliver()]
    await asyncio.gather(*callers)

    scene.pool.give_back(two)
    scene.pool.give_back(one)

    assert await scene.pool.take() is one


async def test_a_caller_waits_for_the_busy_instance_before_another_is_started(
    scene: Scene,
) -> None:
    instance = await scene.one_idle()
    await scene.pool.take()
    waiting = await scene.call()

    scene.clock.move(0.004)
    scene.pool.give_back(instance)

    assert await waiting is instance
    assert scene.nursery.expected == []


async def test_a_caller_that_waits_too_long_has_another_started(scene: Scene) -> None:
    await scene.one_idle()
    await scene.pool.take()
    waiting = await scene.call()

    scene.clock.move(0.021)
    await turns()
    another = await scene.nursery.deliver()

    assert await waiting is another


async def test_one_more_than_may_wait_is_told_so() -> None:
    scene = Scene(Limits(instances=1, waiting=2))
    for _ in range(3):
        await scene.call()

    with pytest.raises(Busy, match="every instance is busy, and 3 calls wait for one already"):
        await scene.pool.take()
    await scene.nursery.deliver()
    with pytest.raises(Busy, match="2 calls"):
        await scene.pool.take()


async def test_those_that_wait_for_instances_that_cannot_be_are_counted_as_waiting() -> None:
    scene = Scene(Limits(instances=100, waiting=2), room=1)
    for _ in range(3):
        await scene.call()

    with pytest.raises(Busy):
        await scene.pool.take()


async def test_where_nobody_may_wait_the_first_call_still_waits_for_its_instance() -> None:
    scene = Scene(Limits(instances=1, waiting=0))
    caller = await scene.call()

    with pytest.raises(Busy):
        await scene.pool.take()
    assert await scene.nursery.deliver() is await caller
    with pytest.raises(Busy):
        await scene.pool.take()


async def test_a_caller_that_leaves_the_line_takes_no_seat_with_it(scene: Scene) -> None:
    leaver, stayer = await scene.call(), await scene.call()

    leaver.cancel()
    await turns()
    instance = await scene.nursery.deliver()

    assert await stayer is instance
    assert leaver.cancelled()


async def test_a_caller_that_leaves_as_its_seat_comes_hands_it_on(scene: Scene) -> None:
    instance = await scene.one_idle()
    await scene.pool.take()
    leaver, stayer = await scene.call(), await scene.call()

    scene.pool.give_back(instance)
    leaver.cancel()

    assert await stayer is instance
    assert leaver.cancelled()


async def test_a_seat_that_comes_just_after_its_caller_left_goes_to_the_next(
    scene: Scene,
) -> None:
    instance = await scene.one_idle()
    await scene.pool.take()
    leaver, stayer = await scene.call(), await scene.call()

    leaver.cancel()
    scene.pool.give_back(instance)

    assert await stayer is instance
    assert leaver.cancelled()


async def test_the_last_caller_to_leave_leaves_the_instance_idle(scene: Scene) -> None:
    leaver = await scene.call()
    leaver.cancel()
    await turns()
    await scene.nursery.deliver()

    assert scene.pool.numbers == Numbers(idle=1)


async def test_a_failed_start_is_told_to_all_who_waited_for_it_when_nobody_can_serve_them(
    scene: Scene,
) -> None:
    callers = [await scene.call(), await scene.call()]
    scene.clock.move(0.001)
    late = await scene.call()

    await scene.nursery.fail(BROKEN)

    for caller in callers:
        with pytest.raises(StartFailed):
            await caller
    assert not late.done()
    assert scene.pool.numbers == Numbers(starting=1, waiting=1)
    await scene.nursery.fail(BROKEN)
    with pytest.raises(StartFailed):
        await late
    assert scene.pool.empty
    assert scene.rooms.room == 100


async def test_a_failed_start_is_told_to_the_oldest_where_others_can_still_be_served(
    scene: Scene,
) -> None:
    await scene.one_idle()
    await scene.pool.take()
    oldest, younger = await scene.call(), await scene.call()
    scene.clock.move(0.021)
    await turns()

    await scene.nursery.fail(BROKEN)

    assert oldest.done()
    assert not younger.done()
    with pytest.raises(StartFailed):
        await oldest


async def test_a_caller_that_leaves_as_it_is_told_of_a_failure_just_leaves(scene: Scene) -> None:
    leaver = await scene.call()

    scene.nursery.expected.pop().set_exception(BROKEN)
    await turns(2)
    leaver.cancel()
    await turns()

    assert leaver.cancelled() or leaver.exception() is BROKEN
    assert scene.pool.empty


async def test_an_instance_that_comes_back_dead_is_replaced(scene: Scene) -> None:
    instance = await scene.one_idle()
    await scene.pool.take()
    waiting = await scene.call()

    instance.die()
    scene.pool.give_back(instance)
    await turns()
    another = await scene.nursery.deliver()

    assert await waiting is another
    assert scene.rooms.room == 99


async def test_an_idle_instance_that_dies_is_lent_to_nobody(scene: Scene) -> None:
    instance = await scene.one_idle()

    instance.die()
    await turns()

    assert scene.pool.empty
    assert scene.rooms.room == 100


async def test_an_instance_that_nobody_wants_is_let_go(scene: Scene) -> None:
    await scene.one_idle()

    scene.clock.move(59)
    assert scene.pool.numbers == Numbers(idle=1)
    scene.clock.move(1)
    await turns()

    assert scene.pool.empty


async def test_a_retired_pool_takes_no_new_calls_and_ends_when_the_last_one_has(
    scene: Scene,
) -> None:
    instance = await scene.one_idle()
    await scene.pool.take()
    waiting = await scene.call()
    scene.pool.retire()
    drained = asyncio.create_task(scene.pool.drained())

    with pytest.raises(Retired, match="takes no new calls"):
        await scene.pool.take()
    with pytest.raises(Retired):
        await scene.pool.warm(1)
    scene.pool.give_back(instance)
    assert await waiting is instance
    assert not drained.done()
    scene.pool.give_back(instance)

    await drained
    assert scene.pool.empty


async def test_a_pool_can_come_back_from_retirement(scene: Scene) -> None:
    await scene.one_idle()
    await scene.pool.take()
    scene.pool.retire()
    scene.pool.revive()

    caller = await scene.call()

    assert not caller.done()
    caller.cancel()


async def test_an_ended_pool_ends_what_waits_what_starts_and_what_runs(scene: Scene) -> None:
    instance = await scene.one_idle()
    await scene.pool.take()
    waiting = await scene.call()
    scene.clock.move(0.021)
    await turns()
    assert scene.pool.numbers == Numbers(busy=1, starting=1, waiting=1)

    scene.pool.end()
    await scene.pool.drained()
    scene.pool.give_back(instance)

    with pytest.raises(Retired):
        await waiting
    assert not instance.alive
    assert scene.pool.empty
    assert scene.rooms.room == 100


async def test_warming_starts_instances_ahead_of_any_call(scene: Scene) -> None:
    warming = asyncio.create_task(scene.pool.warm(2))
    await turns()
    await scene.nursery.deliver()
    assert not warming.done()
    await scene.nursery.deliver()

    await warming
    assert scene.pool.numbers == Numbers(idle=2)


async def test_warming_goes_no_further_than_the_limit(scene: Scene) -> None:
    warming = asyncio.create_task(scene.pool.warm(99))
    await turns()
    for _ in range(3):
        await scene.nursery.deliver()

    await warming
    assert scene.pool.numbers == Numbers(idle=3)


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (lambda scene: scene.nursery.expected.pop(0).set_exception(BROKEN), StartFailed),
        (lambda scene: scene.pool.retire(), Retired),
    ],
)
async def test_who_warms_hears_why_it_cannot_be(
    scene: Scene, end: Callable[[Scene], None], error: type[Exception]
) -> None:
    warming = asyncio.create_task(scene.pool.warm(1))
    await turns()

    end(scene)

    with pytest.raises(error):
        await warming


async def test_who_stops_warming_is_told_nothing_more(scene: Scene) -> None:
    warming = asyncio.create_task(scene.pool.warm(1))
    await turns()

    warming.cancel()
    scene.pool.retire()
    await turns()

    assert warming.cancelled()


async def provided(scene: Scene, wanted: int) -> list[Sitter]:
    """Have so many instances provisioned, and there."""
    scene.pool.provide(wanted)
    there = []
    await turns()
    while scene.nursery.expected:
        there.append(await scene.nursery.deliver())
    return there


async def test_what_is_provisioned_is_there_without_a_call_and_does_not_idle_out(
    scene: Scene,
) -> None:
    await provided(scene, 2)

    scene.clock.move(3600)
    await turns()

    assert scene.pool.numbers == Numbers(idle=2)
    assert scene.pool.holding.keeps == 2


async def test_what_is_provisioned_is_a_floor_and_no_ceiling(scene: Scene) -> None:
    there = await provided(scene, 1)
    assert await scene.pool.take() is there[0]
    another = await scene.call()

    scene.clock.move(0.006)
    await turns()

    assert await scene.nursery.deliver() is await another


async def test_a_provisioned_instance_that_dies_is_replaced_at_once(scene: Scene) -> None:
    there = await provided(scene, 1)
    scene.clock.move(5)

    there[0].die()
    await turns()

    assert scene.pool.numbers == Numbers(starting=1)
    assert not scene.pool.empty
    scene.pool.end()
    await scene.pool.drained()


async def test_one_that_dies_as_soon_as_it_is_there_is_replaced_after_a_pause(
    scene: Scene,
) -> None:
    there = await provided(scene, 1)
    there[0].die()
    await turns()
    assert scene.pool.numbers == Numbers()

    scene.clock.move(1)
    await turns()

    assert scene.pool.numbers == Numbers(starting=1)
    scene.pool.end()
    await scene.pool.drained()


async def test_a_provisioned_instance_that_cannot_start_is_tried_again_ever_later(
    scene: Scene,
) -> None:
    scene.pool.provide(1)
    for pause in (1, 2, 4):
        await turns()
        await scene.nursery.fail(BROKEN)
        assert scene.pool.crew.failure is BROKEN
        scene.clock.move(pause - 0.1)
        await turns()
        assert scene.nursery.expected == []
        assert not scene.pool.empty
        scene.clock.move(0.1)
    await turns()
    await scene.nursery.deliver()

    assert scene.pool.crew.failure is None
    assert scene.pool.numbers == Numbers(idle=1)


async def test_a_call_does_not_wait_for_the_pause_to_end(scene: Scene) -> None:
    scene.pool.provide(1)
    await turns()
    await scene.nursery.fail(BROKEN)

    caller = await scene.call()

    assert await scene.nursery.deliver() is await caller


async def test_what_is_no_longer_provisioned_goes_when_it_idled_too_long(scene: Scene) -> None:
    await provided(scene, 2)
    scene.clock.move(61)

    scene.pool.provide(0)
    await turns()

    assert scene.pool.empty


async def test_nothing_that_is_provisioned_is_owed(scene: Scene) -> None:
    await provided(scene, 1)

    scene.pool.owe()
    await turns()

    assert scene.pool.numbers == Numbers(idle=1)
    assert scene.pool.holding.coming == 0


async def test_a_retired_pool_has_nothing_provisioned(scene: Scene) -> None:
    await provided(scene, 2)

    scene.pool.retire()
    scene.pool.provide(2)
    await scene.pool.drained()

    assert scene.pool.empty
    assert scene.pool.provided == 0


async def idling(scene: Scene, count: int) -> list[Sitter]:
    """Have so many instances that nobody asked for, and that are idle."""
    there = await provided(scene, count)
    scene.pool.provide(0)
    return there


async def test_what_is_held_does_not_idle_out_until_it_is_released(scene: Scene) -> None:
    await idling(scene, 3)
    scene.pool.hold(2)

    scene.clock.move(3600)
    await turns()
    assert scene.pool.numbers == Numbers(idle=2)
    assert (scene.pool.provided, scene.pool.holding.keeps) == (0, 0)

    scene.pool.hold(0)
    await turns()
    assert scene.pool.empty


async def test_holding_starts_no_more_than_the_first(scene: Scene) -> None:
    scene.pool.hold(3)
    await turns()
    assert not scene.pool.empty
    await scene.nursery.deliver()
    scene.pool.hold(3)
    scene.pool.hold(2)
    await turns()

    assert scene.nursery.expected == []
    assert scene.pool.numbers == Numbers(idle=1)


async def test_what_calls_had_started_is_held_as_well(scene: Scene) -> None:
    scene.pool.hold(2)
    await turns()
    first = await scene.nursery.deliver()
    assert await scene.pool.take() is first
    another = await scene.call()
    scene.clock.move(0.006)
    await turns()
    second = await scene.nursery.deliver()
    assert await another is second

    scene.pool.give_back(first)
    scene.pool.give_back(second)
    scene.clock.move(3600)
    await turns()

    assert scene.pool.numbers == Numbers(idle=2)


async def test_of_held_instances_only_the_last_is_replaced_when_it_dies(scene: Scene) -> None:
    first, second = await idling(scene, 2)
    scene.pool.hold(2)
    scene.clock.move(5)

    first.die()
    await turns()
    assert scene.pool.numbers == Numbers(idle=1)
    second.die()
    await turns()

    assert scene.pool.numbers == Numbers(starting=1)
    assert await scene.nursery.deliver() is await scene.pool.take()


async def test_a_held_version_that_cannot_start_is_tried_again_ever_later(scene: Scene) -> None:
    scene.pool.hold(1)
    for pause in (1, 2):
        await turns()
        await scene.nursery.fail(BROKEN)
        scene.clock.move(pause - 0.1)
        await turns()
        assert scene.nursery.expected == []
        scene.clock.move(0.1)
    await turns()

    assert scene.pool.numbers == Numbers(starting=1)
    scene.pool.end()
    await scene.pool.drained()


async def test_what_is_held_is_given_up_to_others_and_comes_back_once_there_is_room(
    scene: Scene,
) -> None:
    await idling(scene, 2)
    scene.pool.hold(2)
    scene.rooms.room = -2  # Others wait for what is given up.

    scene.pool.owe()
    scene.pool.owe()
    await turns()
    assert scene.pool.numbers == Numbers()
    assert scene.rooms.room == 0
    assert not scene.pool.empty

    scene.clock.move(ASK_AGAIN_S)
    await turns()
    assert (scene.pool.numbers, scene.rooms.complaints) == (Numbers(), 0)
    scene.rooms.room = 2
    scene.clock.move(ASK_AGAIN_S)
    await turns()
    await scene.nursery.deliver()
    assert scene.pool.numbers == Numbers(idle=1)


async def test_what_is_given_up_of_a_hold_is_not_started_anew(scene: Scene) -> None:
    await idling(scene, 3)
    scene.pool.hold(3)

    scene.pool.owe()
    await turns()

    assert scene.pool.numbers == Numbers(idle=2)


async def test_a_retired_pool_holds_nothing(scene: Scene) -> None:
    await idling(scene, 2)
    scene.pool.hold(2)

    scene.pool.retire()
    scene.pool.hold(2)
    await scene.pool.drained()
    scene.pool.revive()

    assert scene.pool.empty


AGEING = Limits(instances=3, idle_s=60, max_age_s=100)


@pytest.mark.parametrize("held", [1, 2, 3, 4])
async def test_held_instances_grow_old_and_are_succeeded_one_for_one(held: int) -> None:
    scene = Scene(Limits(instances=5, idle_s=60, max_age_s=100))
    kept = min(held, 3)
    there = await idling(scene, 3)
    scene.pool.hold(held)

    for _ in range(40):
        scene.clock.move(20)
        await turns()
        while scene.nursery.expected:
            assert scene.pool.numbers.idle >= kept
            await scene.nursery.deliver()
            scene.pool.hold(held)
            await turns()

    assert scene.pool.numbers == Numbers(idle=kept)
    assert not any(one.alive for one in there)


async def test_a_hold_is_of_all_that_are_there_even_where_one_is_too_old() -> None:
    scene = Scene(AGEING)
    (first,) = await idling(scene, 1)
    assert await scene.pool.take() is first
    scene.clock.move(90)
    await idling(scene, 3)
    scene.clock.move(11)

    scene.pool.hold(3)
    scene.clock.move(61)
    await turns()

    assert scene.pool.numbers == Numbers(busy=1, idle=2)


async def test_a_held_instance_that_is_called_while_its_successor_comes_is_succeeded_too() -> None:
    scene = Scene(AGEING)
    (first,) = await idling(scene, 1)
    scene.pool.hold(3)
    scene.clock.move(101)
    await turns()
    assert await scene.pool.take() is first
    await scene.nursery.deliver()

    scene.pool.give_back(first)
    await turns()

    assert not first.alive
    assert scene.pool.numbers == Numbers(idle=1)


async def test_an_instance_that_is_too_old_serves_until_its_successor_is_there() -> None:
    scene = Scene(AGEING)
    first = await scene.one_idle()
    for _ in range(3):
        scene.clock.move(33)
        assert await scene.pool.take() is first
        scene.pool.give_back(first)

    scene.clock.move(2)
    await turns()
    assert scene.pool.numbers == Numbers(idle=1, starting=1)
    assert await scene.pool.take() is first
    second = await scene.nursery.deliver()
    assert first.alive
    scene.pool.give_back(first)
    await turns()

    assert not first.alive
    assert await scene.pool.take() is second


async def test_an_instance_that_is_never_idle_is_too_old_as_well() -> None:
    scene = Scene(AGEING)
    first = await scene.one_idle()
    await scene.pool.take()
    scene.clock.move(101)
    waiting = await scene.call()
    scene.pool.give_back(first)
    assert await waiting is first

    await scene.nursery.deliver()
    last = await scene.call()
    assert last.done()
    scene.pool.give_back(first)
    await turns()

    assert not first.alive
    assert scene.pool.numbers == Numbers(busy=1)


async def test_not_all_of_a_pool_are_too_old_at_once() -> None:
    chances = iter([0.0, 0.9, 0.5])
    clock, nursery = Clock(), Nursery()
    pool = Pool(nursery.start, AGEING, clock, Rooms(), lambda: next(chances))
    pool.provide(2)
    await turns()
    first, second = [await nursery.deliver(), await nursery.deliver()]

    clock.move(83)
    await turns()

    assert pool.numbers == Numbers(idle=2, starting=1)
    await nursery.deliver()
    assert (first.alive, second.alive) == (True, False)
    assert pool.numbers == Numbers(idle=2)


async def test_what_is_owed_is_given_up_before_the_next_caller_is_seated(scene: Scene) -> None:
    instance = await scene.one_idle()
    await scene.pool.take()
    await scene.call()

    scene.pool.owe()
    assert scene.pool.holding.coming == 1
    scene.pool.give_back(instance)
    await turns()

    assert not instance.alive
    assert scene.pool.holding.coming == 0
    assert scene.pool.numbers == Numbers(starting=1, waiting=1)


async def test_a_debt_that_is_forgiven_is_not_paid(scene: Scene) -> None:
    instance = await scene.one_idle()
    await scene.pool.take()
    scene.pool.owe()

    scene.pool.forgive()
    scene.pool.give_back(instance)

    assert scene.pool.numbers == Numbers(idle=1)


async def test_a_pool_without_room_says_so_until_there_is_some() -> None:
    scene = Scene(room=0)
    caller = await scene.call()
    assert scene.rooms.complaints == 1
    assert scene.pool.holding.short == 1

    scene.clock.move(ASK_AGAIN_S)
    assert scene.rooms.complaints == 2
    scene.rooms.room = 1
    scene.clock.move(ASK_AGAIN_S)
    await turns()
    instance = await scene.nursery.deliver()

    assert await caller is instance
    assert scene.pool.holding.short == 0


async def test_a_holding_tells_who_is_idle_and_who_waits_for_how_long(scene: Scene) -> None:
    assert scene.pool.holding.idle_since == NEVER
    assert scene.pool.holding.waiting_since == NEVER

    since = scene.clock.time()
    await scene.one_idle()
    scene.clock.move(1)

    assert scene.pool.holding.idle_since == since
    await scene.pool.take()
    await scene.call()
    assert scene.pool.holding.waiting_since == since + 1


async def test_a_call_that_somebody_waits_for_goes_before_those_that_nobody_does(
    scene: Scene,
) -> None:
    instance = await scene.one_idle()
    await scene.pool.take()
    behind = asyncio.create_task(scene.pool.take(later=True))
    await turns()
    before = await scene.call()

    scene.pool.give_back(instance)
    assert await before is instance
    await turns()
    assert not behind.done()
    scene.pool.give_back(instance)
    assert await behind is instance


async def test_what_nobody_waits_for_leaves_an_instance_free() -> None:
    scene = Scene(Limits(instances=3, waiting=3, patience_ms=5, linger_ms=20))
    behind = [asyncio.create_task(scene.pool.take(later=True)) for _ in range(4)]
    await turns()
    for _ in range(3):
        scene.clock.move(0.03)
        await turns()
        if scene.nursery.expected:
            await scene.nursery.deliver()
    running = [task for task in behind if task.done()]
    assert len(running) == 2
    assert scene.pool.numbers == Numbers(busy=2, waiting=2)
    assert (scene.pool.holding.later, scene.pool.holding.yields) == (2, True)

    caller = await scene.call()  # there is room for an instance of its own
    scene.clock.move(0.03)
    await turns()
    assert (await scene.nursery.deliver()) is await caller
    scene.pool.give_back(running[0].result())
    await turns()
    assert [task.done() for task in behind].count(True) == 3


async def test_where_there_can_be_but_one_instance_what_nobody_waits_for_has_it_too() -> None:
    scene = Scene(Limits(instances=1), room=1)
    behind = asyncio.create_task(scene.pool.take(later=True))
    await turns()

    assert await scene.nursery.deliver() is await behind


async def test_a_pool_that_is_stopped_refuses_who_waits_and_who_comes_and_goes_on_later(
    scene: Scene,
) -> None:
    instance = await scene.one_idle()
    await scene.pool.take()
    waiting = [await scene.call(), asyncio.create_task(scene.pool.take(later=True))]
    await turns()
    scene.pool.stop(Stopped(0, 128))

    for caller in waiting:
        with pytest.raises(Stopped):
            await caller
    with pytest.raises(Stopped):
        await scene.pool.take()
    scene.pool.give_back(instance)
    scene.pool.stop(None)
    assert await scene.pool.take() is instance


async def test_a_call_that_nobody_waits_for_may_be_given_up(scene: Scene) -> None:
    instance = await scene.one_idle()
    await scene.pool.take()
    behind = [asyncio.create_task(scene.pool.take(later=True)) for _ in range(2)]
    await turns()
    behind[0].cancel()
    await turns()
    scene.pool.give_back(instance)

    assert await behind[1] is instance
    assert scene.pool.numbers == Numbers(busy=1)
