"""Many draws at once are what single draws would have been."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from statistics import fmean, variance

import pytest

from huidu.release.chance import binomial, poisson

DRAWS = 20_000


def drawn(draw: Callable[[Random], int]) -> list[int]:
    dice = Random(7)
    return [draw(dice) for _ in range(DRAWS)]


@pytest.mark.parametrize(("count", "share"), [(1, 0.3), (10, 0.05), (100, 0.5), (1000, 0.999)])
def test_hits_have_the_mean_and_the_spread_that_single_draws_have(count: int, share: float) -> None:
    hits = drawn(lambda dice: binomial(dice, count, share))
    spread = count * share * (1 - share)

    assert fmean(hits) == pytest.approx(count * share, abs=4 * math.sqrt(spread / DRAWS))
    assert variance(hits) == pytest.approx(spread, rel=0.06)
    assert min(hits) >= 0
    assert max(hits) <= count


def test_each_number_of_hits_is_as_likely_as_it_should_be() -> None:
    hits = drawn(lambda dice: binomial(dice, 3, 0.3))
    for number in range(4):
        chance = math.comb(3, number) * 0.3**number * 0.7 ** (3 - number)
        assert hits.count(number) / DRAWS == pytest.approx(chance, abs=0.015)


@pytest.mark.parametrize(("count", "share", "hits"), [(0, 0.5, 0), (9, 0.0, 0), (9, 1.0, 9)])
def test_what_is_certain_is_certain(count: int, share: float, hits: int) -> None:
    assert binomial(Random(1), count, share) == hits


@pytest.mark.parametrize("mean", [0.2, 3.0, 19.9, 20.0, 100.0, 1234.5])
def test_arrivals_have_a_mean_that_is_their_variance(mean: float) -> None:
    arrived = drawn(lambda dice: poisson(dice, mean))

    assert fmean(arrived) == pytest.approx(mean, abs=4 * math.sqrt(mean / DRAWS))
    assert variance(arrived) == pytest.approx(mean, rel=0.06)


def test_nobody_arrives_where_nobody_is_expected() -> None:
    assert poisson(Random(1), 0.0) == 0
