"""Timers: what their expressions mean, and that each tick is one event."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huidu.model.effect import AliasKept, Effect, FunctionGone, TriggersChanged
from huidu.model.errors import InvalidValue, LimitExceeded, Unavailable
from huidu.model.event import QueuedEvent
from huidu.model.trigger import Firing, Trigger
from huidu.triggers.table import TRIGGERS
from huidu.triggers.timer import LOOKED_AT, Timers, define, event_of, upcoming
from tests.fakes import Clock, turns
from tests.fakes_store import FUNCTION, HELLO, Moody, alias, function, trigger

SHANGHAI = ZoneInfo("Asia/Shanghai")
OTHER = function("other", "lam-other")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI)


def timer(name: str = "tick", cron: str = "*/10 * * * * * *", **more: Any) -> Trigger:
    known = {"definition": json.dumps({"cron": cron}), "modified_at": NOON.timestamp()}
    return trigger(name, **known | more)


# Expressions


def firings(cron: str, begin: datetime, times: int) -> list[datetime]:
    """The next moments, in the zone of the first."""
    zone = begin.tzinfo
    assert zone is not None
    found = upcoming(json.dumps({"cron": cron}), begin.timestamp(), zone, times)
    return [datetime.fromtimestamp(moment, UTC).astimezone(zone) for moment in found]


@pytest.mark.parametrize(
    ("cron", "moments"),
    [
        ("*/20 * * * * * *", ["11-23 12:00:20", "11-23 12:00:40", "11-23 12:01:00"]),
        ("0 */2 * * * * *", ["11-23 12:02:00", "11-23 12:04:00"]),
        ("5,10 0 13-14 * * * *", ["11-23 13:00:05", "11-23 13:00:10", "11-23 14:00:05"]),
        ("0 0 12 * * * *", ["11-24 12:00:00"]),
        ("0 15 10 1 * * *", ["12-01 10:15:00", "01-01 10:15:00"]),
        ("0 0 0 * * MON *", ["11-30 00:00:00"]),
        ("0 0 0 * * 0 *", ["11-29 00:00:00"]),
        ("0 0 0 * * SUN *", ["11-29 00:00:00"]),
        ("0 0 0 * JAN * 2028", ["01-01 00:00:00", "01-02 00:00:00"]),
        ("0 0 0 29 2 * *", ["02-29 00:00:00"]),
        ("59 59 23 31 12 * 2099", ["12-31 23:59:59"]),
        # Where day and weekday are both given, either will do.
        ("0 0 0 25 * FRI *", ["11-25 00:00:00", "11-27 00:00:00"]),
        # Five fields: from the minute on.
        ("*/30 * * * *", ["11-23 12:30:00", "11-23 13:00:00"]),
        ("0 9 * * 1-5", ["11-24 09:00:00"]),
    ],
)
def test_an_expression_fires_when_it_says_in_the_zone_of_the_platform(
    cron: str, moments: list[str]
) -> None:
    found = firings(json.loads(define(cron))["cron"], NOON, len(moments))

    assert [moment.strftime("%m-%d %H:%M:%S") for moment in found] == moments


@pytest.mark.parametrize(
    ("text", "cron"),
    [
        ("0 */2 * * * * *", "0 */2 * * * * *"),
        ('{"cron": "0 */2 * * * * *"}', "0 */2 * * * * *"),
        ("  0 0 12 * * * *\n", "0 0 12 * * * *"),
        ('{"cron":" */5 * * * * ","ignored":1}', "*/5 * * * *"),
    ],
)
def test_a_definition_is_read_back_as_json(text: str, cron: str) -> None:
    assert json.loads(TRIGGERS["timer"].define(text)) == {"cron": cron}
    assert define(define(text)) == define(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * * * *",
        "* * * * * * * *",
        "@daily",
        "60 * * * * * *",
        "* * 24 * * * *",
        "* * * 0 * * *",
        "* * * * 13 * *",
        "* * * * * 8 *",
        "* * * * * * 1969",
        "* * * * * * 2100",
        "*/0 * * * * * *",
        "-1 * * * * * *",
        "a * * * * * *",
        "0 0 0 30 2 * *",
        "1,,2 * * * * * *",
        # By chance is not by the clock.
        "R * * * * * *",
        "H(0-5) * * * * * *",
        "0 0 r/2 * * * *",
        "{",
        "[]",
        "{}",
        '{"cron": 7}',
        '{"cron": null}',
        '{"crom": "0 */2 * * * * *"}',
        '{"cron":' * 100,
        "{" + "[" * 900,
        ",".join("0" for _ in range(600)) + " * * * * * *",
    ],
)
def test_an_expression_that_is_wrong_or_never_comes_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="TriggerDesc") as refused:
        define(text)

    assert refused.value.code == "InvalidParameterValue.TriggerDesc"
    assert len(refused.value.message) < 400


@given(
    text=st.lists(
        st.text("*,-/0123456789LW#?SUNMONJAhr ", min_size=1, max_size=6), min_size=5, max_size=7
    ).map(" ".join)
)
@settings(deadline=None)
def test_whatever_is_asked_for_is_refused_or_can_be_planned(text: str) -> None:
    """What was accepted is planned after its commit, where nothing may go wrong any more."""
    try:
        made = define(text)
    except InvalidValue:
        return
    following = upcoming(made, NOON.timestamp(), SHANGHAI, 1)
    if following:
        assert following[0] > NOON.timestamp()
    else:
        assert len(json.loads(made)["cron"].split()) == 7  # its last year has passed


# Ticks


class Slow(Moody):
    """Keeps what is fired, may refuse it, and may take its time."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[tuple[str, str], float] = {}
        self.taken: list[Firing] = []
        self.batches: list[int] = []
        self.seen_at: list[float] = []
        self.takes_s = 0.0
        self.gate: asyncio.Event | None = None
        self.full = set[str]()  #: Timers whose function has no room in the queue.

    async def fired(self) -> Mapping[tuple[str, str], float]:
        self.consider()
        return self.known

    async def fire(self, firings: Sequence[Firing]) -> int:
        self.seen_at += [time.time()] * len(firings)
        self.batches.append(len(firings))
        if self.takes_s:
            await asyncio.sleep(self.takes_s)
        if self.gate is not None:
            await self.gate.wait()
        self.consider()
        if any(one.trigger.name in self.full for one in firings):
            raise LimitExceeded("Quota", "full")
        self.taken += firings
        return len(firings)


