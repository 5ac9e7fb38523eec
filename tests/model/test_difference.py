"""Where two answers are not alike: what is told, what is ignored, and the laws of both."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.difference import (
    ABSENT,
    MOST_PATH_CHARS,
    MOST_READ_CHARS,
    MOST_TOLD,
    Unread,
    differences,
    path_of,
)
from huidu.model.errors import InvalidValue

KEYS = st.sampled_from(["a", "b-c", "items", "na me", 'q"uote', "", "0", "键", "statusCode"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
ANSWERS = VALUES | st.builds(
    lambda status, body: {"statusCode": status, "body": json.dumps(body)}, st.integers(), VALUES
)
TEXTS = ANSWERS.map(json.dumps) | st.text(max_size=10)
PATHS = st.lists(
    st.sampled_from(["$", "$.a", "$.items[*]", "$..a", "$.*", '$["na me"]', "$.items[0].a"]),
    max_size=3,
)


def told(left: object, right: object, *ignored: str) -> dict[str, tuple[str, str]]:
    found = differences(json.dumps(left), json.dumps(right), [path_of(one) for one in ignored])
    return {one.path: (one.left, one.right) for one in found}


@given(text=TEXTS, ignored=PATHS)
def test_an_answer_is_like_itself_whatever_is_ignored(text: str, ignored: list[str]) -> None:
    assert differences(text, text, [path_of(one) for one in ignored]) == ()
    assert differences(text, f" {text}", [path_of("$")]) == ()


@given(value=ANSWERS)
def test_an_answer_is_like_itself_however_it_is_written(value: object) -> None:
    assert differences(json.dumps(value), json.dumps(value, indent=1, sort_keys=True)) == ()


@given(left=TEXTS, right=TEXTS, ignored=PATHS)
def test_who_comes_first_makes_no_difference(left: str, right: str, ignored: list[str]) -> None:
    paths = [path_of(one) for one in ignored]
    there = {(one.path, one.left, one.right) for one in differences(left, right, paths)}
    back = {(one.path, one.right, one.left) for one in differences(right, left, paths)}

    assert {path for path, _, _ in there} == {path for path, _, _ in back}
    assert there == back or any("[*]" in path for path, _, _ in there)


@given(left=TEXTS, right=TEXTS)
def test_answers_are_alike_once_what_differs_is_ignored(left: str, right: str) -> None:
    found = differences(left, right)
    every = [path_of(one.path) for one in found]

    assert differences(left, right, every) == ()


@given(left=ANSWERS, right=ANSWERS, ignored=PATHS)
def test_to_ignore_more_never_shows_more(left: object, right: object, ignored: list[str]) -> None:
    assert told(left, right, *ignored).keys() <= told(left, right).keys()


@pytest.mark.parametrize(
    ("left", "right", "found"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {}),
        (1, 1.0, {}),
        (1, True, {"$": ("1", "true")}),
        (0, False, {"$": ("0", "false")}),
        ({"a": None}, {}, {"$.a": ("null", ABSENT)}),
        ([1, 2], [1, 2, 3], {"$[*]": (ABSENT, "3")}),
        ([[1], [2]], [[1], [3]], {"$[*][*]": ("2", "3")}),
        ({"a": [1]}, {"a": {"0": 1}}, {"$.a": ("[1]", '{"0": 1}')}),
        ({"na me": "牛"}, {"na me": "马"}, {'$["na me"]': ('"牛"', '"马"')}),
        ({"items": [{"p": 1}, {"p": 2}]}, {"items": [{"p": 3}, {"p": 4}]},
         {"$.items[*].p": ("1", "3")}),
    ],
)  # fmt: skip
def test_each_difference_is_told_with_its_place(
    left: object, right: object, found: dict[str, tuple[str, str]]
) -> None:
    assert told(left, right) == found


def test_a_body_in_an_answer_for_the_gateway_is_taken_apart() -> None:
    one, other = (
        {"statusCode": 200, "headers": {}, "body": json.dumps({"price": price, "at": price})}
        for price in (1, 2)
    )

    assert told(one, other) == {"$.body.price": ("1", "2"), "$.body.at": ("1", "2")}
    assert told(one, other, "$.body.at").keys() == {"$.body.price"}
    assert told({**one, "isBase64Encoded": True}, {**other, "isBase64Encoded": True}).keys() == {
        "$.body"
    }
    assert told({"body": "[1]"}, {"body": "[2]"}).keys() == {"$.body"}
    assert told(one, {**other, "body": "sorry"}).keys() == {"$.body"}


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("$.requestId", {"$.items[*].at", "$.items[*].id", "$.deep.at"}),
        ("$.items[*].at", {"$.requestId", "$.items[*].id", "$.deep.at"}),
        ("$.items[1]", {"$.requestId", "$.items[*].at", "$.items[*].id", "$.deep.at"}),
        ("$..at", {"$.requestId", "$.items[*].id"}),
        ("$['items']", {"$.requestId", "$.deep.at"}),
        ("$.*", set()),
        ("$", set()),
        ("$.at", {"$.requestId", "$.items[*].at", "$.items[*].id", "$.deep.at"}),
        ("$.nowhere", {"$.requestId", "$.items[*].at", "$.items[*].id", "$.deep.at"}),
        ("$.items.0", {"$.requestId", "$.items[*].at", "$.items[*].id", "$.deep.at"}),
    ],
)
def test_a_path_hides_what_is_at_it_and_below(path: str, left: set[str]) -> None:
    def answer(n: int) -> object:
        items = [{"at": n, "id": n, "same": 0}, {"at": n, "id": n}]
        return {"requestId": f"r-{n}", "items": items, "deep": {"at": n}}

    assert told(answer(1), answer(2), path).keys() == left


@pytest.mark.parametrize(
    "text",
    ["", "a", "$a", "$.", "$..", "$.a..", "$[", "$[-1]", "$[a]", '$["a]', '$["\\x"]', "$ .a",
     "$.a b", "$." + "a" * MOST_PATH_CHARS],
)  # fmt: skip
def test_what_is_no_path_is_refused_and_named(text: str) -> None:
    with pytest.raises(InvalidValue, match="IgnorePaths") as refused:
        path_of(text)
    assert refused.value.code == "InvalidParameterValue.IgnorePaths"


def test_what_is_not_json_is_compared_as_it_is() -> None:
    assert differences("yes", "yes") == ()
    assert [one.path for one in differences("NaN", "yes")] == ["$"]
    assert differences("[NaN, Infinity]", "[NaN,Infinity]") == ()
    assert [one.path for one in differences("[NaN]", "[1]")] == ["$[*]"]
    assert [one.path for one in differences('"yes"', "yes", [path_of("$.a")])] == ["$"]


def test_what_is_too_large_or_too_deep_is_not_taken_apart() -> None:
    large = json.dumps("x" * MOST_READ_CHARS)
    deep = "[" * 30_000 + "]" * 30_000

    assert differences(large, large) == differences(deep, deep) == ()
    for text in (large, deep):
        with pytest.raises(Unread):
            differences(text, "1")


def test_of_very_many_differences_some_are_told() -> None:
    one, other = ({f"k{n}": value for n in range(MOST_TOLD * 2)} for value in (1, 2))
    first, second = (list(range(start, start + 9000)) for start in (0, 1))

    assert len(told(one, other)) == MOST_TOLD
    assert told(first, second).keys() == {"$[*]"}


def test_values_nested_as_deep_as_can_be_read_are_compared() -> None:
    one, other = ("[" * 300 + str(n) + "]" * 300 for n in (1, 2))

    assert [found.path for found in differences(one, other)] == ["$" + "[*]" * 300]


def test_a_value_that_is_too_deep_to_be_shown_differs_all_the_same() -> None:
    deep = '{"a": ' + "[" * 900 + "]" * 900 + "}"

    assert [(one.path, one.right) for one in differences(deep, "{}")] == [("$.a", ABSENT)]
