"""The judge, from the first call of a rollout to its end."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from huidu.model.judge.judge import Call, Judge, Opinion, Step, Tolerances, Verdict
from huidu.model.judge.opinion import Waiting
from huidu.model.judge.votes import BOTH, NONE, Ballot, Votes

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/judge.json").read_text())["end_to_end"]
HISTORY = 2000


def draws(seed: int) -> Iterator[float]:
    """The generator that the vectors were made with."""
    while True:
        seed = (1103515245 * seed + 12345) % 2**31
        yield seed / 2**31


def calls(run: dict[str, Any], draw: Iterator[float]) -> Iterator[tuple[int, float, float, float]]:
    for index in range(run["n"]):
        yield index, next(draw), next(draw), next(draw)


def play(run: dict[str, Any]) -> tuple[list[dict[str, Any]], Judge]:
    """Play a rollout; return what was decided, and when."""
    judge, past, plan = Judge(), draws(run["seed"] + 1000003), run["plan"]
    for _ in range(HISTORY):
        judge.learn(20 + 200 * next(past) ** 4)
    judge.begin()
    step, number, events = Step(0.0, plan[1]), 0, []
    for index, first, second, third in calls(run, draws(run["seed"])):
        now, weight = index / run["rate"], plan[number]
        of_candidate = first < weight
        faulty = of_candidate and index >= run["fault_from_index"]
        failed = second < (run["p_canary"] if faulty else run["p0"])
        duration_ms = (20 + 200 * third**4) * (run["duration_scale"] if faulty else 1)
        if not judge.hear(Call(of_candidate, failed, duration_ms, weight), now):
            continue
        said = judge.look(now, step)
        if said.verdict is Verdict.NOT_YET:
            continue
        events.append(event(index, now, weight, said))
        if said.verdict is Verdict.WORSE or step.is_last:
            break
        judge.step(now)
        number += 1
        step = Step(now, plan[number + 1], is_last=plan[number + 1] == 1.0)
    return events, judge


def event(index: int, now: float, weight: float, said: Opinion) -> dict[str, Any]:
    return {
        "index": index,
        "t": now,
        "decision": {Verdict.WORSE: "rollback", Verdict.FINE: "promote"}[said.verdict],
        "weight": weight,
        "log_e_errors": pytest.approx(said.log_errors, rel=1e-9),
        "log_e_latency": pytest.approx(said.log_latency, rel=1e-9),
    }


@pytest.mark.parametrize("run", VECTORS["runs"], ids=lambda run: run["name"])
def test_a_rollout_from_its_first_call_to_its_end(run: dict[str, Any]) -> None:
    events, judge = play(run)
    assert events == run["events"]
    if run["reason"]:
        assert judge.look(run["events"][-1]["t"], Step(0.0, 1.0)).reason == run["reason"]


GOOD = Call(of_candidate=True, failed=False, duration_ms=5.0, weight=0.5)


def test_calls_that_go_elsewhere_than_the_weight_says_hold_a_rollout() -> None:
    judge = Judge()
    for number in range(200):
        judge.hear(GOOD._replace(weight=0.05), number / 10)
    said = judge.look(20.0, Step(0.0, 0.5))
    assert (said.verdict, said.reason) == (Verdict.ASTRAY, "calls")


def test_calls_of_one_key_say_once_where_calls_go() -> None:
    judge, votes = Judge(), Votes()
    for number in range(200):
        vote = votes.of(Ballot(of_candidate=True, failed=False, key=7), number / 10)
        judge.hear(GOOD._replace(weight=0.05, vote=vote), number / 10)
    assert judge.look(20.0, Step(0.0, 0.5)).verdict is Verdict.NOT_YET


def test_who_is_always_slow_is_slow_once() -> None:
    judge, votes = Judge(), Votes()
    for _ in range(2000):
        judge.learn(5.0)
    judge.begin()
    for number in range(400):
        slow = number % 2 == 0
        vote = votes.of(Ballot(of_candidate=slow, failed=False, key=1 + number % 6), number / 10)
        call = GOOD._replace(of_candidate=slow, duration_ms=500.0 if slow else 5.0, vote=vote)
        judge.hear(call, number / 10)
        assert judge.look(number / 10, Step(0.0, 0.5)).verdict is Verdict.NOT_YET


def test_what_the_weight_waits_for_is_said_with_numbers() -> None:
    judge = Judge(Tolerances(error_ceilings=(0.001, 0.05)))
    assert judge.look(30.0, Step(0.0, 0.5)).waits == Waiting("time", 30.0, 60.0)
    assert judge.look(30.0, Step(0.0, 1.0, is_last=True)).waits == Waiting("time", 30.0, 300.0)
    for number in range(18):
        judge.hear(GOOD._replace(of_candidate=number % 2 == 0), 61.0)
    assert judge.look(61.0, Step(0.0, 0.5)).waits == Waiting("calls", 9, 20)
    for number in range(60):
        judge.hear(GOOD._replace(of_candidate=number % 2 == 0), 61.5)
    waits = judge.look(61.5, Step(0.0, 0.5)).waits
    assert waits is not None
    assert waits.what == "errors"
    assert waits.has < waits.needs == pytest.approx(math.log(20))
    for _ in range(2):  # two failures are no proof, and no good sign
        judge.hear(GOOD._replace(failed=True, weight=0.05), 62.0)
    waits = judge.look(62.0, Step(0.0, 0.5)).waits
    assert waits is not None
    assert waits.what == "suspicion"
    assert judge.excess_below() > 0.05


def test_before_any_second_has_passed_a_weight_can_be_fine_already() -> None:
    judge = Judge(Tolerances(dwell_s=0.0))
    for number in range(4000):
        judge.hear(GOOD._replace(of_candidate=number % 2 == 0), 0.5)
    assert judge.look(0.5, Step(0.0, 1.0)).verdict is Verdict.FINE


def test_a_retry_is_no_third_failure() -> None:
    judge = Judge()
    for number in range(3):
        vote = BOTH if number < 2 else NONE
        judge.hear(GOOD._replace(failed=True, weight=0.01, vote=vote), 0.5)
    said = judge.look(0.5, Step(0.0, 0.5))
    assert said.log_errors > math.log(200) > 0
    assert (said.verdict, said.failed) == (Verdict.NOT_YET, 2)


def test_a_server_that_was_away_is_no_lack_of_traffic() -> None:
    judge = Judge()
    for number in range(4000):
        if judge.hear(GOOD._replace(of_candidate=number % 2 == 0), number / 100):
            judge.look(number / 100, Step(0.0, 0.5))
    again, other = (Judge.restored(judge.saved()) for _ in range(2))
    again.back(3640.0)
    for one in (again, other):
        for _ in range(100):
            one.hear(GOOD, 3640.5)
        one.look(3641.0, Step(0.0, 0.5))

    assert again._rate == pytest.approx(100, rel=0.05)
    assert again._latency.active
    assert other._rate == pytest.approx(0, abs=0.1)
    assert not other._latency.active
