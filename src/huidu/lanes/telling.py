"""Telling: what a lane may know of a function, and from which commits on it is something else."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from huidu.invoke.routes import Entry, Target
from huidu.invoke.turns import Turns
from huidu.lanes.words import Key
from huidu.model.alias import Alias
from huidu.model.effect import (
    AliasGone,
    AliasKept,
    Effect,
    FunctionGone,
    FunctionKept,
    MirrorEnded,
    MirrorGone,
    MirrorKept,
    ReservationChanged,
    TriggersChanged,
    VersionGone,
    VersionKept,
)
from huidu.model.function import Function, FunctionName
from huidu.model.trigger import Trigger
from huidu.model.version import Version
from huidu.model.web import is_web

MOST_TURNS = 32  #: A message has only so many descriptors beside it.


class Table(Protocol):
    """Where calls go."""

    def entry(self, named: FunctionName) -> Entry | None: ...


class Urls(Protocol):
    """Where URLs lead."""

    def find(self, url_id: str) -> Trigger | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """All that a lane may know of a function: what is left out is the server's to answer."""

    effects: tuple[Effect, ...]
    turns: Mapping[str, Turns]
    versions: Mapping[Key, Version]
    function_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Finds out what a lane may know, from what the server goes by at this moment."""

    table: Table
    urls: Urls
    mirrored: Container[tuple[str, str]]
    stopped: Callable[[Version], bool]

    def news(self, named: FunctionName, urls: Iterable[str], known_as: str) -> News:
        """Return what is to be known of a function by whom its URLs are called.

        Left out are web functions, what is stopped, and aliases whose calls somebody hears of
        before their callers have their answers, or may copy. `known_as` is the function's id as it
        was told before.
        """
        before = (FunctionGone(Function(named=named, id=known_as)),) if known_as else ()
        entry = self.table.entry(named)
        if entry is None:
            return News(effects=before, turns={}, versions={})
        triggers, versions = list[Trigger](), dict[str, Version]()
        targets = dict[str, Target]()
        for url in urls:
            trigger = self.urls.find(url)
            if trigger is None or trigger.function != named:
                continue
            target = entry.targets.get(trigger.qualifier)
            leads = self._leads(entry, target, trigger.qualifier)
            if leads and len(targets) < MOST_TURNS:
                triggers.append(trigger)
                versions |= leads
                if target is not None:
                    targets[target.alias.name] = target
        function = Function(named=named, id=entry.id)
        turns = {name: target.share() for name, target in targets.items()}
        return News(
            effects=(
                *before,
                FunctionKept(function),
                *map(VersionKept, versions.values()),
                *(AliasKept(target.alias) for target in targets.values()),
                TriggersChanged(function, tuple(triggers)),
            ),
            turns={name: one for name, one in turns.items() if one is not None},
            versions={(v.function_id, v.number, v.digest): v for v in versions.values()},
            function_id=entry.id,
        )

    def _leads(
        self, entry: Entry, target: Target | None, qualifier: str
    ) -> Mapping[str, Version] | None:
        """Return the versions that a lane may have answer; None where it is to answer nothing."""
        numbers: Iterable[str] = [qualifier]
        if target is not None:
            alias: Alias = target.alias
            if target.allowance is not None or (entry.id, alias.name) in self.mirrored:
                return None
            numbers = alias.versions
        found = {number: entry.versions.get(number) for number in numbers}
        leads = {number: version for number, version in found.items() if version is not None}
        every = leads.values()
        if len(leads) < len(found) or any(
            self.stopped(v) or is_web(v.configuration) for v in every
        ):
            return None
        return leads


def touched(effects: Sequence[Effect]) -> Iterator[FunctionName | str]:
    """Yield the functions that a commit says something of, by name or by id."""
    for effect in effects:
        match effect:
            case FunctionKept(function) | FunctionGone(function):
                yield function.named
            case TriggersChanged(function, _) | ReservationChanged(function, _):
                yield function.named
            case VersionKept(version) | VersionGone(version):
                yield version.function
            case AliasKept(alias) | AliasGone(alias):
                yield alias.function
            case MirrorKept(mirror, _) | MirrorEnded(mirror):
                yield mirror.function_id
            case MirrorGone(function_id, _):
                yield function_id
            case _:
                pass
