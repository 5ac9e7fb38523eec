"""The route table is what the newest commit says, from its end on."""

from __future__ import annotations

from collections import Counter

import pytest

from huidu.invoke.routes import Routes
from huidu.model.effect import (
    AliasGone,
    AliasKept,
    Effect,
    FunctionGone,
    FunctionKept,
    TriggersChanged,
    VersionGone,
    VersionKept,
)
from huidu.model.errors import NotFound
from huidu.model.function import Code, FunctionName
from huidu.model.routing import Decision, Share, Weighted
from huidu.model.traits import NO_TRAITS
from huidu.model.version import Version
from tests.fakes_store import FUNCTION, HELLO, alias, function, trigger, version

LATEST, ONE, TWO = version("$LATEST"), version("1"), version("2")
TENTH = alias(routing=Weighted((Share("2", 1000),)))
BORN: list[Effect] = [
    FunctionKept(FUNCTION),
    VersionKept(LATEST),
    VersionKept(ONE),
    VersionKept(TWO),
    AliasKept(alias()),
]


@pytest.fixture
def routes() -> Routes:
    table = Routes(lambda: 0.99)
    table.apply(BORN)
    return table


def reached(routes: Routes, qualifier: str = "release", calls: int = 1) -> dict[str, int]:
    return Counter(routes.route(HELLO, qualifier, NO_TRAITS).version.number for _ in range(calls))


def test_a_call_by_version_reaches_that_version_and_no_alias(routes: Routes) -> None:
    routed = routes.route(HELLO, "2", NO_TRAITS)

    assert routed.version == TWO
    assert routed.alias is None
    assert routed.decision == Decision("2", "called by version")


def test_a_call_by_alias_reaches_its_version_and_says_through_which_alias(routes: Routes) -> None:
    routed = routes.route(HELLO, "release", NO_TRAITS)

    assert routed.version == ONE
    assert routed.alias == alias()
    assert routed.decision == Decision("1", "main version")


@pytest.mark.parametrize(
    ("named", "qualifier", "code"),
    [
        (FunctionName("default", "nobody"), "1", "ResourceNotFound.FunctionName"),
        (FunctionName("elsewhere", "hello"), "1", "ResourceNotFound.FunctionName"),
        (HELLO, "3", "ResourceNotFound.Qualifier"),
        (HELLO, "RELEASE", "ResourceNotFound.Qualifier"),
        (HELLO, "01", "ResourceNotFound.Qualifier"),
        (HELLO, "", "ResourceNotFound.Qualifier"),
    ],
)
def test_what_is_not_there_is_refused(
    routes: Routes, named: FunctionName, qualifier: str, code: str
) -> None:
    for ask in (
        lambda: routes.route(named, qualifier, NO_TRAITS),
        lambda: routes.target(named, qualifier),
    ):
        with pytest.raises(NotFound) as missing:
            ask()
        assert missing.value.code == code


def test_a_target_is_the_alias_as_it_is_routed_now_and_none_for_a_version(routes: Routes) -> None:
    target = routes.target(HELLO, "release")

    assert target is not None
    assert target.alias == alias()
    assert routes.target(HELLO, "1") is None
    assert routes.target(HELLO, "$LATEST") is None


def test_a_moved_alias_routes_the_next_call(routes: Routes) -> None:
    assert reached(routes) == {"1": 1}
    routes.apply([AliasKept(alias(at="2", revision=2))])
    assert reached(routes) == {"2": 1}


def test_the_exact_split_goes_on_from_call_to_call_and_begins_anew_with_each_release(
    routes: Routes,
) -> None:
    routes.apply([AliasKept(TENTH)])
    assert reached(routes, calls=100) == {"1": 90, "2": 10}

    assert reached(routes, calls=9) == {"1": 9}  # the tenth of these is due
    routes.apply([AliasKept(TENTH)])
    assert reached(routes, calls=1) == {"1": 1}


def test_what_else_is_written_does_not_disturb_the_split(routes: Routes) -> None:
    routes.apply([AliasKept(TENTH)])
    assert reached(routes, calls=9) == {"1": 9}
    routes.apply(
        [
            FunctionKept(FUNCTION),
            VersionKept(version("3")),
            AliasKept(alias("other")),
            TriggersChanged(FUNCTION, (trigger(),)),
        ]
    )
    assert reached(routes) == {"2": 1}


def key(version: Version) -> tuple[str, str, str]:
    return version.function_id, version.number, version.digest


def test_it_tells_of_a_version_whether_a_later_call_may_reach_it(routes: Routes) -> None:
    edited = version("$LATEST", code=Code("e" * 64, 1))
    assert all(key(each) in routes for each in (LATEST, ONE, TWO))

    routes.apply([VersionKept(version("$LATEST", description="the same code"))])
    assert key(LATEST) in routes
    routes.apply([VersionKept(edited), VersionGone(TWO)])
    assert key(edited) in routes
    assert not any(key(each) in routes for each in (LATEST, TWO))
    routes.apply([VersionGone(TWO)])  # whoever hears it twice is no worse off
    routes.apply([FunctionGone(FUNCTION), FunctionGone(FUNCTION)])
    assert not any(key(each) in routes for each in (edited, ONE))


def test_a_deleted_alias_and_a_deleted_version_are_gone(routes: Routes) -> None:
    routes.apply([AliasGone(alias()), VersionGone(TWO)])

    for qualifier in ("release", "2"):
        with pytest.raises(NotFound):
            routes.route(HELLO, qualifier, NO_TRAITS)
    assert reached(routes, "1") == {"1": 1}


def test_a_function_made_anew_under_an_old_name_has_nothing_of_the_old_one(routes: Routes) -> None:
    routes.apply([FunctionKept(function("hello", "lam-new"))])

    with pytest.raises(NotFound):
        routes.route(HELLO, "1", NO_TRAITS)
    with pytest.raises(NotFound):
        routes.target(HELLO, "release")
    assert key(ONE) not in routes


def test_a_table_says_how_much_is_in_it(routes: Routes) -> None:
    assert repr(routes) == "<Routes of 1 functions>"
