"""Answered: what tells a 5xx of a result without reading it says what reading it would."""

from __future__ import annotations

import json
from itertools import repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.answered import HTTP_DOORS, answers_5xx, how_many_5xx

CODES = st.sampled_from([200, 404, 499, 500, 503, 599, 999, 4040, "200", "500", "0500", "5xx"])
ODD = st.sampled_from([None, 500.5, True, -500, "", " 500", [500]])
BODIES = st.sampled_from(["", "ok", '{"statusCode": 500}', '"statusCode": 500, '])
INNER = st.dictionaries(st.sampled_from(["statusCode", "body"]), CODES | ODD)
ANSWERS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "statusCode": CODES | ODD,
        "isBase64Encoded": st.booleans(),
        "body": BODIES,
        "headers": INNER,
    },
)
RESULTS = st.sampled_from(
    [
        "",
        '"ok"',
        "null",
        '{"statusCode":500,"body":""}',
        '{"statusCode": 200, "body": ""}',
        '{"body": "x", "statusCode": "502"}',
    ]
)
TRIGGERS = st.sampled_from(["http", "apigw", "api", "timer"])


def shuffled(answer: dict[str, Any], draw: st.DataObject) -> dict[str, Any]:
    return {name: answer[name] for name in draw.draw(st.permutations(list(answer)))}


@given(ANSWERS, st.booleans(), st.data())
def test_what_is_told_at_a_glance_is_what_reading_it_tells(
    answer: dict[str, Any],
    tight: bool,  # noqa: FBT001
    draw: st.DataObject,
) -> None:
    separators = (",", ":") if tight else (", ", ": ")
    result = json.dumps(shuffled(answer, draw), separators=separators)

    said = str(answer.get("statusCode"))
    assert answers_5xx(result) == (said.isdecimal() and int(said) >= 500)


@pytest.mark.parametrize(
    ("result", "failed"),
    [
        ('{"isBase64Encoded": false, "statusCode": 500, "headers": {}, "body": ""}', True),
        ('{"isBase64Encoded": false, "statusCode": 200, "headers": {}, "body": ""}', False),
        ('{"statusCode": 200, "headers": {"statusCode": 500}}', False),
        ('{"statusCode":500}', True),
        ('{"body": "' + "x" * 3000 + '", "statusCode": 500, "headers": {"a', True),  # cut off
        ('{"body": "' + "x" * 3000, False),  # before it says so
        (' {"statusCode": 500} ', True),
        ("[" * 2000 + '{"statusCode": 500}', False),  # too deep
        ('"statusCode 500"', False),
    ],
)
def test_an_answer_tells_of_the_server_where_its_own_status_does(
    result: str,
    failed: bool,  # noqa: FBT001
) -> None:
    assert answers_5xx(result) == failed


@given(
    st.integers(1, 6).flatmap(
        lambda calls: st.tuples(
            st.just(calls),
            *(
                st.lists(of, min_size=calls, max_size=calls) | st.lists(of, min_size=1, max_size=1)
                for of in (TRIGGERS, RESULTS)
            ),
        )
    )
)
def test_of_many_calls_just_those_are_counted_that_answered_so(
    many: tuple[int, list[str], list[str]],
) -> None:
    calls, triggers, results = many
    each = [
        (whole if len(whole) == calls else [*repeat(whole[0], calls)])
        for whole in (triggers, results)
    ]
    answered = [
        trigger in HTTP_DOORS and answers_5xx(result) for trigger, result in zip(*each, strict=True)
    ]

    assert how_many_5xx(calls, triggers, results) == sum(answered)
