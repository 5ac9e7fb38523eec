"""Sharing: which pools of a fleet give way to which, and what is promised to whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from huidu.model.capacity import NEVER
from huidu.model.standing import most_provisioned

#: The last instance of a pool is not taken for one that has instances, until it idled so long.
SPARED_S = 5.0
#: A function has so many instances more than another before it gives one up: with one more the two
#: would only change places.
UNFAIR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """What a function has for itself: at least so much, and at most. In MB, as the cloud counts."""

    mb: int
    unit_mb: int  #: Of an instance of `$LATEST`.

    @property
    def instances(self) -> int:
        """How many instances of `$LATEST` that is."""
        return self.mb // self.unit_mb


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """What a function has of a fleet."""

    instances: int = 0
    used_mb: int = 0  #: Of all of them together.
    reserved: Reserved | None = None

    @property
    def promised(self) -> int:
        """How many instances it can have at any time, whoever else wants some."""
        return self.reserved.instances if self.reserved else 0

    @property
    def outstanding(self) -> int:
        """How many of those it does not have: nobody else may have that room."""
        return max(0, self.promised - self.instances)

    @property
    def beyond(self) -> int:
        """How many it has beyond what it was promised."""
        return max(0, self.instances - self.promised)

    def stopped(self, memory_mb: int) -> bool:
        """Whether no call of a version is to be run: what is reserved has no room for one."""
        return self.reserved is not None and self.reserved.mb < memory_mb

    def headroom(self, memory_mb: int) -> float:
        """How many more instances of a version it may have by its own limit; less than 0: fewer."""
        return (self.reserved.mb - self.used_mb) // memory_mb if self.reserved else NEVER

    def takes(self, instances: int, memory_mb: int) -> Tenant:
        """Return it with so many instances more, or fewer."""
        used_mb = self.used_mb + instances * memory_mb
        return replace(self, instances=self.instances + instances, used_mb=used_mb)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a fleet has room for."""

    most: int
    instances: int = 0
    outstanding: int = 0  #: Promised, to whomever, and not there.
    beyond: int = 0  #: Of those that are there, how many nobody was promised.

    @property
    def free(self) -> int:
        """How many more instances there may be."""
        return self.most - self.instances

    def without(self, tenant: Tenant) -> int:
        """Return how many more a function may have that keeps out of what others were promised.

        Where more was promised than there is (somebody has set a smaller `max_instances`, or a
        smaller `MemorySize`), a part is left for all the same.
        """
        others = self.outstanding - tenant.outstanding
        unpromised = self.most - most_provisioned(self.most)
        return max(self.free - others, min(self.free, unpromised - self.beyond))


