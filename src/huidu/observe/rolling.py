"""Rolling: what Prometheus is told of the rollouts under way."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from huidu.model.findings import Findings
from huidu.model.rollout import Rollout
from huidu.model.split import WHOLE

LABELS = ("namespace", "function", "alias", "rollout")


class RolloutGauges(Collector):
    """How far each rollout is, and how near it is to being taken back."""

    def __init__(self, under_way: Callable[[], Iterable[tuple[Rollout, Findings]]]) -> None:
        self._under_way = under_way

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now; nothing of a rollout that has ended."""
        weight = GaugeMetricFamily(
            "huidu_rollout_weight",
            "The candidate's share of the calls, from 0 to 1.",
            labels=(*LABELS, "from", "to", "state"),
        )
        evidence = GaugeMetricFamily(
            "huidu_rollout_evidence",
            "What says that the candidate is worse, as a natural log; 0 says nothing.",
            labels=(*LABELS, "metric"),
        )
        enough = GaugeMetricFamily(
            "huidu_rollout_evidence_enough",
            "The evidence with which the candidate is taken back.",
            labels=(*LABELS, "metric"),
        )
        for rollout, found in self._under_way():
            labels = (rollout.function.namespace, rollout.function.name, rollout.alias, rollout.id)
            stands = (rollout.stable, rollout.candidate, rollout.state)
            weight.add_metric((*labels, *stands), rollout.weight / WHOLE)
            for one in found.evidence:
                evidence.add_metric((*labels, one.name), one.log)
                enough.add_metric((*labels, one.name), one.enough)
        yield from (weight, evidence, enough)
