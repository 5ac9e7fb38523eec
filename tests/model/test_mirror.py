"""A mirror is valid from birth, and so is a mark."""

from __future__ import annotations

from typing import Any

import pytest

from huidu.model.errors import InvalidValue
from huidu.model.function import FunctionName
from huidu.model.mirror import DAY_S, MOST_CALLS, MOST_DAYS, MOST_PER_SECOND, Mark, Mirror, ended

NOW = 1_000_000.0
NAMED = FunctionName("default", "shop")


def mirror(**more: Any) -> Mirror:
    known: dict[str, Any] = {"id": "m", "function": NAMED, "function_id": "f", "alias": "release"}
    return Mirror(**known | {"version": "2"} | {"added_at": NOW, "until": NOW + 60} | more)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"version": "$LATEST"}, "FunctionVersion"),
        ({"version": "release"}, "FunctionVersion"),
        ({"share": 0.0}, "Share"),
        ({"share": 1.01}, "Share"),
        ({"share": float("nan")}, "Share"),
        ({"per_second": 0}, "MostPerSecond"),
        ({"per_second": MOST_PER_SECOND + 1}, "MostPerSecond"),
        ({"most_calls": 0}, "MaxCalls"),
        ({"most_calls": MOST_CALLS + 1}, "MaxCalls"),
        ({"until": NOW}, "Until"),
        ({"until": NOW + MOST_DAYS * DAY_S + 1}, "Until"),
        ({"ignored": ("requestId",)}, "IgnorePaths"),
        ({"ignored": ("$.a",) * 51}, "IgnorePaths"),
        ({"why": "x" * 1001}, "Reason"),
    ],
)
def test_a_mirror_that_cannot_be_is_refused_and_its_field_named(
    wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValue, match=field) as refused:
        mirror(**wrong)
    assert refused.value.code == f"InvalidParameterValue.{field}"


def test_a_mirror_goes_on_until_it_has_ended() -> None:
    assert mirror().goes_on
    assert not mirror(ended_at=NOW + 1, end="its time is over").goes_on
    assert len(mirror(ignored=("$.a", "$.b")).paths) == 2


@pytest.mark.parametrize("why", ["", "  ", "x" * 1001])
def test_a_mark_says_why(why: str) -> None:
    with pytest.raises(InvalidValue, match="Reason"):
        Mark(function_id="f", who="AKID", why=why, at=NOW)


def test_of_a_mirror_that_ended_it_is_told_what_it_was_and_why() -> None:
    told = ended(mirror(ended_at=NOW + 5, end="its time is over"), Mirrored=7)

    assert (told.kind, told.function, told.alias, told.version) == (
        "mirror.ended",
        "shop",
        "release",
        "2",
    )
    assert (told.who, told.why, told.at) == ("", "its time is over", NOW + 5)
    assert told.detail == '{"MirrorId": "m", "Mirrored": 7}'
