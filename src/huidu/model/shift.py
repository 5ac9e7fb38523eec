"""Shift: which share of the calls a move of an alias takes from which version to which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from huidu.model.alias import Alias
from huidu.model.routing import Ruled
from huidu.model.split import WHOLE

LEAST = 1 / WHOLE / 2  #: What is less than half of the smallest weight is nothing.


@dataclass(frozen=True, slots=True)
class Taken:
    """So many of the calls would leave one version for another."""

    version: str
    to: str
    fraction: float


def shift(before: Alias, after: Alias) -> tuple[Taken, ...] | None:
    """Return who would move, by versions; None where rules decide, for nobody knows the callers.

    Where callers stay with their version and go on to do so, the fractions are of callers, each
    of whom either moves or does not. Else they are of calls, and the least that must move.
    """
    if isinstance(before.routing, Ruled) or isinstance(after.routing, Ruled):
        return None
    if before.sticky and before.sticky == after.sticky:
        pairs = _overlaps(before, after) if before.salt == after.salt else _mixed(before, after)
    else:
        pairs = _least(_fractions(before), _fractions(after))
    return tuple(
        Taken(old, new, fraction)
        for (old, new), fraction in sorted(pairs.items())
        if old != new and fraction >= LEAST
    )


def _fractions(alias: Alias) -> Mapping[str, float]:
    return {share.version: share.fraction for share in alias.shares if share.weight}


def _overlaps(before: Alias, after: Alias) -> Mapping[tuple[str, str], float]:
    """Lay both over the same callers: each keeps its place, whoever has that place."""
    found: dict[tuple[str, str], float] = {}
    for old, (begin, end) in _spans(before):
        for new, (start, stop) in _spans(after):
            common = min(end, stop) - max(begin, start)
            if common > 0:
                found[old, new] = found.get((old, new), 0.0) + common
    return found


def _spans(alias: Alias) -> list[tuple[str, tuple[float, float]]]:
    spans, begin = [], 0.0
    for share, end in alias.laid:
        spans.append((share.version, (begin, end)))
        begin = end
    return spans


def _mixed(before: Alias, after: Alias) -> Mapping[tuple[str, str], float]:
    """Everybody is dealt anew, whatever he had."""
    return {
        (old, new): had * gets
        for old, had in _fractions(before).items()
        for new, gets in _fractions(after).items()
    }


def _least(before: Mapping[str, float], after: Mapping[str, float]) -> dict[tuple[str, str], float]:
    """Take what a version has too much of, and hand it to those that have too little."""
    versions = sorted({*before, *after})
    excess = {name: before.get(name, 0.0) - after.get(name, 0.0) for name in versions}
    found: dict[tuple[str, str], float] = {}
    for old in versions:
        for new in versions:
            taken = min(excess[old], -excess[new])
            if taken > 0:
                found[old, new] = taken
                excess[old] -= taken
                excess[new] += taken
    return found
