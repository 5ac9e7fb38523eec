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
#: An instance may go by so large a share of its age early, for not all of a pool to go at once.
EARLY = 0.2
#: After starts that failed, the next one that no call waits for comes no later than this.
LONGEST_PAUSE_S = 60.0


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
    seats: int = 1  #: Calls that one instance runs at a time.
    max_age_s: float = NEVER  #: How old an instance may be; one that runs a call ends it first.


def lasts_s(limits: Limits, draw: float) -> float:
    """Return how long an instance is kept at most; `draw` is uniform in [0, 1)."""
    return limits.max_age_s * (1 - EARLY * draw)


def again_at(failures: int, since: float) -> float:
    """Return when to start ahead of calls again, so many starts having failed in a row."""
    if not failures:
        return -NEVER
    return since + min(LONGEST_PAUSE_S, 2.0 ** min(failures - 1, 10))


def kept_warm(held: int, ready: int, before: int, *, ageing: bool) -> int:
    """Return how many of its instances a pool keeps, so many being held.

    As many as are ready, and one where none is. While one of them is too old they are no more
    than they were `before`: a successor takes a place, and does not add one.
    """
    return min(held, max(1, min(ready, before) if ageing else ready))


class Scene(NamedTuple):
    """A pool at one moment.

    `line`, `idle` and `open` are in the order of time: the call that has waited longest comes
    first, and so does the instance that has been idle, or not been full, for longest.
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
    due: Mapping[str, float] = {}  #: When each idle instance is too old; never, if it is not here.
    paused_until: float = -NEVER  #: No instance is started ahead of a call before this.
    open: Mapping[str, int] = {}  #: Busy instances that have seats left, and how many.
    warm: int = 0  #: Instances to keep, where the fleet has room for them: see `kept_warm`.

    @property
    def kept(self) -> int:
        """How many instances do not go, however long they are idle."""
        return max(self.floor, self.warm)

    def too_old(self, name: str, now: float) -> bool:
        """Tell whether an idle instance is to be replaced."""
        return self.due.get(name, NEVER) <= now


class Plan(NamedTuple):
    """Orders for the pool. It carries them out; it does not second-guess them."""

    assign: Sequence[tuple[int, str]] = ()  #: (call, instance) pairs.
    start: int = 0
    stop: Sequence[str] = ()
    short: int = 0  #: Starts that would have been ordered, had the fleet had room.
    wake_at: float = NEVER  #: When the answer changes although nothing else does.


def plan(scene: Scene, limits: Limits, now: float) -> Plan:
    """Seat the waiting calls, oldest first, and size the pool for the rest.

    What is owed to other pools goes first (idle instances, else those that were not full for
    longest, which take no more calls until they are idle), then what was idle too long (of a
    retired pool, all that nobody waits for), then what is too old. A seat beside others is taken
    before an idle instance, and of the idle ones the one used last takes the oldest call. The
    first instance is started at once, and each further one only for a call that has lost
    patience: a short wait is cheaper than a process. Where calls are short there are few, and
    late: else each start would slow the others, make them wait, and so call for the next.

    Of those that are too old, as many go as leave the floor standing, and one at least: the last
    one serves on until its successor is there. Only where the pool may be no larger does one go
    before. One that has guests, and seats left, has a successor started as well. Those that are
    kept warm are a floor too, but nobody has to make room for it.
    """
    stay = list(scene.idle)[scene.owed :]
    beside = list(scene.open.items())[max(0, scene.owed - len(scene.idle)) :]
    wanted = -(-max(0, len(scene.line) - sum([free for _, free in beside])) // limits.seats)
    idle_s = 0.0 if scene.retired else limits.idle_s
    spare = min(len(stay) + scene.busy - scene.kept, len(stay) - wanted)
    stale = [name for name in stay if scene.idle[name] + idle_s <= now]
    stale.sort(key=lambda name: not scene.too_old(name, now))
    out = frozenset(stale[: max(0, spare)])
    stay = [name for name in stay if name not in out]
    old = [] if scene.retired else [name for name in stay if scene.too_old(name, now)]
    gone = frozenset(old[: _replaced(scene, limits, len(stay) + scene.busy)])
    stay = [name for name in stay if name not in gone]
    alone = [(name, limits.seats) for name in stay]
    seats = (name for name, free in reversed(alone + beside) for _ in range(free))
    assign = list(zip(scene.line, seats, strict=False))
    ageing = sum([scene.too_old(name, now) for name in scene.open])
    counts = (len(stay), len(assign), len(old) - len(gone) + ageing)
    wish, extra, wake_at = _wish(scene, counts, limits, now)
    start = min(wish + extra, max(0, scene.room))
    if start < wish + extra:
        wake_at = min(wake_at, now + ASK_AGAIN_S)
    woken = -(-max(0, len(assign) - sum([free for _, free in beside])) // limits.seats)
    for name in stay[: len(stay) - woken]:
        ends = (scene.idle[name] + idle_s, scene.due.get(name, NEVER))
        wake_at = min(wake_at, *(end if end > now else NEVER for end in ends))
    kept = frozenset(stay)
    stop = [name for name in scene.idle if name not in kept]
    return Plan(assign, start, stop, max(0, wish - start), wake_at)


def _replaced(scene: Scene, limits: Limits, ready: int) -> int:
    """Return how many instances can go, if they are old: others stand for them, or never will."""
    if ready >= limits.instances and not scene.starting:
        return max(ready - limits.instances + 1, ready - max(scene.kept, 1))
    return max(0, ready - max(scene.kept, 1))


def _wish(
    scene: Scene, counts: tuple[int, int, int], limits: Limits, now: float
) -> tuple[int, int, float]:
    """Return how many instances to start, were there room, and when it will be more.

    The second number is of those to start besides, if there is room, but not to make room for.
    The counts are of the idle ones that stay, of the calls that are seated, and of the instances
    that are too old.
    """
    idle, seated, old = counts
    here = idle + scene.starting + scene.busy
    allowed = min(limits.starting_at_once - scene.starting, limits.instances - here)
    if allowed <= 0:
        return 0, 0, NEVER
    short = scene.pace_s * 1000 < limits.patience_ms
    patience_s = (limits.linger_ms if short else limits.patience_ms) / 1000
    useful = max(0, min(allowed, limits.few - here) if short else allowed)
    most = seated + (scene.starting + useful) * limits.seats
    line = list(islice(scene.line.values(), seated, most))
    impatient = -(-sum([since + patience_s <= now for since in line]) // limits.seats)
    first = 1 if line and not here else 0
    # The successor of the last one, if it is kept warm, waits for room like all that is.
    ahead = max(scene.floor, 1 if old and not scene.warm else 0) - (here - old)
    warm = scene.warm - (here - old)
    wish, extra = max(impatient - scene.starting, first, 0), 0
    wake_at = NEVER
    if max(ahead, warm) > wish and scene.paused_until > now:
        wake_at = scene.paused_until
    else:
        wish, extra = max(wish, ahead), warm
    wish = min(allowed, wish)
    patient = line[(scene.starting + wish) * limits.seats :]
    wake_at = min(wake_at, patient[0] + patience_s if patient else NEVER)
    return wish, max(0, min(allowed, extra) - wish), wake_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one pool has and lacks, as its fleet sees it."""

    instances: int  #: Starting, idle and busy, less those that it owes.
    keeps: int = 0  #: Instances that it lends to nobody: they are provisioned.
    held: int = 0  #: Instances that it lends only where no other is idle: they are kept warm.
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
    version is kept from running by another. What is kept warm goes after all else that is idle.
    What is provisioned is never lent.
    """
    coming = sum(pool.coming for pool in pools)
    starved = sum(pool.short > 0 and not pool.instances for pool in pools) > coming
    if not starved and sum(pool.short for pool in pools) <= coming:
        return None
    idle = [
        (pool.instances <= pool.held, pool.idle_since, place)
        for place, pool in enumerate(pools)
        if pool.idle_since < NEVER
        and pool.instances > pool.keeps
        and (starved or pool.instances > 1 or pool.idle_since + SPARED_S <= now)
    ]
    if idle:
        return min(idle)[2]
    largest = max(range(len(pools)), key=lambda place: _spare(pools[place]))
    return largest if starved and _spare(pools[largest]) > 0 else None


def _spare(pool: Holding) -> int:
    return pool.instances - pool.keeps
