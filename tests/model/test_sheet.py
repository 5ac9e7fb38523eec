"""Sheet: what is written of calls together is what a record of each would say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huidu.model.call import MOST_HELD_CHARS, MOST_KEPT_RESULT_CHARS, Call, Routed
from huidu.model.invocation import Outcome
from huidu.model.routing import Decision
from huidu.model.sheet import ID, WAY, columns, fits, folded, records
from huidu.model.split import Phase
from huidu.model.trace import NO_TRACE, Trace
from tests.fakes_store import CONFIGURATION, HELLO, alias, invocation, version

PLAIN: dict[str, Any] = {"status": 200, "instance": "i-1", "silent": True}
TRACED = Trace(trace_id="a" * 32, span_id="b" * 16, parent_id="c" * 16, sampled=True)


def call(outcome: Outcome, routed: Routed | None = None, **more: Any) -> Call:
    """A call that has ended."""
    made = Call(invocation(**more), 1000.5, 2.0, b"salt")
    made.goes(routed or Routed(version("1"), Decision("1", "main version"), alias()))
    made.claimed = 2.25
    made.outcome = outcome
    return made


amounts = st.floats(0, 1e6)
counts = st.integers(0, 2**53)
decisions = st.builds(
    Decision,
    version=st.just("1"),
    reason=st.sampled_from(["weight", "sticky key"]),
    probability=st.sampled_from([0.1, 1.0]),
    draw=st.none() | st.floats(0, 1),
    phases=st.sampled_from([(), (Phase(3000, ahead=True), Phase(0))]),
    sticky_key=st.sampled_from(["", "Bob", "Ann"]),
)
LARGER = version("1", configuration=replace(CONFIGURATION, memory_mb=256))
ways = st.builds(
    Routed,
    version=st.sampled_from([version("1"), LARGER]),
    decision=decisions,
    alias=st.sampled_from([alias(revision=3), alias(revision=4)]),
)
calls = st.builds(
    call,
    st.builds(
        Outcome,
        status=st.just(200),
        result=st.text(max_size=9) | st.just("x" * (MOST_KEPT_RESULT_CHARS + 1)),
        duration_ms=amounts,
        memory_bytes=counts,
        instance=st.sampled_from(["i-1", "i-2"]),
        silent=st.just(value=True),
    ),
    ways,
    request_id=st.text(max_size=9),
    event=st.binary(max_size=9),
    trigger=st.sampled_from(["api", "url"]),
    qualifier=st.sampled_from(["release", "$DEFAULT"]),
    trace=st.sampled_from([NO_TRACE, TRACED]),
)


@given(st.lists(calls, min_size=1, max_size=6))
@settings(deadline=None, max_examples=60)
def test_calls_that_are_written_together_say_what_a_record_of_each_says(some: list[Call]) -> None:
    assert all(map(fits, some))
    way = {name: (value,) for name, value in zip(WAY, some[0].lane, strict=True)}

    told = list(records({**columns(some), **way}, HELLO, len(some)))
    assert told == [one.record() for one in some]
    assert all(one.silent for one in told)


def test_what_all_say_is_said_once_but_whose_calls_they_are() -> None:
    said = columns([call(Outcome(**PLAIN), request_id="r-1") for _ in range(3)])

    assert (said[ID], said["trigger"], said["memory_mb"]) == (["r-1"] * 3, ("api",), (128,))
    assert folded([1, 2, 1]) == [1, 2, 1]


@pytest.mark.parametrize(
    ("outcome", "more"),
    [
        ({"silent": False}, {}),
        ({"cold": True}, {}),
        ({"streamed": 1}, {}),
        ({}, {"retry_number": 1}),
        ({}, {"root_request_id": "r-0"}),
        ({}, {"event": bytes(MOST_HELD_CHARS + 1)}),
        ({"result": "x" * MOST_HELD_CHARS}, {"event": b"x"}),
    ],
)
def test_a_call_of_which_there_is_more_to_say_fits_on_no_sheet(
    outcome: dict[str, Any], more: dict[str, Any]
) -> None:
    assert not fits(call(Outcome(**PLAIN | outcome), **more))


def test_nor_does_one_that_went_nowhere() -> None:
    nowhere = Call(invocation(), 1000.0, 1.0)
    nowhere.outcome = Outcome(**PLAIN)

    assert not fits(nowhere)
    assert fits(call(Outcome(**PLAIN)))
