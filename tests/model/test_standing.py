"""Standing: what is told of the instances that a version is to have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.function import FunctionName
from huidu.model.standing import DONE, FAILED, IN_PROGRESS, Standing, most_provisioned


def standing(**more: int | str) -> Standing:
    known = {"function": FunctionName("default", "hello"), "function_id": "f-1", "number": "1"}
    return Standing(**known | more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "available", "status", "why"),
    [
        (standing(), 0, DONE, ""),
        (standing(provisioned=2, idle=1, busy=1), 2, DONE, ""),
        (standing(provisioned=2, idle=3, busy=1), 2, DONE, ""),
        (standing(provisioned=2, idle=2, failure="of old"), 2, DONE, ""),
        (standing(provisioned=2, idle=1, starting=1), 1, IN_PROGRESS, ""),
        (standing(provisioned=2, short=2), 0, IN_PROGRESS, "max_instances"),
        (standing(provisioned=2, busy=1, failure="no handler"), 1, FAILED, "no handler"),
        (standing(provisioned=2, short=1, failure="no handler"), 0, FAILED, "no handler"),
    ],
)
def test_it_is_told_how_many_are_there_and_why_not_all(
    one: Standing, available: int, status: str, why: str
) -> None:
    assert (one.available, one.status) == (available, status)
    assert why in one.why
    assert bool(why) == bool(one.why)


@given(st.integers(1, 10_000))
def test_not_all_there_is_can_be_provisioned(instances: int) -> None:
    assert 0 <= most_provisioned(instances) < instances
