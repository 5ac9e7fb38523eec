"""Eviction: which unpacked packages go, where all of them take more room than they may."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple


class Tree(NamedTuple):
    """A package that lies unpacked."""

    sha256: str
    used_at: float  #: When an instance was last started with it.
    size_bytes: int


def evicted(trees: Sequence[Tree], most_bytes: float, spared: Container[str]) -> Iterator[Tree]:
    """Yield what goes, the least recently used first, until the rest is small enough.

    What is spared stays, even where all the others are too few to make the room.
    """
    total = sum(tree.size_bytes for tree in trees)
    for tree in sorted(trees, key=lambda tree: tree.used_at):
        if total <= most_bytes:
            return
        if tree.sha256 not in spared:
            total -= tree.size_bytes
            yield tree
