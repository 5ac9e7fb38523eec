"""Shares: who has how much of the room of a fleet, and what is promised to whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from huidu.model.capacity import Stopped
from huidu.model.effect import Effect, FunctionGone, ReservationChanged, VersionKept
from huidu.model.function import FunctionName
from huidu.model.sharing import Reserved, Room, Tenant, room_for

NOBODY = Tenant()


class Shares:
    """The books of a fleet, by function. Whoever starts an instance enters it here first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.instances = 0
        self._tenants: dict[str, Tenant] = {}
        self._units: dict[str, int] = {}  #: Memory of `$LATEST`, by function id.
        self._names: dict[str, FunctionName] = {}  #: Of those that have something reserved.
        self._outstanding = 0  #: Instances that are promised to whoever does not have them yet.
        self._beyond = 0  #: Instances that nobody was promised.

    @property
    def room(self) -> int:
        """How many more instances there may be of a function that was promised none."""
        return self._room().without(NOBODY)

    def of(self, function_id: str) -> Tenant:
        """Return what a function has."""
        return self._tenants.get(function_id, NOBODY)

    def room_of(self, function_id: str, memory_mb: int) -> int:
        """Return how many more instances there may be of a version."""
        return room_for(self.of(function_id), memory_mb, self._room())

    def _room(self) -> Room:
        return Room(
            most=self.most,
            instances=self.instances,
            outstanding=self._outstanding,
            beyond=self._beyond,
        )

    def enter(self, function_id: str, memory_mb: int, instances: int) -> None:
        """Take note of an instance more, or of one less."""
        self.instances += instances
        self._replace(function_id, self.of(function_id).takes(instances, memory_mb))

    def reserved(self) -> Iterator[tuple[FunctionName, Tenant]]:
        """Yield the functions that have something reserved."""
        for function_id, named in self._names.items():
            yield named, self.of(function_id)

    def apply(self, effects: Sequence[Effect]) -> frozenset[str]:
        """Take over what a commit says of reservations; return the functions that it concerns."""
        changed = set[str]()
        for effect in effects:
            match effect:
                case ReservationChanged(function, mb):
                    self._names.pop(function.id, None)
                    if mb is not None:
                        self._names[function.id] = function.named
                    self._reserve(function.id, mb)
                    changed.add(function.id)
                case VersionKept(version) if version.is_latest:
                    unit_mb = self._units[version.function_id] = version.configuration.memory_mb
                    reserved = self.of(version.function_id).reserved
                    if reserved is not None and reserved.unit_mb != unit_mb:
                        self._reserve(version.function_id, reserved.mb)
                        changed.add(version.function_id)
                case FunctionGone(function):
                    for kept in (self._names, self._units):
                        kept.pop(function.id, None)
                    self._reserve(function.id, None)
                case _:
                    pass
        return frozenset(changed)

    def _reserve(self, function_id: str, mb: int | None) -> None:
        before = self.of(function_id)
        reserved = None if mb is None else Reserved(mb=mb, unit_mb=self._units[function_id])
        self._replace(
            function_id,
            Tenant(instances=before.instances, used_mb=before.used_mb, reserved=reserved),
        )

    def _replace(self, function_id: str, tenant: Tenant) -> None:
        before = self.of(function_id)
        self._outstanding += tenant.outstanding - before.outstanding
        self._beyond += tenant.beyond - before.beyond
        self._tenants[function_id] = tenant
        if not tenant.instances and tenant.reserved is None:
            del self._tenants[function_id]


class Tenancy:
    """What one pool knows of the room that it shares with others."""

    def __init__(
        self,
        shares: Shares,
        version: tuple[str, int],
        cramped: Callable[[], None],
        vacated: Callable[[], None],
    ) -> None:
        self._shares = shares
        self.function_id, self._memory_mb = version
        self.cramped = cramped
        self._vacated = vacated

    @property
    def most(self) -> int:
        """How many instances there may be at all."""
        return self._shares.most

    @property
    def room(self) -> int:
        """How many more instances there may be of the version."""
        return self._shares.room_of(self.function_id, self._memory_mb)

    @property
    def tenant(self) -> Tenant:
        """What the function has."""
        return self._shares.of(self.function_id)

    @property
    def stopped(self) -> Stopped | None:
        """Why no call of the version is to be run; None where they are."""
        tenant = self.tenant
        if tenant.reserved is None or not tenant.stopped(self._memory_mb):
            return None
        return Stopped(tenant.reserved.mb, self._memory_mb)

    @property
    def capped(self) -> bool:
        """Whether the function may have no more of the version, whatever room there is."""
        return self.tenant.headroom(self._memory_mb) <= 0

    @property
    def excess(self) -> int:
        """How many instances of the version the function has too many."""
        return max(0, int(-min(0, self.tenant.headroom(self._memory_mb))))

    def let(self) -> None:
        """Take note of one more instance."""
        self._shares.enter(self.function_id, self._memory_mb, 1)

    def vacated(self) -> None:
        """Take note of one instance less."""
        self._shares.enter(self.function_id, self._memory_mb, -1)
        self._vacated()
