"""Hours: a rollout goes on where its own terms and the server's both let it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from huidu.model.ramp import ramp_of
from huidu.model.rollout_terms import Terms
from huidu.model.window import freeze_of, window_of
from huidu.release.hours import Hours

ZONE = ZoneInfo("Asia/Shanghai")


def terms(windows: str = "", freezes: str = "") -> Terms:
    return Terms(
        ramp=ramp_of("evidence"),
        windows=tuple(filter(None, [windows])),
        freezes=tuple(filter(None, [freezes])),
    )


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()


def test_without_a_word_any_hour_will_do() -> None:
    assert Hours(ZONE).closed(terms(), at("2026-11-29 03:00")) == ""


def test_what_the_server_says_holds_beside_the_terms_of_a_rollout() -> None:
    office, early = window_of("mon-fri 09:00-17:00", ZONE), "daily 08:00-10:00"
    hours = Hours(ZONE, [office])

    assert hours.closed(terms(), at("2026-11-30 09:30")) == ""
    assert hours.closed(terms(early), at("2026-11-30 09:30")) == ""
    assert hours.closed(terms(early), at("2026-11-30 08:30")) == (
        "outside of mon-fri 09:00-17:00; opens Mon 2026-11-30 09:00 +08:00"
    )
    assert hours.closed(terms(early), at("2026-11-27 10:30")) == (
        "outside of daily 08:00-10:00; opens Mon 2026-11-30 09:00 +08:00"
    )


def test_freezes_of_both_hold() -> None:
    server = Hours(ZONE, [], [freeze_of("2026-12-24 00:00/2026-12-27 00:00 # holidays", ZONE)])
    mine = terms(freezes="2026-12-27 00:00/2026-12-28 00:00")

    assert server.closed(mine, at("2026-12-25 09:00")) == (
        "frozen until Sun 2026-12-27 00:00 +08:00: holidays; opens Mon 2026-12-28 00:00 +08:00"
    )
    assert server.closed(terms(), at("2026-12-27 09:00")) == ""


def test_what_cannot_be_read_any_more_keeps_it_closed_and_is_named() -> None:
    assert "'Gone/Zone' is no time zone" in Hours(ZONE).closed(
        terms("daily 09:00-10:00 Gone/Zone"), at("2026-11-30 09:30")
    )
