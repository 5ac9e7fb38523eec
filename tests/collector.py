"""A collector of OpenTelemetry's on a real socket, which behaves as badly as is wanted."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

SERVER = Span.SpanKind.SPAN_KIND_SERVER


class Collector:
    """Keeps what it is told; `status` is what it answers, and without `open` it answers nothing."""

    def __init__(self, port: int = 0) -> None:
        self.spans: list[Span] = []
        self.lines: list[LogRecord] = []
        self.metrics: dict[str, Metric] = {}
        self.resource: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        self.asked = 0
        self.status = 200
        self.open = threading.Event()
        self.open.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.open.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def calls(self) -> list[Span]:
        """The spans of whole calls, without those of their parts."""
        return [span for span in self.spans if span.kind == SERVER]

    def call(self, name: str) -> Span:
        (found,) = [span for span in self.calls() if span.name == name]
        return found

    def parts(self, of: Span) -> list[Span]:
        return [
            one for one in self.spans if one.parent_span_id == of.span_id and one.kind != SERVER
        ]

    def points(self, metric: str) -> dict[tuple[tuple[str, str], ...], float]:
        """The values of a counter or gauge, by its attributes."""
        told = self.metrics[metric]
        points = [*told.sum.data_points, *told.gauge.data_points]
        return {
            tuple(sorted(attributes(one.attributes).items())): one.as_double or one.as_int
            for one in points
        }

    def _take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            for told in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resource = attributes(told.resource.attributes)
                self.spans += [span for scope in told.scope_spans for span in scope.spans]
        elif path == "/v1/logs":
            for logs in ExportLogsServiceRequest.FromString(body).resource_logs:
                self.lines += [line for scope in logs.scope_logs for line in scope.log_records]
        elif path == "/v1/metrics":
            for seen in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in seen.scope_metrics:
                    self.metrics |= {metric.name: metric for metric in scope.metrics}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.asked += 1
                collector.headers = dict(self.headers.items())
                collector.open.wait(60)
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                if collector.status == 200:
                    collector._take(self.path, body)
                try:
                    self.send_response(collector.status)
                    self.send_header("content-length", "0")
                    self.end_headers()
                except OSError:
                    return

            def log_message(self, *_: object) -> None:
                return

        return Handler


def attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, kind) if kind else None
    return found
