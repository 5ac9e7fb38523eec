"""Tallies and lanes for tests: any that there can be."""

from __future__ import annotations

from hypothesis import strategies as st

from huidu.model.histogram import of
from huidu.model.tally import MOSTS, SUMS, Lane, Tally

COUNTS = st.integers(0, 2**40)
HISTOGRAMS = st.lists(st.floats(0, 1e5), max_size=6).map(of)
TALLIES = st.builds(
    Tally,
    statuses=st.dictionaries(st.integers(200, 599), st.integers(1, 10**9), max_size=4).map(
        lambda found: tuple(sorted(found.items()))
    ),
    durations=HISTOGRAMS,
    steady=HISTOGRAMS,
    **dict.fromkeys((*SUMS, *MOSTS), COUNTS),
)
RELEASE_1, RELEASE_2 = Lane("lam-1", "release", "1"), Lane("lam-1", "release", "2")
DIRECT_2, OTHER = Lane("lam-1", "", "2"), Lane("lam-2", "release", "1")
LANES = (RELEASE_1, RELEASE_2, DIRECT_2, OTHER)


def calls(count: int = 1, status: int = 200, seconds: float = 0.01) -> Tally:
    """So many calls that are alike."""
    return Tally(
        statuses=((status, count),),
        durations=of([seconds] * count),
        duration_us=round(seconds * 1e6) * count,
        most_duration_us=round(seconds * 1e6),
    )
