"""Usage plans: what they may allow, and that no key has two at one place."""

from __future__ import annotations

from typing import Any

import pytest

from huidu.model.errors import InvalidValue
from huidu.model.plan import (
    Granted,
    Place,
    Plan,
    check_bind_type,
    collide,
)


def plan(plan_id: str = "usagePlan-1", **more: Any) -> Plan:
    return Plan(**{"id": plan_id, "name": "gold", **more})


@pytest.mark.parametrize("value", [-1, 1, 2000])
def test_a_rate_is_from_one_to_two_thousand_or_none(value: int) -> None:
    assert plan(rate_per_s=value).rate_per_s == value


@pytest.mark.parametrize("value", [-1, 1, 99_999_999])
def test_a_quota_is_of_eight_digits_at_most_or_none(value: int) -> None:
    assert plan(quota=value).quota == value


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"rate_per_s": 0}, "RangeExceeded"),
        ({"rate_per_s": 2001}, "RangeExceeded"),
        ({"rate_per_s": -2}, "RangeExceeded"),
        ({"quota": 0}, "InvalidMaxRequestNum"),
        ({"quota": 100_000_000}, "InvalidMaxRequestNum"),
        ({"name": "n" * 51}, "LengthExceeded"),
        ({"description": "d" * 1001}, "Description"),
    ],
)
def test_what_is_wrong_with_a_plan_is_named(wrong: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        plan(**wrong)
    assert refused.value.code == f"InvalidParameterValue.{code}"


def test_a_place_is_in_one_of_the_three_environments() -> None:
    with pytest.raises(InvalidValue, match="must be one of release, prepub, test") as refused:
        Place("service-1", "", "dev")
    assert refused.value.code == "InvalidParameterValue.InvalidEnv"


def test_a_binding_is_of_a_service_or_of_apis() -> None:
    assert check_bind_type("API") == "API"
    with pytest.raises(InvalidValue, match="must be one of SERVICE, API"):
        check_bind_type("HOST")


HERE, THERE = Place("service-1", "api-1", "release"), Place("service-1", "api-1", "test")


@pytest.mark.parametrize(
    ("keys", "place", "met"),
    [
        ({"a", "b"}, HERE, "a"),
        ({"b"}, HERE, "b"),
        ({"c"}, HERE, ""),
        ({"a"}, THERE, ""),
    ],
)
def test_two_plans_collide_where_a_key_would_have_both(
    keys: set[str], place: Place, met: str
) -> None:
    ours = Granted(plan(), frozenset("ab"), frozenset({HERE}))
    theirs = Granted(plan("usagePlan-2"), frozenset(keys), frozenset({place}))

    assert collide(ours, theirs) == met
    assert collide(theirs, ours) == met


def test_a_plan_does_not_collide_with_itself() -> None:
    ours = Granted(plan(), frozenset("ab"), frozenset({HERE}))

    assert collide(ours, ours) == ""


def test_an_api_is_a_part_of_its_service_in_the_same_environment() -> None:
    assert HERE.whole == Place("service-1", "", "release")
    assert HERE.whole.whole == HERE.whole
