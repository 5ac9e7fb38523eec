"""Traffic as it was, met again."""

from __future__ import annotations

from random import Random

import pytest

from huidu.release.faults import Fault, fault_of
from huidu.release.recorded import Recorded, Stretch, spread_of
from huidu.release.scene import Scene, Spread
from huidu.release.traffic import Weather
from huidu.release.trial import Trial, summary

SPREAD = Spread(100.0, 200.0, 400.0)
HOUR = Recorded(
    stretches=(Stretch(600, 6, 100.0), Stretch(0, 0, None), Stretch(1200, 0, 200.0)),
    period_s=60,
    spread=SPREAD,
)


@pytest.mark.parametrize(
    ("now", "weather"),
    [
        (0.0, Weather(10.0, 0.01, 1.0)),
        (59.9, Weather(10.0, 0.01, 1.0)),
        (60.0, Weather(0.0, 0.0, 1.0)),
        (120.0, Weather(20.0, 0.0, 2.0)),
        (180.0, Weather(10.0, 0.01, 1.0)),
        (-1.0, Weather(20.0, 0.0, 2.0)),
    ],
)
def test_a_release_meets_each_minute_as_it_was(now: float, weather: Weather) -> None:
    assert HOUR.since(0.0)(now) == weather
    assert HOUR.since(60.0)(now - 60.0) == weather


def test_durations_have_the_quantiles_that_were_counted() -> None:
    assert [SPREAD.at(share) for share in (0.5, 0.95, 0.99)] == pytest.approx([100, 200, 400])


def test_the_spread_is_that_of_the_busiest_day_and_always_one() -> None:
    assert spread_of([(10, 1, 2, 3), (20, 5, 6, 7)]) == Spread(5, 6, 7)
    assert spread_of([]) == Spread()
    flat = spread_of([(10, 7.0, 7.0, 7.0)])
    assert flat.p50_ms < flat.p95_ms < flat.p99_ms


def test_what_failed_then_fails_again_in_both_versions_and_a_fault_comes_on_top() -> None:
    scene = Trial(recorded=HOUR, fault=fault_of("0.1%->50%")).scene(0)
    scene.traffic = HOUR.since(0.0)
    bunches = [scene.second(0.0, 0.5) for _ in range(2000)]
    mine, theirs = ([bunch[side] for bunch in bunches] for side in (0, 1))

    def failing(side: int) -> float:
        return sum(b[side].failed for b in bunches) / sum(b[side].calls for b in bunches)

    assert sum(b.calls for b in mine) == pytest.approx(10_000, rel=0.05)
    assert sum(b.calls for b in theirs) == pytest.approx(10_000, rel=0.05)
    assert failing(0) == pytest.approx(0.01 + 0.499, abs=0.02)
    assert failing(1) == pytest.approx(0.01, abs=0.005)


def test_a_release_over_records_ends_as_others_do() -> None:
    found = Trial(recorded=HOUR, fault=fault_of("total")).play_all(range(5))

    assert summary(found, fault_of("total")).rolled_back == 5


def test_without_a_call_nothing_happens_to_a_release() -> None:
    silent = Scene(dice=Random(1), traffic=lambda _: Weather(0.0), fault=Fault())

    assert silent.history() == []
    assert [sum(bunch.calls for bunch in silent.second(1.0, 0.5))] == [0]
