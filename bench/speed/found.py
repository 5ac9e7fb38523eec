"""Found: all that one run measured, as it is written to a file and read again."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.speed.ways import key


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one turn of a way measured."""

    calls_a_second: float
    p50_us: float
    p99_us: float
    cpu_us: float  #: A call, of every process but wrk's.
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """Cold starts of one language, beside the same interpreter started plainly."""

    language: str
    tier: str
    cold_ms: Sequence[float]
    plain_ms: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Changes of an alias while it is called."""

    functions: int  #: That were there.
    update_ms: Sequence[float]  #: From `UpdateAlias` to its answer.
    effect_ms: Sequence[float]  #: From its answer to the first one of the new version.
    stale: int  #: Answers of the old version to calls that began after it: there must be none.
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Crush:
    """So many times more calls than can be answered."""

    handler_ms: float
    waiting: int  #: How many calls may wait.
    offered: float  #: Calls a second.
    good: float  #: Answers of the function, a second.
    refused: float  #: 429 and 432, a second.
    other: int  #: Anything else: there must be none.
    p99_ms: float  #: Of those that were answered.
    refused_p99_ms: float


@dataclass(kw_only=True)
class Found:
    """All of it."""

    date: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    rounds: int
    seconds: float
    functions: int  #: Of the largest server.
    ways: dict[str, list[Round]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)  #: What could not be measured, and why.
    starts: list[Starts] = field(default_factory=list)
    moves: list[Moves] = field(default_factory=list)
    peak: Crush | None = None
    crush: Crush | None = None

    def turns(self, name: str, connections: int) -> Sequence[Round]:
        """Return what a way measured; nothing where it had no turn."""
        return self.ways.get(key(name, connections), ())

    def median(self, name: str, connections: int, of: str) -> float | None:
        """Return what lies in the middle of all turns; nothing for a way with errors."""
        turns = self.turns(name, connections)
        if not turns or self.errors(name, connections):
            return None
        return statistics.median(float(getattr(one, of)) for one in turns)

    def errors(self, name: str, connections: int) -> int:
        """Return how many calls went wrong."""
        return sum(one.errors for one in self.turns(name, connections))

    def ratio(self, of: tuple[str, int], to: tuple[str, int], what: str) -> float | None:
        """Return how one way stands to another.

        Where both had as many turns, each turn is a ratio of its own, and the one in the middle is
        told: turns of one number were close to each other.
        """
        ours, theirs = self.median(*of, what), self.median(*to, what)
        if ours is None or not theirs:
            return None
        pair = self.turns(*of), self.turns(*to)
        if len(pair[0]) == len(pair[1]):
            every = zip(*pair, strict=True)
            return statistics.median(_share(getattr(a, what), getattr(b, what)) for a, b in every)
        return ours / theirs


def _share(of: float, to: float) -> float:
    """Return a ratio; that to nothing, which a short turn may have had of a processor, is none."""
    return of / to if to else math.nan


Tell = Callable[[str], None]
