"""Guessing: how those who get secrets wrong are slowed down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.guessing import FORGOTTEN_S, FREE, LONGEST_S, Failures, place_of

moments = st.floats(0, 1e6)


def after(count: int, at: float = 0.0) -> Failures:
    failures = Failures()
    for _ in range(count):
        failures = failures.another(at)
    return failures


def test_a_few_that_go_wrong_cost_nothing() -> None:
    assert after(FREE - 1).wait_s(0.0) == 0.0


def test_then_each_one_costs_twice_the_time_of_the_one_before_up_to_a_minute() -> None:
    waits = [after(FREE + more).wait_s(0.0) for more in range(9)]

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@given(st.integers(0, 10_000), moments, moments)
def test_nobody_waits_for_longer_than_a_minute(count: int, last_at: float, now: float) -> None:
    assert 0.0 <= Failures(count, last_at).wait_s(now) <= LONGEST_S


@given(st.integers(0, 10_000), moments)
def test_after_a_quiet_quarter_of_an_hour_all_is_forgotten(count: int, at: float) -> None:
    later = at + FORGOTTEN_S + 1

    assert Failures(count, at).wait_s(later) == 0.0
    assert Failures(count, at).another(later).count == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:db8::1", "2001:db8::ffff:2"),
        (None, "not an address"),
    ],
)
def test_what_one_may_have_many_of_counts_as_one_place(one: str | None, other: str) -> None:
    assert place_of(one) == place_of(other)


@pytest.mark.parametrize(("one", "other"), [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "::1")])
def test_other_addresses_are_other_places(one: str, other: str) -> None:
    assert place_of(one) != place_of(other)
