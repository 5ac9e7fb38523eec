"""Lines and bars that are drawn by the server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.console import drawing

COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=50)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_the_parts_of_a_bar_lie_end_to_end(shares: list[float]) -> None:
    whole = sum(shares) or 1.0
    parts = drawing.segments({str(at): one / whole for at, one in enumerate(shares)})
    end = 0.0
    for part in parts:
        assert part.begin == pytest.approx(end, abs=0.01)
        end = part.begin + part.width
    assert end == pytest.approx(100 if sum(shares) else 0, abs=0.01)


def test_a_line_goes_through_its_values() -> None:
    assert drawing.line([0, 2, 1], 100, 10) == "M0.0,10.0L50.0,0.0L100.0,5.0"
    assert drawing.line([5], 100, 10, top=10) == "M0.0,5.0"
    assert drawing.line([], 100, 10) == ""
    assert drawing.area([0, 1], 10, 10) == "M0.0,10.0L10.0,0.0L10,10L0,10Z"
    assert drawing.area([], 10, 10) == ""


def test_series_are_stacked_each_upon_those_before() -> None:
    drawn = drawing.stacked({"1": [1, 1], "2": [1, 3]}, 10, 4)

    assert drawn["1"] == "M0.0,3.0L10.0,3.0L10.0,4.0L0.0,4.0Z"
    assert drawn["2"] == "M0.0,2.0L10.0,0.0L10.0,3.0L0.0,3.0Z"
    assert drawing.stacked({}, 10, 4) == {}


@given(values=COUNTS, most=st.integers(1, 20))
def test_thinned_values_keep_their_mean(values: list[int], most: int) -> None:
    thin = drawing.thinned(values, most)

    assert len(thin) == min(most, len(values))
    assert min(values) <= min(thin) <= max(thin) <= max(values)


def test_what_lies_before_the_first_call_is_left_out_but_for_its_end() -> None:
    calls = [0] * 500 + [4] * 400
    series = {"Points": 900, "Versions": [{"FunctionVersion": "1", "Calls": calls}]}

    assert list(drawing.columns(series, "Calls", 900)["1"]) == [0] * 10 + [4] * 400
    quiet = {"Points": 900, "Versions": [{"FunctionVersion": "1", "Calls": [0] * 900}]}
    assert len(drawing.columns(quiet, "Calls", 900)["1"]) == drawing.LEAST
