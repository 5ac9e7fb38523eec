"""What is found of pairs: counts that add up, and no more kept than there is room for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model import comparison
from huidu.model.comparison import NONE, STATUS, Comparison, Side, Verdict, compare, cut
from huidu.model.difference import MOST_READ_CHARS, path_of


def side(result: object = 1, status: int = 200, **more: object) -> Side:
    known: dict[str, object] = {"request_id": "r", "took_ms": 1.0}
    return Side(status=status, result=json.dumps(result), **known | more)  # type: ignore[arg-type]


def found(*pairs: tuple[Side, Side]) -> Comparison:
    so_far = NONE
    for live, candidate in pairs:
        so_far = so_far.with_pair(live, candidate, compare(live, candidate, ()))
    return so_far


SIDES = st.builds(side, st.sampled_from([1, 2, {"a": 1}, {"a": 2}]), st.sampled_from([200, 430]))


@given(pairs=st.lists(st.tuples(SIDES, SIDES), max_size=20))
def test_every_pair_is_same_or_different_or_unread(pairs: list[tuple[Side, Side]]) -> None:
    so_far = found(*pairs)

    assert so_far.pairs == len(pairs)
    assert so_far.same == sum(one == other for one, other in pairs)
    assert sum(one.count for one in so_far.failing) == sum(c.status == 430 for _, c in pairs)
    assert so_far.failed_live == sum(live.status == 430 for live, _ in pairs)
    assert so_far.live_ms.count == so_far.candidate_ms.count
    assert sum(place.count for place in so_far.places) >= so_far.different


def test_statuses_come_before_results() -> None:
    verdict = compare(side({"a": 1}), side({"errorCode": 1}, 430), (path_of("$"),))

    assert [(one.path, one.left, one.right) for one in verdict.unlike] == [(STATUS, "200", "430")]


def test_two_failures_are_alike_whatever_their_request_and_stack() -> None:
    one, other = (
        side({"errorMessage": "no", "requestId": n, "stackTrace": f"line {n}"}, 430) for n in "12"
    )
    third = side({"errorMessage": "yes", "requestId": "3"}, 430)

    assert compare(one, other, ()) == Verdict()
    assert [found.path for found in compare(one, third, ()).unlike] == ["$.errorMessage"]


def test_what_is_too_large_is_neither_same_nor_different() -> None:
    large = side("x" * MOST_READ_CHARS)

    assert (found((large, side(2))).unread, found((large, large)).same) == (1, 1)


def test_a_place_has_its_count_and_a_few_samples() -> None:
    pairs = [
        (side(n, request_id=f"l{n}"), side(-n, request_id=f"c{n}")) for n in range(1, 9)
    ]  # fmt: skip
    (place,) = found(*pairs).places

    assert (place.path, place.count) == ("$", 8)
    assert [(s.live_id, s.candidate_id, s.live, s.candidate) for s in place.samples] == [
        (f"l{n}", f"c{n}", str(n), str(-n)) for n in (1, 2, 3)
    ]


def test_the_place_that_differs_most_often_is_told_first() -> None:
    often, seldom = (side({"a": 1}), side({"a": 2})), (side({"b": 1}), side({"b": 2}))

    assert [place.path for place in found(seldom, often, often).places] == ["$.a", "$.b"]


def test_there_is_an_end_to_places_and_ids_that_are_kept() -> None:
    many = comparison.MOST_PLACES + 5
    so_far = found(*((side({f"k{n}": 1}), side({f"k{n}": 2})) for n in range(many)))
    failing = found(*((side(), side(status=433, request_id=f"r{n}")) for n in range(many)))

    assert (len(so_far.places), so_far.elsewhere, so_far.different) == (many - 5, 5, many)
    assert failing.failing[0].count == many
    assert failing.failing[0].request_ids == tuple(f"r{n}" for n in range(comparison.MOST_IDS))


@pytest.mark.parametrize(
    ("live", "candidate", "counted"),
    [
        (side(took_ms=2.0), side(took_ms=4.0), 1),
        (side(cold=True), side(), 0),
        (side(), side(cold=True), 0),
        (side(), side(status=433), 0),
    ],
)
def test_durations_are_compared_where_both_succeeded_on_a_warm_instance(
    live: Side, candidate: Side, counted: int
) -> None:
    so_far = found((live, candidate))

    assert (so_far.live_ms.count, so_far.candidate_ms.count, so_far.slower) == (counted,) * 3
    if counted:
        assert so_far.live_ms.quantile(0.5) == pytest.approx(2.0, rel=0.02)
        assert so_far.candidate_ms.quantile(0.99) == pytest.approx(4.0, rel=0.02)


def test_what_is_shown_of_a_value_is_short_and_can_be_kept() -> None:
    assert cut("x" * 500) == "x" * 199 + "…"
    assert cut("half \ud800").encode() == b"half ?"
