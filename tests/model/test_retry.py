"""Whether an event that failed is tried again, and when: by whose doing it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.errors import InvalidValue, LimitExceeded
from huidu.model.event import State
from huidu.model.fault import FAULTS, Fault
from huidu.model.invocation import Status
from huidu.model.retry import (
    CLASSES,
    LONGEST_BACK_OFF_S,
    LONGEST_DELAY_S,
    USUAL,
    EventConfig,
    Ran,
    back_off_s,
    check_target,
    decide,
    expired,
    status_of,
)

NOW = 10_000.0


def ran(status: int, **more: float) -> Ran:
    known = {"attempts": 0, "failures": 0, "since": NOW}
    return Ran(status=status, **known | more)  # type: ignore[arg-type] # numbers of both kinds


def test_each_fault_has_a_class() -> None:
    assert set(CLASSES) == set(Fault)


@pytest.mark.parametrize(
    ("status", "failures", "waits_s"),
    [
        (Status.USER_ERROR, 0, 60),
        (Status.TIMED_OUT, 1, 60),
        (Status.MEMORY_EXCEEDED, 2, None),
        (Status.INIT_FAILED, 2, None),
        (Status.CONCURRENCY_EXCEEDED, 2, 60),
        (Status.TOO_FAST, 2, 60),
        (Status.INTERNAL_ERROR, 2, 1),
        (599, 2, 1),
        (Status.QUALIFIER_NOT_FOUND, 0, None),
        (Status.BAD_EVENT, 0, None),
    ],
)
def test_a_failure_is_tried_again_by_its_class(
    status: int, failures: int, waits_s: float | None
) -> None:
    verdict = decide(ran(status, failures=failures), USUAL, NOW)

    if waits_s is None:
        assert (verdict.state, verdict.next_at) == (State.DEAD, 0.0)
        assert verdict.why.startswith("given up: ")
    else:
        assert (verdict.state, verdict.next_at) == (State.DELAYED, NOW + waits_s)


def test_only_what_the_function_does_wrong_counts_as_its_failure() -> None:
    told = {
        status: decide(ran(status), USUAL, NOW).failures
        for status in (Status.SUCCESS, Status.USER_ERROR, Status.INTERNAL_ERROR, Status.TOO_FAST)
    }
    assert [*told.values()] == [0, 1, 0, 0]


@given(
    st.sampled_from([*FAULTS]),
    st.integers(0, 50),
    st.integers(0, 5),
    st.floats(0, 30_000),
    st.builds(EventConfig, retries=st.integers(0, 2), ttl_s=st.integers(60, 21_600)),
)
def test_no_event_is_tried_beyond_its_time_or_its_number(
    status: int, attempts: int, failures: int, age_s: float, config: EventConfig
) -> None:
    since = NOW - age_s
    verdict = decide(
        Ran(status=status, attempts=attempts, failures=failures, since=since), config, NOW
    )

    assert verdict.state in (State.DELAYED, State.DEAD)
    if verdict.state == State.DELAYED:
        assert NOW < verdict.next_at <= min(since + config.ttl_s, NOW + LONGEST_DELAY_S)
        assert verdict.failures <= config.retries


def test_the_platform_backs_off_by_doubling_up_to_five_minutes() -> None:
    assert [back_off_s(n) for n in (0, 1, 2, 8, 9, 10_000)] == [1, 2, 4, 256, 300, 300]
    assert LONGEST_BACK_OFF_S < LONGEST_DELAY_S


def test_an_event_expires_after_its_time_and_not_by_a_clock_that_was_set_back() -> None:
    config = EventConfig(ttl_s=60)
    assert [expired(NOW - age, config, NOW) for age in (60, 60.1, -1e6)] == [False, True, False]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"retries": 3}, "LimitExceeded.RetryNum"),
        ({"retries": -1}, "LimitExceeded.RetryNum"),
        ({"ttl_s": 59}, "LimitExceeded.MsgTTL"),
        ({"ttl_s": 21_601}, "LimitExceeded.MsgTTL"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, int], code: str) -> None:
    with pytest.raises(LimitExceeded) as refused:
        EventConfig(**given)
    assert refused.value.code == code


def test_a_retry_goes_to_one_of_two() -> None:
    assert [check_target(one) for one in ("current", "first")] == ["current", "first"]
    with pytest.raises(InvalidValue, match="must be current"):
        check_target("other")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ResourceNotFound.Qualifier", 442),
        ("ResourceNotFound.FunctionName", 435),
        ("InvalidParameterValue.Param", 400),
        ("ResourceUnavailable.Storage", 500),
        ("FailedOperation.FunctionStatusError", 500),
    ],
)
def test_a_refusal_has_a_status(code: str, status: int) -> None:
    assert status_of(code) == status
