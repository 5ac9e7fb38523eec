"""Count: adding call by call comes to the same as putting tallies together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.histogram import of
from huidu.model.invocation import Record
from huidu.model.sheet import ID, folded
from huidu.model.tally import NOTHING, Tally, merged
from huidu.observe.count import Count
from tests.fakes_store import record
from tests.tallies import TALLIES

RESULTS = st.sampled_from(["null", '{"statusCode": 500}', '{"statusCode": 200}'])
RECORDS = st.builds(
    record,
    status=st.sampled_from([200, 200, 430, 432, 433, 434, 499]),
    instance=st.sampled_from(["", "i-1"]),
    cold=st.booleans(),
    queue_ms=st.floats(0, 1e5),
    init_ms=st.floats(0, 1e5),
    duration_ms=st.floats(0, 9e5),
    memory_bytes=st.integers(0, 2**33),
    memory_mb=st.sampled_from([0, 64, 128]),
    event_bytes=st.integers(0, 2**23),
    result_bytes=st.integers(0, 2**23),
    trigger=st.sampled_from(["http", "apigw", "api"]),
    result=RESULTS,
)


def counted(*records: Record) -> Tally:
    count = Count()
    if records:
        count.add(records)
    return count.tally()


@given(st.lists(RECORDS, max_size=10))
def test_calls_that_are_counted_together_are_the_sum_of_each_alone(records: list[Record]) -> None:
    assert counted(*records) == merged([counted(one) for one in records])


@given(st.lists(TALLIES, max_size=4))
def test_absorbing_is_merging(tallies: list[Tally]) -> None:
    count = Count()
    for tally in tallies:
        count.absorb(tally)

    assert count.tally() == merged(tallies)


def test_a_call_that_ran_is_counted_with_all_that_it_took() -> None:
    tally = counted(
        record(
            instance="i-1",
            cold=True,
            queue_ms=20.5,
            init_ms=9.25,
            duration_ms=3.4,
            memory_bytes=5000,
            memory_mb=128,
            event_bytes=7,
            result_bytes=8,
        )
    )

    assert (tally.calls, tally.succeeded, tally.ran, tally.cold) == (1, 1, 1, 1)
    assert (tally.queue_us, tally.init_us, tally.duration_us) == (20_500, 9_250, 3_400)
    assert (tally.billed_ms, tally.billed_mb_ms) == (4, 512)
    assert (tally.memory_bytes, tally.most_memory_bytes, tally.most_memory_mb) == (5000, 5000, 128)
    assert (tally.event_bytes, tally.result_bytes) == (7, 8)
    assert tally.durations == of([0.0034])


@pytest.mark.parametrize(
    ("more", "steady"),
    [({}, 1), ({"cold": True}, 0), ({"status": 430}, 0), ({"instance": ""}, 0)],
)
def test_versions_are_compared_by_good_calls_of_warm_instances(
    more: dict[str, Any], steady: int
) -> None:
    ran: dict[str, Any] = {"instance": "i-1", "duration_ms": 5.0}
    assert counted(record(**ran | more)).steady.count == steady


def test_a_call_that_was_refused_has_no_duration() -> None:
    tally = counted(record(status=432, memory_mb=64))

    assert (tally.calls, tally.ran, tally.duration_us, tally.billed_ms) == (1, 0, 0, 0)


@given(st.lists(RECORDS, max_size=10))
def test_just_those_are_counted_as_5xx_that_succeeded_and_told_so_to_a_caller_by_http(
    records: list[Record],
) -> None:
    told = [
        one
        for one in records
        if one.status == 200 and one.trigger != "api" and one.result == '{"statusCode": 500}'
    ]
    tally = counted(*records)

    assert tally.answered_5xx == len(told)
    assert tally.succeeded >= len(told), "each is a success all the same"


def test_of_nothing_there_is_nothing() -> None:
    assert counted() == NOTHING


SILENT = st.fixed_dictionaries(
    {
        "queue_ms": st.integers(0, 10**6).map(lambda us: us / 1000),
        "duration_ms": st.floats(0, 9e5),
        "memory_bytes": st.integers(0, 2**33),
        "memory_mb": st.sampled_from([64, 128]),
        "event_bytes": st.integers(0, 2**23),
        "result_bytes": st.integers(0, 2**23),
        "trigger": st.sampled_from(["http", "api"]),
        "result": RESULTS,
    }
)


@given(st.lists(SILENT, min_size=1, max_size=9), st.integers(1, 8))
def test_calls_on_a_sheet_are_counted_as_their_records_are(
    calls: list[dict[str, Any]], cut: int
) -> None:
    count = Count()
    for some in (calls[:cut], calls[cut:]):
        if some:
            columns: dict[str, Any] = {name: [one[name] for one in some] for name in some[0]}
            for name in ("memory_mb", "trigger", "result"):
                columns[name] = folded(columns[name])
            count.add_columns(columns | {ID: ["r"] * len(some)})

    assert count.tally() == counted(*(record(instance="i-1", **one) for one in calls))
