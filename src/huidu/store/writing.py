"""What may be changed in the catalog, as one step with what was read before."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, delete, insert, update

from huidu.model.alias import Alias
from huidu.model.effect import (
    AliasGone,
    AliasKept,
    FunctionGone,
    FunctionKept,
    MirrorGone,
    ProvisionChanged,
    ReservationChanged,
    TriggersChanged,
    VersionGone,
    VersionKept,
)
from huidu.model.errors import InUse
from huidu.model.function import Function
from huidu.model.history import Change
from huidu.model.retry import CURRENT
from huidu.model.trigger import Trigger
from huidu.model.version import Version
from huidu.store import rows
from huidu.store.access import AccessWriting
from huidu.store.access_keys import AccessKeyWriting
from huidu.store.components import ComponentWriting
from huidu.store.destinations import DestinationWriting
from huidu.store.event_writing import EventWriting
from huidu.store.layers import LayerWriting
from huidu.store.mirrors import MirrorWriting
from huidu.store.reading import Reading
from huidu.store.rollouts import RolloutWriting
from huidu.store.service_writing import ServiceWriting
from huidu.store.tables import (
    ALIAS,
    FUNCTION,
    HISTORY,
    NAMESPACE,
    PROVISION,
    RESERVATION,
    TRIGGER,
    VERSION,
)


class Writing(Reading, ServiceWriting):
    """A reading that may also write; nothing is seen by others before it has ended."""

    def add_namespace(self, name: str, description: str, at: float) -> None:
        """Keep a new namespace."""
        row = {"name": name, "description": description, "added_at": at, "modified_at": at}
        self._connection.execute(insert(NAMESPACE).values(row))

    def add_function(self, function: Function) -> None:
        """Keep a new function; its name must be free."""
        self._connection.execute(insert(FUNCTION).values(rows.function_row(function)))
        self.effects.append(FunctionKept(function))

    def replace_function(self, function: Function) -> None:
        """Keep a function in the place of the one with its id."""
        query = update(FUNCTION).where(FUNCTION.c.id == function.id)
        self._connection.execute(query.values(rows.function_row(function)))
        self.effects.append(FunctionKept(function))

    def delete_function(self, function: Function) -> None:
        """Forget a function with its versions, aliases and triggers (D-10); not its history."""
        self._connection.execute(delete(FUNCTION).where(FUNCTION.c.id == function.id))
        self.effects.append(FunctionGone(function))

    def add_version(self, version: Version) -> None:
        """Keep a new version."""
        self._connection.execute(insert(VERSION).values(rows.version_row(version)))
        self.layers.use(version)
        self.effects.append(VersionKept(version))

    def replace_latest(self, version: Version) -> None:
        """Keep `$LATEST` in the place of the one before. A numbered version has no successor."""
        if not version.is_latest:
            raise ValueError(version.number)
        self._connection.execute(
            update(VERSION).where(_of(version)).values(rows.version_row(version))
        )
        self.layers.use(version)
        self.effects.append(VersionKept(version))

    def delete_version(self, version: Version) -> None:
        """Forget a version, and how many instances it was to have."""
        self._connection.execute(delete(VERSION).where(_of(version)))
        self.effects.append(VersionGone(version))

    def provision(self, version: Version, wanted: int, at: float) -> None:
        """Keep how many instances a version is to have at all times; 0 forgets it."""
        mine = and_(
            PROVISION.c.function_id == version.function_id, PROVISION.c.number == version.number
        )
        self._connection.execute(delete(PROVISION).where(mine))
        if wanted:
            row = {
                "function_id": version.function_id,
                "number": version.number,
                "wanted": wanted,
                "modified_at": at,
            }
            self._connection.execute(insert(PROVISION).values(row))
        self.effects.append(ProvisionChanged(version, wanted))

    def reserve(self, function: Function, mb: int | None, at: float) -> None:
        """Keep how much a function has for itself; None: nothing, and it is not limited."""
        self._connection.execute(
            delete(RESERVATION).where(RESERVATION.c.function_id == function.id)
        )
        if mb is not None:
            row = {"function_id": function.id, "mb": mb, "modified_at": at}
            self._connection.execute(insert(RESERVATION).values(row))
        self.effects.append(ReservationChanged(function, mb))

    def add_alias(self, function: Function, alias: Alias) -> None:
        """Keep a new alias."""
        self._connection.execute(insert(ALIAS).values(rows.alias_row(alias, function.id)))
        self.effects.append(AliasKept(alias))

    def replace_alias(self, function: Function, alias: Alias) -> None:
        """Keep an alias in the place of the one whose revision is one lower, or raise `InUse`."""
        mine = and_(ALIAS.c.function_id == function.id, ALIAS.c.name == alias.name)
        before = and_(mine, ALIAS.c.revision == alias.revision - 1)
        query = update(ALIAS).where(before).values(rows.alias_row(alias, function.id))
        if self._connection.execute(query).rowcount != 1:
            raise InUse("", f"Alias [{alias.name}] was changed meanwhile; read it again")
        self.effects.append(AliasKept(alias))

    def delete_alias(self, function: Function, alias: Alias) -> None:
        """Forget an alias with its mirror; its history stays."""
        mine = and_(ALIAS.c.function_id == function.id, ALIAS.c.name == alias.name)
        self._connection.execute(delete(ALIAS).where(mine))
        self.events.put_target(function, alias.name, CURRENT)
        self.effects += (AliasGone(alias), MirrorGone(function.id, alias.name))

    def add_change(self, change: Change) -> None:
        """Add a change to the history of an alias."""
        self._connection.execute(insert(HISTORY).values(rows.change_row(change)))

    def add_trigger(self, function: Function, trigger: Trigger) -> None:
        """Keep a new trigger."""
        self._connection.execute(insert(TRIGGER).values(rows.trigger_row(trigger)))
        self.effects.append(TriggersChanged(function, tuple(self.triggers(function))))

    def replace_trigger(self, function: Function, trigger: Trigger) -> None:
        """Keep a trigger in the place of the one with its type and name."""
        mine = and_(
            TRIGGER.c.function_id == function.id,
            TRIGGER.c.type == trigger.type,
            TRIGGER.c.name == trigger.name,
        )
        self._connection.execute(update(TRIGGER).where(mine).values(rows.trigger_row(trigger)))
        self.effects.append(TriggersChanged(function, tuple(self.triggers(function))))

    def delete_trigger(self, function: Function, trigger: Trigger) -> None:
        """Forget a trigger."""
        mine = and_(
            TRIGGER.c.function_id == function.id,
            TRIGGER.c.type == trigger.type,
            TRIGGER.c.name == trigger.name,
        )
        self._connection.execute(delete(TRIGGER).where(mine))
        self.effects.append(TriggersChanged(function, tuple(self.triggers(function))))

    @property
    def layers(self) -> LayerWriting:
        """The same of layers."""
        return LayerWriting(self._connection)

    @property
    def keys(self) -> AccessKeyWriting:
        """The same of access keys, and of who has signed in with them."""
        return AccessKeyWriting(self._connection, self.effects)

    @property
    def components(self) -> ComponentWriting:
        """The same of what `sls` has deployed."""
        return ComponentWriting(self._connection)

    @property
    def access(self) -> AccessWriting:
        """The same of who may call the gateway's APIs."""
        return AccessWriting(self._connection, self.effects)

    @property
    def rollouts(self) -> RolloutWriting:
        """The same of rollouts."""
        return RolloutWriting(self._connection, self.effects)

    @property
    def destinations(self) -> DestinationWriting:
        """The same of where it goes on from them."""
        return DestinationWriting(self._connection, self.effects)

    @property
    def events(self) -> EventWriting:
        """The same of events that nobody waits for."""
        return EventWriting(self._connection, self.effects)

    @property
    def mirrors(self) -> MirrorWriting:
        """The same of mirrors."""
        return MirrorWriting(self._connection, self.effects)


def _of(version: Version) -> ColumnElement[bool]:
    return and_(VERSION.c.function_id == version.function_id, VERSION.c.number == version.number)
