"""What a collector is told: of a call's parts, of what was printed, of the counters."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import Gauge, Histogram, Sum
from opentelemetry.sdk.resources import Resource
from prometheus_client.parser import text_string_to_metric_families

from huidu.observe.otel.backlog import AT_ONCE, Backlog
from huidu.observe.otel.figures import figures
from huidu.observe.otel.lines import lines
from huidu.observe.otel.lines import wanted as has_lines
from huidu.observe.otel.said import resource
from huidu.observe.otel.spans import parts, spans
from huidu.observe.otel.spans import wanted as has_span
from huidu.observe.otel.turns import Turns
from tests.fakes_store import record

HERE = Resource({})
TRACED: dict[str, Any] = {"trace_id": "1" * 32, "span_id": "2" * 16, "sampled": True}
LOG = """START RequestId: r-1
hello
START of something of the user's
END RequestId: r-1
Report RequestId: r-1 Duration:1ms Memory:128MB MemUsage:1.000000MB
"""


def everything(_: object) -> bool:
    return True


@pytest.mark.parametrize(
    ("timed", "had"),
    [
        ({"queue_ms": 2.0, "duration_ms": 5.0}, {"wait": 2, "run": 5}),
        ({"queue_ms": 9.0, "init_ms": 6.0, "duration_ms": 5.0}, {"wait": 3, "init": 6, "run": 5}),
        ({"queue_ms": 4.0, "init_ms": 60.0, "duration_ms": 5.0}, {"init": 4, "run": 5}),
        ({"queue_ms": 4.0}, {"wait": 4}),
        ({}, {}),
    ],
)
def test_a_call_has_parts_that_follow_each_other_and_none_that_took_no_time(
    timed: dict[str, Any], had: dict[str, int]
) -> None:
    found = parts(record(started_at=100.0, **timed))

    assert {name: (end - start) / 1e6 for name, start, end in found} == had
    assert all(one[2] == other[1] for one, other in pairwise(found))


def test_the_parts_end_with_the_call() -> None:
    call, *rest = spans([record(started_at=1.0, queue_ms=1.0, duration_ms=2.0, **TRACED)], HERE)

    assert call.start_time == 1_000_000_000
    assert call.end_time == rest[-1].end_time == 1_003_000_000
    assert [one.parent for one in rest] == [call.context] * 2


def test_a_call_that_is_not_sampled_or_only_passed_by_has_no_span() -> None:
    assert has_span(record(**TRACED))
    assert not has_span(record(**TRACED | {"sampled": False}))
    assert not has_span(record(**TRACED | {"span_id": ""}))


def test_only_what_the_function_printed_is_told_of_a_call_that_went_well() -> None:
    call = record(log=LOG, **TRACED)

    assert has_lines(call)
    assert [one.log_record.body for one in lines([call], HERE)] == [
        "hello",
        "START of something of the user's",
    ]
    assert not has_lines(record(log="START RequestId: r-1\nEND RequestId: r-1\n"))


def test_a_failure_is_told_also_where_no_trace_is() -> None:
    call = record(status=433, error="it took too long")
    (told,) = lines([call], HERE)

    assert has_lines(call)
    assert told.log_record.body == "it took too long"
    assert told.log_record.severity_text == "ERROR"
    assert not told.log_record.trace_id


def test_a_histogram_is_told_with_buckets_that_each_count_their_own() -> None:
    text = """# TYPE d_seconds histogram
d_seconds_bucket{function="f",le="0.5"} 2
d_seconds_bucket{function="f",le="1.0"} 2
d_seconds_bucket{function="f",le="+Inf"} 5
d_seconds_sum{function="f"} 9.5
d_seconds_count{function="f"} 5
d_seconds_bucket{function="g",le="0.5"} 1
d_seconds_bucket{function="g",le="1.0"} 1
d_seconds_bucket{function="g",le="+Inf"} 1
d_seconds_sum{function="g"} 0.1
d_seconds_count{function="g"} 1
"""
    (metric,) = told(text)
    assert isinstance(metric.data, Histogram)
    first, second = metric.data.data_points
    assert first.attributes == {"faas.name": "f"}
    assert (first.count, first.sum) == (5, 9.5)
    assert list(first.explicit_bounds) == [0.5, 1.0]
    assert list(first.bucket_counts) == [2, 0, 3]
    assert list(second.bucket_counts) == [1, 0, 0]


def test_counters_and_gauges_keep_their_kind_and_take_the_names_of_the_conventions() -> None:
    text = """# TYPE huidu_calls_total counter
huidu_calls_total{function="f",version="1",alias=""} 3
# TYPE huidu_now gauge
huidu_now{alias="release"} 2
# TYPE huidu_none gauge
"""
    counter, gauge = told(text)
    assert counter.name == "huidu_calls"
    assert isinstance(counter.data, Sum)
    assert counter.data.is_monotonic
    assert counter.data.data_points[0].attributes == {"faas.name": "f", "faas.version": "1"}
    assert isinstance(gauge.data, Gauge)
    assert gauge.data.data_points[0].attributes == {"huidu.alias": "release"}


def told(text: str) -> Any:
    data = figures(text_string_to_metric_families(text), HERE, 1, 2)
    return data.resource_metrics[0].scope_metrics[0].metrics


def test_what_does_not_fit_into_the_backlog_is_counted_and_what_was_there_stays() -> None:
    backlog = Backlog(everything, most_bytes=10_000)
    backlog.put([record(f"r-{n}", log="x" * 3000) for n in range(5)])

    assert backlog.dropped == 3
    assert [one.request_id for one in backlog.take()] == ["r-0", "r-1"]
    backlog.put([record("again", log="x" * 8000)])
    assert [one.request_id for one in backlog.take()] == ["again"]
    assert list(backlog.take()) == []


def test_a_backlog_is_taken_in_batches() -> None:
    backlog = Backlog(everything)
    backlog.put([record(f"r-{n}") for n in range(AT_ONCE + 1)])

    assert [len(backlog.take()) for _ in range(3)] == [AT_ONCE, 1, 0]


async def test_a_turn_that_fails_is_not_the_last_and_one_that_hangs_is_left() -> None:
    taken, hang = threading.Semaphore(0), threading.Event()

    def fail() -> None:
        taken.release()
        raise KeyError("on purpose")

    failing = Turns("failing", fail, 0.01)
    assert taken.acquire(timeout=5)
    assert taken.acquire(timeout=5)
    assert await failing.close(5)

    def wait() -> None:
        hang.wait(30)

    hanging = Turns("hanging", wait, 0.0)
    assert not await hanging.close(0.05)
    hang.set()
    assert await hanging.close(5)


def test_the_usual_variables_have_the_last_word_on_who_tells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    assert resource("1.0", "i-1").attributes["service.name"] == "huidu"

    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    said = resource("1.0", "i-1").attributes
    assert said["service.name"] == "shop"
    assert said["deployment.environment.name"] == "test"
