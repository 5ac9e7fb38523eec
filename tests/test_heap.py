"""What is there from the start is no matter for the collector of cycles."""

from __future__ import annotations

import gc

import pytest

from huidu import heap


def test_what_is_there_is_passed_over_until_the_end() -> None:
    kept: list[list[object]] = [[] for _ in range(3)]

    with heap.settled():
        assert gc.get_freeze_count() > len(kept)
        assert not any(one is kept for one in gc.get_objects())

    assert gc.get_freeze_count() == 0
    assert any(one is kept for one in gc.get_objects())


def test_nothing_is_collected_while_a_heap_grows_and_then_as_before() -> None:
    with heap.growing(), pytest.raises(ZeroDivisionError), heap.growing():
        raise ZeroDivisionError
    with heap.growing():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_who_has_turned_the_collector_off_finds_it_off() -> None:
    gc.disable()
    try:
        with heap.growing():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
