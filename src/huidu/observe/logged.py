"""What the log has kept and dropped, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Log(Protocol):
    """What is counted of a log."""

    @property
    def kept_lines(self) -> int: ...
    @property
    def dropped_lines(self) -> int: ...
    @property
    def flooded_lines(self) -> int: ...
    @property
    def bytes(self) -> int: ...


class LogCounters(Collector):
    """How much was kept, and how much was not, and why."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics as they are now."""
        yield CounterMetricFamily(
            "huidu_log_lines", "Lines that the log has kept.", value=self._log.kept_lines
        )
        dropped = CounterMetricFamily(
            "huidu_log_lines_dropped",
            "Lines that are not kept: by `disk` it could not be written, or not fast enough; by "
            "`flood` a function printed more than it may.",
            labels=("by",),
        )
        dropped.add_metric(["disk"], self._log.dropped_lines)
        dropped.add_metric(["flood"], self._log.flooded_lines)
        yield dropped
        yield GaugeMetricFamily(
            "huidu_log_bytes", "What the log takes on the disk.", value=self._log.bytes
        )
