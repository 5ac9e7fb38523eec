"""What functions report, held against what the stable version's calls report."""

from __future__ import annotations

import random

import pytest

from huidu.model.judge.call import Call
from huidu.model.judge.gauge import Gauge
from huidu.model.judge.judge import Judge, Opinion, Step, Tolerances, Verdict
from huidu.model.judge.measure import HIGHER, LOWER, Measure
from huidu.model.judge.opinion import Waiting

STEP = Step(0.0, 0.5)
WEIGHT = 0.25


def limits(gauge: Gauge, value: float) -> tuple[float, float]:
    """What is good of either version where the stable version always says one value."""
    gauge.learn(value)
    gauge.begin()
    (limit,) = gauge._limits
    assert limit is not None
    return limit.stable, limit.candidate


def test_larger_is_tolerated_by_a_ratio_and_a_slack_wherever_zero_is() -> None:
    above, tolerated = limits(Gauge((0.5,), 1.25, 3.0), 100.0)
    assert tolerated == pytest.approx(1.25 * above + 3)
    below, tolerated = limits(Gauge((0.5,), 1.25, 3.0), -100.0)
    assert tolerated == pytest.approx(below / 1.25 + 3)
    assert limits(Gauge((0.5,), 1.25, 3.0), 0.0) == (0.0, 3.0)


def run(
    measure: Measure,
    factor: float,
    *,
    reports: tuple[float, float] = (1.0, 1.0),
    constant: bool = False,
    seconds: int = 40,
) -> Opinion:
    """A hundred calls a second; the candidate's values are the stable version's times a factor."""
    chance, judge = random.Random(7), Judge(Tolerances(measures=(measure,), dwell_s=20.0))
    for _ in range(500):
        judge.learn(10.0, (100.0 if constant else chance.lognormvariate(4.6, 0.5),))
    judge.begin()
    said = judge.look(0.0, STEP)
    for number in range(seconds * 100):
        of_candidate = chance.random() < WEIGHT
        value = 100.0 if constant else chance.lognormvariate(4.6, 0.5)
        value = value * factor if of_candidate else value
        told = chance.random() < reports[of_candidate]
        call = Call(of_candidate, failed=False, duration_ms=10.0, weight=WEIGHT)
        call = call._replace(values=(value if told else None,))
        if judge.hear(call, number / 100):
            said = judge.look(number / 100, STEP)
            if said.verdict is Verdict.WORSE:
                return said
    return judge.bounded(said)


LOW = Measure(name="cost", field="cost")
HIGH = Measure(name="cart", field="cart", direction=HIGHER)


@pytest.mark.parametrize(
    ("measure", "factor", "verdict"),
    [
        (LOW, 1.0, Verdict.FINE),
        (LOW, 0.5, Verdict.FINE),
        (LOW, 1.15, Verdict.FINE),
        (LOW, 2.0, Verdict.WORSE),
        (HIGH, 1.0, Verdict.FINE),
        (HIGH, 2.0, Verdict.FINE),
        (HIGH, 0.9, Verdict.FINE),
        (HIGH, 0.5, Verdict.WORSE),
    ],
)
def test_what_a_function_reports_takes_a_version_back_where_it_is_worse(
    measure: Measure, factor: float, verdict: Verdict
) -> None:
    said = run(measure, factor)
    assert said.verdict is verdict
    if verdict is Verdict.WORSE:
        assert said.reason == measure.name


def test_each_direction_is_the_other_one_upside_down() -> None:
    def heard(direction: str, sign: int) -> tuple[float, ...]:
        measure = Measure(name="m", field="m", direction=direction, slack=2.0)
        judge, chance = Judge(Tolerances(measures=(measure,))), random.Random(3)
        for _ in range(200):
            judge.learn(1.0, (sign * chance.gauss(0, 10),))
        judge.begin()
        for _ in range(200):
            of_candidate, value = chance.random() < 0.5, sign * chance.gauss(1, 10)
            call = Call(of_candidate, failed=False, duration_ms=1.0, weight=0.5, values=(value,))
            judge.hear(call, 0.0)
        return tuple(one.log for one in judge.look(1.0, STEP).evidence)

    assert heard(LOWER, 1) == heard(HIGHER, -1)


def test_a_value_that_never_varies_is_compared_as_well() -> None:
    assert run(LOW, 1.0, constant=True).verdict is Verdict.FINE
    assert run(LOW, 1.5, constant=True).verdict is Verdict.WORSE


def test_who_reports_less_often_is_not_worse_for_it() -> None:
    for reports in ((1.0, 0.0), (1.0, 0.5), (0.5, 1.0)):
        said = run(LOW, 1.0, reports=reports, constant=True)
        assert said.verdict is not Verdict.WORSE
        assert not said.evidence[2].is_equal


def test_a_candidate_that_reports_nothing_is_proved_nothing_of() -> None:
    said = run(LOW, 1.0, reports=(1.0, 0.0))
    assert said.verdict is Verdict.NOT_YET
    assert isinstance(said.waits, Waiting)
    assert said.waits.what == said.reason == "cost"


def test_where_nobody_reports_nothing_is_waited_for() -> None:
    judge = Judge(Tolerances(measures=(LOW,), dwell_s=20.0))
    for number in range(4000):
        call = Call(number % 4 == 0, failed=False, duration_ms=10.0, weight=WEIGHT, values=(None,))
        if judge.hear(call, number / 100):
            said = judge.bounded(judge.look(number / 100, STEP))
    assert said.verdict is Verdict.FINE
    assert said.evidence[2].below is None
