"""Fault: every status has one, and only a success has none."""

from __future__ import annotations

import pytest

from huidu.model.fault import FAULTS, Fault, fault_of
from huidu.model.invocation import USER_FAILURES, Status


def test_only_a_success_is_nobodys_doing() -> None:
    assert [status for status in Status if fault_of(status) is None] == [Status.SUCCESS]


def test_every_status_that_there_is_has_been_thought_of() -> None:
    assert set(FAULTS) == set(Status) - {Status.SUCCESS}


def test_what_a_log_filter_takes_for_the_users_is_the_users() -> None:
    assert {fault_of(status) for status in USER_FAILURES} == {Fault.USER}


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (430, Fault.USER),
        (433, Fault.TIMEOUT),
        (434, Fault.MEMORY),
        (432, Fault.THROTTLED),
        (500, Fault.PLATFORM),
        (499, Fault.CALLER),
        (599, Fault.PLATFORM),
    ],
)
def test_a_status_says_whose_doing_it_is(status: int, fault: Fault) -> None:
    assert fault_of(status) is fault
