"""The page for Prometheus: what there is, in its own words, and no more than can be borne."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from huidu.model.fault import Fault
from huidu.model.function import FunctionName
from huidu.model.tally import Lane
from huidu.observe.count import Count
from huidu.observe.prometheus import BOUNDS, FAMILIES, LOOSE, Scene, tell
from tests.fakes_store import HELLO, record
from tests.tallies import OTHER, RELEASE_1, RELEASE_2

NAMES = {"lam-1": HELLO, "lam-2": FunctionName("default", "other")}
LABELS = {"namespace": "default", "function": "hello", "alias": "release"}


def scene(**more: Any) -> Scene:
    known: dict[str, Any] = {"named": lambda lane: NAMES.get(lane.function_id), "running": {}}
    return Scene(**known | more)


def count(*calls: dict[str, Any]) -> Count:
    made = Count()
    for call in calls:
        made.add([record(**{"instance": "i-1"} | call)])
    return made


def samples(text: bytes, name: str) -> dict[frozenset[tuple[str, str]], float]:
    families = text_string_to_metric_families(text.decode())
    return {
        frozenset(one.labels.items()): one.value
        for family in families
        for one in family.samples
        if one.name == name
    }


def of(version: str, **more: str) -> frozenset[tuple[str, str]]:
    return frozenset({**LABELS, "version": version, **more}.items())


@pytest.fixture
def totals() -> dict[Lane, Count]:
    return {
        RELEASE_1: count({"duration_ms": 3.0}, {"duration_ms": 300.0}),
        RELEASE_2: count(
            {"cold": True, "init_ms": 20.0, "queue_ms": 30.0, "duration_ms": 1000.0}
            | {"trigger": "http", "result": '{"statusCode": 500}'},
            {"status": 430, "memory_bytes": 100, "event_bytes": 3, "result_bytes": 4},
            {"status": 433, "memory_bytes": 900, "duration_ms": 1e7},
        ),
    }


def test_calls_are_told_by_version_and_status(totals: dict[Lane, Count]) -> None:
    text = tell(totals, scene())

    assert samples(text, "huidu_invocations_total") == {
        of("1", status="200"): 2,
        of("2", status="200"): 1,
        of("2", status="430"): 1,
        of("2", status="433"): 1,
    }


def test_errors_are_told_by_class_and_of_every_class_from_the_start(
    totals: dict[Lane, Count],
) -> None:
    told = samples(tell(totals, scene()), "huidu_errors_total")

    assert {one: value for one, value in told.items() if value} == {
        of("2", **{"class": "user"}): 1,
        of("2", **{"class": "timeout"}): 1,
    }
    assert len(told) == 2 * len(Fault)


def test_durations_are_in_buckets_that_end_at_powers_of_two(totals: dict[Lane, Count]) -> None:
    text = tell(totals, scene())
    buckets = samples(text, "huidu_duration_seconds_bucket")

    def within(version: str) -> Iterator[float]:
        return (buckets[of(version, le=bound)] for bound in (*BOUNDS, "+Inf"))

    assert [*within("1")] == [0, 1, 1, 1, 1, 1, 1, *[2] * 8], "3 ms, and 300 ms"
    assert [*within("2")] == [1] * 8 + [2] * 6 + [3], "nothing, just a second, and very long"
    assert samples(text, "huidu_duration_seconds_sum")[of("1")] == pytest.approx(0.303)
    assert samples(text, "huidu_duration_seconds_count")[of("2")] == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("huidu_cold_starts_total", 1),
        ("huidu_init_seconds_total", 0.02),
        ("huidu_queue_seconds_total", 0.03),
        ("huidu_concurrent_executions", 5),
        ("huidu_memory_bytes_total", 1000),
        ("huidu_memory_peak_bytes", 900),
        ("huidu_event_bytes_total", 3),
        ("huidu_result_bytes_total", 4),
        ("huidu_answered_5xx_total", 1),
    ],
)
def test_each_number_is_told(totals: dict[Lane, Count], name: str, value: float) -> None:
    text = tell(totals, scene(running={RELEASE_2: 5}))

    assert samples(text, name)[of("2")] == value


def test_every_metric_is_told_once_with_what_it_means_and_all_its_lines(
    totals: dict[Lane, Count],
) -> None:
    families = [*text_string_to_metric_families(tell(totals, scene()).decode())]

    names = [family.name.removesuffix("_total") for family in families]
    every = [*(family.name for family in FAMILIES), *LOOSE]
    assert names == [name.removesuffix("_total") for name in every]
    assert all(family.documentation and family.samples for family in families)


def test_what_is_gone_is_told_no_more_and_forgotten(totals: dict[Lane, Count]) -> None:
    def named(lane: Lane) -> FunctionName | None:
        return HELLO if lane.version == "2" else None

    text = tell(totals, scene(named=named))

    assert of("1", status="200") not in samples(text, "huidu_invocations_total")
    assert set(totals) == {RELEASE_2}


def test_what_does_not_fit_is_left_out_the_longest_unused_first(
    totals: dict[Lane, Count],
) -> None:
    totals[OTHER] = count({})
    one = len(tell({OTHER: totals[OTHER]}, scene())) - len(tell({}, scene()))
    text = tell(totals, scene(), most_bytes=one + 1)

    told = samples(text, "huidu_cold_starts_total")
    assert {dict(labels)["function"] for labels in told} == {"hello", "other"}
    assert of("1") not in told
    assert samples(text, "huidu_lanes_left_out") == {frozenset(): 1}
    assert set(totals) == {RELEASE_1, RELEASE_2, OTHER}, "its numbers go on"


def test_what_was_dropped_and_what_nobody_has_is_told() -> None:
    text = tell({}, scene(nobodys=2, records_dropped=3, counts_dropped=4))
    nobody = dict.fromkeys(("namespace", "function", "alias", "version"), "") | {"status": "435"}

    assert samples(text, "huidu_invocations_total") == {frozenset(nobody.items()): 2}
    assert samples(text, "huidu_records_dropped_total") == {frozenset(): 3}
    assert samples(text, "huidu_counts_dropped_total") == {frozenset(): 4}
