"""What pages say of an alias, and what their forms ask."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from huidu.actions import leads
from huidu.console import alias as pages
from huidu.console import routing
from huidu.console.words import CHINESE, ENGLISH, say
from huidu.model.errors import InvalidValue

english, chinese = partial(say, ENGLISH), partial(say, CHINESE)
BOB = {"Version": "2", "Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob"}


def alias(*weights: tuple[str, float], rules: Any = (), **more: Any) -> dict[str, Any]:
    shares = [{"Version": version, "Weight": weight} for version, weight in weights]
    config = {"AdditionalVersionWeights": shares, "AddtionVersionMatchs": list(rules)}
    usual = {"Name": "release", "FunctionVersion": "1", "Sticky": "", "Split": "exact"}
    return {**usual, "Description": "", "Revision": 1, "RoutingConfig": config, **more}


def test_an_alias_is_told_in_words() -> None:
    assert routing.sentence(alias(), english) == "All calls go to version 1."
    said = routing.sentence(alias(("2", 0.1)), english)
    assert said == "10 % to version 2, the rest to version 1."
    assert (
        routing.sentence(alias(rules=[BOB]), chinese)
        == "header:User = Bob 到版本 2，其余到版本 1。"
    )


def test_the_shares_add_up_and_the_main_version_comes_first() -> None:
    assert list(leads.shares(alias(("2", 0.1), ("3", 0.2))).items()) == [
        ("1", 0.7),
        ("2", 0.1),
        ("3", 0.2),
    ]


def test_a_change_is_told_by_what_it_changed() -> None:
    before = alias(("2", 0.1))
    after = alias(("2", 0.5), FunctionVersion="3", Sticky="invoke.source_ip", Description="new")

    assert routing.changes(before, after, english) == [
        ("main version", "1", "3"),
        ("version 2", "10 %", "50 %"),
        ("sticky by", "–", "ip"),
        ("description", "", "new"),
    ]
    ruled = alias(rules=[BOB])
    assert routing.changes(alias(), ruled, english) == [("rule", "–", "header:User = Bob → 2")]
    assert routing.changes(ruled, alias(), english) == [("rule", "header:User = Bob → 2", "–")]
    assert routing.changes(None, alias(), english) == [("made", "", "All calls go to version 1.")]
    assert routing.changes(alias(), None, english) == [("deleted", "", "")]
    assert routing.changes(before, before, english) == []


def test_the_form_of_weights_leaves_out_rows_without_a_version() -> None:
    fields = {"main": ["1"], "version": ["2", " ", "3"], "weight": ["10", "5", ""]}

    assert routing.asked("weights", fields, alias()) == {
        "FunctionVersion": "1",
        "RoutingConfig": {
            "AdditionalVersionWeights": [
                {"Version": "2", "Weight": 0.1},
                {"Version": "3", "Weight": 0.0},
            ]
        },
        "Split": None,
    }


def test_a_weight_that_is_no_number_is_refused_by_name() -> None:
    with pytest.raises(InvalidValue, match="must be a number of percent"):
        routing.asked("weights", {"version": ["2"], "weight": ["lots"]}, alias())


def test_the_form_of_rules_writes_keys_as_the_api_does() -> None:
    fields = {
        "main": ["1"],
        "place": ["header", "ip", "cookie"],
        "name": ["User", "", ""],
        "method": ["exact", "prefix", "exact"],
        "expression": ["Bob", "10.", ""],
        "to": ["2", "2", ""],
    }

    asked = routing.asked("rules", fields, alias())
    assert [one["Key"] for one in asked["RoutingConfig"]["AddtionVersionMatchs"]] == [
        "invoke.headers.User",
        "invoke.source_ip",
    ]


def test_the_form_of_stickiness_leaves_the_weights_alone() -> None:
    present = alias(("2", 0.1))
    fields = {"place": ["cookie"], "name": ["sid"]}

    asked = routing.asked("sticky", fields, present)
    assert asked["RoutingConfig"] == present["RoutingConfig"]
    assert asked["Sticky"] == "invoke.cookies.sid"
    assert not routing.asked("sticky", {"place": [""]}, present)["Sticky"]


@pytest.mark.parametrize("text", ["invoke.headers.User", "invoke.source_ip", "something.else"])
def test_a_key_is_read_as_it_is_written(text: str) -> None:
    place, name = routing.key(text)
    written = routing.asked("sticky", {"place": [place], "name": [name]}, alias())["Sticky"]

    assert written.rstrip(".") == text


def test_a_form_that_was_refused_comes_back_as_it_was_filled_in() -> None:
    fields = {"main": ["1"], "version": ["2"], "weight": ["101"]}

    filled = pages.filled(alias(("2", 0.1)), "weights", fields)
    assert filled["weights"] == [{"Version": "2", "Weight": 1.01}]
    kept = pages.filled(alias(("2", 0.1)), "weights", {"version": ["2"], "weight": ["lots"]})
    assert kept["weights"] == [{"Version": "2", "Weight": 0.1}]


def test_every_version_that_gets_calls_or_could_has_a_row() -> None:
    way = {
        "FunctionVersion": "3",
        "Calls": 10,
        "Errors": 1,
        "Throttled": 0,
        "Answered5xx": 0,
        "DurationP50": 1.0,
        "DurationP99": 2.0,
    }
    rows = pages.lanes(alias(("2", 0.1)), [way])

    assert [(one["version"], one["share"], one["seen"]) for one in rows] == [
        ("1", 0.9, 0.0),
        ("2", 0.1, 0.0),
        ("3", 0.0, 1.0),
    ]
    assert [one["share"] for one in pages.lanes(alias(rules=[BOB]), [])] == [None, None]
