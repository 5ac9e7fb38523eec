"""Ahead: how many calls may wait within an instance, as a law."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from huidu.model.ahead import LONG, MOST_AHEAD, most_ahead


@given(st.floats(0, 0.01), st.floats(0, 0.01), st.floats(0.1, 10))
def test_what_waits_within_an_instance_waits_for_a_part_of_what_one_call_may_take(
    pace_s: float, longest_s: float, ahead_ms: float
) -> None:
    most = most_ahead(ahead_ms, pace_s, longest_s)

    assert 1 <= most <= MOST_AHEAD
    assert most == 1 or most * pace_s * 1000 <= ahead_ms / 4 * 1.000001
    assert most == 1 or longest_s * 1000 <= LONG * ahead_ms