class House:
    """Timers that run by a clock that a test moves."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.clock = Clock(NOON.timestamp())
        self.firings = Slow()
        self.wakes = 0
        ids = (f"t-{n}" for n in count(1))
        self.timers = Timers(
            self.firings, self.wake, clock or self.clock.time, SHANGHAI, lambda: next(ids)
        )

    def wake(self) -> None:
        self.wakes += 1

    async def apply(self, *effects: Effect) -> None:
        self.timers.apply(effects)
        await turns(20)

    async def move(self, seconds: float) -> None:
        """Let time pass, and have the timers look at the clock."""
        self.clock.move(seconds)
        await self.apply(TriggersChanged(OTHER, ()))

    @property
    def fired(self) -> list[str]:
        """What has fired, and how long after noon."""
        return [f"{one.trigger.name} {one.at - NOON.timestamp():g}" for one in self.firings.taken]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    task = asyncio.create_task(made.timers.run())
    await turns()
    yield made
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timer_fires_once_at_each_tick(house: House) -> None:
    await house.apply(TriggersChanged(FUNCTION, (timer(),)))
    for _ in range(60):
        await house.move(0.5)

    assert house.fired == ["tick 10", "tick 20", "tick 30"]
    assert house.wakes == 3


async def test_a_firing_is_an_event_for_what_the_timer_is_bound_to(house: House) -> None:
    made = timer(qualifier="release", custom_argument="für 鲍勃")
    await house.apply(TriggersChanged(FUNCTION, (made,)))
    await house.move(11)

    (firing,) = house.firings.taken
    assert (firing.trigger, firing.at) == (made, NOON.timestamp() + 10)
    event = firing.event
    assert event == QueuedEvent(
        request_id="t-1",
        function=HELLO,
        function_id=FUNCTION.id,
        qualifier="release",
        event=event_of(made, NOON.timestamp() + 10),
        trigger="timer",
        accepted_at=NOON.timestamp() + 11,
    )
    assert json.loads(event.event) == {
        "Type": "Timer",
        "TriggerName": "tick",
        "Time": "2026-11-23T04:00:10Z",
        "Message": "für 鲍勃",
    }


async def test_timers_of_one_moment_all_fire(house: House) -> None:
    await house.apply(TriggersChanged(FUNCTION, (timer("a"), timer("b"))))
    await house.apply(
        TriggersChanged(OTHER, (timer("c", function=OTHER.named, function_id=OTHER.id),))
    )
    house.clock.move(10)
    await house.apply(TriggersChanged(function("third", "lam-3"), ()))

    assert sorted(house.fired) == ["a 10", "b 10", "c 10"]


async def test_others_have_their_turn_while_many_timers_are_looked_at() -> None:
    """A start looks at all that there are, and at what each has missed."""
    house, missed = House(), 40
    for number in range(missed):
        made = function(f"f{number}", f"lam-f{number}")
        mine = timer(function=made.named, function_id=made.id, cron="0 0 12 * * * *")
        house.timers.apply([TriggersChanged(made, (mine,))])
    house.clock.move(10 * 86_400)
    task = asyncio.create_task(house.timers.run())

    passed = 0
    while house.timers.results["passed_over"] < missed:
        await asyncio.sleep(0)
        passed += 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert passed >= missed // LOOKED_AT


async def test_what_would_have_fired_while_the_clock_leapt_is_passed_over_but_for_the_last_minute(
    house: House,
) -> None:
    await house.apply(TriggersChanged(FUNCTION, (timer(), timer("rare", "0 30 * * * * *"))))
    await house.move(3605)
    await house.move(5)

    assert house.fired == [f"tick {at}" for at in range(3550, 3611, 10)]
    assert house.timers.results == {"fired": 7, "passed_over": 2}


async def test_a_timer_that_catches_up_fires_once_for_all_that_it_missed(house: House) -> None:
    rare = timer("rare", "0 */20 * * * * *", missed="once")
    await house.apply(TriggersChanged(FUNCTION, (rare, timer(missed="once"))))
    await house.move(3000)
    assert set(house.fired) == {"rare 2400", *(f"tick {at}" for at in range(2950, 3001, 10))}
    await house.move(600)

    assert [one for one in house.fired if "rare" in one] == ["rare 2400", "rare 3600"]
    assert house.timers.results["passed_over"] == 2  # of the other, which fires anyway


async def test_after_a_start_what_was_fired_before_is_not_and_what_was_missed_is() -> None:
    made, since = House(), NOON.timestamp() - 3600
    made.firings.known = {(FUNCTION.id, "a"): NOON.timestamp() - 20}
    made.firings.refusals = 1  # it asks again
    daily = timer("daily", "0 30 11 * * * *", missed="once", modified_at=since)
    made.timers.apply([TriggersChanged(FUNCTION, (timer("a", modified_at=since), daily))])
    task = asyncio.create_task(made.timers.run())
    async with asyncio.timeout(5):
        while not made.firings.taken:  # noqa: ASYNC110 - it is not one event
            await asyncio.sleep(0.01)
    task.cancel()

    assert sorted(made.fired) == ["a -10", "a 0", "daily -1800"]


async def test_a_thousand_timers_of_one_second_go_out_by_the_hundred(house: House) -> None:
    for n in range(100):
        made = function(f"f{n}", f"lam-f{n}")
        ten = [
            timer(f"t{m}", "0 * * * * * *", function=made.named, function_id=made.id)
            for m in range(10)
        ]
        house.timers.apply([TriggersChanged(made, tuple(ten))])
    await house.move(60)
    await turns(1000)

    assert len({(one.trigger.function_id, one.trigger.name) for one in house.firings.taken}) == 1000
    assert house.firings.batches == [100] * 10
    await house.move(0)
    assert len(house.fired) == 1000


async def test_timers_that_are_changed_again_and_again_leave_nothing_behind(house: House) -> None:
    for n in range(500):
        await house.apply(TriggersChanged(FUNCTION, (timer(cron=f"0 0 0 1 1 * {2030 + n % 9}"),)))

    assert len(house.timers._line) <= 110


async def test_a_clock_that_is_put_back_fires_nothing_twice(house: House) -> None:
    await house.apply(TriggersChanged(FUNCTION, (timer(),)))
    await house.move(10)
    house.clock.now -= 8
    await house.move(8)
    await house.move(10)

    assert house.fired == ["tick 10", "tick 20"]


async def test_a_timer_that_is_closed_or_is_none_or_has_had_its_last_year_does_not_fire(
    house: House,
) -> None:
    await house.apply(
        TriggersChanged(
            FUNCTION,
            (
                timer("closed", enabled=False),
                trigger("url", type="http", definition="{}"),
                timer("history", "* * * * * * 2020"),
            ),
        )
    )
    await house.move(100)

    assert house.fired == []


async def test_a_timer_that_has_its_last_tick_fires_and_is_gone(house: House) -> None:
    await house.apply(TriggersChanged(FUNCTION, (timer("once", "0 1 12 23 11 * 2026"),)))
    await house.move(60)
    await house.move(timedelta(days=400).total_seconds())

    assert house.fired == ["once 60"]


async def test_a_changed_timer_takes_the_place_of_the_old_one(house: House) -> None:
    await house.apply(TriggersChanged(FUNCTION, (timer(),)))
    await house.move(15)
    changed = timer(cron="7 * * * * * *", modified_at=house.clock.now)
    await house.apply(TriggersChanged(FUNCTION, (changed,)))
    await house.move(10)
    await house.move(50)
    await house.apply(TriggersChanged(FUNCTION, ()))
    await house.move(100)

    assert house.fired == ["tick 10", "tick 67"]


async def test_a_deleted_function_has_no_timers_and_the_others_keep_theirs(house: House) -> None:
    theirs = timer("theirs", function=OTHER.named, function_id=OTHER.id)
    await house.apply(TriggersChanged(OTHER, (theirs,)), TriggersChanged(FUNCTION, (timer(),)))
    await house.apply(FunctionGone(FUNCTION), AliasKept(alias()))
    house.clock.move(10)
    await house.apply(FunctionGone(FUNCTION))

    assert house.fired == ["theirs 10"]


async def test_a_timer_that_is_due_is_not_passed_over_because_another_is_made(
    house: House,
) -> None:
    """Its tick has come and nobody has looked at the clock yet, as a new trigger is committed."""
    await house.apply(TriggersChanged(FUNCTION, (timer(),)))
    house.clock.move(10)
    new = timer("new", modified_at=house.clock.now)
    await house.apply(TriggersChanged(FUNCTION, (timer(), new)))
    assert house.fired == ["tick 10"]
    await house.move(10)

    assert house.fired[0] == "tick 10"
    assert sorted(house.fired[1:]) == ["new 20", "tick 20"]


async def test_a_timer_that_is_deleted_while_another_fires_does_not_fire(house: House) -> None:
    await house.apply(TriggersChanged(FUNCTION, (timer("a"), timer("b"))))
    gate = house.firings.gate = asyncio.Event()
    await house.move(10)
    assert house.firings.batches == [2]  # they are under way, and the store will see to them
    await house.apply(FunctionGone(FUNCTION))
    gate.set()
    await turns(10)
    await house.move(10)

    assert house.firings.batches == [2]


async def test_a_tick_that_the_queue_refuses_is_tried_again_for_a_minute(house: House) -> None:
    house.firings.refusals = 2
    await house.apply(TriggersChanged(FUNCTION, (timer(cron="10 * * * * * *"),)))
    await house.move(10)
    await house.move(1)
    assert (house.fired, house.wakes) == ([], 0)
    await house.move(1)
    assert (house.fired, house.wakes) == (["tick 10"], 1)

    house.firings.refusals = 61
    await house.move(58)
    for _ in range(61):
        await house.move(1)
    assert house.fired == ["tick 10", "tick 130"]
    assert house.timers.results == {"fired": 2, "passed_over": 1}


async def test_a_function_whose_events_fill_the_queue_does_not_hold_up_the_timers_of_others(
    house: House,
) -> None:
    house.firings.full = {"t-3"}
    every = tuple(timer(f"t-{n}", "10 * * * * * *") for n in range(8))
    await house.apply(TriggersChanged(FUNCTION, every))
    await house.move(10)
    assert sorted(house.fired) == [f"t-{n} 10" for n in range(8) if n != 3]

    house.firings.full = set()
    await house.move(1)
    assert sorted(house.fired) == [f"t-{n} 10" for n in range(8)]
    assert house.timers.results == {"fired": 8}


async def test_by_the_real_clock_each_second_is_on_time_however_slow_the_store_is() -> None:
    house = House(time.time)
    house.firings.takes_s = 0.8
    task = asyncio.create_task(house.timers.run())
    every = timer(cron="* * * * * * *", modified_at=time.time())
    house.timers.apply([TriggersChanged(FUNCTION, (every,))])
    await asyncio.sleep(2.5)
    task.cancel()

    due = [firing.at for firing in house.firings.taken]
    assert due
    assert {later - sooner for sooner, later in pairwise(due)} <= {1.0}
    assert min(seen - at for seen, at in zip(house.firings.seen_at, due, strict=False)) >= 0


def test_a_refusal_of_a_queue_is_what_the_store_says() -> None:
    with pytest.raises(Unavailable):
        Moody(1).consider()
