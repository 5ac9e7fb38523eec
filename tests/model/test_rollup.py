"""Rollup: each second is in one place for whoever reads, however far it was folded."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from huidu.model.rollup import (
    HOUR,
    KEEP_S,
    MINUTE,
    SECOND,
    Fold,
    Folded,
    Selection,
    Span,
    due,
    expired,
    floor,
    places,
    spans,
)
from tests.tallies import DIRECT_2, LANES, OTHER, RELEASE_1, RELEASE_2

MOMENTS = st.integers(0, 5 * HOUR)


def wanted(since: int, until: int, period_s: int = SECOND) -> Selection:
    return Selection(function_id="lam-1", since=since, until=until, period_s=period_s)


@given(st.lists(MOMENTS, max_size=8))
def test_what_is_folded_is_folded_once_and_without_a_gap(sealed: list[int]) -> None:
    folded, done = Folded(), {MINUTE: 0, HOUR: 0}
    for moment in sealed:
        folds, folded = due(folded, moment)
        for fold in folds:
            assert fold.since == done[fold.into_s]
            assert fold.since < fold.until <= moment
            done[fold.into_s] = fold.until
        assert (folded.minute, folded.hour) == (done[MINUTE], done[HOUR])
        assert folded.hour <= folded.minute


def test_minutes_are_made_before_the_hours_that_are_made_of_them() -> None:
    folds, folded = due(Folded(0, 0), 2 * HOUR + 61)

    assert folds == [
        Fold(SECOND, MINUTE, 0, 2 * HOUR + 60),
        Fold(MINUTE, HOUR, 0, 2 * HOUR),
    ]
    assert folded == Folded(2 * HOUR + 60, 2 * HOUR)
    assert due(folded, 2 * HOUR + 119) == ([], folded)


@given(MOMENTS, MOMENTS)
def test_a_late_second_goes_wherever_its_like_have_gone(second: int, sealed: int) -> None:
    _, folded = due(Folded(), sealed)
    found = dict(places(second, folded))

    assert found[SECOND] == second
    assert (MINUTE in found) == (second < folded.minute)
    assert (HOUR in found) == (second < folded.hour)
    assert all(start <= second < start + length for length, start in found.items())


@given(MOMENTS, MOMENTS, MOMENTS, st.sampled_from([1, 7, 60, 300, 3600, 7200]))
def test_whoever_reads_finds_every_second_once(
    since: int, until: int, sealed: int, period_s: int
) -> None:
    since = floor(since, period_s)
    assume(since < until)
    _, folded = due(Folded(), sealed)
    covered: list[int] = []
    for length, begin, end in spans(wanted(since, until, period_s), folded):
        assert period_s % length == 0 or length == SECOND
        covered += range(begin, end)
        assert length == SECOND or end % length == 0
    assert sorted(covered) == list(range(since, until))


def test_the_longest_periods_that_will_do_are_read() -> None:
    folded = Folded(2 * HOUR + 120, 2 * HOUR)

    assert spans(wanted(0, 3 * HOUR, HOUR), folded) == [
        Span(HOUR, 0, 2 * HOUR),
        Span(MINUTE, 2 * HOUR, 2 * HOUR + 120),
        Span(SECOND, 2 * HOUR + 120, 3 * HOUR),
    ]
    assert spans(wanted(0, 90, MINUTE), folded) == [Span(MINUTE, 0, 60), Span(SECOND, 60, 90)]
    assert spans(wanted(0, 90), folded) == [Span(SECOND, 0, 90)]


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_nothing_is_forgotten_that_was_not_folded(now: int, sealed: int) -> None:
    _, folded = due(Folded(), sealed)
    gone = expired(now, folded)

    assert gone[SECOND] <= folded.minute
    assert gone[MINUTE] <= folded.hour
    assert all(before <= now - KEEP_S[length] for length, before in gone.items())


def test_seconds_are_kept_for_a_quarter_of_an_hour_minutes_for_15_days_hours_for_400() -> None:
    assert {SECOND: 900, MINUTE: 1_296_000, HOUR: 34_560_000} == KEEP_S


def test_what_is_wanted_is_told_by_alias_and_version() -> None:
    def taken(**more: str) -> list[object]:
        asked = Selection(function_id="lam-1", since=0, until=1, **more)  # type: ignore[arg-type]
        return [lane for lane in LANES if asked.takes(lane)]

    assert taken() == [RELEASE_1, RELEASE_2, DIRECT_2]
    assert taken(version="2") == [RELEASE_2, DIRECT_2]
    assert taken(alias="release") == [RELEASE_1, RELEASE_2]
    assert taken(alias="") == [DIRECT_2]
    assert taken(alias="release", version="2") == [RELEASE_2]
    assert OTHER not in taken()
