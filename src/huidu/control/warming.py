"""Warming: a version has instances before an alias first sends it calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import structlog

from huidu.control.plane import Plane
from huidu.model import warmth
from huidu.model.alias import Alias
from huidu.model.version import Version
from huidu.store.writing import Writing

log = structlog.get_logger("huidu.warming")

T = TypeVar("T")
#: How many instances there are, by function id, version number and digest.
Held = Mapping[tuple[str, str, str], int]


class Instances(Protocol):
    """The running copies of versions."""

    async def ready(self, version: Version, count: int) -> str:
        """Have so many instances, as far as there is room; return why not, or nothing."""
        ...


class Cold(Exception):
    """Calls would reach a version that has no instance."""


@dataclass(frozen=True, slots=True)
class Move:
    """An alias before and after it moves, and the versions that it then refers to."""

    before: Alias | None
    after: Alias
    versions: Mapping[str, Version]


class Lack(NamedTuple):
    """A version that is to have more instances than it has."""

    version: Version
    wanted: int
    has: int


def held_of(held: Held, function_id: str) -> Mapping[str, int]:
    """Return how many instances there are of each version of a function, of whatever digest."""
    found: dict[str, int] = {}
    for (id_, number, _), count in held.items():
        if id_ == function_id:
            found[number] = found.get(number, 0) + count
    return found


def lacks(moved: Move, held: Held) -> Sequence[Lack]:
    """Return who is to have more instances for a move than it has."""
    mine = held_of(held, moved.versions[moved.after.version].function_id)
    wanted = warmth.wanted(moved.before, moved.after, mine)
    found = [Lack(moved.versions[n], most, mine.get(n, 0)) for n, most in wanted.items()]
    return [one for one in found if one.has < one.wanted]


async def warm(instances: Instances, lack: Lack, warm_s: float) -> str:
    """Have the instances that a version lacks; return why there are none after `warm_s`, if so."""
    try:
        async with asyncio.timeout(warm_s):
            return await instances.ready(lack.version, lack.wanted)
    except TimeoutError:
        return f"not ready after {warm_s:g} s"


class Warmer:
    """What one move of an alias asks of the instances, and what it was told of them.

    `look` is called within the write. A write holds up all others, and never waits: where a
    version has no instance at all, the first look raises `Cold`, and the write is begun anew
    once it has.
    """

    def __init__(self, held: Held, *, looks: bool) -> None:
        self._held = held
        self._looks = looks
        self.lacking: list[Lack] = []
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
        self.lacking = [lack for move in moves for lack in lacks(move, self._held)]
        if any(not lack.has for lack in self.lacking):
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
        said = await asyncio.gather(*(_warm(plane, lack) for lack in warmer.lacking))
        warmer.warning = "; ".join(filter(None, said))
        return await plane.catalog.write(lambda writing: change(writing, warmer))
    for lack in warmer.lacking:
        plane.instances.soon(lack.version, lack.wanted)
    return made


async def _warm(plane: Plane, lack: Lack) -> str:
    """Have instances of a version ready; return what is to be said of it, if anything."""
    why, version = await warm(plane.instances, lack, plane.warm_s), lack.version
    if not why:
        return ""
    log.warning("alias.cold", function=str(version.function), version=version.number, reason=why)
    return f"version {version.number} was not warm: {why}"
