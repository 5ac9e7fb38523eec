"""The judge's arithmetic, held to numbers that were computed event by event with 60 digits."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from huidu.model.judge.claim import Claim, Counts
from huidu.model.judge.evidence import Evidence, Tally
from huidu.model.judge.mismatch import log_mismatch
from huidu.model.judge.spread import Spread

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/judge.json").read_text())
ROLL_BACK = math.log(200)


def near(expected: float) -> Any:
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


def claim_of(vector: dict[str, Any]) -> Claim:
    return Claim(
        worse=vector["direction"] > 0,
        ratio=vector["ratio"],
        margin=vector["margin"],
        center=vector["center"],
    )


@pytest.mark.parametrize("vector", VECTORS["kappa"])
def test_each_bet_and_what_a_call_adds_to_it(vector: dict[str, Any]) -> None:
    claim = claim_of(vector)
    assert claim.stake(vector["R"], vector["w"]) == near(vector["kappa"])
    assert list(claim.factors(vector["R"], vector["w"])) == near(vector["log_factors"])


def fold(evidence: Evidence, op: list[Any]) -> None:
    match op:
        case ["add", weight, *counts]:
            evidence.add(weight, Counts(*counts))
        case ["solo", bad, good]:
            evidence.add_alone(bad, good)
        case ["restart"]:
            evidence.begin_epoch()
        case _:
            raise AssertionError(op)


@pytest.mark.parametrize("vector", VECTORS["eprocess"], ids=lambda vector: vector["name"])
def test_evidence_after_each_step(vector: dict[str, Any]) -> None:
    evidence = Evidence(claim_of(vector))
    for op, log, single in zip(vector["ops"], vector["log_e"], vector["log_e_single"], strict=True):
        fold(evidence, op)
        assert evidence.log == near(log)
        assert evidence.log_of_one_epoch == near(single)


@pytest.mark.parametrize("vector", VECTORS["consecutive_canary_failures_to_rollback"])
def test_how_many_failures_in_a_row_are_enough(vector: dict[str, Any]) -> None:
    evidence, failures = Evidence(Claim(worse=True, ratio=1.1, margin=0.0005)), 0
    while evidence.log < ROLL_BACK or failures < 3:
        evidence.add(vector["w"], Counts(candidate_bad=1))
        failures += 1
    assert failures == vector["n"]
    assert evidence.log == near(vector["log_e"])


@pytest.mark.parametrize("vector", VECTORS["clean_canary_requests_to_prove"])
def test_how_many_clean_calls_prove_a_ceiling(vector: dict[str, Any]) -> None:
    tally = Tally()
    tally.add(vector["w"], Counts(candidate_good=vector["n"]))
    proved = tally.log_fine(ratio=1.1, margin=vector["ceiling"], center=0.0)
    assert proved == near(vector["log_e_single"])
    assert proved >= -math.log(0.05)


@pytest.mark.parametrize("vector", VECTORS["srm"])
def test_calls_that_do_not_go_where_the_weight_says(vector: dict[str, Any]) -> None:
    for count, expected in enumerate(vector["log_e"], 1):
        stretches = [tuple(op) for op in vector["ops"][:count]]
        assert log_mismatch(stretches) == near(expected)


@pytest.mark.parametrize("vector", VECTORS["upper_bound"])
def test_what_the_excess_is_below(vector: dict[str, Any]) -> None:
    tally = Tally()
    for weight, *counts in vector["adds"]:
        tally.add(weight, Counts(*counts))
    center, ratio = vector["center"], vector["ratio"]
    for margin, expected in vector["log_e_ok"]:
        assert tally.log_fine(ratio=ratio, margin=margin, center=center) == near(expected)
    bound = tally.upper_bound(ratio=ratio, center=center, beta=vector["beta"])
    assert bound == pytest.approx(vector["upper"], abs=vector["tolerance"] + 0.001)


def test_quantiles_of_durations_that_forget() -> None:
    vector, durations = VECTORS["histogram"], Spread()
    for duration in vector["add"]:
        durations.add(duration)
    for share, expected in vector["quantiles"]:
        assert durations.quantile(share) == near(expected)
    durations.decay(0.5)
    for _ in range(4):
        durations.add(1000)
    assert durations.count == vector["n_after"]
    for share, expected in vector["quantiles_after"]:
        assert durations.quantile(share) == near(expected)
