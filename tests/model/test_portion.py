"""The laws by which instances are shared out among processes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.portion import portions

wishes = st.lists(st.integers(0, 9), max_size=6)


@pytest.mark.parametrize(
    ("there", "wanted", "first", "given_out"),
    [
        (4, [20, 5, 5], 0, [2, 1, 1]),
        (4, [20, 5, 5], 2, [1, 1, 2]),
        (1, [3, 3, 3], 1, [0, 1, 0]),
        (8, [1, 9, 2], 0, [1, 5, 2]),
        (5, [0, 0], 0, [0, 0]),
        (5, [], 3, []),
    ],
)
def test_what_is_there_is_shared_out(
    there: int, wanted: list[int], first: int, given_out: list[int]
) -> None:
    assert portions(there, wanted, first) == given_out


@given(there=st.integers(0, 40), wanted=wishes, first=st.integers(0, 99))
def test_nobody_has_two_less_than_another_and_wants_more(
    there: int, wanted: list[int], first: int
) -> None:
    given_out = portions(there, wanted, first)

    assert sum(given_out) == min(there, sum(wanted))
    assert all(has <= wants for has, wants in zip(given_out, wanted, strict=True))
    for has, wants in zip(given_out, wanted, strict=True):
        assert has == wants or all(other <= has + 1 for other in given_out)


@given(there=st.integers(1, 5), wanted=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_everybody_has_something_in_his_turn(there: int, wanted: list[int]) -> None:
    rounds = [portions(there, wanted, first) for first in range(len(wanted))]

    assert all(any(given_out[place] for given_out in rounds) for place in range(len(wanted)))
