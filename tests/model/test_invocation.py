"""Calls, what comes of them, and what is kept."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.function import FunctionName
from huidu.model.invocation import USER_FAILURES, Outcome, Record, Status, failure

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

    assert replace(record, sequence=7) == record
    assert replace(record, version="2") != record
