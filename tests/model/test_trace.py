"""A call's place in a trace: what is read of a caller's words, and what is said on."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.trace import (
    MOST_MEMBERS,
    NO_TRACE,
    NOTHING_SENT,
    Sent,
    carried,
    id_of,
    passed_by,
    place,
    sent_in,
)

TRACE_ID, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE_ID}-{CALLER}-01"
REQUEST = "7b1e2f3a-9c64-4d1e-8f00-0123456789ab"


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        (PARENT, True),
        (f" {PARENT}\t", True),
        (f"00-{TRACE_ID}-{CALLER}-00", True),
        (f"00-{TRACE_ID}-{CALLER}-ff", True),
        (f"cc-{TRACE_ID}-{CALLER}-01", True),
        (f"cc-{TRACE_ID}-{CALLER}-01-what.comes-later", True),
        (f"cc-{TRACE_ID}-{CALLER}-01.what-cannot-come", False),
        (f"00-{TRACE_ID}-{CALLER}-01-what-comes-later", False),
        (f"ff-{TRACE_ID}-{CALLER}-01", False),
        (f"00-{'0' * 32}-{CALLER}-01", False),
        (f"00-{TRACE_ID}-{'0' * 16}-01", False),
        (f"00-{TRACE_ID.upper()}-{CALLER}-01", False),
        (f"00-{TRACE_ID[1:]}-{CALLER}-01", False),
        (f"00-{TRACE_ID}-{CALLER}", False),
        (f"00-{TRACE_ID}-{CALLER}-1", False),
        ("", False),
    ],
)
def test_a_parent_is_read_as_the_recommendation_has_it(text: str, *, is_read: bool) -> None:
    assert (sent_in([("traceparent", text)]) != NOTHING_SENT) == is_read


def test_two_parents_are_as_good_as_none() -> None:
    assert sent_in([("traceparent", PARENT), ("traceparent", PARENT)]) == NOTHING_SENT


@pytest.mark.parametrize(
    ("states", "kept"),
    [
        (["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"], "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        (["a=1 , ,b=2\t", "c=3"], "a=1,b=2,c=3"),
        (["fw529a3039@dt=FfMqAYXyPjQ"], "fw529a3039@dt=FfMqAYXyPjQ"),
        (["a=1,a=2"], ""),
        (["A=1"], ""),
        (["a=1=2"], ""),
        (["a"], ""),
        (["a=\x7f"], ""),
        ([",".join(f"k{n}=v" for n in range(MOST_MEMBERS + 1))], ""),
        ([f"a={'x' * 250},b={'x' * 250},c={'x' * 250}"], ""),
        ([], ""),
    ],
)
def test_a_state_is_handed_on_where_it_is_one(states: list[str], kept: str) -> None:
    headers = [("traceparent", PARENT), *(("tracestate", state) for state in states)]

    assert sent_in(headers) == Sent(PARENT, kept)


def test_a_state_without_a_parent_is_nothing() -> None:
    assert sent_in([("tracestate", "a=1")]) == NOTHING_SENT


def test_a_call_is_the_child_of_its_caller_and_the_parent_of_whom_it_calls() -> None:
    trace = place(Sent(PARENT, "a=1"), REQUEST, 0xABC, 0.0)

    assert (trace.trace_id, trace.parent_id) == (TRACE_ID, CALLER)
    assert trace.told() == {
        "traceparent": f"00-{TRACE_ID}-0000000000000abc-01",
        "tracestate": "a=1",
    }


@pytest.mark.parametrize(("flags", "kept"), [("01", True), ("03", True), ("00", False)])
def test_the_caller_says_whether_its_trace_is_kept_whatever_the_ratio(
    flags: str, *, kept: bool
) -> None:
    for ratio in (0.0, 1.0):
        trace = place(Sent(f"00-{TRACE_ID}-{CALLER}-{flags}"), REQUEST, 1, ratio)
        assert trace.sampled is kept
        assert trace.parent.endswith("01" if kept else "00")


def test_a_trace_that_begins_here_has_the_id_of_its_request() -> None:
    trace = place(NOTHING_SENT, REQUEST, 0, 1.0)

    assert trace.parent == f"00-{REQUEST.replace('-', '')}-0000000000000001-01"
    assert trace.parent_id == ""
    assert place(NOTHING_SENT, REQUEST, 2, 1.0).trace_id == trace.trace_id


@given(st.text())
def test_every_request_has_a_trace_that_can_be_read_back(request_id: str) -> None:
    parent = place(NOTHING_SENT, request_id, 1, 1.0).parent

    assert sent_in([("traceparent", parent)]).parent == parent
    assert id_of(request_id) == id_of(request_id)


@given(st.uuids(version=4), st.floats(0, 1))
def test_who_is_kept_at_a_ratio_is_kept_at_every_higher_one(one: UUID, ratio: float) -> None:
    kept = place(NOTHING_SENT, str(one), 1, ratio).sampled

    assert place(NOTHING_SENT, str(one), 1, 1.0).sampled
    assert not place(NOTHING_SENT, str(one), 1, 0.0).sampled
    assert not kept or place(NOTHING_SENT, str(one), 1, (1 + ratio) / 2).sampled


def test_of_evenly_spread_requests_just_the_ratio_is_kept() -> None:
    spread = [f"{'1' * 18}{n:03x}{'0' * 11}" for n in range(4096)]
    kept = [place(NOTHING_SENT, one, 1, 0.25).sampled for one in spread]

    assert sum(kept) == 1024


def test_who_takes_no_part_hands_on_what_came_to_the_letter() -> None:
    trace = passed_by(Sent(PARENT, "a=1"))
    headers = [("traceparent", PARENT), ("accept", "*/*")]

    assert trace.told() == {"traceparent": PARENT, "tracestate": "a=1"}
    assert carried(headers, trace) == headers
    assert passed_by(NOTHING_SENT) == NO_TRACE
    assert NO_TRACE.told() == {}


def test_headers_say_one_trace_and_not_that_of_the_caller() -> None:
    trace = place(Sent(PARENT), REQUEST, 5, 1.0)
    sent = [("traceparent", PARENT), ("host", "h"), ("tracestate", "not a state")]

    assert carried(sent, trace) == [("host", "h"), ("traceparent", trace.parent)]
