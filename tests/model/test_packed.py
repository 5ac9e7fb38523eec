"""Packed: what is packed comes back, and what is no tally is told so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.packed import Unpackable, merge_packed, pack, unpack
from huidu.model.tally import NOTHING, Tally, merged
from tests.tallies import TALLIES, calls


@given(TALLIES)
def test_a_tally_comes_back_as_it_was(tally: Tally) -> None:
    assert unpack(pack(tally)) == tally


@given(st.lists(TALLIES, min_size=1, max_size=4))
def test_what_is_merged_packed_is_the_same(tallies: list[Tally]) -> None:
    assert unpack(merge_packed([*map(pack, tallies)])) == merged(tallies)


def test_a_second_with_calls_in_it_is_small() -> None:
    assert len(pack(NOTHING)) < 30
    assert len(pack(calls(1000))) < 60


def test_what_was_packed_before_answers_were_counted_has_none() -> None:
    before = bytes.fromhex("010000b0ea01000000000000904e0000000000000001c801030001ac03030000")

    assert unpack(before) == calls(3)
    assert pack(calls(3)) == before
    answered = pack(replace(calls(3), answered_5xx=2))
    assert answered == before + b"\x02", "who does not know of it has read all else"
    assert unpack(merge_packed([before, answered])).answered_5xx == 2


@given(st.binary(max_size=60))
def test_what_is_no_tally_is_refused_or_read(body: bytes) -> None:
    try:
        tally = unpack(body)
    except Unpackable:
        return
    assert isinstance(tally, Tally)


@pytest.mark.parametrize("body", [b"", b"\x02\x00", b"\x01", b"\x01\x80", pack(calls())[:-3]])
def test_what_is_cut_off_or_of_another_form_is_refused(body: bytes) -> None:
    with pytest.raises(Unpackable):
        unpack(body)
