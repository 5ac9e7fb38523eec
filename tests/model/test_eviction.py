"""Eviction: the least recently used goes, no more than needed, and nothing that is in use."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from huidu.model.eviction import Tree, evicted

OLD, NEW, NEWEST = Tree("a", 1, 10), Tree("b", 2, 10), Tree("c", 3, 10)


def test_the_least_recently_used_goes_first() -> None:
    assert list(evicted([NEWEST, OLD, NEW], 30, ())) == []
    assert list(evicted([NEWEST, OLD, NEW], 29, ())) == [OLD]
    assert list(evicted([NEWEST, OLD, NEW], 10, ())) == [OLD, NEW]


def test_what_is_in_use_stays_whatever_there_is_room_for() -> None:
    assert list(evicted([NEWEST, OLD, NEW], 20, {"a"})) == [NEW]
    assert list(evicted([NEWEST, OLD, NEW], 0, {"a", "c"})) == [NEW]


trees = st.lists(
    st.builds(Tree, st.text("abcdef", min_size=1), st.floats(0, 9), st.integers(0, 99)),
    max_size=8,
    unique_by=lambda tree: tree.sha256,
)


@given(trees, st.integers(0, 300), st.sets(st.text("abcdef", min_size=1)))
def test_just_as_much_goes_as_has_to(found: list[Tree], most: int, spared: set[str]) -> None:
    gone = list(evicted(found, most, spared))
    left = [tree for tree in found if tree not in gone]

    assert not spared & {tree.sha256 for tree in gone}
    small_enough = sum(tree.size_bytes for tree in left) <= most
    assert small_enough or {tree.sha256 for tree in left} <= spared
    if gone:
        assert sum(tree.size_bytes for tree in [*left, gone[-1]]) > most
        free = [tree.used_at for tree in left if tree.sha256 not in spared]
        assert gone[-1].used_at <= min(free, default=10)
