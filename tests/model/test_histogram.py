"""Histogram: merging is exact, and a quantile is within 2 % of what was recorded."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.histogram import EMPTY, LEAST, index_of, merged, middle, of, upper

SECONDS = st.floats(0, 1e6, allow_nan=False)
SOME = st.lists(SECONDS, max_size=50)
QUANTILES = (0.5, 0.9, 0.99)

DISTRIBUTIONS: Mapping[str, Callable[[random.Random], float]] = {
    "uniform": lambda dice: dice.uniform(0.001, 2),
    "lognormal": lambda dice: dice.lognormvariate(-4, 0.6),
    "exponential": lambda dice: dice.expovariate(20),
    "a heavy tail": lambda dice: 0.002 * dice.paretovariate(1.2),
    "two humps": lambda dice: (
        dice.gauss(0.01, 0.001) if dice.random() < 0.8 else dice.gauss(3, 0.2)
    ),
}


def exact(values: Sequence[float], q: float) -> float:
    return sorted(values)[max(1, math.ceil(q * len(values))) - 1]


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("size", [100, 10_000])
def test_quantiles_are_within_two_percent(name: str, size: int) -> None:
    dice = random.Random(f"{name} {size}")
    values = [DISTRIBUTIONS[name](dice) for _ in range(size)]
    histogram = of(values)

    for q in QUANTILES:
        assert histogram.quantile(q) == pytest.approx(exact(values, q), rel=0.02)


@given(st.lists(st.floats(2 * LEAST, 1e6), min_size=1), st.floats(0, 1))
def test_a_quantile_is_within_one_point_one_percent_of_what_was_recorded(
    values: list[float], q: float
) -> None:
    assert of(values).quantile(q) == pytest.approx(exact(values, q), rel=0.011)


@given(SOME, SOME, SOME)
def test_merging_is_as_if_all_had_been_recorded_in_one_in_any_order(
    a: list[float], b: list[float], c: list[float]
) -> None:
    whole = of([*a, *b, *c])

    assert merged([of(a), of(b), of(c)]) == whole
    assert merged([merged([of(a), of(b)]), of(c)]) == whole
    assert merged([of(a), merged([of(c), of(b)])]) == whole
    assert merged([whole, EMPTY]) == whole
    assert whole.count == len(a) + len(b) + len(c)


@given(st.floats(2 * LEAST, 1e9))
def test_a_bucket_holds_what_is_in_it(value: float) -> None:
    """OpenTelemetry's: above BASE**i, at most BASE**(i+1)."""
    index = index_of(value)

    assert upper(index - 1) * (1 - 1e-12) < value <= upper(index) * (1 + 1e-12)
    assert middle(index) == pytest.approx(value, rel=0.011)


def test_powers_of_two_end_their_buckets() -> None:
    """So how many values are at most a power of two is exact, which Prometheus is told."""
    for exponent in range(-19, 20):
        assert upper(index_of(2.0**exponent)) == 2.0**exponent


def test_nothing_has_no_quantile_and_next_to_nothing_is_zero() -> None:
    assert EMPTY.quantile(0.5) == 0
    assert of([0.0, LEAST, 1.0]).quantile(0.6) == 0
    assert of([0.0, LEAST, 1.0]).quantile(1) == pytest.approx(1, rel=0.011)
