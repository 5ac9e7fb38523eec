"""The judge, from the first call of a rollout to its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from huidu.model.judge.judge import Call, Judge, Opinion, Step, Verdict

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
