"""Plans are read as people and other tools write them, and refused where they make no sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from huidu.model.errors import InvalidValue
from huidu.model.ramp import HALF, Step, next_weight, ramp_of
from huidu.model.split import WHOLE

HALVES = tuple(Step(weight, 60) for weight in range(1000, WHOLE, 1000))

READ = [
    ("10%/5m, 30%/10m, 100%", (Step(1000, 300), Step(3000, 600), Step(WHOLE))),
    ("10% / 5m,30%/10 m", (Step(1000, 300), Step(3000, 600), Step(WHOLE))),
    ("0.5%/90s, 100%", (Step(50, 90), Step(WHOLE))),
    ("100%", (Step(WHOLE),)),
    ("100%/1h", (Step(WHOLE, 3600),)),
    ("linear 10%/1m", (*HALVES, Step(WHOLE))),
    ("linear 40%/2h", (Step(4000, 7200), Step(8000, 7200), Step(WHOLE))),
    ("all-at-once", (Step(WHOLE),)),
    ("AllAtOnce", (Step(WHOLE),)),
    ("CodeDeployDefault.LambdaAllAtOnce", (Step(WHOLE),)),
    ("Canary10Percent5Minutes", (Step(1000, 300), Step(WHOLE))),
    ("CodeDeployDefault.LambdaCanary10Percent30Minutes", (Step(1000, 1800), Step(WHOLE))),
    ("Linear10PercentEvery1Minute", (*HALVES, Step(WHOLE))),
    ("LambdaLinear10PercentEvery1Minute", (*HALVES, Step(WHOLE))),
]
REFUSED = [
    "",
    "fast",
    "10%",
    "10%/5m, 5%/5m",
    "10%/5m, 10%/5m",
    "0%/5m",
    "101%/5m",
    "10%/8000000s",
    "10%/5y",
    "linear 0.5%/1m",
    "Canary10PercentEvery5Minutes",
    "Linear10Percent5Minutes",
    "Canary0Percent5Minutes",
    ", ".join(f"{n / 100}%/1s" for n in range(1, 103)),
]


@pytest.mark.parametrize(("text", "steps"), READ)
def test_a_plan_is_read(text: str, steps: tuple[Step, ...]) -> None:
    ramp = ramp_of(text)
    assert ramp.steps == steps
    assert not ramp.by_evidence


def test_a_plan_by_evidence_has_no_steps_of_its_own() -> None:
    assert ramp_of(" evidence ").by_evidence


@pytest.mark.parametrize("text", REFUSED)
def test_a_plan_that_makes_no_sense_is_refused_with_one_that_does(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"^Plan .*10%/5m, 30%/10m, 100%$"):
        ramp_of(text)


@given(some.floats(0, 1e6))
def test_evidence_grows_the_weight_in_few_steps_to_a_half_and_then_to_all(rate: float) -> None:
    weights = [next_weight(0.0, rate)]
    while weights[-1] < 1:
        weights.append(next_weight(weights[-1], rate))

    assert 0.01 <= weights[0] <= 0.25
    assert rate * weights[0] <= max(5.0, rate * 0.01) + 1e-6
    assert weights == sorted(set(weights))
    assert weights[-2] == HALF
    assert len(weights) <= 5
