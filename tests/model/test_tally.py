"""Tally: however calls are put together, the counts are the same."""

from __future__ import annotations

from hypothesis import given

from huidu.model.fault import Fault
from huidu.model.tally import NOTHING, Tally, merged
from tests.tallies import TALLIES, calls


@given(TALLIES, TALLIES, TALLIES)
def test_the_order_of_merging_makes_no_difference(a: Tally, b: Tally, c: Tally) -> None:
    whole = merged([a, b, c])

    assert merged([merged([a, b]), c]) == whole
    assert merged([a, merged([c, b])]) == whole
    assert merged([whole, NOTHING]) == whole
    assert whole.calls == a.calls + b.calls + c.calls
    assert whole.ran == a.ran + b.ran + c.ran


@given(TALLIES)
def test_every_failure_is_somebodys(tally: Tally) -> None:
    assert sum(tally.errors.values()) + tally.succeeded == tally.calls


def test_sums_add_up_and_what_is_most_stays_the_most() -> None:
    both = merged([calls(2, seconds=1.0), calls(3, status=430, seconds=0.5)])

    assert both.statuses == ((200, 2), (430, 3))
    assert (both.calls, both.succeeded, both.errors) == (5, 2, {Fault.USER: 3})
    assert (both.duration_us, both.most_duration_us) == (3_500_000, 1_000_000)


def test_of_nothing_there_is_nothing() -> None:
    assert merged([]) == NOTHING
    assert (NOTHING.calls, NOTHING.ran, NOTHING.errors) == (0, 0, {})
