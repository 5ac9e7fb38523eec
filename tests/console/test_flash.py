"""What a form did is told once, by a cookie that anybody could have written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.console import flash
from huidu.console.flash import Flash, Undo


@given(text=st.text(max_size=4000), went_well=st.booleans())
def test_what_is_told_arrives_or_its_beginning(text: str, went_well: bool) -> None:  # noqa: FBT001
    read = flash.read(flash.write(Flash(text, went_well=went_well), "s"), "s")

    assert read is not None
    assert read.went_well == went_well
    assert text.startswith(read.text.rstrip("…")) or text == read.text


def test_the_way_back_arrives_too() -> None:
    told = Flash("moved", undo=Undo("/console/x/undo", {"revision": "3"}))

    assert flash.read(flash.write(told, "s"), "s") == told


@pytest.mark.parametrize("cookie", ["", "nonsense", "e30=", "YQ", "eyJ0ZXh0IjozfQ==", "é"])
def test_what_is_none_of_ours_is_not_told(cookie: str) -> None:
    assert flash.read(cookie, "s") is None
    assert flash.read(f"{'0' * 64}.{cookie}", "s") is None


def test_what_was_told_in_another_session_or_changed_since_is_not_told() -> None:
    cookie = flash.write(Flash("moved"), "s")

    assert flash.read(cookie, "other") is None
    assert flash.read(f"{cookie[:-4]}AAAA", "s") is None