def room_for(tenant: Tenant, memory_mb: int, room: Room) -> int:
    """Return how many more instances of a version there may be."""
    return int(min(room.without(tenant), tenant.headroom(memory_mb)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one pool has and lacks, as its fleet sees it."""

    instances: int  #: Starting, idle and busy, less those that it owes.
    function: str = ""
    promised: int = 0  #: Instances that its function is to have whoever wants some.
    capped: bool = False  #: Whether its function may have no more, whatever room there is.
    keeps: int = 0  #: Instances that it lends to nobody: they are provisioned.
    held: int = 0  #: Instances that it lends only where no other is idle: they are kept warm.
    later: int = 0  #: Instances that run what nobody waits for.
    coming: int = 0  #: Instances that it gives up, or is about to.
    short: int = 0  #: Starts that it had no room for.
    yields: bool = False  #: Whether nobody waits for the calls that it is short for.
    idle_since: float = NEVER  #: Of the instance that has been idle longest.
    waiting_since: float = NEVER  #: Of the call that has waited longest.

    @property
    def spare(self) -> int:
        """How many instances it could give up at most."""
        return self.instances - self.keeps


def in_need(pools: Sequence[Holding]) -> Sequence[int]:
    """Return the places of the pools that lack room, whoever is to have the next one first.

    A pool with nothing at all comes before the others, calls that somebody waits for before those
    that nobody does, a function that was promised more before one that has what it was promised,
    and then whoever has less. So the room that a flood gives up does not go back to it.
    """
    totals = _totals(pools)
    return sorted(
        (place for place, pool in enumerate(pools) if pool.short),
        key=lambda place: _need(pools[place], totals),
    )


def _need(pool: Holding, totals: Mapping[str, int]) -> tuple[bool, bool, bool, int, int, float]:
    total = totals[pool.function]
    return (
        pool.instances > 0,
        pool.yields,
        total >= pool.promised,
        total,
        pool.instances,
        pool.waiting_since,
    )


def _totals(pools: Sequence[Holding]) -> Mapping[str, int]:
    totals = Counter[str]()
    for pool in pools:
        totals[pool.function] += pool.instances
    return totals


def lender(pools: Sequence[Holding], now: float) -> int | None:
    """Return the place of the pool that gives up its next instance, or None while none has to.

    The instance that has been idle longest goes first. A pool's last one is spared for a while,
    or a rarely called version (a canary) would be cold at each call whenever its sister is busy.
    Where nothing is idle and a pool has no instance at all, the largest pool gives way: no
    version is kept from running by another. What is kept warm goes after all else that is idle.
    What is provisioned is never lent, nor what a function was promised.

    Where nothing is idle and a call waits that somebody waits for, whoever runs what nobody waits
    for gives way, then the function that has more than its share, then the version that has.

    A function that may have no more shares what it has among its own versions, in the same way.
    """
    for function in dict.fromkeys(pool.function for pool in pools if pool.capped and pool.short):
        own = [place for place, pool in enumerate(pools) if pool.function == function]
        place = _lender([replace(pools[mine], promised=0) for mine in own], now)
        if place is not None:
            return own[place]
    return _lender([replace(pool, short=0) if pool.capped else pool for pool in pools], now)


def _lender(pools: Sequence[Holding], now: float) -> int | None:
    coming = sum(pool.coming for pool in pools)
    starved = sum(pool.short > 0 and not pool.instances for pool in pools) > coming
    if not starved and sum(pool.short for pool in pools) <= coming:
        return None
    totals = _totals(pools)
    able = [
        place
        for place, pool in enumerate(pools)
        if pool.spare > 0 and totals[pool.function] > pool.promised
    ]
    idle = [
        (pools[place].instances <= pools[place].held, pools[place].idle_since, place)
        for place in able
        if pools[place].idle_since < NEVER
        and (starved or pools[place].instances > 1 or pools[place].idle_since + SPARED_S <= now)
    ]
    if idle:
        return min(idle)[2]
    if starved:
        return max(able, key=lambda place: pools[place].spare, default=None)
    # What is on its way is for those who need it most; who comes then?
    needy = [place for place in in_need(pools) for _ in range(pools[place].short)][coming:]
    if not needy or pools[needy[0]].yields:
        return None
    others = [place for place in able if pools[place].instances > 1 and place != needy[0]]
    return _unfair(pools, totals, needy[0], others)


def _unfair(
    pools: Sequence[Holding], totals: Mapping[str, int], needy: int, able: Sequence[int]
) -> int | None:
    """Return the place of the pool that has too much, beside one that has calls waiting."""
    taker = pools[needy]
    mine = totals[taker.function]
    later = [place for place in able if pools[place].later]
    if later:
        return max(later, key=lambda place: pools[place].later)
    owed = mine < taker.promised
    others = [
        place
        for place in able
        if pools[place].function != taker.function
        and (owed or totals[pools[place].function] >= mine + UNFAIR)
    ]
    if others:
        return max(others, key=lambda at: (totals[pools[at].function], pools[at].spare))
    siblings = [
        place
        for place in able
        if pools[place].function == taker.function
        and pools[place].instances >= taker.instances + UNFAIR
    ]
    return max(siblings, key=lambda place: pools[place].spare, default=None)
