"""Every number is right: calls with failures among them, and a restart in the middle."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.counted import count, words

CALLS = 2500


@pytest.mark.timeout(180)
def test_every_place_that_counts_agrees_with_the_callers_across_a_restart(tmp_path: Path) -> None:
    found = count(CALLS, tmp_path)

    assert found.seen.total() == CALLS
    assert {version for version, _ in found.seen} == {"1", "2"}
    statuses = {status for _, status in found.seen}
    assert {200, 430, 433} <= statuses, "also 434, where memory can be held"
    assert found.said == dict.fromkeys(found.said, found.seen)


def test_two_in_a_hundred_fail_and_some_take_too_long_or_too_much() -> None:
    said = [*words(100_000)]

    shares = {word: said.count(word) for word in set(said)}
    assert shares == {"fine": 97_800, "raise": 2000, "sleep": 100, "eat": 100}
