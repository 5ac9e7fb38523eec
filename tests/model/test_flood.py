"""Flood: a function that prints without end is cut, and nobody else notices."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from huidu.model import flood
from huidu.model.flood import BURST_S, Flood
from huidu.model.log import Chunk


def chunk(lines: int, function: str = "loud", each: int = 100) -> Chunk:
    return Chunk(
        request_id="r",
        namespace="default",
        function=function,
        function_id=function,
        version="1",
        printed=("x" * (each - 1) + "\n") * lines,
        ending="END RequestId: r\n",
    )


def test_what_is_within_the_allowance_is_kept_as_it_is() -> None:
    few = chunk(4)
    assert Flood(100.0).cut(few, 0.0) == (few, 0)


def test_what_is_over_it_is_cut_at_a_line_and_a_line_says_how_much_is_missing() -> None:
    kept, dropped = Flood(102.4).cut(chunk(10), 0.0)

    assert dropped == 6
    *whole, notice = kept.printed.splitlines()
    assert whole == ["x" * 99] * 4
    assert notice == "WARN: 6 lines are not kept: loud prints more than 0 KB per second"
    assert kept.ending == chunk(10).ending


def test_an_allowance_fills_again_with_time() -> None:
    limits = Flood(100.0)
    limits.cut(chunk(4), 0.0)
    assert limits.cut(chunk(4), 0.0)[1] == 4
    assert limits.cut(chunk(4), 2.0)[1] == 2
    assert limits.cut(chunk(4), 1000.0)[1] == 0


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    limits = Flood(100.0)
    limits.cut(chunk(2), 100.0)
    assert limits.cut(chunk(2), 50.0)[1] == 0


def test_each_function_has_its_own_allowance() -> None:
    limits = Flood(100.0)
    assert limits.cut(chunk(99), 0.0)[1] == 95
    assert limits.cut(chunk(4, "calm"), 0.0)[1] == 0


def test_the_allowances_that_are_remembered_are_bounded() -> None:
    limits = Flood(100.0)
    for n in range(flood.MOST_FUNCTIONS + 10):
        limits.cut(chunk(1, f"f{n}"), 0.0)
    assert len(limits._left) == flood.MOST_FUNCTIONS


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 3)), max_size=30))
def test_in_the_long_run_no_more_is_kept_than_the_rate(steps: list[tuple[int, float]]) -> None:
    limits, now, kept = Flood(100.0), 0.0, 0
    for lines, wait in steps:
        now += wait
        cut, dropped = limits.cut(chunk(lines), now)
        kept += 100 * (lines - dropped)
        assert cut.printed.count("\n") == lines - dropped + (dropped > 0)
    assert kept <= 100.0 * (now + BURST_S) + 1e-6
