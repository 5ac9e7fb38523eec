"""Which version answers a call: the laws of an alias."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.alias import EXACT, RANDOM, SPLITS, Alias, check_additional
from huidu.model.errors import InvalidValue
from huidu.model.function import FunctionName
from huidu.model.routing import Considered, Decision, Routing, Ruled, Share, Weighted, place_of
from huidu.model.rules import Rule
from huidu.model.split import WHOLE, Phase
from huidu.model.traits import NO_TRAITS, Traits

HELLO = FunctionName("default", "hello")
USER = "invoke.headers.User"


def alias(routing: Routing | None = None, **more: Any) -> Alias:
    return Alias(**{"function": HELLO, "name": "release", "version": "1", **more}, routing=routing)


def weighted(*weights: int) -> Weighted:
    """The first weight is version 2's, the next version 3's, and so on; in ten-thousandths."""
    return Weighted(tuple(Share(str(number), weight) for number, weight in enumerate(weights, 2)))


def rule(version: str, expression: str, method: str = "exact", key: str = USER) -> Rule:
    return Rule(version=version, key=key, method=method, expression=expression)


def shows(**headers: str) -> Traits:
    return Traits(headers=headers)


def route(alias: Alias, traits: Traits = NO_TRAITS, draw: float = 0.5) -> Decision:
    return alias.route(traits, draw, alias.fresh())[0]


BOB, HALF = rule("2", "Bob"), rule("2", "[1,50]", "range", "invoke.headers.userHash")

draws = st.floats(0, 1, exclude_max=True)
users = st.sampled_from(["Bob", "Ann", "7", "80", "", "鲍勃"]) | st.text(st.characters())
traits = st.builds(
    Traits,
    headers=st.dictionaries(st.sampled_from(["User", "user", "userHash"]), users),
    cookies=st.dictionaries(st.just("sid"), users),
    source_ip=st.none() | st.just("192.0.2.7"),
    folded=st.booleans(),
)


@st.composite
def weightings(draw: st.DrawFn, most: int = 3) -> Weighted:
    cuts = draw(st.lists(st.integers(0, WHOLE), min_size=1, max_size=most).map(sorted))
    return weighted(*(after - before for before, after in pairwise([0, *cuts])))


rules = st.lists(
    st.sampled_from(
        [
            BOB,
            HALF,
            rule("3", "Bob"),
            rule("3", "(0,100)", "range"),
            rule("4", "A", "prefix"),
            rule("4", "7, 80", "in"),
            rule("2", "[a-z]*", "regex"),
            rule("3", "Ann", key="invoke.cookies.sid"),
            rule("4", "192.0.2.7", key="invoke.source_ip"),
        ]
    ),
    max_size=6,
)
routings = st.none() | weightings() | rules.map(tuple).map(Ruled)
stickies = st.sampled_from(["", USER, "invoke.cookies.sid", "invoke.source_ip"])
aliases = st.builds(
    Alias,
    function=st.just(HELLO),
    name=st.just("release"),
    version=st.sampled_from(["1", "$LATEST", "1000000"]),
    routing=routings,
    split=st.sampled_from(SPLITS),
    sticky=stickies,
    salt=st.uuids().map(str),
)


# Wherever the calls go


@given(ours=aliases, calls=st.lists(st.tuples(traits, draws), max_size=50))
def test_no_call_leaves_the_versions_of_its_alias(
    ours: Alias, calls: list[tuple[Traits, float]]
) -> None:
    phases = ours.fresh()
    weights = {share.version: share.weight for share in ours.shares}
    for shown, draw in calls:
        decision, phases = ours.route(shown, draw, phases)
        assert decision.version in ours.versions
        assert len(phases) == len(ours.fresh())
        if isinstance(ours.routing, Weighted):
            assert weights[decision.version] > 0
            assert decision.probability == weights[decision.version] / WHOLE
        else:
            assert decision.probability == 1


@given(ours=aliases, shown=traits, draw=draws)
def test_the_same_call_at_the_same_point_goes_the_same_way(
    ours: Alias, shown: Traits, draw: float
) -> None:
    once = ours.route(shown, draw, ours.fresh())

    assert ours.route(shown, draw, ours.fresh()) == once
    assert replace(ours).route(shown, draw, ours.fresh()) == once


@given(ours=aliases)
def test_an_alias_refers_to_every_version_that_it_names(ours: Alias) -> None:
    """D-06: those with weight 0 included; the main one, named last, gets what is left."""
    assert {share.version for share in ours.shares} <= ours.versions
    assert ours.shares[-1].version == ours.version
    assert sum(share.weight for share in ours.shares) == WHOLE
    assert ours.versions == {ours.version} | (ours.routing.versions if ours.routing else set())


def test_without_routing_the_main_version_takes_every_call() -> None:
    assert route(alias()) == Decision("1", "main version")


# By rules


CLOUDBASE = Ruled(
    (
        rule("2", "[0,30)", "range", "invoke.headers.X-Tcb-Route-Key"),
        rule("3", "[30,100)", "range", "invoke.headers.X-Tcb-Route-Key"),
    )
)


@pytest.mark.parametrize(
    ("routing", "shown", "decision"),
    [
        (Ruled((BOB,)), shows(User="Bob"), Decision("2", "rule 1")),
        (Ruled((BOB,)), shows(User="bob"), Decision("1", "no rule met")),
        (Ruled((BOB,)), shows(user="Bob"), Decision("1", "no rule met")),
        (Ruled((BOB,)), NO_TRAITS, Decision("1", "no rule met")),
        (Ruled((BOB,)), Traits(headers={"user": "Bob"}, folded=True), Decision("2", "rule 1")),
        (Ruled((BOB, HALF)), shows(userHash="30"), Decision("2", "rule 2")),
        (Ruled((BOB, HALF)), shows(userHash="80"), Decision("1", "no rule met")),
        (Ruled((BOB, HALF)), shows(User="Bob", userHash="30"), Decision("2", "rule 1")),
        (Ruled((rule("3", "Bob"), BOB)), shows(User="Bob"), Decision("3", "rule 1")),
        (CLOUDBASE, shows(**{"X-Tcb-Route-Key": "0"}), Decision("2", "rule 1")),
        (CLOUDBASE, shows(**{"X-Tcb-Route-Key": "29"}), Decision("2", "rule 1")),
        (CLOUDBASE, shows(**{"X-Tcb-Route-Key": "30"}), Decision("3", "rule 2")),
        (CLOUDBASE, shows(**{"X-Tcb-Route-Key": "100"}), Decision("1", "no rule met")),
        (Ruled(()), shows(User="Bob"), Decision("1", "no rule met")),
    ],
)
def test_the_first_rule_that_a_call_meets_decides(
    routing: Ruled, shown: Traits, decision: Decision
) -> None:
    """D-27; the main version takes what meets none."""
    assert route(alias(routing), shown) == decision


@given(met=rules.map(tuple).map(Ruled), sticky=stickies, shown=traits, draw=draws)
def test_rules_leave_nothing_to_chance_and_nothing_to_stickiness(
    met: Ruled, sticky: str, shown: Traits, draw: float
) -> None:
    ours = alias(met, sticky=sticky, salt="a")
    phases = ours.fresh()

    assert ours.route(shown, draw, phases) == (route(alias(met, split=RANDOM), shown, 0.0), phases)


# By weight


@given(routing=weightings(), seed=st.integers(0, 2**32), calls=st.integers(1, 300))
def test_with_the_exact_split_the_counts_never_drift(
    routing: Weighted, seed: int, calls: int
) -> None:
    """At every single call: off by less than one, with more than two versions by less than two."""
    ours, dice, counts = alias(routing), random.Random(seed), Counter[str]()
    bound = WHOLE if len(ours.shares) == 2 else 2 * WHOLE
    phases = ours.fresh()
    for n in range(1, calls + 1):
        decision, phases = ours.route(NO_TRAITS, dice.random(), phases)
        counts[decision.version] += 1
        assert all(abs(counts[s.version] * WHOLE - n * s.weight) < bound for s in ours.shares)


@given(routing=weightings(), dice=st.lists(draws, min_size=1, max_size=60))
def test_no_dice_however_loaded_make_them_drift(routing: Weighted, dice: list[float]) -> None:
    ours, counts = alias(routing), Counter[str]()
    bound = WHOLE if len(ours.shares) == 2 else 2 * WHOLE
    phases = ours.fresh()
    for n, draw in enumerate(dice, 1):
        decision, phases = ours.route(NO_TRAITS, draw, phases)
        counts[decision.version] += 1
        assert all(abs(counts[s.version] * WHOLE - n * s.weight) < bound for s in ours.shares)


@given(weight=st.integers(0, WHOLE), split=st.sampled_from(SPLITS))
def test_a_weight_is_the_share_of_the_first_draw_that_it_claims(weight: int, split: str) -> None:
    """Just below the weight a draw goes over, and from the weight on it does not."""
    ours = alias(weighted(weight), split=split)
    below, above = (weight - 0.5) / WHOLE, (weight + 0.5) / WHOLE

    assert weight == 0 or route(ours, draw=below).version == "2"
    assert weight == WHOLE or route(ours, draw=above).version == "1"


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    ("weights", "versions"),
    [
        ((0,), {"1"}),
        ((WHOLE,), {"2"}),
        ((0, WHOLE), {"3"}),
        ((0, 0, 0), {"1"}),
        ((5000, 5000), {"2", "3"}),
        ((0, 5000, 0), {"1", "3"}),
    ],
)
def test_weight_0_is_never_and_weight_1_is_always(
    split: str, weights: tuple[int, ...], versions: set[str]
) -> None:
    ours, reached = alias(weighted(*weights), split=split), set[str]()
    phases = ours.fresh()
    for n in range(1000):
        draw = min(n / 999, 1 - 2**-53)
        decision, phases = ours.route(NO_TRAITS, draw, phases)
        reached.add(decision.version)

    assert reached == versions


@given(ours=aliases, draw=draws)
def test_the_random_split_remembers_nothing(ours: Alias, draw: float) -> None:
    ours = replace(ours, split=RANDOM)
    phases = ours.fresh()

    assert ours.route(NO_TRAITS, draw, phases)[1] == phases


def test_a_decision_says_why() -> None:
    """With what it takes to work it out again: the draw, and where the split stood before."""
    exact, dice = alias(weighted(1000)), alias(weighted(1000), split=RANDOM)
    phases = (Phase(2000, ahead=False),)

    assert route(exact, draw=0.05) == Decision("2", "weight", 0.1, 0.05, (Phase(),))
    assert route(exact, draw=0.5) == Decision("1", "weight", 0.9, 0.5, (Phase(),))
    assert exact.route(NO_TRAITS, 0.12, phases) == (
        Decision("2", "weight", 0.1, 0.12, phases),
        (Phase(3000, ahead=True),),
    )
    assert route(dice, draw=0.05) == Decision("2", "weight, random", 0.1, 0.05)
    assert route(dice, draw=0.1) == Decision("1", "weight, random", 0.9, 0.1)


# Sticky


@given(
    routing=weightings(),
    salt=st.uuids().map(str),
    user=users,
    calls=st.lists(st.tuples(draws, st.sampled_from(SPLITS)), min_size=2, max_size=10),
)
def test_the_same_value_always_gets_the_same_version(
    routing: Weighted, salt: str, user: str, calls: list[tuple[float, str]]
) -> None:
    """Whatever is drawn, wherever the split stands, and whatever else the call shows."""
    reached, phases = set(), alias(routing).fresh()
    for number, (draw, split) in enumerate(calls):
        ours = alias(routing, sticky=USER, salt=salt, split=split)
        decision, after = ours.route(shows(User=user, call=str(number)), draw, phases)
        reached.add(decision)
        assert after == phases
        _, phases = alias(routing).route(NO_TRAITS, draw, phases)

    assert {(each.reason, each.draw, each.phases) for each in reached} == {
        ("sticky key", place_of(salt, user), ())
    }
    assert len(reached) == 1


@given(salt=st.uuids().map(str), user=users, weights=st.lists(st.integers(0, WHOLE), min_size=2))
def test_raising_a_weight_only_ever_moves_keys_to_the_additional_version(
    salt: str, user: str, weights: list[int]
) -> None:
    """And lowering it takes them back, the last to come being the first to go."""
    canary = alias(weighted(0), sticky=USER, salt=salt)
    there = []
    for weight in sorted(weights):
        canary = canary.point("1", weighted(weight), salt="another")
        there.append(route(canary, shows(User=user)).version == "2")

    assert there == sorted(there)


@given(salt=st.uuids().map(str), user=users, weight=st.integers(0, WHOLE), draw=draws)
def test_a_rollback_takes_every_key_back_at_once(
    salt: str, user: str, weight: int, draw: float
) -> None:
    canary = alias(weighted(weight), sticky=USER, salt=salt)

    for back in (canary.point("1", None, salt="b"), canary.point("1", weighted(0), salt="b")):
        assert route(back, shows(User=user), draw).version == "1"


@given(salt=st.uuids().map(str), user=users)
def test_with_weight_0_nobody_is_there_and_with_weight_1_everybody(salt: str, user: str) -> None:
    nobody = alias(weighted(0), sticky=USER, salt=salt)
    everybody = alias(weighted(WHOLE), sticky=USER, salt=salt)

    assert route(nobody, shows(User=user)).version == "1"
    assert route(everybody, shows(User=user)).version == "2"


@given(
    salt=st.uuids().map(str),
    user=users,
    parts=st.lists(st.integers(0, WHOLE), min_size=3, max_size=3).map(sorted),
    raised=st.sampled_from(["2", "3"]),
)
def test_of_two_additional_versions_raising_one_takes_keys_from_the_main_version_only(
    salt: str, user: str, parts: list[int], raised: str
) -> None:
    low, high = parts[0], parts[1]
    other = WHOLE - parts[2]
    before, after = (
        alias(
            Weighted((Share(raised, weight), Share("5" if raised == "2" else "1a", other))),
            sticky=USER,
            salt=salt,
        )
        for weight in (low, high)
    )
    was, became = (route(one, shows(User=user)).version for one in (before, after))

    assert became == was or (was, became) == ("1", raised)


@given(salt=st.uuids().map(str), routing=weightings(), user=users)
def test_the_order_in_which_shares_are_sent_moves_nobody(
    salt: str, routing: Weighted, user: str
) -> None:
    turned = Weighted(tuple(reversed(routing.shares)))
    ours, theirs = (alias(one, sticky=USER, salt=salt) for one in (routing, turned))

    assert route(ours, shows(User=user)).version == route(theirs, shows(User=user)).version


KEYS = 20_000
people = [shows(User=f"user-{n}") for n in range(KEYS)]


def there(weight: int, salt: str) -> frozenset[int]:
    """Which of many people the additional version answers."""
    canary = alias(weighted(weight), sticky=USER, salt=salt)
    return frozenset(n for n, who in enumerate(people) if route(canary, who).version == "2")


def off(count: int, of: int, share: float) -> bool:
    """Whether a count is further from its share than chance would take it in 300 000 cases."""
    return abs(count - of * share) > 4.5 * math.sqrt(of * share * (1 - share))


@pytest.mark.parametrize("weight", [100, 1000, 5000, 9500])
def test_over_many_keys_the_shares_are_the_weights(weight: int) -> None:
    assert not off(len(there(weight, "salt")), KEYS, weight / WHOLE)


def test_a_raised_weight_keeps_those_who_were_there() -> None:
    first, second, third = (there(weight, "salt") for weight in (500, 2000, 7500))

    assert first < second < third


def test_another_salt_sends_others_first() -> None:
    """Of those that came first in one release, the next takes no more than its share."""
    first, second = there(3000, "release 1"), there(3000, "release 2")

    assert not off(len(first & second), len(first), 0.3)
    assert not off(len(second - first), KEYS - len(first), 0.3)


def test_calls_that_do_not_show_the_key_are_split_as_exactly_as_ever() -> None:
    """And a call that sticks takes nothing from the count of the others."""
    ours, dice, counts = alias(weighted(1000), sticky=USER), random.Random(7), Counter[str]()
    phases = ours.fresh()
    for n in range(1000):
        _, phases = ours.route(shows(User=f"user-{n}"), dice.random(), phases)
        decision, phases = ours.route(NO_TRAITS, dice.random(), phases)
        counts[decision.version] += 1

    assert counts == {"2": 100, "1": 900}


# An alias moves


pairs = st.tuples(st.sampled_from(["1", "5"]), routings)


@given(ours=pairs, theirs=pairs, split=st.sampled_from(SPLITS), sticky=stickies)
def test_the_salt_stays_exactly_while_the_same_versions_share_the_calls(
    ours: tuple[str, Routing | None],
    theirs: tuple[str, Routing | None],
    split: str,
    sticky: str,
) -> None:
    """Another pair of versions is another release, and takes the new one."""
    kept = alias(ours[1], version=ours[0], split=split, sticky=sticky, salt="old")
    moved = kept.point(*theirs, salt="new")
    same = (
        isinstance(ours[1], Weighted)
        and isinstance(theirs[1], Weighted)
        and kept.versions == moved.versions
        and kept.version == moved.version
    )

    assert moved.salt == ("old" if same else "new")
    assert (moved.version, moved.routing) == theirs


@given(ours=aliases, theirs=pairs)
def test_a_move_changes_where_calls_go_and_nothing_else(
    ours: Alias, theirs: tuple[str, Routing | None]
) -> None:
    ours = replace(ours, description="kept", revision=7, added_at=1.0, modified_at=2.0)
    before = replace(ours)
    moved = ours.point(*theirs, salt="new")

    assert moved.revision == 8
    assert ours == before
    back = replace(moved, version=ours.version, routing=ours.routing)
    assert replace(back, salt=ours.salt, revision=ours.revision) == ours


def test_an_alias_cannot_be_edited_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(alias(), "version", "2")  # noqa: B010 - mypy would refuse the plain assignment


# What cannot be


@pytest.mark.parametrize("name", ["$DEFAULT", "release", "a", "A" * 64])
def test_an_alias_is_named_or_is_the_default(name: str) -> None:
    assert alias(name=name).name == name


@pytest.mark.parametrize("version", ["$LATEST", "1", "1000000"])
def test_latest_may_be_main_or_additional(version: str) -> None:
    assert alias(version=version).versions == {version}
    assert alias(Weighted((Share(version, 1000),)), version="7").versions == {version, "7"}


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"name": "$LATEST"}, "Name", "Name '$LATEST': "),
        ({"name": "1st"}, "Name", "Name '1st': "),
        ({"name": ""}, "Name", "Name '': "),
        ({"description": "x" * 1001}, "Description", "Description: 1001 characters"),
        ({"split": ""}, "RoutingConfig", "Split '': must be exact or random"),
        ({"split": "Exact" * 99}, "RoutingConfig", "Split 'ExactExact"),
        ({"sticky": "User"}, "RoutingConfig", "Sticky 'User': must be one of invoke.headers."),
        ({"sticky": "invoke.headers."}, "RoutingConfig", "Sticky 'invoke.headers.': "),
        (
            {"version": "2", "routing": weighted(0)},
            "RoutingConfig",
            "RoutingConfig: version 2 is the main version already",
        ),
        (
            {"version": "2", "routing": Ruled((BOB,))},
            "RoutingConfig",
            "RoutingConfig: version 2 is the main version already",
        ),
        (
            {"version": "3", "routing": weighted(1, 1)},
            "RoutingConfig",
            "RoutingConfig: version 3 is the main version already",
        ),
        (
            {"version": "x" * 5000, "routing": Weighted((Share("x" * 5000, 1),))},
            "RoutingConfig",
            "RoutingConfig: version xxx",
        ),
        (
            {"routing": weighted(1, 1, 1, 1)},
            "RoutingConfig",
            "RoutingConfig: 4 additional versions, at most 3 possible",
        ),
        (
            {"routing": Ruled(tuple(rule(str(n), "x") for n in range(2, 6)))},
            "RoutingConfig",
            "RoutingConfig: 4 additional versions, at most 3 possible",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_alias_that_cannot_be_is_never_made(
    change: Mapping[str, Any], code: str, message: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        alias(**change)

    assert refused.value.code == f"InvalidParameterValue.{code}"
    assert refused.value.message.startswith(message)
    assert len(refused.value.message) < 400


def test_an_alias_that_cannot_be_is_not_made_by_a_move_either() -> None:
    with pytest.raises(InvalidValue, match=r"^RoutingConfig: version 2 is the main version"):
        alias().point("2", weighted(1000), salt="new")


@pytest.mark.parametrize(
    ("routing", "most", "taken"),
    [
        (None, 1, True),
        (weighted(1000), 1, True),
        (weighted(0, 0), 1, False),
        (Ruled((BOB, HALF, BOB)), 1, True),
        (CLOUDBASE, 1, False),
        (CLOUDBASE, 2, True),
        (weighted(1, 1, 1), 2, False),
        (weighted(1, 1, 1), 3, True),
    ],
)
def test_versions_are_counted_and_not_entries(
    routing: Routing | None, most: int, *, taken: bool
) -> None:
    """D-27: how many distinct versions an operator allows beside the main one."""
    ours = alias(routing)
    if taken:
        check_additional(ours, most)
        return
    with pytest.raises(InvalidValue, match=r"^RoutingConfig: .*max_additional_versions") as refused:
        check_additional(ours, most)
    assert refused.value.code == "InvalidParameterValue.RoutingConfig"


# Why


@given(ours=aliases, calls=st.lists(st.tuples(traits, draws), min_size=1, max_size=5))
def test_an_explanation_marks_the_one_line_that_decided(
    ours: Alias, calls: list[tuple[Traits, float]]
) -> None:
    phases = ours.fresh()
    for shown, draw in calls:
        decision, phases = ours.route(shown, draw, phases)
        lines = ours.explain(decision, shown)
        chosen = [number for number, line in enumerate(lines) if line.chosen]

        assert [lines[number].version for number in chosen] == [decision.version]
        assert {line.version for line in lines} == ours.versions
        if isinstance(ours.routing, Ruled):
            met = [rule.meets(shown) for rule in ours.routing.rules]
            assert chosen == [([*met, True]).index(True)]
        kept = ours.explain(decision, None)
        assert [(line.version, line.what, line.chosen) for line in kept] == [
            (line.version, line.what, line.chosen) for line in lines
        ]


def line(version: str, what: str, why: str, *, chosen: bool = False) -> Considered:
    return Considered(version=version, what=what, chosen=chosen, why=why)


TWO_RULES = alias(Ruled((BOB, HALF)))
RULE_1, RULE_2 = "rule 1: invoke.headers.User exact Bob", f"rule 2: {HALF.key} range [1,50]"


@pytest.mark.parametrize(
    ("shown", "first", "second", "main"),
    [
        (
            shows(User="Bob"),
            line("2", RULE_1, "the call shows 'Bob'", chosen=True),
            line("2", RULE_2, "an earlier rule decided"),
            line("1", "main version", "a rule was met"),
        ),
        (
            shows(User="Ann", userHash="30"),
            line("2", RULE_1, "the call shows 'Ann'"),
            line("2", RULE_2, "the call shows '30'", chosen=True),
            line("1", "main version", "a rule was met"),
        ),
        (
            NO_TRAITS,
            line("2", RULE_1, "the call does not show it"),
            line("2", RULE_2, "the call does not show it"),
            line("1", "main version", "no rule was met", chosen=True),
        ),
    ],
)
def test_a_rule_is_explained_by_what_the_call_shows(
    shown: Traits, first: Considered, second: Considered, main: Considered
) -> None:
    assert TWO_RULES.explain(route(TWO_RULES, shown), shown) == (first, second, main)


def test_what_a_past_call_showed_is_not_kept() -> None:
    not_kept = "not met; what the call showed is not kept"

    assert TWO_RULES.explain(Decision("2", "rule 2"), None) == (
        line("2", RULE_1, not_kept),
        line("2", RULE_2, "met", chosen=True),
        line("1", "main version", "a rule was met"),
    )
    assert [each.why for each in TWO_RULES.explain(Decision("1", "no rule met"), None)] == [
        not_kept,
        not_kept,
        "no rule was met",
    ]


@pytest.mark.parametrize(
    ("ours", "shown", "draw", "second", "main"),
    [
        (
            alias(weighted(1000)),
            NO_TRAITS,
            0.05,
            "exact split at 0.1: the draw 0.050000 took it",
            "exact split at 0.9: the draw 0.050000 did not take it",
        ),
        (
            alias(weighted(1000), split=RANDOM),
            NO_TRAITS,
            0.5,
            "holds [0, 0.1) and the place is 0.500000",
            "holds [0.1, 1) and the place is 0.500000",
        ),
        (
            alias(weighted(1000), sticky=USER),
            shows(User="Bob"),
            0.5,
            f"holds [0, 0.1) and the place is {place_of('', 'Bob'):.6f}",
            f"holds [0.1, 1) and the place is {place_of('', 'Bob'):.6f}",
        ),
    ],
)
def test_a_weight_is_explained_by_the_place_that_was_drawn(
    ours: Alias, shown: Traits, draw: float, second: str, main: str
) -> None:
    lines = ours.explain(route(ours, shown, draw), shown)

    assert [each.what for each in lines] == [
        "additional version, weight 0.1",
        "main version, weight 0.9",
    ]
    assert [each.why for each in lines] == [second, main]


def test_no_routing_needs_no_explanation() -> None:
    explained = alias().explain(Decision("1", "main version"), NO_TRAITS)

    assert explained == (line("1", "main version", "takes every call", chosen=True),)


def test_exact_is_what_one_gets_without_asking() -> None:
    assert alias().split == EXACT
