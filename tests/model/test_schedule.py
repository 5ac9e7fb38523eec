"""Schedules: which tick follows which, also where clocks are put forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from huidu.model.schedule import GRACE_S, ONCE, SKIP, Schedule, due

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
#: By an hour, by half an hour, and at midnight.
CHANGING = (NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("America/Havana"))
STEP_S = 1800
YEAR = (datetime(2026, 1, 1, tzinfo=UTC).timestamp(), datetime(2027, 1, 1, tzinfo=UTC).timestamp())


def ticks(schedule: Schedule, after: float, until: float) -> list[float]:
    found: list[float] = []
    while (tick := schedule.next_after(found[-1] if found else after)) <= until:
        found.append(tick)
    return found


def shown(moment: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(moment, UTC).astimezone(zone)


def at(text: str, zone: tzinfo, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


@given(
    cron=st.sampled_from(["* * * * * * *", "*/7 */3 * * * * *", "0 30 2 * * SUN *", "0 0 1 1 *"]),
    moment=st.floats(*YEAR),
    zone=st.sampled_from([UTC, SHANGHAI, *CHANGING]),
)
@example("* * * * * * *", at("2026-03-08T01:59:59", NEW_YORK), NEW_YORK)
@example("* * * * * * *", at("2026-11-01T01:59:59", NEW_YORK), NEW_YORK)
def test_the_next_tick_is_later_whole_and_the_first(cron: str, moment: float, zone: tzinfo) -> None:
    schedule = Schedule.of(cron, zone)
    then = schedule.next_after(moment)

    assert then > moment
    assert then == int(then)
    assert schedule.next_after((moment + then) / 2) == then


@cache
def walls(zone: tzinfo) -> list[tuple[float, datetime]]:
    """What the clock on the wall shows in a year, every half hour, and a day around it."""
    begin, end = (int(moment) for moment in YEAR)
    moments = range(begin - 48 * STEP_S, end, STEP_S)
    return [(moment, shown(moment, zone).replace(tzinfo=None)) for moment in moments]


hours = st.sets(st.integers(0, 23), min_size=1, max_size=23)
minutes = st.sets(st.sampled_from([0, 30]), min_size=1)
days = st.sampled_from(["*", "1", "8", "2-5", "1-8"])


@settings(max_examples=5)
@given(hours=hours, minutes=minutes, day=days, zone=st.sampled_from(CHANGING))
@example({2}, {30}, "*", NEW_YORK)
@example({1}, {30}, "*", NEW_YORK)
@example({0}, {0, 30}, "*", CHANGING[2])
def test_times_of_a_day_come_once_each_in_a_year_whatever_is_done_to_the_clocks(
    hours: set[int], minutes: set[int], day: str, zone: tzinfo
) -> None:
    """Never twice for one time; and one that is left out comes as the clock goes on."""
    first, _, last = day.partition("-")
    wanted = range(32) if day == "*" else range(int(first), int(last or first) + 1)

    def named(wall: datetime) -> bool:
        return wall.hour in hours and wall.minute in minutes and wall.day in wanted

    expected, seen = [], set[datetime]()
    for (_, before), (moment, wall) in pairwise(walls(zone)):
        left_out = [
            datetime.fromtimestamp(hidden, UTC).replace(tzinfo=None)
            for hidden in range(
                int(before.replace(tzinfo=UTC).timestamp()) + STEP_S,
                int(wall.replace(tzinfo=UTC).timestamp()),
                STEP_S,
            )
        ]
        if (moment > YEAR[0] and any(map(named, left_out))) or (named(wall) and wall not in seen):
            expected.append(moment)
        seen.add(wall)
    cron = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} {day} * *"

    found = ticks(Schedule.of(cron, zone), YEAR[0], YEAR[1] - 1)
    assert found == [moment for moment in expected if moment > YEAR[0]]


@settings(max_examples=5)
@given(minutes=minutes, day=days, zone=st.sampled_from(CHANGING))
@example({0}, "1", NEW_YORK)
@example({0, 30}, "*", CHANGING[1])
@example({30}, "1", CHANGING[2])
def test_what_comes_every_hour_comes_whenever_the_clock_shows_it(
    minutes: set[int], day: str, zone: tzinfo
) -> None:
    first, _, last = day.partition("-")
    wanted = range(32) if day == "*" else range(int(first), int(last or first) + 1)
    cron = f"{','.join(map(str, minutes))} * {day} * *"

    assert ticks(Schedule.of(cron, zone), YEAR[0], YEAR[1] - 1) == [
        moment
        for moment, wall in walls(zone)
        if moment > YEAR[0] and wall.minute in minutes and wall.day in wanted
    ]


@pytest.mark.parametrize("change", ["2026-03-08T00:00:00", "2026-11-01T00:00:00"])
@pytest.mark.parametrize(("cron", "minutes"), [("0 0 * * * * *", 60), ("0 */20 * * * * *", 20)])
def test_where_the_clock_is_put_forward_or_back_what_comes_every_hour_still_does(
    change: str, cron: str, minutes: int
) -> None:
    found = Schedule.of(cron, NEW_YORK).next_few(at(change, NEW_YORK), 12)

    assert {later - sooner for sooner, later in pairwise(found)} == {minutes * 60.0}


@pytest.mark.parametrize(
    ("cron", "begin", "expected"),
    [
        # At 2 in the morning it is 3: all that is left out comes at once, and once.
        ("0 30 2 * * * *", "2026-03-07T12:00:00", ["03-08 03:00:00-0400", "03-09 02:30:00-0400"]),
        ("* * 2 * * * *", "2026-03-08T01:00:00", ["03-08 03:00:00-0400", "03-09 02:00:00-0400"]),
        ("0 0 2,3 * * * *", "2026-03-08T00:00:00", ["03-08 03:00:00-0400", "03-09 02:00:00-0400"]),
        # At 2 in the morning it is 1 again.
        ("0 30 1 * * * *", "2026-10-31T12:00:00", ["11-01 01:30:00-0400", "11-02 01:30:00-0500"]),
        ("0 0 1,2 * * * *", "2026-10-31T12:00:00", ["11-01 01:00:00-0400", "11-01 02:00:00-0500"]),
        ("0 30 * * * * *", "2026-11-01T01:00:00", ["11-01 01:30:00-0400", "11-01 01:30:00-0500"]),
    ],
)
def test_a_day_on_which_the_clocks_are_changed(cron: str, begin: str, expected: list[str]) -> None:
    found = Schedule.of(cron, NEW_YORK).next_few(at(begin, NEW_YORK), 2)

    assert [shown(tick, NEW_YORK).strftime("%m-%d %H:%M:%S%z") for tick in found] == expected


def test_within_the_hour_that_comes_again_times_of_a_day_do_not() -> None:
    again = at("2026-11-01T01:10:00", NEW_YORK, fold=1)

    (tick,) = Schedule.of("* * 1 * * * *", NEW_YORK).next_few(again, 1)
    assert str(shown(tick, NEW_YORK)) == "2026-11-02 01:00:00-05:00"


def test_after_its_last_year_there_are_no_more_ticks() -> None:
    schedule = Schedule.of("0 0 0 1 1 * 2027", UTC)

    assert schedule.next_few(YEAR[0], 5) == [YEAR[1]]
    assert schedule.next_few(YEAR[1], 5) == []


@given(
    cron=st.sampled_from(
        ["* * * * * * *", "0 */20 9-17 * * * *", "30 2 * * *", "0 0 0 1 3 * 2026"]
    ),
    after=st.floats(YEAR[0], YEAR[0] + 1e7),
    length=st.one_of(st.floats(0, 100), st.floats(0, 2e4)),
)
def test_the_last_tick_of_a_while_is_the_last_of_all_that_are_in_it(
    cron: str, after: float, length: float
) -> None:
    schedule, every = Schedule.of(cron, NEW_YORK), list[float]()
    while following := schedule.next_few(every[-1] if every else after, 1):
        if following[0] > after + length or len(every) > 500:
            break
        every += following
    if len(every) <= 500:
        assert schedule.last_in(after, after + length) == (every[-1] if every else None)


@given(
    cron=st.sampled_from(["* * * * * * *", "*/45 * * * * * *", "0 30 * * * * *", "30 2 * * *"]),
    away=st.floats(0, 7 * 86_400),
    missed=st.sampled_from([SKIP, ONCE]),
    begin=st.floats(*YEAR),
)
def test_what_is_due_is_later_than_what_was_and_what_is_planned_later_than_that(
    cron: str, away: float, missed: str, begin: float
) -> None:
    schedule, now = Schedule.of(cron, NEW_YORK), begin + away
    made = due(schedule, begin, now, missed)

    assert list(made.ticks) == sorted(set(made.ticks))
    assert all(begin < tick <= now for tick in made.ticks)
    assert made.then is not None
    assert made.then > now
    young = [tick for tick in made.ticks if tick > now - GRACE_S]
    assert young == [t for t in schedule.next_few(max(begin, now - GRACE_S), 90) if t <= now]
    last = schedule.last_in(begin, now)
    assert (last is not None) == (bool(made.ticks) or made.passed_over)
    if missed == ONCE:
        assert list(made.ticks)[-1:] == ([] if last is None else [last])
        assert len(made.ticks) == max(len(young), last is not None)
    else:
        assert made.ticks == young
    assert due(schedule, made.after, now, missed).ticks == []


def test_a_timer_that_has_had_its_last_tick_is_due_once_and_never_again() -> None:
    schedule = Schedule.of("0 0 0 1 1 * 2027", UTC)

    made = due(schedule, YEAR[0], YEAR[1] + 1, SKIP)
    assert (made.ticks, made.then) == ([YEAR[1]], None)
    assert due(schedule, YEAR[0], YEAR[1] + 9000, SKIP).passed_over
    assert due(schedule, YEAR[0], YEAR[1] + 9000, ONCE).ticks == [YEAR[1]]
