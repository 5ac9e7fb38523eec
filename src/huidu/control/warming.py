"""Warming: a version has instances before an alias first sends it calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from huidu.control.plane import Plane
from huidu.model import warmth
from huidu.model.alias import Alias
from huidu.model.version import Version
from huidu.store.writing import Writing

log = structlog.get_logger("huidu.warming")

T = TypeVar("T")


class Cold(Exception):
    """Calls would reach a version that has no instance."""


@dataclass(frozen=True, slots=True)
class Move:
    """An alias before and after it moves, and the versions that it then refers to."""

    before: Alias | None
    after: Alias
    versions: Mapping[str, Version]


class Warmer:
    """What one move of an alias asks of the instances, and what it was told of them.

    `look` is called within the write. A write holds up all others, and never waits: where a
    version has no instance at all, the first look raises `Cold`, and the write is begun anew
    once it has.
    """

    def __init__(self, held: Mapping[tuple[str, str, str], int], *, looks: bool) -> None:
        self._held = held
        self._looks = looks
        self.lacking: list[tuple[Version, int]] = []  #: Who is to have how many instances.
        self.warning = ""

    def look(self, before: Alias | None, after: Alias, versions: Mapping[str, Version]) -> None:
        """Find who is to have more instances for the move than it has; raise `Cold` as said.

        `versions` are those that the alias refers to afterwards, by their numbers.
        """
        self.look_at([Move(before, after, versions)])

    def look_at(self, moves: Sequence[Move]) -> None:
        """Do the same for moves that are one write."""
        if not self._looks:
            return
        self._looks = False
        cold = False
        for move in moves:
            mine = {version.function_id for version in move.versions.values()}
            held = Counter[str]()
            for (function_id, number, _), count in self._held.items():
                held[number] += count if function_id in mine else 0
            wanted = warmth.wanted(move.before, move.after, held)
            lacking = [(move.versions[n], most) for n, most in wanted.items() if held[n] < most]
            cold = cold or any(not held[version.number] for version, _ in lacking)
            self.lacking += lacking
        if cold:
            raise Cold


async def move(plane: Plane, change: Callable[[Writing, Warmer], T]) -> T:
    """Carry out a write that moves an alias, with those who are new to it warmed before.

    The warming ends after `warm_s`, and refuses nothing: what went wrong with it is logged, and
    kept with the change. A version that has an instance is not waited for, so that a rollback is
    as quick as it can be; what it lacks is started while calls go to it already.
    """
    warmer = Warmer(plane.instances.held(), looks=plane.warm_s > 0)
    try:
        made = await plane.catalog.write(lambda writing: change(writing, warmer))
    except Cold:
        said = await asyncio.gather(*(_warm(plane, *one) for one in warmer.lacking))
        warmer.warning = "; ".join(filter(None, said))
        return await plane.catalog.write(lambda writing: change(writing, warmer))
    for version, count in warmer.lacking:
        plane.instances.soon(version, count)
    return made


async def _warm(plane: Plane, version: Version, count: int) -> str:
    """Have instances of a version ready; return what is to be said of it, if anything."""
    why = f"not ready after {plane.warm_s:g} s"
    try:
        async with asyncio.timeout(plane.warm_s):
            why = await plane.instances.ready(version, count)
    except TimeoutError:
        pass
    if not why:
        return ""
    log.warning("alias.cold", function=str(version.function), version=version.number, reason=why)
    return f"version {version.number} was not warm: {why}"
