"""What a rollout does next, by its plan and by what the judge says."""

from __future__ import annotations

from random import Random

import pytest

from huidu.model.judge.judge import DEFAULT, Call, Judge, Verdict
from huidu.model.pace import Move, Stand, tolerances_of, weight_after, what_now
from huidu.model.ramp import ramp_of

STEPS = ramp_of("10%/5m, 30%/10m, 100%")
EVIDENCE = ramp_of("evidence")


def heard(plan: str, stand: Stand, seconds: int, fails: float) -> Judge:
    """Return a judge that heard of a hundred calls a second, of which the candidate's so fail."""
    ramp = ramp_of(plan)
    judge = Judge(tolerances_of(ramp, DEFAULT))
    draw, weight = Random(1), stand.weight / 10_000
    for number in range(seconds * 100):
        mine = draw.random() < weight
        call = Call(mine, mine and draw.random() < fails, draw.uniform(70, 90), weight)
        if judge.hear(call, number / 100):
            what_now(ramp, judge, stand, number / 100)
    return judge


@pytest.mark.parametrize(
    ("weight", "following"), [(0, 500), (500, 2500), (2500, 5000), (5000, 10_000)]
)
def test_by_evidence_weights_grow_fivefold_up_to_half(weight: int, following: int) -> None:
    assert weight_after(EVIDENCE, weight, 100.0) == following


@pytest.mark.parametrize(
    ("weight", "following"), [(0, 1000), (1000, 3000), (2000, 3000), (3000, 10_000)]
)
def test_by_steps_weights_are_those_of_the_plan(weight: int, following: int) -> None:
    assert weight_after(STEPS, weight, 100.0) == following


def test_a_version_that_is_worse_goes_back_however_long_its_step_lasts() -> None:
    stand = Stand(1000, 0.0)
    decision = what_now(STEPS, heard(STEPS.text, stand, 5, fails=0.5), stand, 5.0)

    assert (decision.move, decision.weight) == (Move.BACK, 0)
    assert decision.opinion.verdict is Verdict.WORSE


def test_a_step_lasts_as_long_as_its_plan_says() -> None:
    stand = Stand(1000, 0.0)
    judge = heard(STEPS.text, stand, 299, fails=0.0)

    assert what_now(STEPS, judge, stand, 299.0)[:2] == (Move.STAY, 1000)
    assert what_now(STEPS, judge, stand, 300.0)[:2] == (Move.RAISE, 3000)


def test_a_step_lasts_longer_where_nothing_is_proved_yet() -> None:
    stand = Stand(1000, 0.0)
    judge = heard(STEPS.text, stand, 1, fails=0.0)

    assert what_now(STEPS, judge, stand, 300.0)[:2] == (Move.STAY, 1000)


def test_by_evidence_the_judge_says_how_long() -> None:
    stand = Stand(500, 0.0)
    judge = heard("evidence", stand, 59, fails=0.0)

    assert what_now(EVIDENCE, judge, stand, 59.0).move is Move.STAY
    assert what_now(EVIDENCE, judge, stand, 60.0)[:2] == (Move.RAISE, 2500)
