"""Happenings: what is told, and how it is asked for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.errors import InvalidValue
from huidu.model.happening import KINDS, Happening, body, check_pattern, is_meant, shown

MOVED = Happening(
    kind="alias.moved", at=12.5, function="hello", detail='{"Revision": 2}', sequence=7
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_meant_by_itself_by_its_family_and_by_the_star(kind: str) -> None:
    family = kind.partition(".")[0]
    for pattern in (kind, f"{family}.*", "*"):
        assert check_pattern("Kinds", pattern) == pattern
        assert is_meant(kind, [pattern])
    assert not is_meant(kind, ["other.*", "alias", f"{family}.", ""])


@pytest.mark.parametrize(
    "pattern", ["", "alias", "alias.", "other.*", "alias.eaten", "rollout.eaten", "rollout.", "**"]
)
def test_what_is_no_kind_is_refused_with_what_would_be_right(pattern: str) -> None:
    with pytest.raises(InvalidValue, match=r"Kinds .*: must be a kind such as alias\.moved, or"):
        check_pattern("Kinds", pattern)


def test_a_happening_is_of_a_kind_that_there_is() -> None:
    with pytest.raises(ValueError, match=r"alias\.eaten"):
        Happening(kind="alias.eaten", at=1.0)
    assert Happening(kind="rollout.grew", at=1.0).family == "rollout"


def test_what_is_posted_is_what_is_shown() -> None:
    told = shown(MOVED)

    assert json.loads(body(MOVED)) == told
    assert (told["Id"], told["Kind"], told["At"]) == ("7", "alias.moved", 12.5)
    assert told["Detail"] == {"Revision": 2}


@given(why=st.text())
def test_the_same_happening_is_always_the_same_bytes(why: str) -> None:
    one, other = (Happening(kind="alias.moved", at=1.0, why=why) for _ in "12")
    if not any("\ud800" <= letter <= "\udfff" for letter in why):
        assert body(one) == body(other)
