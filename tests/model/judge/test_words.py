"""What a judge knows, told to people."""

from __future__ import annotations

import math
import random

import pytest

from huidu.model.judge.call import Call
from huidu.model.judge.judge import Judge, Step, Tolerances
from huidu.model.judge.measure import Measure
from huidu.model.judge.opinion import Opinion, Verdict, Waiting, Weighed
from huidu.model.judge.words import VERDICTS, amount, sentences, share, waiting

ERRORS = Weighed("errors", math.log(1.2), math.log(200), 0.007)
CART = Weighed("cart", -3.0, math.log(500), None, is_equal=False)
SAID = Opinion(
    Verdict.NOT_YET,
    "time",
    ERRORS.log,
    0.0,
    (ERRORS, CART),
    Waiting("time", 12.4, 60.0),
    900,
    3,
)


def test_an_opinion_is_a_few_short_sentences() -> None:
    assert sentences(SAID) == (
        "not enough is known yet: 900 calls of the new version, 3 failed",
        "waits for time: 12 of 60 s at this weight",
        "errors: evidence that it is worse: 1.2 of 200 needed",
        "cart: one version reports it more often than the other, so it says nothing",
        "extra failures below 0.7 % of its calls",
    )


@pytest.mark.parametrize(
    ("waits", "said"),
    [
        (Waiting("calls", 7, 20), "calls: 7 of 20 of the new version at this weight"),
        (
            Waiting("suspicion", math.log(9), math.log(4)),
            "suspicion to pass: evidence that it is worse is 9, and must be below 4",
        ),
        (
            Waiting("errors", math.log(8.1), math.log(20), 0.02),
            "proof that at most 2 % more of its calls fail: 8.1 of 20",
        ),
        (
            Waiting("latency", math.log(8.1), math.log(20), 0.25),
            "proof that at most 25 % more of its calls are slow: 8.1 of 20",
        ),
        (
            Waiting("cart", math.log(8.1), math.log(20), 0.25),
            "proof that at most 25 % more of its calls are worse by cart: 8.1 of 20",
        ),
    ],
)
def test_it_says_what_the_weight_waits_for(waits: Waiting, said: str) -> None:
    assert waiting(waits) == said


def test_every_verdict_can_be_told() -> None:
    assert set(VERDICTS) == set(Verdict)
    worse = SAID._replace(verdict=Verdict.WORSE, reason="errors", waits=None)
    assert sentences(worse)[0] == "the new version is worse than the stable one: errors"
    guard = worse._replace(reason="absolute: p99 > 2 s (3 of 40 calls within 60 s took longer)")
    assert sentences(guard)[0].startswith("the new version is taken back: absolute: p99 > 2 s")
    for verdict in (Verdict.FINE, Verdict.ASTRAY, Verdict.SUSPECT):
        assert len(sentences(SAID._replace(verdict=verdict))[0]) > 20


def test_amounts_and_shares_have_as_many_digits_as_say_something() -> None:
    assert [amount(math.log(value)) for value in (0.0612, 1.25, 9.94, 12.6, 3e6)] == [
        "0.061",
        "1.2",
        "9.9",
        "13",
        "over a million",
    ]
    assert amount(5000.0) == "over a million"
    assert [share(value) for value in (0.0, 0.00123, 0.07, 0.254, 1.0)] == [
        "0.005 %",
        "0.12 %",
        "7 %",
        "25 %",
        "100 %",
    ]


def test_what_a_judge_really_says_reads_well() -> None:
    judge = Judge(Tolerances(measures=(Measure(name="memory"),)))
    chance = random.Random(1)
    for _ in range(1200):
        judge.learn(chance.lognormvariate(3, 0.5), (4e7,))
    judge.begin()
    for number in range(3000):
        call = Call(
            number % 4 == 0,
            failed=number % 1000 == 7,
            duration_ms=chance.lognormvariate(3, 0.5),
            weight=0.25,
            values=(4e7 + number,),
        )
        judge.hear(call, number / 50)
    said = sentences(judge.bounded(judge.look(60.0, Step(0.0, 0.5))))
    assert said[0] == "the new version is proved to be fine for the next weight"
    assert [line.partition(":")[0].partition(" below")[0] for line in said[1:]] == [
        "errors",
        "latency",
        "memory",
        "extra failures",
        "extra slow calls",
        "extra calls that are worse by memory",
    ]
