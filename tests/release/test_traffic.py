"""Kinds of traffic, each with the calls that were asked for."""

from __future__ import annotations

from random import Random
from statistics import fmean

import pytest

from huidu.release.traffic import DAY_S, TRAFFICS, incidents


@pytest.mark.parametrize("kind", TRAFFICS)
def test_over_a_day_there_are_as_many_calls_as_were_asked_for(kind: str) -> None:
    traffic = TRAFFICS[kind](50.0, Random(3))
    rates = [traffic(float(now)).calls_per_s for now in range(0, int(DAY_S), 5)]

    assert fmean(rates) == pytest.approx(50.0, rel=0.2 if kind == "bursts" else 0.01)
    assert min(rates) > 0


def test_incidents_last_120_of_each_500_seconds_whenever_they_begin() -> None:
    traffic = incidents(10.0, Random(5))
    bad = [traffic(float(now)).failing > 0 for now in range(5000)]

    assert sum(bad) == 1200
    assert bad[:4500] == bad[500:]


@pytest.mark.parametrize("kind", TRAFFICS)
def test_the_same_dice_make_the_same_traffic_before_the_release_and_in_it(kind: str) -> None:
    one, other = TRAFFICS[kind](50.0, Random(3)), TRAFFICS[kind](50.0, Random(3))

    assert [one(float(at)) for at in range(-600, 600)] == [
        other(float(at)) for at in range(-600, 600)
    ]
