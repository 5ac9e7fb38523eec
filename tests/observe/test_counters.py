"""Counters: each call in its second, and how many ran at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.invocation import Record
from huidu.model.tally import Lane
from huidu.observe.counters import Counters
from tests.fakes import Clock
from tests.fakes_store import record
from tests.tallies import DIRECT_2, OTHER, RELEASE_1, RELEASE_2


def through(lane: Lane, **more: Any) -> Record:
    return record(function_id=lane.function_id, alias=lane.alias, version=lane.version, **more)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counters(clock: Clock) -> Counters:
    return Counters(clock.time)


def end(counters: Counters, call: Record) -> None:
    counters.turn()
    counters.count([call])


def taken(counters: Counters) -> list[tuple[int, Lane, int]]:
    return [
        (second.start, lane, count.tally().calls)
        for second in counters.take()
        for lane, count in second.counts.items()
    ]


def most(counters: Counters, lane: Lane) -> list[tuple[int, tuple[int, ...]]]:
    """How many ran at once in each second: of the function, the version, the alias, the lane."""
    found: list[tuple[int, tuple[int, ...]]] = []
    for second in counters.take():
        tally = second.counts[lane].tally()
        told = (
            tally.most_of_function,
            tally.most_of_version,
            tally.most_of_alias,
            tally.most_of_lane,
        )
        found.append((second.start, told))
    return found


def test_a_call_is_counted_in_its_lane_and_the_second_in_which_it_ended(
    counters: Counters, clock: Clock
) -> None:
    end(counters, through(RELEASE_1, started_at=1.0))
    end(counters, through(RELEASE_1))
    end(counters, through(RELEASE_2))
    clock.move(1.5)
    end(counters, through(RELEASE_2))

    assert taken(counters) == [(1000, RELEASE_1, 2), (1000, RELEASE_2, 1), (1001, RELEASE_2, 1)]
    assert taken(counters) == []


def test_a_second_may_be_taken_in_parts(counters: Counters) -> None:
    for _ in range(2):
        end(counters, through(OTHER))
        assert taken(counters) == [(1000, OTHER, 1)]


def test_a_clock_that_is_set_back_loses_nothing(counters: Counters, clock: Clock) -> None:
    end(counters, through(OTHER))
    clock.now -= 100
    end(counters, through(OTHER))

    assert taken(counters) == [(1000, OTHER, 1), (900, OTHER, 1)]


def test_how_many_run_at_once_is_told_of_function_version_alias_and_both(
    counters: Counters,
) -> None:
    for lane in (RELEASE_1, RELEASE_2, RELEASE_2, DIRECT_2, OTHER):
        counters.began(lane)
    assert counters.running() == {RELEASE_1: 1, RELEASE_2: 2, DIRECT_2: 1, OTHER: 1}
    assert [counters.running_in(lane) for lane in (RELEASE_2, OTHER)] == [2, 1]

    assert most(counters, RELEASE_2) == [(1000, (4, 3, 3, 2))]


def test_a_long_call_is_told_of_in_every_second(counters: Counters, clock: Clock) -> None:
    busy = counters.began(RELEASE_1)
    for _ in range(3):
        counters.take()
        clock.move(1)
    one = (1, 1, 1, 1)
    assert most(counters, RELEASE_1) == [(1002, one), (1003, one)]
    busy.ended()
    clock.move(1)

    assert most(counters, RELEASE_1) == [(1003, one)], "it ran in that second, too"
    assert counters.take() == []
    assert counters.running() == {}
    assert counters.running_in(RELEASE_2) == 0


def test_the_most_of_a_second_is_not_that_of_the_next(counters: Counters, clock: Clock) -> None:
    _, second, third = [counters.began(RELEASE_1) for _ in range(3)]
    second.ended()
    third.ended()
    clock.move(1)

    assert most(counters, RELEASE_1) == [(1000, (3, 3, 3, 3)), (1001, (1, 1, 1, 1))]


def test_a_lane_that_rests_while_its_version_runs_goes_on_as_part_of_it(
    counters: Counters, clock: Clock
) -> None:
    counters.began(DIRECT_2)
    counters.began(RELEASE_2).ended()
    clock.move(1)
    counters.take()
    counters.began(RELEASE_2)

    assert most(counters, RELEASE_2) == [(1001, (2, 2, 1, 1))]


LANES = [RELEASE_1, RELEASE_2, DIRECT_2, OTHER]
Step = tuple[str, int]


@given(st.lists(st.tuples(st.sampled_from(["began", "ended", "turn"]), st.integers(0, 3))))
def test_what_runs_together_is_counted_as_if_each_part_were_counted_alone(
    steps: list[Step],
) -> None:
    clock = Clock()
    counters, busy = Counters(clock.time), list[tuple[Lane, Any]]()
    now, peaks = Counter[Any](), {1000: Counter[Any]()}
    for what, n in steps:
        if what == "began":
            busy.append((LANES[n], counters.began(LANES[n])))
            now.update(parts(LANES[n]))
            peaks[max(peaks)] |= now
        elif what == "ended" and busy:
            lane, running = busy.pop(n % len(busy))
            running.ended()
            now.subtract(parts(lane))
        elif what == "turn":
            clock.move(1)
            counters.turn()
            peaks[max(peaks) + 1] = Counter(now)
    assert counters.running() == Counter(lane for lane, _ in busy)
    for second in counters.take():
        for lane, count in second.counts.items():
            tally = count.tally()
            told = [tally.most_of_function, tally.most_of_version]
            told += [tally.most_of_alias, tally.most_of_lane]
            assert told == [peaks[second.start][part] for part in parts(lane)]


def parts(lane: Lane) -> list[tuple[str, ...]]:
    """The function, version and alias that a lane is of, and the lane."""
    function_id, alias, version = lane
    return [(function_id,), ("v", function_id, version), ("a", function_id, alias), tuple(lane)]
