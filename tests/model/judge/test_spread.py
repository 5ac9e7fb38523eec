"""Quantiles of values of any size and sign."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.judge.spread import LEAST, Spread, bucket_of, upper_of

values = st.floats(-1e11, 1e11)


@given(value=values)
def test_a_value_is_at_most_where_its_bucket_ends_and_near_it(value: float) -> None:
    end = upper_of(bucket_of(value))
    assert value <= end * (1 + 1e-9) + LEAST if value > 0 else value <= end + LEAST
    assert end == pytest.approx(value, rel=0.0201, abs=LEAST)


@given(one=values, other=values)
def test_a_larger_value_has_no_smaller_bucket(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert bucket_of(low) <= bucket_of(high)


def test_a_quantile_is_found_on_either_side_of_zero() -> None:
    spread = Spread()
    for value in (-100.0, -10.0, 0.0, 10.0, 100.0):
        spread.add(value)
    found = spread.quantiles((0.2, 0.4, 0.6, 0.8, 1.0))
    assert found == [pytest.approx(v, rel=0.0201) for v in (-100, -10, 0, 10, 100)]
    assert Spread().quantile(0.5) is None


def test_what_is_too_large_to_tell_apart_is_counted_as_the_largest() -> None:
    assert bucket_of(1e300) == bucket_of(1e13)
    assert bucket_of(-1e300) == bucket_of(-1e13)
