"""Calls, what comes of them, and what is kept."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model import invocation
from huidu.model.function import FunctionName
from huidu.model.invocation import (
    EMPTY_EVENT,
    USER_FAILURES,
    Invocation,
    Outcome,
    Record,
    Status,
    failure,
)

HELLO = FunctionName("default", "hello")


@pytest.mark.parametrize(
    ("status", "number"),
    [
        (Status.SUCCESS, 200),
        (Status.BAD_EVENT, 400),
        (Status.INSTANCE_EXITED, 405),
        (Status.EVENT_TOO_LARGE, 406),
        (Status.RESULT_TOO_LARGE, 407),
        (Status.TOO_FAST, 429),
        (Status.USER_ERROR, 430),
        (Status.CONCURRENCY_EXCEEDED, 432),
        (Status.TIMED_OUT, 433),
        (Status.MEMORY_EXCEEDED, 434),
        (Status.FUNCTION_NOT_FOUND, 435),
        (Status.HANDLER_NOT_FOUND, 437),
        (Status.PROCESS_EXITED, 439),
        (Status.QUALIFIER_NOT_FOUND, 442),
        (Status.INIT_FAILED, 445),
        (Status.INIT_TIMED_OUT, 450),
        (Status.CANCELLED, 499),
        (Status.INTERNAL_ERROR, 500),
    ],
)
def test_a_status_has_the_number_that_scf_gives_it(status: Status, number: int) -> None:
    assert status == number


@pytest.mark.parametrize(
    ("most", "size"),
    [
        (invocation.MOST_EVENT_BYTES, 6_291_456),
        (invocation.MOST_RESULT_BYTES, 6_291_456),
        (invocation.MOST_ASYNC_EVENT_BYTES, 131_072),
        (invocation.MOST_TAIL_BYTES, 4096),
    ],
)
def test_what_may_be_sent_and_given_back_is_as_large_as_in_the_cloud(most: int, size: int) -> None:
    """Section 10: 6 MB, 6 MB, 128 KB, 4 KB."""
    assert most == size


def test_a_call_that_says_nothing_sends_an_empty_object_and_is_the_first_try() -> None:
    call = Invocation(request_id="id", function=HELLO, qualifier="$DEFAULT")

    assert json.loads(call.event) == json.loads(EMPTY_EVENT) == {}
    assert call.retry_number == 0


@pytest.mark.parametrize("status", [430, 443, 437, 439])
def test_failures_of_the_users_code_are_counted_as_such(status: int) -> None:
    """430 and 443 are one thing (D-38), and so are a handler that is not there and an exit."""
    assert status in USER_FAILURES


@pytest.mark.parametrize("status", sorted(set(Status) - USER_FAILURES))
def test_only_success_is_success_and_the_rest_is_not_the_users(status: Status) -> None:
    assert Outcome(status=status).succeeded is (status == Status.SUCCESS)
    assert status not in (Status.USER_ERROR, Status.HANDLER_NOT_FOUND, Status.PROCESS_EXITED)


@given(
    status=st.sampled_from(sorted(set(Status) - {Status.SUCCESS})),
    message=st.text(),
    request_id=st.uuids().map(str),
)
def test_a_failure_before_any_instance_has_the_payload_of_all_failures(
    status: Status, message: str, request_id: str
) -> None:
    """D-38."""
    outcome = failure(status, message, request_id)

    assert not outcome.succeeded
    assert outcome.error == message
    assert json.loads(outcome.result) == {
        "errorCode": -1,
        "errorMessage": message,
        "requestId": request_id,
        "statusCode": int(status),
    }


def test_the_payload_is_compact_and_chinese_stays_chinese() -> None:
    result = failure(Status.TIMED_OUT, "超时", "id").result

    assert result == '{"errorCode":-1,"errorMessage":"超时","requestId":"id","statusCode":433}'


def test_a_record_is_the_same_wherever_it_lies_in_the_journal() -> None:
    record = Record(request_id="id", function=HELLO, qualifier="release")

    assert record._replace(sequence=7, silent=True, streamed=True) == record
    assert record._replace(version="2") != record
