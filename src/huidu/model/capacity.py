"""Capacity: what a pool of instances should do next, and which pool gives way to another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

NEVER = math.inf
#: A pool that the fleet had no room for asks again after so long.
ASK_AGAIN_S = 1.0
#: The last instance of a pool is not taken for one that has instances, until it idled so long.
SPARED_S = 5.0


class Busy(Exception):
    """Every instance is busy and the line before them is full: status 432."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"every instance is busy, and {waiting} calls wait for one already")


class Retired(Exception):
    """The version takes no new calls: it is gone, or the platform closes."""

    def __init__(self) -> None:
        super().__init__("the version takes no new calls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large a pool may grow, how fast, and when it shrinks."""

    instances: int = 100
    waiting: int = 1000  #: Calls, apart from those for which an instance may still be started.
    idle_s: float = 60.0
    patience_ms: float = 5.0  #: How long a call waits before an instance is started for it.
    starting_at_once: int = 2
    #: The same for calls so short that they end within the patience. More processes than these
    #: make no short call quicker, and each that starts makes those wait that are under way.
    linger_ms: float = 20.0
    few: int = 8


class Scene(NamedTuple):
    """A pool at one moment.

    `line` and `idle` are in the order of time: the call that has waited longest comes first, and
    so does the instance that has been idle longest.
    """

    line: Mapping[int, float]  #: Each waiting call, and since when.
    idle: Mapping[str, float]  #: Each idle instance, and since when.
    starting: int = 0
    busy: int = 0
    floor: int = 0  #: Instances that were asked for ahead of any call.
    room: int = 0  #: How many more instances the whole fleet has room for.
    owed: int = 0  #: Instances that are due to other pools.
    pace_s: float = NEVER  #: How long a call takes, of late; unknown before the first has ended.
    retired: bool = False


class Plan(NamedTuple):
    """Orders for the pool. It carries them out; it does not second-guess them."""

    assign: Sequence[tuple[int, str]] = ()  #: (call, instance) pairs.
    start: int = 0
    stop: Sequence[str] = ()
    short: int = 0  #: Starts that would have been ordered, had the fleet had room.
    wake_at: float = NEVER  #: When the answer changes although nothing else does.


def plan(scene: Scene, limits: Limits, now: float) -> Plan:
    """Seat the waiting calls, oldest first, and size the pool for the rest.

    What is owed to other pools goes first. An idle instance, the one used last, takes the oldest
    call; those that are left idle too long are let go, of a retired pool all of them. The first
    instance is started at once, and each further one only for a call that has lost patience: a
    short wait is cheaper than a process. Where calls are short there are few, and late: else
    each start would slow the others, make them wait, and so call for the next.
    """
    idle = list(scene.idle.items())
    kept = idle[scene.owed :]
    assign = [(call, name) for call, (name, _) in zip(scene.line, reversed(kept), strict=False)]
    free = kept[: len(kept) - len(assign)]
    wish, wake_at = _wish(scene, len(kept), len(assign), limits, now)
    start = min(wish, max(0, scene.room))
    if start < wish:
        wake_at = min(wake_at, now + ASK_AGAIN_S)
    idle_s = 0.0 if scene.retired else limits.idle_s
    spare = max(0, len(kept) + scene.busy + scene.starting + start - scene.floor)
    stale = [one for one in free if one[1] + idle_s <= now]
    if len(stale) < len(free):
        wake_at = min(wake_at, free[len(stale)][1] + idle_s)
    stop = [name for name, _ in (*idle[: scene.owed], *stale[:spare])]
    return Plan(assign, start, stop, wish - start, wake_at)


def _wish(scene: Scene, kept: int, seated: int, limits: Limits, now: float) -> tuple[int, float]:
    """Return how many instances to start, were there room, and when it will be more."""
    here = kept + scene.starting + scene.busy
    allowed = min(limits.starting_at_once - scene.starting, limits.instances - here)
    if allowed <= 0:
        return 0, NEVER
    short = scene.pace_s * 1000 < limits.patience_ms
    patience_s = (limits.linger_ms if short else limits.patience_ms) / 1000
    useful = max(0, min(allowed, limits.few - here) if short else allowed)
    line = list(islice(scene.line.values(), seated, seated + scene.starting + useful))
    impatient = sum([since + patience_s <= now for since in line])
    first = 1 if line and not here else 0
    wish = min(allowed, max(impatient - scene.starting, first, scene.floor - here, 0))
    patient = line[scene.starting + wish :]
    return wish, patient[0] + patience_s if patient else NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one pool has and lacks, as its fleet sees it."""

    instances: int  #: Starting, idle and busy, less those that it owes.
    coming: int = 0  #: Instances that it gives up, or is about to.
    short: int = 0  #: Starts that it had no room for.
    idle_since: float = NEVER  #: Of the instance that has been idle longest.
    waiting_since: float = NEVER  #: Of the call that has waited longest.

    @property
    def need(self) -> tuple[bool, float]:
        """The smaller, the more urgent: a pool with nothing at all comes before the others."""
        return self.instances > 0, self.waiting_since


def lender(pools: Sequence[Holding], now: float) -> int | None:
    """Return the place of the pool that gives up its next instance, or None while none has to.

    The instance that has been idle longest goes first. A pool's last one is spared for a while,
    or a rarely called version (a canary) would be cold at each call whenever its sister is busy.
    Where nothing is idle and a pool has no instance at all, the largest pool gives way: no
    version is kept from running by another.
    """
    coming = sum(pool.coming for pool in pools)
    starved = sum(pool.short > 0 and not pool.instances for pool in pools) > coming
    if not starved and sum(pool.short for pool in pools) <= coming:
        return None
    idle = [
        (pool.idle_since, place)
        for place, pool in enumerate(pools)
        if pool.idle_since < NEVER
        and (starved or pool.instances > 1 or pool.idle_since + SPARED_S <= now)
    ]
    if idle:
        return min(idle)[1]
    largest = max(range(len(pools)), key=lambda place: pools[place].instances)
    return largest if starved and pools[largest].instances else None
