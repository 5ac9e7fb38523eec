"""RoutingKey: from a JSON text to what rules look at."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.errors import InvalidValue
from huidu.model.routing_key import MOST_BYTES, traits_of
from huidu.model.traits import NO_TRAITS


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("{}", {}),
        ('{"User":"Bob"}', {"User": "Bob"}),
        ('{"User":"Bob","user":"Ann"}', {"User": "Bob", "user": "Ann"}),
        ('{"User":"Bob","User":"Ann"}', {"User": "Ann"}),
        ('{"userHash":30}', {"userHash": "30"}),
        ('{"userHash":"30"}', {"userHash": "30"}),
        ('{"userHash":30.0}', {"userHash": "30.0"}),
        ('{"userHash":3e1}', {"userHash": "3e1"}),
        ('{"userHash":-0}', {"userHash": "-0"}),
        ('{"n":12345678901234567890123}', {"n": "12345678901234567890123"}),
        ('{"beta":true,"old":false}', {"beta": "true", "old": "false"}),
        ('{"User":null,"n":1}', {"n": "1"}),
        ('{"User":{"name":"Bob"},"list":[1],"n":1}', {"n": "1"}),
        ('{"User":""}', {"User": ""}),
        ('{"User":"鲍勃"}', {"User": "鲍勃"}),
        ('  {"User" : "Bob"}\n', {"User": "Bob"}),
    ],
)
def test_texts_and_numbers_are_shown_as_they_were_sent(text: str, headers: dict[str, str]) -> None:
    """D-26: a number is its JSON text, a bool is a word; objects, lists and null never match."""
    assert traits_of(text, None).headers == headers


@pytest.mark.parametrize(
    "text",
    [
        "User=Bob",
        '{"User":"Bob"',
        "{'User':'Bob'}",
        '{"n":NaN}',
        '{"n":Infinity}',
        '{"n":-Infinity}',
        "[]",
        '["User"]',
        '"User"',
        "1",
        "true",
        "null",
        " ",
        '{"a":' + "[" * 1000,
    ],
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    """D-32."""
    with pytest.raises(InvalidValue, match=r"^RoutingKey: ") as refused:
        traits_of(text, None)

    assert refused.value.code == "InvalidParameterValue.Param"


@pytest.mark.parametrize("letter", ["x", "的"])
def test_a_thousand_and_twenty_four_bytes_are_taken_and_one_more_is_not(letter: str) -> None:
    """D-32: bytes are counted, not letters."""
    room = MOST_BYTES - len('{"a":""}')
    value = letter * (room // len(letter.encode())) + "x" * (room % len(letter.encode()))

    assert traits_of(f'{{"a":"{value}"}}', None).headers == {"a": value}
    with pytest.raises(InvalidValue, match=r"^RoutingKey: 1025 bytes, at most 1024") as refused:
        traits_of(f'{{"a":"{value}x"}}', None)
    assert refused.value.code == "InvalidParameterValue"


def test_no_routing_key_shows_no_more_than_where_the_call_came_from() -> None:
    assert traits_of("", None) is NO_TRAITS
    assert traits_of("", "192.0.2.7").source_ip == "192.0.2.7"
    assert traits_of('{"User":"Bob"}', "192.0.2.7").source_ip == "192.0.2.7"


def test_letter_case_counts() -> None:
    """D-29."""
    assert not traits_of('{"User":"Bob"}', None).folded


@given(entries=st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=5))
def test_what_was_sent_as_text_is_shown_as_that_text(entries: dict[str, str]) -> None:
    assert traits_of(json.dumps(entries), None).headers == entries


@given(
    text=st.text(alphabet=st.characters(), max_size=60) | st.text('{}[]":,\\ud8019.-e', max_size=60)
)
def test_whatever_is_sent_is_read_or_refused(text: str) -> None:
    try:
        shown = traits_of(text, "192.0.2.7")
    except InvalidValue:
        return
    assert shown.source_ip == "192.0.2.7"
