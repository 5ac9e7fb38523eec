"""Timers: what their expressions mean, and that each tick is one event."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import count, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huidu.model.effect import AliasKept, Effect, FunctionGone, TriggersChanged
from huidu.model.errors import InvalidValue, Unavailable
from huidu.model.event import QueuedEvent
from huidu.model.trigger import Trigger
from huidu.triggers.table import TRIGGERS
from huidu.triggers.timer import Timers, define, event_of, next_after
from tests.fakes import Clock, turns
from tests.fakes_store import FUNCTION, HELLO, Moody, alias, function, trigger

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
OTHER = function("other", "lam-other")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI)


def timer(name: str = "tick", cron: str = "*/10 * * * * * *", **more: Any) -> Trigger:
    return trigger(name, definition=json.dumps({"cron": cron}), **more)


# Expressions


def firings(cron: str, begin: datetime, times: int) -> list[datetime]:
    """The next moments, in the zone of the first."""
    zone = begin.tzinfo
    assert zone is not None
    moment, found = begin.timestamp(), []
    for _ in range(times):
        moment = next_after(cron, moment, zone)
        found.append(datetime.fromtimestamp(moment, UTC).astimezone(zone))
    return found


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
        cron = json.loads(define(text))["cron"]
    except InvalidValue:
        return
    try:
        assert next_after(cron, NOON.timestamp(), SHANGHAI) > NOON.timestamp()
    except ValueError:
        assert len(cron.split()) == 7  # its last year has passed


@given(
    cron=st.sampled_from(["* * * * * * *", "*/7 */3 * * * * *", "0 30 2 * * SUN *", "0 0 1 1 *"]),
    moment=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - a wall's
    zone=st.sampled_from([UTC, SHANGHAI, NEW_YORK]),
)
@settings(deadline=None)
def test_the_next_moment_is_later_whole_and_the_first(
    cron: str, moment: datetime, zone: tzinfo
) -> None:
    now = moment.replace(tzinfo=UTC).timestamp()
    then = next_after(cron, now, zone)

    assert then > now
    assert then == int(then)
    assert next_after(cron, (now + then) / 2, zone) == then


@pytest.mark.parametrize(
    "change", [datetime(2026, 3, 8, tzinfo=NEW_YORK), datetime(2026, 11, 1, tzinfo=NEW_YORK)]
)
@pytest.mark.parametrize(("cron", "minutes"), [("0 0 * * * * *", 60), ("0 */20 * * * * *", 20)])
def test_where_the_clock_is_put_forward_or_back_what_comes_every_hour_still_does(
    change: datetime, cron: str, minutes: int
) -> None:
    times = [moment.timestamp() for moment in firings(cron, change, 12)]

    assert {later - sooner for sooner, later in pairwise(times)} == {minutes * 60.0}


def test_a_time_that_the_clock_leaves_out_comes_as_soon_as_it_goes_on() -> None:
    night = datetime(2026, 3, 7, 12, tzinfo=NEW_YORK)  # at 2 the next morning it is 3

    found = firings("0 30 2 * * * *", night, 2)
    assert [str(moment) for moment in found] == [
        "2026-03-08 03:00:00-04:00",
        "2026-03-09 02:30:00-04:00",
    ]


# Ticks


class Slow(Moody):
    """A queue that keeps what it is given, may refuse it, and may take its time."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[QueuedEvent] = []
        self.seen_at: list[float] = []
        self.takes_s = 0.0
        self.gate: asyncio.Event | None = None

    async def put(self, event: QueuedEvent) -> None:
        self.seen_at.append(time.time())
        if self.takes_s:
            await asyncio.sleep(self.takes_s)
        if self.gate is not None:
            await self.gate.wait()
        self.consider()
        self.events.append(event)


class House:
    """Timers that run by a clock that a test moves."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.clock = Clock(NOON.timestamp())
        self.queue = Slow()
        self.wakes = 0
        ids = (f"t-{n}" for n in count(1))
        self.timers = Timers(
            self.queue, self.wake, clock or self.clock.time, SHANGHAI, lambda: next(ids)
        )

    def wake(self) -> None:
        self.wakes += 1

    async def apply(self, *effects: Effect) -> None:
        self.timers.apply(effects)
        await turns(10)

    async def move(self, seconds: float) -> None:
        """Let time pass, and have the timers look at the clock."""
        self.clock.move(seconds)
        await self.apply(TriggersChanged(OTHER, ()))

    @property
    def fired(self) -> list[str]:
        """What has fired, and how long after noon."""
        return [
            f"{json.loads(event.event)['TriggerName']} {event.accepted_at - NOON.timestamp():g}"
            for event in self.queue.events
        ]


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

    (event,) = house.queue.events
    assert event == QueuedEvent(
        request_id="t-1",
        function=HELLO,
        function_id=FUNCTION.id,
        qualifier="release",
        event=event_of(made, NOON.timestamp() + 10),
        trigger="timer",
        accepted_at=NOON.timestamp() + 10,
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


async def test_what_would_have_fired_while_the_clock_leapt_is_passed_over(house: House) -> None:
    await house.apply(TriggersChanged(FUNCTION, (timer(),)))
    await house.move(3605)
    await house.move(5)

    assert house.fired == ["tick 10", "tick 3610"]


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
    await house.apply(TriggersChanged(FUNCTION, (timer(cron="7 * * * * * *"),)))
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
    await house.apply(TriggersChanged(FUNCTION, (timer(), timer("new"))))
    assert house.fired == ["tick 10"]
    await house.move(10)

    assert house.fired[0] == "tick 10"
    assert sorted(house.fired[1:]) == ["new 20", "tick 20"]


async def test_a_timer_that_is_deleted_while_another_fires_does_not_fire(house: House) -> None:
    await house.apply(TriggersChanged(FUNCTION, (timer("a"), timer("b"))))
    gate = house.queue.gate = asyncio.Event()
    await house.move(10)
    first = house.queue.seen_at
    assert len(first) == 1  # one of them is under way
    await house.apply(FunctionGone(FUNCTION))
    gate.set()
    await turns(10)

    assert len(house.fired) == 1


async def test_a_tick_that_the_queue_refuses_is_lost_and_the_next_is_not(house: House) -> None:
    house.queue.refusals = 1
    await house.apply(TriggersChanged(FUNCTION, (timer(),)))
    await house.move(10)
    assert (house.fired, house.wakes) == ([], 0)
    await house.move(10)

    assert (house.fired, house.wakes) == (["tick 20"], 1)


async def test_by_the_real_clock_each_second_is_on_time_however_slow_the_queue_is() -> None:
    house = House(time.time)
    house.queue.takes_s = 0.8
    task = asyncio.create_task(house.timers.run())
    house.timers.apply([TriggersChanged(FUNCTION, (timer(cron="* * * * * * *"),))])
    await asyncio.sleep(3.1)
    task.cancel()

    due = [event.accepted_at for event in house.queue.events]
    assert len(due) >= 2
    assert {later - sooner for sooner, later in pairwise(due)} == {1.0}
    late = [seen - at for seen, at in zip(house.queue.seen_at, due, strict=False)]
    assert min(late) >= 0
    assert max(late) < 0.7


def test_a_refusal_of_a_queue_is_what_the_store_says() -> None:
    with pytest.raises(Unavailable):
        Moody(1).consider()
