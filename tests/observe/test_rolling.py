"""Rolling: what Prometheus is told of rollouts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from huidu.model.findings import Findings
from huidu.model.function import FunctionName
from huidu.model.judge.opinion import Weighed
from huidu.model.ramp import ramp_of
from huidu.model.rollout import Rollout
from huidu.model.rollout_terms import Terms
from huidu.observe.rolling import RolloutGauges

ROLLOUT = Rollout(
    id="ro-1",
    function=FunctionName("default", "shop"),
    function_id="f1",
    alias="release",
    stable="1",
    candidate="2",
    terms=Terms(ramp=ramp_of("evidence")),
    weight=2500,
)


def told(*under_way: tuple[Rollout, Findings]) -> list[str]:
    registry = CollectorRegistry()
    registry.register(RolloutGauges(lambda: under_way))
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_how_far_a_rollout_is_and_how_near_to_being_taken_back_is_told() -> None:
    found = Findings(evidence=(Weighed("errors", 1.5, 5.25),))

    of = 'function="shop",{}namespace="default",rollout="ro-1"'
    errors, plain = of.format('metric="errors",'), of.format("")
    assert told((ROLLOUT, found)) == [
        f'huidu_rollout_weight{{alias="release",from="1",{plain},state="ramping",to="2"}} 0.25',
        f'huidu_rollout_evidence{{alias="release",{errors}}} 1.5',
        f'huidu_rollout_evidence_enough{{alias="release",{errors}}} 5.25',
    ]


def test_nothing_is_told_where_nothing_is_under_way() -> None:
    assert told() == []
