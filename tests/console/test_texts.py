"""How what others wrote is shown, and how numbers are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from huidu.console import texts
from huidu.model import amount


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("两 spaces", "两 spaces"),
        ("a\x1b[31mb", "a␛[31mb"),
        ("evil\u202egnp.exe", "evil⟨U+202E⟩gnp.exe"),
        ("\u2066iso\u2069", "⟨U+2066⟩iso⟨U+2069⟩"),
        ("nul\0del\x7f", "nul␀del␡"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("zero\u200bwidth", "zero⟨U+200B⟩width"),
        ("\ud800", "⟨U+D800⟩"),
        (None, ""),
        (3, 3),
        (Markup("<b>\x1b</b>"), Markup("<b>\x1b</b>")),
    ],
)
def test_what_cannot_be_seen_is_made_to_be(value: object, shown: object) -> None:
    assert texts.shown(value) == shown


@given(st.text(st.characters()))
def test_nothing_that_is_shown_turns_or_hides_what_follows(text: str) -> None:
    shown = str(texts.shown(text))

    assert all(one.isprintable() or one in "\n\t" or one.isspace() for one in shown)


def test_colours_of_a_terminal_are_left_out_of_lines() -> None:
    assert texts.uncoloured("\x1b[1;31mred\x1b[0m and \x1b[2Kplain") == "red and plain"


@pytest.mark.parametrize(
    ("said", "is_said"),
    [
        (amount.percent(0.1), "10 %"),
        (amount.percent(0.0001), "0.01 %"),
        (texts.rounded(0.00123), "0.12 %"),
        (texts.rounded(0.0123), "1.2 %"),
        (texts.rounded(0.5), "50 %"),
        (texts.number(0), "0"),
        (texts.number(2.04), "2"),
        (texts.number(2.34), "2.3"),
        (texts.number(12_345), "12\u202f345"),
        (texts.milliseconds(None), "–"),
        (texts.milliseconds(1.26), "1.3 ms"),
        (texts.milliseconds(99.6), "100 ms"),
        (texts.milliseconds(1234), "1.23 s"),
        (texts.size(12), "12 B"),
        (texts.size(2048), "2.0 KB"),
        (texts.size(5 << 20), "5.0 MB"),
        (texts.size(3 << 30), "3.0 GB"),
        (amount.duration(0.4), "0 s"),
        (amount.duration(75), "1 min 15 s"),
        (amount.duration(7200), "2 h"),
        (amount.duration(90_000), "1 d 1 h"),
        (texts.clock(0, "Asia/Shanghai"), "08:00:00"),
        (texts.moment("2026-11-23T19:00:02Z", "Asia/Shanghai"), "2026-11-24 03:00:02"),
        (texts.moment("never", "UTC"), "never"),
        (texts.released("20261124030002725120f8-c50a"), "2026-11-24 03:00:02 725120"),
        (texts.released("v1"), "v1"),
        (texts.short("a" * 64), "a" * 12),
        (texts.apart("UpdateAlias"), "update alias"),
        (texts.spaced("rollout.rolled_back"), "rollout rolled back"),
        (texts.plain(10.0), "10"),
        (texts.ago_s("2026-11-23 10:00:00", "2026-11-23 10:01:05"), 65),
        (texts.ago_s("", "2026-11-23 10:01:05"), 0),
    ],
)
def test_numbers_are_said_as_people_say_them(said: object, is_said: object) -> None:
    assert said == is_said


def test_a_version_has_its_colour_for_good_and_its_neighbours_have_others() -> None:
    hues = [texts.hue(str(number)) for number in range(1, 9)]

    assert len({*hues}) == len(hues)
    assert texts.hue("9") == texts.hue("1")
    assert texts.hue("$LATEST") == "x"
