"""Who would move when an alias moves: the laws of a preview."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.alias import Alias
from huidu.model.function import FunctionName
from huidu.model.routing import Ruled, Share, Weighted
from huidu.model.rules import Rule
from huidu.model.shift import Taken, shift
from huidu.model.split import WHOLE
from huidu.model.traits import Traits

USER = "invoke.headers.User"
STABLE = Alias(function=FunctionName("default", "hello"), name="release", version="1", salt="s")
RULE = Rule(version="2", key=USER, method="exact", expression="Bob")


def shared(weight: int, sticky: str = "", salt: str = "s") -> Alias:
    routing = Weighted((Share("2", weight),))
    return replace(STABLE, routing=routing, sticky=sticky, salt=salt)


def test_a_raised_weight_takes_from_the_main_version_alone() -> None:
    assert shift(shared(1000), shared(5000)) == (Taken("1", "2", 0.4),)
    assert shift(shared(5000), STABLE) == (Taken("2", "1", 0.5),)


def test_an_alias_that_stays_moves_nobody() -> None:
    assert shift(shared(1000), shared(1000)) == ()


@pytest.mark.parametrize("ends", [(STABLE, 1), (1, STABLE)])
def test_where_rules_decide_nobody_knows(ends: tuple[Alias | int, Alias | int]) -> None:
    ruled = replace(STABLE, routing=Ruled((RULE,)))
    before, after = (ruled if one == 1 else STABLE for one in ends)

    assert shift(before, after) is None


def test_callers_who_stay_together_are_dealt_anew_with_another_salt() -> None:
    taken = shift(shared(5000, USER), shared(5000, USER, salt="t"))

    assert taken == (Taken("1", "2", 0.25), Taken("2", "1", 0.25))


@given(before=st.integers(0, WHOLE), after=st.integers(0, WHOLE))
def test_what_is_foreseen_of_callers_is_what_becomes_of_them(before: int, after: int) -> None:
    old, new = shared(before, USER), shared(after, USER)
    foreseen = {(one.version, one.to): one.fraction for one in shift(old, new) or ()}
    moved = dict.fromkeys(foreseen, 0)
    for number in range(200):
        traits = Traits(headers={"User": str(number)})
        had, has = (one.route(traits, 0.5, one.fresh())[0].version for one in (old, new))
        if had != has:
            moved[had, has] += 1  # nobody moves who was not foreseen to

    assert sum(foreseen.values()) == pytest.approx(abs(before - after) / WHOLE)


@given(st.lists(st.integers(0, 3000), min_size=3, max_size=3), st.integers(0, 3000))
def test_no_more_calls_move_than_must(weights: list[int], other: int) -> None:
    routing = Weighted(tuple(Share(str(at), weight) for at, weight in enumerate(weights, 2)))
    before = replace(STABLE, routing=routing)
    after = shared(other)
    taken = shift(before, after)

    assert taken is not None
    shares = [{s.version: s.fraction for s in one.shares} for one in (before, after)]
    must = sum(max(0.0, had - shares[1].get(name, 0.0)) for name, had in shares[0].items())
    assert sum(one.fraction for one in taken) == pytest.approx(must, abs=1e-9)
