"""Fleet: the pools of all versions, and the room that they share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from huidu.instances.claim import Carriage, Claim, Running
from huidu.instances.guests import Numbers
from huidu.instances.outcomes import Ending, StartFailed
from huidu.instances.pool import Pool
from huidu.instances.recipe import Make
from huidu.instances.shares import Shares, Tenancy
from huidu.model.capacity import Limits, Retired
from huidu.model.carrying import Passenger
from huidu.model.effect import Effect, ProvisionChanged
from huidu.model.function import FunctionName
from huidu.model.log import Chunk
from huidu.model.sharing import Holding, Tenant, in_need, lender
from huidu.model.standing import Standing
from huidu.model.version import Version
from huidu.model.web import web

LIMITS = Limits()
MOST_INSTANCES = 200
SOON_S = 30.0

#: Which version a pool runs: the function's id, the version's number and its digest.
Key = tuple[str, str, str]


class Workshop(Protocol):
    """Where instances come from."""

    def maker(self, version: Version) -> Make: ...


@dataclass(frozen=True, slots=True)
class Stats:
    """What a fleet holds at one moment."""

    instances: int
    most: int
    pools: Mapping[Key, Numbers]

    @property
    def total(self) -> Numbers:
        """The numbers of all pools together."""
        every = self.pools.values()
        return Numbers(
            starting=sum(numbers.starting for numbers in every),
            idle=sum(numbers.idle for numbers in every),
            busy=sum(numbers.busy for numbers in every),
            waiting=sum(numbers.waiting for numbers in every),
        )


def key_of(version: Version) -> Key:
    """Return which pool serves a version."""
    return version.function_id, version.number, version.digest


class Fleet:
    """Lends instances of any version, with never more than `most` of them at once."""

    def __init__(
        self,
        workshop: Workshop,
        limits: Limits = LIMITS,
        most: int = MOST_INSTANCES,
        draw: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._workshop = workshop
        self._limits = limits
        self._shares = Shares(most)
        self._draw = draw
        self._pools: dict[Key, Pool[Running]] = {}
        self._versions: dict[Key, Version] = {}
        self._warming: set[asyncio.Task[None]] = set()
        self._balancing = False
        self._closed = False

    def claim(self, version: Version, *, later: bool = False) -> Claim:
        """Hold an instance for the length of an `async with`, which may raise `Busy` or `Retired`.

        What it yields has `run(task) -> Outcome`. `later`: for a call that nobody waits for.
        """
        return Claim(lambda: self.pool(version), later=later)

    def carry(self, version: Version, passenger: Passenger, *, later: bool = False) -> Carriage:
        """Have an instance run a call, and the call told what came of it, perhaps at once."""
        carriage = Carriage(self.pool, version, passenger, later=later)
        carriage.go()
        return carriage

    async def warm(self, version: Version, count: int = 1) -> Ending | None:
        """Have so many instances ready; return None, or what keeps the version from starting.

        Raises `Retired` where the version goes while it is warmed. A pool that is being retired
        takes calls again: the version is about to be live.
        """
        pool = self.pool(version)
        pool.revive()
        try:
            await pool.warm(count)
        except StartFailed as failure:
            return failure.ending
        return None

    async def ready(self, version: Version, count: int) -> str:
        """Have so many instances ready, as far as there is room; return why not, or nothing."""
        tenancy = self._tenancy(version)
        if (stopped := tenancy.stopped) is not None:
            return str(stopped)
        try:
            room = self.pool(version).numbers.ready + tenancy.room
            ending = await self.warm(version, min(count, max(1, room)))
        except Retired as gone:
            return str(gone)
        return ending.message if ending else ""

    def soon(self, version: Version, count: int) -> None:
        """Begin to have so many instances ready, as far as there is room; it may go wrong."""
        task = asyncio.get_running_loop().create_task(self._ready_in_time(version, count))
        self._warming.add(task)
        task.add_done_callback(self._warming.discard)

    async def _ready_in_time(self, version: Version, count: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SOON_S):
                await self.ready(version, count)

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take over how many instances there are to be at all times, and what is reserved."""
        for function_id in self._shares.apply(effects):
            for key, pool in self._pools.items():
                if key[0] == function_id:
                    pool.stop(self._tenancy(self._versions[key]).stopped)
            self._balance()
        for effect in effects:
            if isinstance(effect, ProvisionChanged) and not self._closed:
                self.pool(effect.version).provide(effect.wanted)

    def hold(self, version: Version, count: int) -> None:
        """Keep up to so many of the instances of a live version, called or not; return at once.

        A version that has none has one started, as soon as there is room. What is held is lent to
        versions that have no room for a call where nothing else is idle. A version that goes
        forgets it. Cheap where the count is as before.
        """
        if self._closed or not (count or key_of(version) in self._pools):
            return
        pool = self.pool(version)
        pool.hold(count)
        if pool.empty:
            self._balance()

    def release(self, version: Version) -> None:
        """Let instances of a version go again when they are idle for too long."""
        self.hold(version, 0)

    def retire(self, live: Container[Key]) -> None:
        """Close the pools of versions that are gone: call it as the route table is swapped.

        They take no new calls (`Retired`), let those that they have come to their end, and stop.
        """
        for key, pool in tuple(self._pools.items()):
            if key in live:
                pool.revive()
            else:
                pool.retire()
        self._balance()

    async def kill(self, version: Version) -> None:
        """End all instances of a version, whatever they are doing, and return once they are gone.

        Calls that run end with status 405, calls that wait with `Retired`.
        """
        pool = self._pools.get(key_of(version))
        if pool is not None:
            pool.end()
            await pool.drained()
            self._balance()

    async def close(self, grace_s: float) -> None:
        """Take no more calls, let those under way end in time, then end what is left."""
        self._closed = True
        pools = tuple(self._pools.values())
        for pool in pools:
            pool.retire()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(grace_s):
                    await asyncio.gather(*(pool.drained() for pool in pools))
        finally:
            for pool in pools:
                pool.end()
        await asyncio.gather(*(pool.drained() for pool in pools))

    def stats(self) -> Stats:
        """Return the numbers of every pool."""
        pools = {key: pool.numbers for key, pool in self._pools.items()}
        return Stats(self._shares.instances, self._shares.most, pools)

    def held(self) -> Mapping[Key, int]:
        """Return how many instances of each version are ready for calls, or have one."""
        return {key: pool.numbers.ready for key, pool in self._pools.items()}

    def standings(self) -> Sequence[Standing]:
        """Return how things stand with each version that has instances, or is to have some."""
        return [_standing(self._versions[key], pool) for key, pool in self._pools.items()]

    def stopped(self, version: Version) -> bool:
        """Tell whether no call of a version is to be run."""
        return self._tenancy(version).stopped is not None

    def interrupt(self, request_id: str) -> bool:
        """Tell the instance to end that runs a call; return whether there is one."""
        every = (one for pool in self._pools.values() for one in pool.crew.lent())
        return any(one.interrupt(request_id) for one in every)

    @property
    def spare(self) -> int:
        """How many more calls could be run at once, beside those that wait."""
        total = self.stats().total
        return self.room + total.idle - total.waiting

    def reserved(self) -> Sequence[tuple[FunctionName, Tenant]]:
        """Return the functions that have something for themselves, and what they have of it."""
        return tuple(self._shares.reserved())

    def printing(self, least_s: float) -> Iterator[Chunk]:
        """Yield what calls that have run for so long have printed since this was asked last."""
        for pool in self._pools.values():
            for instance in pool.crew.lent():
                if (chunk := instance.printing(least_s)) is not None:
                    yield chunk

    def __repr__(self) -> str:
        stats = self.stats()
        total = stats.total
        return (
            f"<Fleet: {len(stats.pools)} pools; {stats.instances} of {stats.most} instances: "
            f"{total.busy} busy, {total.idle} idle, {total.starting} starting; "
            f"{total.waiting} calls waiting{'; closed' if self._closed else ''}>"
        )

    def pool(self, version: Version) -> Pool[Running]:
        """Return the pool that serves a version, or raise `Retired` once the fleet is closed."""
        if self._closed:
            raise Retired
        key = key_of(version)
        pool = self._pools.get(key)
        if pool is None:
            make = self._workshop.maker(version)
            limits = replace(self._limits, seats=web(version.configuration).concurrency)
            tenancy = self._tenancy(version)
            pool = Pool(make, limits, asyncio.get_running_loop(), tenancy, self._draw)
            pool.stop(tenancy.stopped)
            self._pools[key], self._versions[key] = pool, version
        return pool

    def _tenancy(self, version: Version) -> Tenancy:
        share = version.function_id, version.configuration.memory_mb
        return Tenancy(self._shares, share, self._cramped, self._balance)

    def _of(self, function_id: str) -> Sequence[Pool[Running]]:
        return [pool for key, pool in self._pools.items() if key[0] == function_id]

    @property
    def crowded(self) -> bool:
        """Whether a call waits for an instance."""
        return any(pool.waits for pool in self._pools.values())

    @property
    def room(self) -> int:
        """How many more instances there may be, of functions that were promised none."""
        return self._shares.room

    def _cramped(self) -> None:
        """See, once the pool that says so has settled, who can make room for it."""
        if not self._balancing:
            self._balancing = True
            asyncio.get_running_loop().call_soon(self._balance)

    def _balance(self) -> None:
        """Forget pools that are empty, and share what room there is among the others."""
        self._balancing = False
        self._pools = {key: pool for key, pool in self._pools.items() if not pool.empty}
        self._versions = {key: self._versions[key] for key in self._pools}
        pools = tuple(self._pools.values())
        self._balancing = True  # Whoever says now that it is cramped is heard below.
        for needy in in_need(self._holdings()):
            if pools[needy].landlord.room > 0:
                pools[needy].settle()
        self._balancing = False
        now = asyncio.get_running_loop().time()
        while (place := lender(self._holdings(), now)) is not None:
            pools[place].owe()
        if not any(pool.holding.short for pool in pools):
            for pool in pools:
                pool.forgive()
        self._shrink()

    def _shrink(self) -> None:
        """Have functions give up what they have above what they may have."""
        for key, pool in self._pools.items():
            excess = self._tenancy(self._versions[key]).excess
            if excess:
                excess -= sum(one.holding.coming for one in self._of(key[0]))
                for _ in range(min(excess, pool.holding.spare)):
                    pool.owe()

    def _holdings(self) -> Sequence[Holding]:
        """Return what the pools have and lack, each beside what its function has."""
        found = []
        for key, pool in self._pools.items():
            tenancy = self._tenancy(self._versions[key])
            found.append(
                replace(
                    pool.holding,
                    function=key[0],
                    promised=tenancy.tenant.promised,
                    capped=tenancy.capped,
                )
            )
        return found


def _standing(version: Version, pool: Pool[Running]) -> Standing:
    numbers, failure = pool.numbers, pool.crew.failure
    return Standing(
        function=version.function,
        function_id=version.function_id,
        number=version.number,
        starting=numbers.starting,
        idle=numbers.idle,
        busy=numbers.busy,
        waiting=numbers.waiting,
        short=pool.holding.short,
        provisioned=pool.provided,
        failure=_in_words(failure) if failure else "",
    )


def _in_words(failure: BaseException) -> str:
    return failure.ending.message if isinstance(failure, StartFailed) else str(failure)
