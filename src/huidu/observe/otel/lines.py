"""Lines: what functions print, and what goes wrong with them, as OpenTelemetry's log records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from huidu.model.invocation import Record, Status
from huidu.observe.otel.said import SCOPE, attributes

#: The lines that the platform writes around a call's own (D-43): what they say, attributes do.
OURS = re.compile(r"(?:START|END|Report|Response|ERROR) RequestId: ")
NS = 1_000_000_000


def wanted(record: Record) -> bool:
    """Tell whether there is anything to say of a call: it printed something, or failed."""
    return record.status != Status.SUCCESS or next(_printed(record), None) is not None


def lines(records: Sequence[Record], resource: Resource) -> Sequence[ReadableLogRecord]:
    """Return what was printed in calls line by line, each with the call's place in a trace.

    When within a call a line was printed is not known: all are as of its end.
    """
    return [line for record in records for line in _lines(record, resource)]


def _lines(record: Record, resource: Resource) -> Iterator[ReadableLogRecord]:
    said, context = attributes(record), _context(record)
    ended = record.started_at + (record.queue_ms + record.duration_ms) / 1000
    told = [(line, SeverityNumber.INFO) for line in _printed(record)]
    if record.status != Status.SUCCESS:
        told.append((record.error, SeverityNumber.ERROR))
    for text, severity in told:
        made = LogRecord(
            timestamp=round(ended * NS),
            context=context,
            severity_text=severity.name,
            severity_number=severity,
            body=text,
            attributes=said,
        )
        yield ReadableLogRecord(made, resource, SCOPE)


def _printed(record: Record) -> Iterator[str]:
    return (line for line in record.log.splitlines() if line and not OURS.match(line))


def _context(record: Record) -> Context | None:
    if not (record.trace_id and record.span_id):
        return None
    flags = TraceFlags(TraceFlags.SAMPLED if record.sampled else TraceFlags.DEFAULT)
    span = SpanContext(int(record.trace_id, 16), int(record.span_id, 16), False, flags)  # noqa: FBT003 - it is not remote
    return set_span_in_context(NonRecordingSpan(span), Context())
