"""How much of what is shared one may take: there is always some left for others."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from huidu.model.turns import (
    LONGEST_PAUSE_S,
    OF_QUEUE,
    OF_ROOM,
    Pace,
    deal,
    may_take,
    whole,
)


@given(st.integers(1, 300), st.integers(1, 20))
def test_whoever_comes_finds_a_place_however_greedy_those_before_were(
    places: int, times: int
) -> None:
    free, holds = places, 0
    while may_take(holds, free, times):
        holds, free = holds + 1, free - 1

    assert holds >= places * times // (times + 1)
    assert free > 0 or places == 1
    assert may_take(0, free, times) == (free > 0)


def test_one_alone_may_have_just_what_was_meant_for_it() -> None:
    most = 100_000
    assert may_take(most - 1, whole(most, OF_QUEUE) - (most - 1), OF_QUEUE)
    assert whole(most, OF_QUEUE) == 111_112
    assert whole(most, OF_QUEUE) - most > 10_000


@given(
    st.integers(0, 64),
    st.dictionaries(st.text("abc", min_size=1, max_size=2), st.integers(0, 30), max_size=6),
    st.dictionaries(st.text("abc", min_size=1, max_size=2), st.integers(0, 5), max_size=6),
)
def test_places_are_shared_evenly_and_never_twice(
    free: int, holds: dict[str, int], most: dict[str, int]
) -> None:
    dealt = deal(free, sorted(holds), holds, most)

    assert sum(dealt.values()) <= free
    for one, count in dealt.items():
        assert count > 0
        if one in most:
            assert holds[one] + count <= most[one]
    fresh = [one for one in holds if holds[one] == 0 and one not in most]
    if len(fresh) <= free:
        assert all(one in dealt for one in fresh) or len(holds) > free


def test_of_two_that_come_together_none_gets_much_more() -> None:
    assert deal(8, ["a", "b"], {}, {}) == {"a": 3, "b": 3}
    assert deal(8, ["a"], {}, {}) == {"a": 6}
    assert Counter(deal(32, ["a"], {}, {})) == {"a": 24}
    assert OF_ROOM == 3


def test_a_function_that_finds_no_room_is_slowed_down_and_paused_and_comes_back() -> None:
    pace = Pace(32.0)
    for running in (23, 11, 5, 2):
        pace = pace.refused(running, 100.0)
    assert pace.now(100.0) == 1
    paused = pace.refused(0, 100.0)
    assert (paused.now(100.1), paused.now(100.2)) == (0, 1)
    longer = paused.refused(0, 101.0)
    assert (longer.pause_s, longer.now(101.2), longer.now(101.3)) == (0.25, 0, 1)
    for _ in range(100):
        longer = longer.refused(0, 200.0)
    assert longer.pause_s == LONGEST_PAUSE_S
    assert longer.now(0.0) == 1  # the clock was set back
    for _ in range(100):
        longer = longer.answered()
    assert longer.now(300.0) > 10
