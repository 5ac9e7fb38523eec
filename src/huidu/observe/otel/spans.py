"""Spans: from the record of a call to a span of it, and one for each part that it had."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from huidu.model.invocation import Record
from huidu.model.invocation import Status as Ending
from huidu.observe.otel.said import SCOPE, attributes, more

MS = 1_000_000
IDS = RandomIdGenerator()
MOST_TOLD = 512  #: Of what went wrong: the log has the rest.

#: What a part of a call may be: its name, from when to when, in nanoseconds.
Part = tuple[str, int, int]


def wanted(record: Record) -> bool:
    """Tell whether a call has a span that somebody is to see."""
    return record.sampled and bool(record.span_id)


def spans(records: Sequence[Record], resource: Resource) -> Sequence[ReadableSpan]:
    """Return the spans of calls."""
    return [span for record in records for span in _spans(record, resource)]


def parts(record: Record) -> Sequence[Part]:
    """Return the parts that a call had: `wait`, `init` and `run`, one after the other.

    An instance that was being started before the call came is counted only since then.
    """
    began = round(record.started_at * 1000 * MS)
    lent = began + round(record.queue_ms * MS)
    loading = lent - round(min(record.init_ms, record.queue_ms) * MS)
    ended = lent + round(record.duration_ms * MS)
    found = [("wait", began, loading), ("init", loading, lent), ("run", lent, ended)]
    return [part for part in found if part[1] < part[2]]


def _spans(record: Record, resource: Resource) -> Iterator[ReadableSpan]:
    trace_id = int(record.trace_id, 16)
    own = _context(trace_id, int(record.span_id, 16))
    parent = None
    if record.parent_span_id:
        parent = _context(trace_id, int(record.parent_span_id, 16), is_remote=True)
    began = round(record.started_at * 1000 * MS)
    had = parts(record)
    yield ReadableSpan(
        name=record.function.name,
        context=own,
        parent=parent,
        resource=resource,
        attributes=attributes(record) | more(record),
        kind=SpanKind.SERVER,
        status=_status(record),
        start_time=began,
        end_time=had[-1][2] if had else began,
        instrumentation_scope=SCOPE,
    )
    for name, start, end in had:
        yield ReadableSpan(
            name=name,
            context=_context(trace_id, IDS.generate_span_id()),
            parent=own,
            resource=resource,
            kind=SpanKind.INTERNAL,
            start_time=start,
            end_time=end,
            instrumentation_scope=SCOPE,
        )


def _context(trace_id: int, span_id: int, *, is_remote: bool = False) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote, TraceFlags(TraceFlags.SAMPLED))


def _status(record: Record) -> Status:
    if record.status == Ending.SUCCESS:
        return Status(StatusCode.UNSET)
    return Status(StatusCode.ERROR, record.error[:MOST_TOLD])
