"""Level: a line is as serious as it says, in whatever way libraries say it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.level import MOST_FIELDS, MOST_VALUE, Level, fields_of, level_of


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("plain words", Level.INFO),
        ("", Level.INFO),
        ("[ERROR] it broke", Level.ERROR),
        ("[error    ] it broke  [huidu.x]", Level.ERROR),
        ("<warning> it may break", Level.WARN),
        ("ERROR: it broke", Level.ERROR),
        ("ERROR it broke", Level.ERROR),
        ("WARNING:root:it may break", Level.WARN),
        ("warn - it may break", Level.WARN),
        ("CRITICAL:db:gone", Level.FATAL),
        ("DEBUG | value 7", Level.DEBUG),
        ("TRACE in", Level.TRACE),
        ("2026-11-23 11:00:00,123 - shop - ERROR - it broke", Level.ERROR),
        ("2026-11-23T11:00:00Z\t1b2c\tWARN\tit may break", Level.WARN),
        ("11:00:00.123 [main] INFO  shop - all is well", Level.INFO),
        ("[2026/11/23 11:00:00] FATAL gone", Level.FATAL),
        ("Traceback (most recent call last):", Level.ERROR),
        ("ValueError: no such thing", Level.ERROR),
        ("shop.errors.NotPaidError: 7", Level.ERROR),
        ("there was no error at all", Level.INFO),
        ("NO ERROR was found", Level.INFO),
        ("an errors: list", Level.INFO),
        ("ERRORS: 0", Level.INFO),
        ("订单 ERROR", Level.INFO),
        ("x" * 200 + " [ERROR]", Level.INFO),
    ],
)
def test_a_line_is_as_serious_as_its_usual_place_says(line: str, level: Level) -> None:
    assert level_of(line) == level


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ({"level": "ERROR"}, Level.ERROR),
        ({"level": "warning"}, Level.WARN),
        ({"severity": "CRITICAL"}, Level.FATAL),
        ({"levelname": "DEBUG"}, Level.DEBUG),
        ({"log": {"level": "error"}}, Level.ERROR),
        ({"level": 60}, Level.FATAL),
        ({"level": 50}, Level.ERROR),
        ({"level": 40}, Level.WARN),
        ({"level": 35}, Level.INFO),
        ({"level": 20}, Level.DEBUG),
        ({"level": 10}, Level.TRACE),
        ({"level": "of detail"}, Level.INFO),
        ({"message": "ERROR: as words"}, Level.INFO),
    ],
)
def test_a_json_line_says_it_in_a_field(said: dict[str, object], level: Level) -> None:
    line = json.dumps(said)
    assert level_of(line, fields_of(line)) == level


def test_fields_are_texts_and_inner_ones_have_both_names() -> None:
    line = '{"orderId": 7, "paid": true, "user": {"id": "u1", "none": null}, "list": [1], "x": 1.5}'
    assert fields_of(f"  {line} ") == {
        "orderId": "7",
        "paid": "true",
        "user.id": "u1",
        "user.none": "null",
        "x": "1.5",
    }


@pytest.mark.parametrize("line", ["", "{", "{}", "[1]", "{not json}", '"text"', "{" * 9999 + "}"])
def test_what_is_no_json_object_has_no_fields(line: str) -> None:
    assert fields_of(line) == {}


def test_fields_are_bounded_in_number_in_size_and_in_depth() -> None:
    many = fields_of(json.dumps({str(n): "v" * 999 for n in range(999)}))
    assert len(many) == MOST_FIELDS
    assert {len(value) for value in many.values()} == {MOST_VALUE}
    assert fields_of('{"a": {"b": {"c": {"d": 1, "e": {"f": 2}}}}}') == {"a.b.c.d": "1"}


@given(st.text())
def test_any_line_has_a_level_and_fields(line: str) -> None:
    assert level_of(line, fields_of(line)) in Level
    assert level_of(line) in Level
