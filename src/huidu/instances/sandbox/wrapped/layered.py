"""Layered: where an instance has its layers, if nothing can be laid over anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from huidu.instances.launch import Scene
from huidu.instances.sandbox.forks.lodging import NOBODY
from huidu.instances.sandbox.walls import root
from huidu.model.function import MOST_LAYERS

#: Folders below `/opt`, for as many as a function may have.
SHELVES = tuple(f"{root.LAYERS}/{number}" for number in range(1, MOST_LAYERS + 1))


def places(layers: Sequence[Path]) -> Sequence[tuple[Path, str]]:
    """Return each layer with its place: one is `/opt` itself, several are folders in it."""
    if len(layers) == 1:
        return [(layers[0], root.LAYERS)]
    return list(zip(layers, SHELVES, strict=False))


def scene(layers: Sequence[Path]) -> Scene:
    """Return where an instance finds its code, and its layers: the later is looked into first."""
    found = tuple(Path(place) for _, place in reversed(places(layers)))
    return Scene(Path(root.CODE), found, NOBODY)
