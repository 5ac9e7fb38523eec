"""Capacity: what a pool should do next, as rows and as laws."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.capacity import (
    ASK_AGAIN_S,
    EARLY,
    LONGEST_PAUSE_S,
    NEVER,
    Busy,
    Limits,
    Plan,
    Retired,
    Scene,
    Stopped,
    again_at,
    for_later,
    kept_warm,
    lasts_s,
    plan,
    room_for_later,
)

NOW = 1000.0
LIMITS = Limits(instances=4, idle_s=60, patience_ms=5, linger_ms=20, few=3, starting_at_once=2)
ALONE = Scene(line={}, idle={}, room=9)


def waiting(*milliseconds: float) -> dict[int, float]:
    return {call: NOW - ms / 1000 for call, ms in enumerate(milliseconds)}


def idle(*seconds: float) -> dict[str, float]:
    return {f"i{place}": NOW - s for place, s in enumerate(seconds)}


@pytest.mark.parametrize(
    ("scene", "starts"),
    [
        (ALONE, 0),
        (ALONE._replace(line=waiting(0)), 1),
        (ALONE._replace(line=waiting(0, 0, 0)), 1),
        (ALONE._replace(line=waiting(9, 9, 9)), 2),
        (ALONE._replace(line=waiting(0), starting=1), 0),
        (ALONE._replace(line=waiting(9), starting=1), 0),
        (ALONE._replace(line=waiting(9, 9), starting=1), 1),
        (ALONE._replace(line=waiting(9, 9, 9), starting=2), 0),
        (ALONE._replace(line=waiting(4), busy=1), 0),
        (ALONE._replace(line=waiting(6), busy=1), 1),
        (ALONE._replace(line=waiting(6, 6, 4), busy=2), 2),
        (ALONE._replace(line=waiting(6, 6), busy=3), 1),
        (ALONE._replace(line=waiting(6, 6), busy=4), 0),
        (ALONE._replace(line=waiting(6, 6), busy=1, room=1), 1),
        (ALONE._replace(line=waiting(6, 6), busy=1, room=-1), 0),
        (ALONE._replace(line=waiting(9, 0), idle=idle(1), busy=1), 0),
        (ALONE._replace(line=waiting(9, 9), idle=idle(1), busy=1), 1),
        (ALONE._replace(line=waiting(6), busy=1, pace_s=0.004), 0),
        (ALONE._replace(line=waiting(21), busy=1, pace_s=0.004), 1),
        (ALONE._replace(line=waiting(6), busy=1, pace_s=0.005), 1),
        (ALONE._replace(line=waiting(99, 99), busy=2, pace_s=0.004), 1),
        (ALONE._replace(line=waiting(99, 99), busy=3, pace_s=0.004), 0),
        (ALONE._replace(line=waiting(99, 99), busy=3, pace_s=0.004, floor=9), 1),
        (ALONE._replace(floor=1), 1),
        (ALONE._replace(floor=3), 2),
        (ALONE._replace(floor=3, idle=idle(1), busy=1), 1),
        (ALONE._replace(floor=9, busy=3), 1),
        (ALONE._replace(line=waiting(0), retired=True), 1),
        (ALONE._replace(warm=1), 1),
        (ALONE._replace(warm=1, starting=1), 0),
        (ALONE._replace(warm=1, busy=1), 0),
        (ALONE._replace(warm=1, line=waiting(0)), 1),
        (ALONE._replace(warm=1, room=0), 0),
        (ALONE._replace(warm=1, paused_until=NOW + 9), 0),
    ],
)
def test_an_instance_is_started_for_a_call_that_has_lost_patience(
    scene: Scene, starts: int
) -> None:
    assert plan(scene, LIMITS, NOW).start == starts


def test_what_there_is_no_room_for_is_told_and_asked_for_again() -> None:
    scene = ALONE._replace(line=waiting(6, 6), busy=1, room=1)

    made = plan(scene, LIMITS, NOW)

    assert made.short == 1
    assert made.wake_at == NOW + ASK_AGAIN_S


def test_nobody_makes_room_for_what_is_kept_warm_but_it_asks_again() -> None:
    later = Plan([], 0, [], 0, NOW + ASK_AGAIN_S)

    assert plan(ALONE._replace(warm=1, room=0), LIMITS, NOW) == later
    assert plan(ALONE._replace(warm=1, room=1), LIMITS, NOW) == Plan([], 1, [])
    last = ALONE._replace(idle=idle(99), due=old("i0"), warm=1, room=0)
    assert plan(last, LIMITS, NOW) == later


def test_a_patient_call_is_looked_at_again_when_its_patience_ends() -> None:
    made = plan(ALONE._replace(line=waiting(4, 1), busy=1), LIMITS, NOW)

    assert made == Plan([], 0, [], 0, NOW + 0.001)


def test_an_idle_instance_is_looked_at_again_when_it_has_idled_too_long() -> None:
    made = plan(ALONE._replace(idle=idle(61, 50, 1)), LIMITS, NOW)

    assert made == Plan([], 0, ["i0"], 0, NOW + 10)


def test_the_oldest_call_gets_the_instance_that_was_used_last() -> None:
    made = plan(ALONE._replace(line=waiting(3, 2), idle=idle(30, 20, 10)), LIMITS, NOW)

    assert made.assign == [(0, "i2"), (1, "i1")]


def test_of_a_retired_pool_every_idle_instance_is_let_go_once_nobody_waits() -> None:
    scene = ALONE._replace(idle=idle(2, 1), retired=True)

    assert plan(scene, LIMITS, NOW).stop == ["i0", "i1"]
    assert plan(scene._replace(line=waiting(0)), LIMITS, NOW).stop == ["i0"]


def test_what_was_asked_for_ahead_is_not_let_go() -> None:
    assert plan(ALONE._replace(idle=idle(99, 98, 97), floor=2), LIMITS, NOW).stop == ["i0"]


def test_what_is_kept_warm_is_not_let_go_nor_looked_at_again_for_being_idle() -> None:
    scene = ALONE._replace(idle=idle(99, 98), busy=1, warm=2)

    assert plan(scene, LIMITS, NOW) == Plan([], 0, ["i0"])
    assert plan(scene._replace(warm=3), LIMITS, NOW) == Plan([], 0, [])
    assert plan(scene._replace(warm=0), LIMITS, NOW).stop == ["i0", "i1"]


@pytest.mark.parametrize(
    ("held", "ready", "before", "ageing", "kept"),
    [
        (0, 3, 3, False, 0),
        (2, 3, 0, False, 2),
        (5, 3, 0, False, 3),
        (5, 0, 0, False, 1),
        (5, -1, 0, False, 1),
        # a successor is there
        (5, 4, 3, True, 3),
        (5, 3, 3, False, 3),
        # one has ended meanwhile
        (5, 2, 3, True, 2),
    ],
)
def test_of_those_that_are_held_as_many_are_kept_as_there_are(
    held: int, ready: int, before: int, *, ageing: bool, kept: int
) -> None:
    assert kept_warm(held, ready, before, ageing=ageing) == kept


def old(*names: str) -> dict[str, float]:
    return dict.fromkeys(names, NOW)


@pytest.mark.parametrize(
    ("scene", "starts", "stops"),
    [
        (ALONE._replace(idle=idle(2, 1), due=old("i0")), 0, ["i0"]),
        (ALONE._replace(idle=idle(2, 1), due=old("i0", "i1")), 1, ["i0"]),
        (ALONE._replace(idle=idle(1), busy=1, due=old("i0")), 0, ["i0"]),
        # the last one serves on until its successor is there
        (ALONE._replace(idle=idle(1), due=old("i0")), 1, []),
        (ALONE._replace(idle=idle(1), due=old("i0"), starting=1), 0, []),
        (ALONE._replace(idle=idle(2, 1), due=old("i1")), 0, ["i1"]),
        # so does one of the floor
        (ALONE._replace(idle=idle(2, 1), due=old("i0"), floor=2), 1, []),
        (ALONE._replace(idle=idle(99, 98), due=old("i0", "i1"), floor=2), 2, []),
        (ALONE._replace(idle=idle(3, 2, 1), due=old("i0", "i1"), floor=2), 1, ["i0"]),
        (ALONE._replace(idle=idle(2, 1), due=old("i0"), floor=2, paused_until=NOW + 9), 0, []),
        # and one that is kept warm
        (ALONE._replace(idle=idle(99, 98), due=old("i0"), warm=2), 1, []),
        (ALONE._replace(idle=idle(99, 98), due=old("i0"), warm=2, starting=1), 0, []),
        (ALONE._replace(idle=idle(99, 98, 1), due=old("i0"), warm=2), 0, ["i0"]),
        (ALONE._replace(idle=idle(99), due=old("i0"), warm=1), 1, []),
        (ALONE._replace(idle=idle(99), due=old("i0"), warm=1, room=0), 0, []),
        # where there may be no more, one goes first
        (ALONE._replace(idle=idle(3), busy=3, due=old("i0"), floor=4), 1, ["i0"]),
        (ALONE._replace(idle=idle(3), busy=3, due=old("i0"), floor=4, starting=1), 0, []),
        # idle too long is idle too long
        (ALONE._replace(idle=idle(99), due=old("i0")), 0, ["i0"]),
        (ALONE._replace(idle=idle(9), due=old("i0"), retired=True), 0, ["i0"]),
    ],
)
def test_what_is_too_old_goes_once_others_stand_for_it(
    scene: Scene, starts: int, stops: list[str]
) -> None:
    made = plan(scene, LIMITS, NOW)

    assert (made.start, made.stop) == (starts, stops)


def test_no_call_is_given_to_an_instance_that_is_about_to_go() -> None:
    scene = ALONE._replace(line=waiting(1), idle=idle(1), busy=1, due=old("i0"))

    assert plan(scene, LIMITS, NOW).assign == []
    assert plan(scene._replace(busy=0), LIMITS, NOW).assign == [(0, "i0")]


def test_an_instance_is_looked_at_when_it_becomes_too_old() -> None:
    scene = ALONE._replace(idle=idle(1), due={"i0": NOW + 3})

    assert plan(scene, LIMITS, NOW).wake_at == NOW + 3


def test_what_is_asked_for_ahead_waits_out_a_pause_and_a_call_does_not() -> None:
    scene = ALONE._replace(floor=2, paused_until=NOW + 3)

    assert plan(scene, LIMITS, NOW) == Plan([], 0, [], 0, NOW + 3)
    assert plan(scene._replace(line=waiting(0)), LIMITS, NOW).start == 1
    assert plan(scene, LIMITS, NOW + 3).start == 2


@given(st.floats(1, 1e6), st.floats(0, 1, exclude_max=True))
def test_no_instance_is_kept_beyond_its_age_nor_sent_off_much_before(
    age: float, draw: float
) -> None:
    assert age * (1 - EARLY) <= lasts_s(Limits(max_age_s=age), draw) <= age


def test_an_instance_without_an_age_is_kept_for_ever() -> None:
    assert lasts_s(Limits(), 0.9) == NEVER


@given(st.integers(1, 5000))
def test_the_pause_grows_with_each_failure_up_to_a_limit(failures: int) -> None:
    assert again_at(0, NOW) < 0
    assert again_at(1, NOW) == NOW + 1
    assert again_at(failures, NOW) <= again_at(failures + 1, NOW) <= NOW + LONGEST_PAUSE_S


def test_what_is_owed_goes_before_any_call_is_seated() -> None:
    made = plan(ALONE._replace(line=waiting(1), idle=idle(2), owed=1), LIMITS, NOW)

    assert made.stop == ["i0"]
    assert made.assign == []


def test_who_is_refused_is_told_why() -> None:
    assert str(Busy(7)) == "every instance is busy, and 7 calls wait for one already"
    assert str(Retired()) == "the version takes no new calls"


times = st.lists(st.floats(0, 100), max_size=6).map(sorted)
scenes = st.builds(
    Scene,
    line=times.map(lambda since: dict(enumerate(since))),
    idle=times.map(lambda since: {f"i{place}": moment for place, moment in enumerate(since)}),
    starting=st.integers(0, 3),
    busy=st.integers(0, 3),
    floor=st.integers(0, 6),
    room=st.integers(-1, 6),
    owed=st.integers(0, 3),
    pace_s=st.sampled_from([0.001, 0.1, NEVER]),
    retired=st.booleans(),
    due=st.dictionaries(st.sampled_from([f"i{n}" for n in range(6)]), st.floats(50, 250)),
    paused_until=st.sampled_from([-NEVER, 150.0]),
    open=st.just({}),
    warm=st.integers(0, 6),
)
limits = st.builds(
    Limits,
    instances=st.integers(1, 8),
    idle_s=st.floats(0.1, 60),
    patience_ms=st.floats(0.1, 100),
    linger_ms=st.floats(0.1, 100),
    starting_at_once=st.integers(1, 3),
    few=st.integers(1, 4),
)
moments = st.floats(100, 200)


@given(scenes, limits, moments)
def test_no_plan_seats_a_caller_twice_or_two_callers_in_one_instance(
    scene: Scene, limits: Limits, now: float
) -> None:
    made = plan(scene, limits, now)
    calls, names = [call for call, _ in made.assign], [name for _, name in made.assign]

    assert calls == list(scene.line)[: len(calls)]
    assert len(set(names)) == len(names)
    assert set(names) <= set(scene.idle)


@given(scenes, limits, moments)
def test_no_plan_goes_above_a_limit(scene: Scene, limits: Limits, now: float) -> None:
    made = plan(scene, limits, now)
    here = len(scene.idle) + scene.starting + scene.busy - len(made.stop)

    assert made.start >= 0
    if made.start:
        assert here + made.start <= limits.instances
        assert scene.starting + made.start <= limits.starting_at_once
        assert made.start <= scene.room


@given(scenes, limits, moments)
def test_no_plan_stops_an_instance_that_is_busy_or_about_to_be(
    scene: Scene, limits: Limits, now: float
) -> None:
    made = plan(scene, limits, now)

    assert set(made.stop) <= set(scene.idle)
    assert not set(made.stop) & {name for _, name in made.assign}


@given(scenes, limits, moments)
def test_the_instance_used_last_is_used_first(scene: Scene, limits: Limits, now: float) -> None:
    made = plan(scene, limits, now)
    since = [scene.idle[name] for _, name in made.assign]
    left = set(scene.idle) - {name for _, name in made.assign} - set(made.stop)

    assert all(later >= sooner for later, sooner in pairwise(since))
    assert all(scene.idle[name] <= moment for name in left for moment in since)


@given(scenes, limits, moments)
def test_a_caller_is_never_left_with_nobody_on_the_way(
    scene: Scene, limits: Limits, now: float
) -> None:
    made = plan(scene, limits, now)

    if len(made.assign) < len(scene.line) and scene.room > 0:
        assert made.assign or made.start or scene.starting or scene.busy


@given(scenes, limits, moments)
def test_the_old_never_leave_a_floor_that_they_could_have_held(
    scene: Scene, limits: Limits, now: float
) -> None:
    ready = len(scene.idle) - min(scene.owed, len(scene.idle)) + scene.busy
    made = plan(scene._replace(line={}, retired=False), limits, now)
    left = len(scene.idle) + scene.busy - len(made.stop)

    assert left >= min(ready, scene.kept, limits.instances - 1)


@given(scenes, limits, moments)
def test_what_is_kept_warm_asks_nobody_for_room(scene: Scene, limits: Limits, now: float) -> None:
    made, without = plan(scene, limits, now), plan(scene._replace(warm=0), limits, now)

    assert made.short <= without.short


@given(scenes, limits, moments)
def test_keeping_warm_starts_none_beyond_what_is_kept(
    scene: Scene, limits: Limits, now: float
) -> None:
    scene = scene._replace(line={}, due={}, floor=0)
    here = len(scene.idle) - min(scene.owed, len(scene.idle)) + scene.starting + scene.busy

    assert plan(scene, limits, now).start <= max(0, scene.warm - here)


@given(scenes, limits, moments, st.floats(0, 1))
def test_nothing_is_to_be_done_before_the_plan_wants_to_be_asked_again(
    scene: Scene, limits: Limits, now: float, part: float
) -> None:
    made = plan(scene, limits, now)
    seated = dict(made.assign)
    gone = {*made.stop, *seated.values()}
    after = scene._replace(
        line={call: since for call, since in scene.line.items() if call not in seated},
        idle={name: since for name, since in scene.idle.items() if name not in gone},
        starting=scene.starting + made.start,
        busy=scene.busy + len(seated),
        room=scene.room - made.start,
        owed=max(0, scene.owed - len(made.stop)),
    )
    later = now + part * (min(made.wake_at, now + 100) - now)

    assert made.wake_at > now
    if later < made.wake_at:
        assert plan(after, limits, later)[:3] == ([], 0, [])


@given(here=st.integers(0, 300), room=st.integers(-5, 300), running=st.integers(0, 300))
def test_what_nobody_waits_for_never_takes_the_last_instance_unless_there_is_but_one(
    here: int, room: int, running: int
) -> None:
    could_be = here + max(0, room)
    most = for_later(here, room, running)

    assert most >= 0
    if could_be > 1:
        assert most + running < could_be or not most
    elif not running:
        assert most == 1


@given(here=st.integers(0, 5), most=st.integers(1, 300), taken=st.integers(0, 300))
def test_a_part_of_the_fleet_is_left_for_calls_that_somebody_waits_for(
    here: int, most: int, taken: int
) -> None:
    room = room_for_later(here, most - taken, most)

    assert room <= most - taken
    if room > 0 and most > 1:
        assert most - taken - room >= (most // 10 if here else 1)
    assert room_for_later(0, most, most) > 0


def test_a_function_that_is_stopped_is_busy_for_ever() -> None:
    stopped = Stopped(64, 128)
    assert isinstance(stopped, Busy)
    assert str(stopped) == (
        "its reserved concurrency is 64 MB, and an instance has 128 MB: it is stopped"
    )
