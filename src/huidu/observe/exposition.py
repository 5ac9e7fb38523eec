"""The counters as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from huidu.observe.recorder import Recorder


class Counters(Collector):
    """What the recorder has counted, by function, alias and version."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        calls = CounterMetricFamily(
            "huidu_invocations",
            "Calls that have ended, by status code.",
            labels=("namespace", "function", "alias", "version", "status"),
        )
        for key, count in list(self._recorder.counts.items()):
            calls.add_metric([str(part) for part in key], count)
        yield calls
        yield CounterMetricFamily(
            "huidu_records_dropped",
            "Records that could not be kept; the calls were counted all the same.",
            value=self._recorder.dropped,
        )
