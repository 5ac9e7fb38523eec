"""Throttles: when they begin and end."""

from __future__ import annotations

import json

import pytest

from huidu.model.function import FunctionName
from huidu.model.throttle import QUIET_S, Spell, resumed

BEGUN = Spell(
    function=FunctionName("default", "hello"),
    version="2",
    status=432,
    alias="release",
    request_id="r",
    began_at=100.0,
    last_at=100.0,
)


def test_a_throttle_lasts_until_it_has_been_quiet_for_long_enough() -> None:
    spell = BEGUN.and_another(110.0)

    assert not spell.is_over(110.0 + QUIET_S - 0.1)
    assert spell.is_over(110.0 + QUIET_S)


def test_a_clock_that_is_set_back_does_not_shorten_it() -> None:
    assert BEGUN.and_another(50.0).last_at == 100.0


@pytest.mark.parametrize(("status", "why"), [(432, "every instance was busy"), (429, "more calls")])
def test_it_says_of_what_and_why_it_began(status: int, why: str) -> None:
    told = Spell(
        function=BEGUN.function,
        version="2",
        status=status,
        alias="release",
        request_id="r",
        began_at=100.0,
        last_at=100.0,
    ).began()

    assert (told.kind, told.function, told.version, told.alias) == (
        *("throttle.began", "hello", "2"),
        "release",
    )
    assert why in told.why
    assert json.loads(told.detail) == {"StatusCode": status}


def test_it_says_how_many_were_refused_and_for_how_long() -> None:
    told = BEGUN.and_another(101.0).and_another(102.5).ended()

    assert (told.kind, told.at) == ("throttle.ended", 102.5)
    assert json.loads(told.detail) == {"StatusCode": 432, "Refused": 3, "LastedSeconds": 2.5}
    assert told.before == "3 refused with 432 within 2.5 s"


def test_one_that_a_server_before_this_began_is_gone_on_with() -> None:
    spell = resumed(BEGUN.began(), 500.0)

    assert (spell.began_at, spell.last_at, spell.refused) == (100.0, 500.0, 0)
    assert spell.is_over(500.0 + QUIET_S)
