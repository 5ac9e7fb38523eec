"""Capacity: what a pool of instances should do next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

NEVER = math.inf
#: A pool that the fleet had no room for asks again after so long.
ASK_AGAIN_S = 1.0
#: Of what there is of instances, so many in a hundred are never lent to what nobody waits for.
KEPT_FREE_PERCENT = 10
#: An instance may go by so large a share of its age early, for not all of a pool to go at once.
EARLY = 0.2
#: After starts that failed, the next one that no call waits for comes no later than this.
LONGEST_PAUSE_S = 60.0


class Busy(Exception):
    """Every instance is busy and the line before them is full: status 432."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"every instance is busy, and {waiting} calls wait for one already")


class Stopped(Busy):
    """No call of the version is to be run: status 432."""

    def __init__(self, reserved_mb: int, memory_mb: int) -> None:
        why = f"its reserved concurrency is {reserved_mb} MB, and an instance has {memory_mb} MB"
        Exception.__init__(self, f"{why}: it is stopped")


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
    #: Where calls take less than this, an instance is sent the next before it has answered one: it
    #: is spared a sleep between them, and a call waits in it no longer than it would before it.
    #: Of those that take much less it is sent more (`model/ahead.py`).
    ahead_ms: float = 1.0
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


def kept_free(instances: int) -> int:
    """Return how many of so many instances are not for calls that nobody waits for."""
    return min(-(-instances * KEPT_FREE_PERCENT // 100), max(0, instances - 1))


def for_later(here: int, room: int, running: int) -> int:
    """Return how many calls that nobody waits for may be given an instance, beside the running.

    A pool that has so many instances `here`, and `room` for more, always has one that it could lend
    to a call that somebody waits for; unless it can have one alone.
    """
    could_be = max(1, here + max(0, room))
    return max(0, could_be - kept_free(could_be) - running)


def room_for_later(here: int, room: int, most: int) -> int:
    """Return how much of the room of a fleet is for calls that nobody waits for.

    A part is always left. Of that, a pool with nothing at all may have all but the last.
    """
    return room - (kept_free(most) if here else min(1, most - 1))


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
