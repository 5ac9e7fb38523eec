"""Weights, shares, and where a sticky key lies."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.errors import InvalidValue
from huidu.model.routing import (
    MOST_RULES,
    Ruled,
    Share,
    Weighted,
    place_of,
    routing_of,
    sealed,
    weight_of,
)
from huidu.model.rules import Rule
from huidu.model.split import WHOLE

BOB = Rule(version="2", key="invoke.headers.User", method="exact", expression="Bob")
ANN = Rule(version="3", key="invoke.headers.User", method="exact", expression="Ann")


@pytest.mark.parametrize(
    ("fraction", "weight"),
    [
        (0, 0),
        (-0.0, 0),
        (0.0001, 1),
        (0.01, 100),
        (0.1, 1000),
        (0.10000000149, 1000),
        (0.29, 2900),
        (0.3, 3000),
        (0.8, 8000),
        (0.99999, WHOLE),
        (1, WHOLE),
        (1.0, WHOLE),
    ],
)
def test_a_weight_is_kept_in_steps_of_a_ten_thousandth(fraction: float, weight: int) -> None:
    """D-23: from 0 to 1, both included."""
    assert weight_of(fraction) == weight


@pytest.mark.parametrize(
    "fraction", [-0.0001, 1.00001, 1.00004, 2, 50, -1, math.nan, math.inf, -math.inf, 10**400]
)
def test_what_is_no_number_from_0_to_1_is_refused(fraction: float) -> None:
    right = r"^Weight .*must be 0, or a number from 0\.0001 to 1"
    with pytest.raises(InvalidValue, match=right) as refused:
        weight_of(fraction)

    assert refused.value.code == "InvalidParameterValue.AdditionalVersionWeights"


@given(weight=st.integers(0, WHOLE))
def test_a_weight_is_shown_as_the_shortest_decimal_and_read_back_from_it(weight: int) -> None:
    """D-23: 0.1, and never 0.10000000149."""
    fraction = Share("2", weight).fraction

    assert weight_of(fraction) == weight
    assert len(f"{fraction}") <= len("0.1234")


@pytest.mark.parametrize("weight", [-1, WHOLE + 1, 10 * WHOLE])
def test_no_share_is_less_than_nothing_or_more_than_all(weight: int) -> None:
    with pytest.raises(InvalidValue, match=r"^Weight ") as refused:
        Share("2", weight)

    assert refused.value.code == "InvalidParameterValue.AdditionalVersionWeights"


@pytest.mark.parametrize(
    "weights", [(0,), (WHOLE,), (WHOLE, 0), (5000, 5000), (3000, 2000, 1000), (0, 0, 0)]
)
def test_weights_may_add_up_to_all_calls(weights: tuple[int, ...]) -> None:
    routing = Weighted(tuple(Share(str(n), weight) for n, weight in enumerate(weights, 2)))

    assert routing.versions == {str(n) for n, _ in enumerate(weights, 2)}  # D-06: weight 0 too


@pytest.mark.parametrize("weights", [(WHOLE, 1), (6000, 4001), (5000, 5000, 5000)])
def test_weights_may_not_add_up_to_more(weights: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValue, match=r"^Weight: the weights add up to 1\.") as refused:
        Weighted(tuple(Share(str(n), weight) for n, weight in enumerate(weights, 2)))

    assert refused.value.code == "InvalidParameterValue.AdditionalVersionWeights"


def test_a_version_has_one_weight() -> None:
    with pytest.raises(InvalidValue, match=r"AdditionalVersionWeights: version 2 is named twice"):
        Weighted((Share("2", 1), Share("3", 1), Share("2", 1)))


def test_several_rules_may_lead_to_one_version() -> None:
    """D-27."""
    assert Ruled((BOB, ANN, BOB)).versions == {"2", "3"}


def test_a_hundred_rules_are_taken_and_one_more_is_not() -> None:
    assert Ruled((BOB,) * MOST_RULES).versions == {"2"}
    with pytest.raises(InvalidValue, match=r"^AddtionVersionMatchs: 101 rules") as refused:
        Ruled((BOB,) * (MOST_RULES + 1))
    assert refused.value.code == "InvalidParameterValue.RoutingConfig"


def test_routing_is_by_weights_or_by_rules_or_not_at_all() -> None:
    shares = [Share("2", 1000)]

    assert routing_of(shares, []) == Weighted((Share("2", 1000),))
    assert routing_of([], [BOB]) == Ruled((BOB,))
    assert routing_of([], []) is None
    with pytest.raises(InvalidValue, match=r"^RoutingConfig: .* exclude each other") as refused:
        routing_of(shares, [BOB])
    assert refused.value.code == "InvalidParameterValue.RoutingConfig"


texts = st.text(st.characters())


@given(salt=texts, value=texts)
def test_a_sticky_key_has_one_place_and_it_is_below_1(salt: str, value: str) -> None:
    """All that a float can tell apart, and no more, or the last place would round up to 1."""
    place = place_of(salt, value)

    assert 0 <= place < 1
    assert (place * 2**53).is_integer()
    assert place_of(salt, value) == place


def test_places_are_even_over_many_keys() -> None:
    tenths = [0] * 10
    for n in range(20_000):
        tenths[int(place_of("salt", f"user-{n}") * 10)] += 1

    assert all(abs(count - 2000) < 4.5 * math.sqrt(20_000 * 0.1 * 0.9) for count in tenths)


def test_another_salt_gives_places_that_know_nothing_of_the_first() -> None:
    """Each tenth by one salt is spread over all tenths by the other."""
    cells = [[0] * 10 for _ in range(10)]
    for n in range(40_000):
        value = f"user-{n}"
        cells[int(place_of("a", value) * 10)][int(place_of("b", value) * 10)] += 1

    expected, spread = 400, 4.5 * math.sqrt(40_000 * 0.01 * 0.99)
    assert all(abs(count - expected) < spread for row in cells for count in row)


@given(value=texts, salts=st.lists(st.uuids().map(str), min_size=2, max_size=2, unique=True))
def test_two_salts_put_a_key_in_two_places(value: str, salts: list[str]) -> None:
    assert place_of(salts[0], value) != place_of(salts[1], value)


@given(value=texts)
def test_what_is_kept_of_a_sticky_key_tells_only_whether_it_is_the_same(value: str) -> None:
    kept = sealed(value, "lam-1", b"salt")

    assert kept == sealed(value, "lam-1", b"salt")
    assert kept != sealed(value, "lam-1", b"another server's")
    assert kept != sealed(value, "lam-2", b"salt")
    assert len(kept) == 32
