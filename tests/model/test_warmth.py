"""Warmth: who is new to an alias has instances before it has calls, in proportion to its share."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.alias import Alias
from huidu.model.function import FunctionName
from huidu.model.routing import Routing, Ruled, Share, Weighted
from huidu.model.rules import Rule
from huidu.model.warmth import MOST_WARMED, wanted

HELLO = FunctionName("default", "hello")


def alias(version: str = "1", routing: Routing | None = None) -> Alias:
    return Alias(function=HELLO, name="release", version=version, routing=routing)


def shared(version: str, weight: int) -> Weighted:
    return Weighted((Share(version, weight),))


RULED = Ruled(
    (Rule(version="2", key="invoke.headers.User", method="exact", expression="Bob"),),
)


@pytest.mark.parametrize(
    ("before", "after", "held", "expected"),
    [
        (None, alias("1"), {}, {"1": 1}),
        (None, alias("1", shared("2", 100)), {"1": 9}, {"1": 1, "2": 1}),
        (alias("1"), alias("1"), {"1": 9}, {}),
        (alias("1"), alias("2"), {"1": 4}, {"2": 4}),
        (alias("1"), alias("2"), {}, {"2": 1}),
        (alias("1"), alias("2"), {"1": 99}, {"2": MOST_WARMED}),
        (alias("1"), alias("1", shared("2", 2500)), {"1": 8}, {"2": 2}),
        (alias("1"), alias("1", shared("2", 2600)), {"1": 8}, {"2": 3}),
        (alias("1"), alias("1", shared("2", 1)), {"1": 8}, {"2": 1}),
        (alias("1"), alias("1", shared("2", 0)), {"1": 8}, {}),
        (alias("1", shared("2", 2500)), alias("2"), {"1": 6, "2": 2, "3": 9}, {"2": 8}),
        (alias("1", shared("2", 2500)), alias("1"), {"1": 6, "2": 2}, {"1": 8}),
        (alias("1", shared("2", 0)), alias("2"), {"1": 3, "2": 7}, {"2": 3}),
        (alias("1"), alias("1", RULED), {"1": 8}, {"2": 1}),
        (alias("1", RULED), alias("2"), {"1": 5, "2": 1}, {"2": 6}),
        (alias("1", RULED), alias("1"), {"1": 5, "2": 1}, {}),
        (alias("2"), alias("1", RULED), {"2": 3}, {"1": 3}),
    ],
)
def test_a_version_that_gains_calls_is_to_have_its_share_of_what_serves_them(
    before: Alias | None, after: Alias, held: Mapping[str, int], expected: Mapping[str, int]
) -> None:
    assert wanted(before, after, held) == expected


aliases = st.builds(
    alias,
    st.sampled_from("12"),
    st.one_of(st.none(), st.integers(0, 10_000).map(lambda weight: shared("3", weight))),
)


@given(st.none() | aliases, aliases, st.dictionaries(st.sampled_from("123"), st.integers(0, 20)))
def test_nobody_wants_more_than_there_are_nor_less_than_its_share(
    before: Alias | None, after: Alias, held: Mapping[str, int]
) -> None:
    asked = wanted(before, after, held)

    assert set(asked) <= after.versions
    assert all(1 <= count <= max(1, sum(held.values())) for count in asked.values())
    assert sum(asked.values()) <= sum(held.values()) + len(after.versions)
    shares = {share.version: share.fraction for share in after.shares}
    serving = sum(held.get(version, 0) for version in before.versions) if before else 0
    for version, count in asked.items():
        assert count <= max(1, shares[version] * serving + 1)


@given(aliases, st.dictionaries(st.sampled_from("123"), st.integers(0, 20)))
def test_a_move_to_where_it_is_wants_nothing(kept: Alias, held: Mapping[str, int]) -> None:
    assert wanted(kept, kept, held) == {}
