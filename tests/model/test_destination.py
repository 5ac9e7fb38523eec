"""Destinations: what goes on from an event, and how far."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.destination import (
    FAILURE,
    MOST_DEPTH,
    SUCCESS,
    TOO_DEEP,
    Destination,
    onward,
    record_of,
)
from huidu.model.event import Attempt, Ended, State
from huidu.model.function import FunctionName
from huidu.model.invocation import MOST_ASYNC_EVENT_BYTES
from tests.fakes_store import event

NEXT = FunctionName("default", "next")
THERE = {
    SUCCESS: Destination(function=NEXT, qualifier="release"),
    FAILURE: Destination(webhook="hook-1"),
}


def ended(state: State = State.FINISHED, result: str = '{"a": 1}', **more: object) -> Ended:
    known = {"event": b'{"n": 7}', "depth": 2, **more}
    attempt = Attempt(number=1, version="3", alias="release", status=200, error="", then="finished")
    return Ended(event=event("r-1", **known), state=state, attempt=attempt, at=0.5, result=result)


def test_what_was_answered_goes_on_with_what_was_asked_and_answered() -> None:
    made = onward(ended(), THERE, "lam-next")

    assert made is not None
    assert made.event is not None
    assert (made.event.function, made.event.function_id) == (NEXT, "lam-next")
    assert (made.event.qualifier, made.event.trigger) == ("release", "destination")
    assert (made.event.depth, made.event.accepted_at, made.refused) == (3, 0.5, "")
    assert json.loads(made.event.event) == {
        "version": "1.0",
        "timestamp": "1970-01-01T00:00:00.500Z",
        "requestContext": {
            "requestId": "r-1",
            "namespace": "default",
            "functionName": "hello",
            "qualifier": "release",
            "condition": "Success",
            "approximateInvokeCount": 2,
            "depth": 2,
        },
        "requestPayload": {"n": 7},
        "responseContext": {"statusCode": 200, "executedVersion": "3", "alias": "release"},
        "responsePayload": {"a": 1},
    }


def test_what_was_given_up_goes_where_failures_go_and_what_was_ended_by_hand_nowhere() -> None:
    made = onward(ended(State.DEAD, ""), THERE, "")
    assert made is not None
    assert (made.event, made.webhook) == (None, "hook-1")
    told = json.loads(made.record)
    assert told["requestContext"]["condition"] == "RetriesExhausted"
    assert told["responseContext"]["reason"] == "finished"
    assert told["responsePayload"] is None

    assert onward(ended(State.ABORTED), THERE, "") is None
    assert onward(ended(State.DELAYED), THERE, "") is None
    assert onward(ended(State.DEAD), {SUCCESS: THERE[SUCCESS]}, "") is None


def test_the_same_end_sends_the_same_on_and_another_attempt_another() -> None:
    first, again = onward(ended(), THERE, ""), onward(ended(), THERE, "")
    assert first == again
    assert first is not None
    assert first.event is not None
    assert first.event.request_id.startswith("r-1-1-3-")


def test_what_is_sent_on_has_an_id_of_its_own_whichever_way_it_came_and_if_played_again() -> None:
    # One event failed, was played again and answered: both went on, and both go on to the same.
    root = "0e0b8f1e-4a8d-4d3c-9d3a-1c8f7a1b2c3d"
    ways = [(f"{root}-{attempt}-2-{way}", 5.0) for attempt in (0, 1) for way in ("a", "b")]
    played_again = [(f"{root}-0-2-a", 9.0)]
    ids = set()
    for request_id, since in (*ways, *played_again):
        one = ended()
        made = onward(replace(one, event=replace(one.event, request_id=request_id, since=since)),
                      THERE, "")  # fmt: skip
        assert made is not None
        assert made.event is not None
        ids.add(made.event.request_id)
    assert len(ids) == len(ways) + len(played_again)


def test_a_loop_comes_to_an_end() -> None:
    at, depth = ended(depth=0), 0
    while (made := onward(at, THERE, "")) is not None and not made.refused:
        assert made.event is not None
        depth += 1
        assert made.event.depth == depth <= MOST_DEPTH
        assert len(made.event.request_id) < 60
        at = Ended(event=made.event, state=State.FINISHED, attempt=at.attempt, at=1.0)
    assert made is not None
    assert made.refused == TOO_DEEP
    assert depth == MOST_DEPTH


@pytest.mark.parametrize(
    ("asked", "answer", "omitted"),
    [
        (10, 10, set()),
        (10, MOST_ASYNC_EVENT_BYTES, {"responsePayload"}),
        (MOST_ASYNC_EVENT_BYTES - 2, 10, {"responsePayload", "requestPayload"}),
    ],
)
def test_what_is_too_large_for_an_event_is_left_out_and_it_is_said(
    asked: int, answer: int, omitted: set[str]
) -> None:
    made = ended(event=json.dumps("x" * asked).encode(), result=json.dumps("y" * answer))
    record = record_of(made)
    told = json.loads(record)

    assert len(record) <= MOST_ASYNC_EVENT_BYTES
    assert {name.removesuffix("Omitted") for name in told if name.endswith("Omitted")} == omitted
    assert all(told[name] is None for name in omitted)


@given(asked=st.binary(max_size=50), answer=st.text(max_size=50))
def test_a_record_is_json_whatever_was_sent_and_answered(asked: bytes, answer: str) -> None:
    told = json.loads(record_of(ended(event=asked, result=answer)))

    assert told["requestContext"]["requestId"] == "r-1"
