"""A token bucket is arithmetic: what it promises holds for every way in which time passes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from huidu.model.bucket import SECOND_NS, Bucket

rates = st.integers(1, 5000)
#: Nanoseconds between one call and the next: bursts, trickles, and all between.
gaps = st.lists(
    st.one_of(st.just(0), st.integers(0, 2_000_000), st.integers(0, 3 * SECOND_NS)), max_size=200
)


def played(rate: int, between: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return when calls were let through and when they were refused."""
    bucket, now = Bucket.full(rate, 0), 0
    through: list[int] = []
    refused: list[int] = []
    for gap in between:
        now += gap
        bucket = bucket.by(now)
        if bucket.wait_ns:
            refused.append(now)
        else:
            bucket = bucket.less_one()
            through.append(now)
    return through, refused


@given(rate=rates, between=gaps)
def test_no_window_lets_more_through_than_its_rate_and_one_burst(
    rate: int, between: list[int]
) -> None:
    through, _ = played(rate, between)

    for first, begin in enumerate(through):
        for last in range(first, len(through)):
            window_s = Fraction(through[last] - begin, SECOND_NS)
            assert last - first + 1 <= rate * window_s + rate


@given(rate=rates, between=gaps)
def test_a_call_is_refused_only_where_so_many_were_let_through(
    rate: int, between: list[int]
) -> None:
    """Never fewer than allowed: a refusal has a window behind it that was full but for one."""
    through, refused = played(rate, between)

    for now in refused:
        before = [moment for moment in through if moment <= now]
        windows = [
            len(before) - first > rate * Fraction(now - begin, SECOND_NS) + rate - 1
            for first, begin in enumerate(before)
        ]
        assert any(windows)


@given(rate=rates, calls=st.integers(1, 300))
def test_whoever_keeps_to_the_rate_is_never_refused(rate: int, calls: int) -> None:
    step = -(-SECOND_NS // rate)

    assert played(rate, [0] * rate)[1] == []
    assert played(rate, [0] * min(rate, 50) + [step] * calls)[1] == []


@given(rate=rates, between=gaps)
def test_the_wait_that_is_told_is_enough_and_not_a_moment_more(
    rate: int, between: list[int]
) -> None:
    bucket = Bucket(rate, 0, 0).by(sum(between) % SECOND_NS // rate)

    assert bucket.by(bucket.at_ns + bucket.wait_ns).wait_ns == 0
    if bucket.wait_ns:
        assert bucket.by(bucket.at_ns + bucket.wait_ns - 1).wait_ns == 1


@given(rate=rates, there=st.integers(0, 10 * SECOND_NS), pieces=gaps)
def test_looking_in_between_changes_nothing(rate: int, there: int, pieces: list[int]) -> None:
    begin = Bucket(rate, there % (rate * SECOND_NS), 0)
    looked, now = begin, 0
    for piece in pieces:
        now += piece
        looked = looked.by(now)

    assert looked == begin.by(now)


def test_a_clock_that_goes_back_gives_nothing_twice() -> None:
    empty = Bucket(10, 0, 5 * SECOND_NS)

    assert empty.by(4 * SECOND_NS) == empty
    assert empty.by(6 * SECOND_NS).left == 10


@given(rate=rates, other=rates, level=st.integers(0, SECOND_NS))
def test_another_rate_keeps_the_share_that_was_used(rate: int, other: int, level: int) -> None:
    before = Bucket(rate, level * rate, 0)
    after = before.at_rate(other)

    assert after == Bucket(other, level * other, 0)
