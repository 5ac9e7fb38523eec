"""Deployed: which functions, versions and aliases there are, for whoever tells of them alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from huidu.model.effect import (
    AliasGone,
    AliasKept,
    Effect,
    FunctionGone,
    FunctionKept,
    VersionGone,
    VersionKept,
)
from huidu.model.function import FunctionName
from huidu.model.tally import Lane


@dataclass(slots=True)
class Entry:
    """A function, with what calls may go through and to.

    Both are short, and there are many: a tuple of ten names takes a fifth of what a set does.
    """

    named: FunctionName
    aliases: tuple[str, ...] = ("",)
    versions: tuple[str, ...] = ("",)


class Deployed:
    """The newest committed state, as names."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._ids: dict[FunctionName, str] = {}

    def named(self, lane: Lane) -> FunctionName | None:
        """Return the function that calls in a lane are of, or None where a part of it is gone."""
        entry = self._entries.get(lane.function_id)
        if entry is None or lane.alias not in entry.aliases or lane.version not in entry.versions:
            return None
        return entry.named

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take over what a commit changed."""
        for effect in effects:
            self._take(effect)

    def _take(self, effect: Effect) -> None:
        match effect:
            case FunctionKept(function):
                self._entries.setdefault(function.id, Entry(function.named))
                self._ids[function.named] = function.id
            case FunctionGone(function):
                self._entries.pop(function.id, None)
                self._ids.pop(function.named, None)
            case VersionKept(version):
                entry = self._entries[version.function_id]
                entry.versions = _with(version.number, entry.versions)
            case VersionGone(version):
                entry = self._entries[version.function_id]
                entry.versions = _without(version.number, entry.versions)
            case AliasKept(alias):
                entry = self._entries[self._ids[alias.function]]
                entry.aliases = _with(alias.name, entry.aliases)
            case AliasGone(alias):
                entry = self._entries[self._ids[alias.function]]
                entry.aliases = _without(alias.name, entry.aliases)
            case _:
                pass


def _with(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return names if name in names else (*names, name)


def _without(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one in names if one != name)
