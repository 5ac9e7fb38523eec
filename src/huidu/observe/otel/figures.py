"""Figures: what Prometheus reads, as OpenTelemetry's metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample

from huidu.observe.otel import said

#: Labels that the conventions have another name for; the others are ours.
NAMES: Mapping[str, str] = {
    "function": said.NAME,
    "version": said.VERSION,
    "trigger": said.TRIGGER,
}
OURS = "huidu."
BUCKET, COUNT, TOTAL, ADDED, CREATED = "_bucket", "_count", "_sum", "_total", "_created"
BOUND = "le"
CUMULATIVE = AggregationTemporality.CUMULATIVE


def figures(
    families: Iterable[Family], resource: Resource, since_ns: int, now_ns: int
) -> MetricsData:
    """Return metrics under the names that they have for Prometheus, without its `_total`."""
    made = [
        Metric(family.name, family.documentation, family.unit, data)
        for family in families
        if (data := _data(family, since_ns, now_ns)) is not None
    ]
    scopes = [ScopeMetrics(said.SCOPE, made, "")]
    return MetricsData([ResourceMetrics(resource, scopes, "")])


def _data(family: Family, since_ns: int, now_ns: int) -> Sum | Gauge | Histogram | None:
    """Return the points of a family; None of one that has none, or is of a kind we have not."""
    if family.type == "histogram":
        rows = list(_distributions(family.samples, since_ns, now_ns))
        return Histogram(rows, CUMULATIVE) if rows else None
    points = [
        NumberDataPoint(_attributes(sample), since_ns, now_ns, sample.value)
        for sample in family.samples
        if not sample.name.endswith(CREATED)
    ]
    if not points:
        return None
    if family.type == "counter":
        return Sum(points, CUMULATIVE, is_monotonic=True)
    return Gauge(points) if family.type in ("gauge", "info") else None


def _distributions(
    samples: Sequence[Sample], since_ns: int, now_ns: int
) -> Iterator[HistogramDataPoint]:
    """Put the samples of each distribution together; its buckets each count all below them."""
    found: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in samples:
        key = sorted((name, value) for name, value in sample.labels.items() if name != BOUND)
        found.setdefault(tuple(key), []).append(sample)
    for rows in found.values():
        below = sorted(
            (float(row.labels[BOUND]), int(row.value)) for row in rows if row.name.endswith(BUCKET)
        )
        sums = [row.value for row in rows if row.name.endswith(TOTAL)]
        counts = [count for _, count in below]
        if not below:
            continue
        yield HistogramDataPoint(
            attributes=_attributes(rows[0]),
            start_time_unix_nano=since_ns,
            time_unix_nano=now_ns,
            count=counts[-1],
            sum=sums[0] if sums else 0.0,
            bucket_counts=[after - before for before, after in zip([0, *counts], counts)],  # noqa: B905 - one more
            explicit_bounds=[bound for bound, _ in below if bound != math.inf],
            min=None,  # type: ignore[arg-type] # not known, and optional in the protocol
            max=None,  # type: ignore[arg-type]
        )


def _attributes(sample: Sample) -> dict[str, str]:
    return {
        NAMES.get(name, OURS + name): value
        for name, value in sample.labels.items()
        if name != BOUND and value
    }
