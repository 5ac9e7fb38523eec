"""Limits under load: what gets through is what was allowed, however it comes."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.gateway.limits import Exceeded, Limits, Taken
from huidu.model.bucket import SECOND_NS
from huidu.model.plan import UNLIMITED, Place, Plan
from huidu.model.strategy import Limit

API = Place("service-1", "api-1", "release")
OTHER = Place("service-1", "api-2", "release")


def plan(**more: Any) -> Plan:
    return Plan(id="usagePlan-1", name="gold", **more)


def test_a_minute_of_load_gets_the_rate_and_one_burst() -> None:
    """Ten thousand calls a second, at random moments, at a limit of 300."""
    limits, dice = Limits(), random.Random(1)
    limits.limit(Limit(API, 300), 0)
    moments = sorted(dice.randrange(60 * SECOND_NS) for _ in range(600_000))
    through = sum(isinstance(limits.take(API, None, now), Taken) for now in moments)

    assert 60 * 300 <= through <= 60 * 300 + 300


def test_of_several_limits_the_tightest_counts_and_the_others_lose_nothing() -> None:
    limits = Limits()
    limits.limit(Limit(API.whole, 100), 0)
    limits.limit(Limit(API, 10), 0)
    limits.grant(plan(rate_per_s=50), 0)
    through = [limits.take(API, plan(rate_per_s=50), 0) for _ in range(200)]

    assert sum(isinstance(one, Taken) for one in through) == 10
    left = limits.take(OTHER, None, 0)
    assert isinstance(left, Taken)
    assert dict(left.headers)["x-service-ratelimit"] == "89/100"


@given(waits=st.lists(st.integers(0, 2 * SECOND_NS), max_size=60), rate=st.integers(1, 9))
def test_whoever_comes_again_when_it_is_told_gets_through(waits: list[int], rate: int) -> None:
    limits, now = Limits(), 0
    limits.limit(Limit(API, rate), now)
    for wait in waits:
        now += wait
        answer = limits.take(API, None, now)
        if isinstance(answer, Exceeded):
            assert answer.wait_s == 1  # whole seconds, rounded up
            now += SECOND_NS
            assert isinstance(limits.take(API, None, now), Taken)


def test_a_quota_lets_through_exactly_what_it_says() -> None:
    limits, gold = Limits(), plan(quota=1000)
    limits.grant(gold, 0)
    through = [isinstance(limits.take(API, gold, now), Taken) for now in range(2000)]

    assert sum(through) == 1000
    assert all(through[:1000])


def test_a_quota_begins_where_it_was_written_down() -> None:
    limits, gold = Limits(), plan(quota=1000, used=999)
    limits.grant(gold, 0)

    assert isinstance(limits.take(API, gold, 0), Taken)
    assert limits.take(API, gold, 0) == Exceeded("API quota exceeded", None)
    assert limits.unsaid() == {"usagePlan-1": 1000}


def test_what_could_not_be_kept_is_said_again() -> None:
    limits, gold = Limits(), plan()
    limits.grant(gold, 0)
    limits.take(API, gold, 0)
    said = limits.unsaid()
    assert limits.unsaid() == {}
    limits.take(API, gold, 0)
    limits.unkept(said)

    assert limits.unsaid() == {"usagePlan-1": 2}
    limits.forget_plan(gold.id)
    limits.unkept(said)
    assert limits.unsaid() == {}


@pytest.mark.parametrize("rate", [1, 100])
def test_a_new_rate_gives_no_second_burst(rate: int) -> None:
    limits = Limits()
    limits.limit(Limit(API, 10), 0)
    for _ in range(10):
        limits.take(API, None, 0)
    limits.limit(Limit(API, rate), 0)

    assert isinstance(limits.take(API, None, 0), Exceeded)
    assert isinstance(limits.take(API, None, SECOND_NS), Taken)


def test_memory_is_taken_for_what_is_limited_and_for_nothing_else() -> None:
    limits = Limits()
    for number in range(1000):
        limits.take(Place("service-1", f"api-{number}", "test"), None, 0)
    assert repr(limits) == "<Limits: 0 buckets, 0 plans>"
    limits.limit(Limit(API, 10), 0)
    limits.limit(Limit(API, UNLIMITED), 0)
    assert repr(limits) == "<Limits: 0 buckets, 0 plans>"
