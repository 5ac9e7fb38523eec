"""Export: hands what happened to a collector over HTTP, behind everybody's back."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from huidu.model.invocation import Record
from huidu.observe.otel import lines, spans
from huidu.observe.otel.backlog import Backlog
from huidu.observe.otel.figures import figures
from huidu.observe.otel.said import resource
from huidu.observe.otel.turns import Turns

EVERY_S = 1.0
CLOSE_S = 3.0  #: How long a server that closes waits for the collector, once or twice.
TRACES, LOGS, METRICS = "traces", "logs", "metrics"
#: How often metrics are told, in milliseconds, as OpenTelemetry's own programs are told it.
INTERVAL, INTERVAL_MS = "OTEL_METRIC_EXPORT_INTERVAL", 15_000

#: Where the collector is, as OpenTelemetry's own programs are told it.
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

log = structlog.get_logger("huidu.otlp")
Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Row:
    """A signal that is made of the records of calls."""

    exporter: Callable[..., Any]
    wanted: Callable[[Record], bool]
    made: Callable[[Sequence[Record], Resource], Sequence[Any]]


ROWS: Mapping[str, Row] = {
    TRACES: Row(OTLPSpanExporter, spans.wanted, spans.spans),
    LOGS: Row(OTLPLogExporter, lines.wanted, lines.lines),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where to tell what. Without an endpoint nothing is told, and no thread is begun."""

    endpoint: str = ""
    headers: Mapping[str, str] | None = None
    signals: frozenset[str] = frozenset()


class _Reasons(logging.Handler):
    """Keeps what the exporters say last: one line of ours is to say it, not each batch."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


class Export(Collector):
    """Tells a collector of every call, and of the counters, in threads of its own.

    `take` returns at once, whatever the collector does. What could not be told is counted.
    """

    def __init__(
        self, destination: Destination, version: str, instance_id: str, clock: Clock
    ) -> None:
        self._destination = destination
        self._resource = resource(version, instance_id)
        self._clock = clock
        self._since_ns = clock()
        self._reasons = _Reasons()
        self._failing: set[str] = set()
        self._backlogs: dict[str, Backlog] = {}
        self._exporters: list[Any] = []
        self._turns: dict[str, Turns] = {}
        if destination.endpoint:
            _quieten(self._reasons)
            for signal, row in ROWS.items():
                if signal in destination.signals:
                    self._begin(signal, row)

    def tells_of(self, signal: str) -> bool:
        """Whether a collector is told of such a thing."""
        return bool(self._destination.endpoint) and signal in self._destination.signals

    def take(self, records: Sequence[Record]) -> None:
        """Take the records of calls that have ended."""
        for backlog in self._backlogs.values():
            backlog.put(records)

    def measure(self, families: Callable[[], Iterable[Metric]]) -> None:
        """Tell the counters now and then, from now on."""
        if not self.tells_of(METRICS):
            return
        exporter = self._exporter(METRICS, OTLPMetricExporter)

        def turn() -> None:
            now_ns = self._clock()
            data = figures(families(), self._resource, self._since_ns, now_ns)
            self._told(METRICS, exporter.export(data))

        self._turns[METRICS] = Turns(METRICS, turn, _interval_s())

    def collect(self) -> Iterable[Metric]:
        """Yield what Prometheus is told of this."""
        dropped = CounterMetricFamily(
            "huidu_otlp_dropped",
            "Records of calls that the collector was not told of, by signal.",
            labels=("signal",),
        )
        for signal, backlog in self._backlogs.items():
            dropped.add_metric([signal], backlog.dropped)
        if self._backlogs:
            yield dropped

    async def measured(self) -> None:
        """Tell the counters a last time: from now on there may be none any more."""
        if METRICS in self._turns:
            await self._turns.pop(METRICS).close(CLOSE_S)

    async def close(self) -> None:
        """Tell what there is still to be told, unless the collector takes too long for it."""
        in_time = await asyncio.gather(*(one.close(CLOSE_S) for one in self._turns.values()))
        for exporter in self._exporters:
            exporter.shutdown()
        left = sum(map(len, self._backlogs.values()))
        if left or not all(in_time):
            log.warning("otlp.left", records=left, reason="the collector did not answer in time")

    def _begin(self, signal: str, row: Row) -> None:
        exporter = self._exporter(signal, row.exporter)
        backlog = self._backlogs[signal] = Backlog(row.wanted)

        def turn() -> None:
            while batch := backlog.take():
                told = False
                try:
                    told = self._told(signal, exporter.export(row.made(batch, self._resource)))
                finally:
                    backlog.lost(0 if told else len(batch))

        self._turns[signal] = Turns(signal, turn, EVERY_S)

    def _exporter(self, signal: str, kind: Callable[..., Any]) -> Any:  # noqa: ANN401 - of the kind
        made = kind(
            endpoint=f"{self._destination.endpoint.rstrip('/')}/v1/{signal}",
            headers=self._destination.headers,
        )
        self._exporters.append(made)
        return made

    def _told(self, signal: str, result: Any) -> bool:  # noqa: ANN401 - each exporter has its own
        """Say when a collector begins to fail, and when it takes things again."""
        failed = result.name != "SUCCESS"
        if failed and signal not in self._failing:
            self._failing.add(signal)
            log.warning("otlp.failing", signal=signal, reason=self._reasons.last)
        elif not failed and signal in self._failing:
            self._failing.remove(signal)
            log.info("otlp.works", signal=signal)
        return not failed


def _interval_s() -> float:
    """Return how often metrics are told; a variable that is no number says nothing."""
    said = os.environ.get(INTERVAL, "")
    return (int(said) if said.isdecimal() and int(said) else INTERVAL_MS) / 1000


def _quieten(reasons: _Reasons) -> None:
    theirs = logging.getLogger("opentelemetry")
    theirs.propagate = False
    theirs.handlers = [reasons]
