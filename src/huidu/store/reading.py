"""What may be asked of the catalog, at one moment of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import ColumnElement, FromClause, Integer, and_, cast, func, select

from huidu.model.alias import Alias
from huidu.model.errors import NotFound
from huidu.model.function import Function, FunctionName
from huidu.model.history import Change
from huidu.model.names import LATEST
from huidu.model.trigger import TIMER, Trigger
from huidu.model.version import Version
from huidu.store import rows
from huidu.store.access import AccessReading
from huidu.store.access_keys import AccessKeyReading
from huidu.store.components import ComponentReading
from huidu.store.destinations import DestinationReading
from huidu.store.event_writing import EventReading
from huidu.store.layers import LayerReading
from huidu.store.mirrors import MirrorReading
from huidu.store.rollouts import RolloutReading
from huidu.store.service_reading import ServiceReading
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

NOBODY = FunctionName("", "")  #: Where it does not matter whose a version is.
LATEST_OF = and_(VERSION.c.function_id == FUNCTION.c.id, VERSION.c.number == LATEST)
MOST_NAMED = 1000  #: Ids in one question.


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a list is wanted, and in which order (`column` of the resource's table)."""

    offset: int = 0
    limit: int = 20  #: Below 0: all there are.
    column: str = "added_at"
    descending: bool = True


EVERY = Page(limit=-1)
NEWEST_NUMBERS = Page(limit=-1, column="number")


class Reading(ServiceReading):
    """Questions to the catalog; each answer is of the moment at which the reading began."""

    def namespace_exists(self, name: str) -> bool:
        """Tell whether there is a namespace of this name."""
        found = self._connection.execute(select(NAMESPACE).where(NAMESPACE.c.name == name))
        return found.first() is not None

    def function(self, named: FunctionName) -> Function:
        """Return a function, or raise `NotFound`, of the namespace if that is what is missing."""
        query = select(FUNCTION).where(_is_named(named))
        row = self._connection.execute(query).mappings().first()
        if row is not None:
            return rows.function_from(row)
        if not self.namespace_exists(named.namespace):
            raise NotFound("Namespace", named.namespace)
        raise NotFound("FunctionName", named.name)

    def function_ids(self) -> frozenset[str]:
        """Return the ids of all functions there are."""
        return frozenset(self._connection.execute(select(FUNCTION.c.id)).scalars())

    def functions_of(self, ids: Collection[str]) -> Sequence[Function]:
        """Return those functions of these ids that there are, by name."""
        found: list[Function] = []
        for some in _batched(ids, MOST_NAMED):
            query = select(FUNCTION).where(FUNCTION.c.id.in_(some))
            found += map(rows.function_from, self._connection.execute(query).mappings())
        return sorted(found, key=lambda function: function.named)

    def functions(
        self, namespace: str, page: Page, search: str = "", description: str = ""
    ) -> tuple[int, Sequence[tuple[Function, Version]]]:
        """Return how many functions match, and those of the page, each with its `$LATEST`."""
        there: FromClause = FUNCTION
        wanted = [FUNCTION.c.namespace == namespace]
        if search:
            wanted.append(FUNCTION.c.name.contains(search, autoescape=True))
        if description:
            there = FUNCTION.join(VERSION, LATEST_OF)
            wanted.append(VERSION.c.description.contains(description, autoescape=True))
        total = self._count(select(func.count()).select_from(there).where(*wanted))
        column = FUNCTION.c[page.column]
        query = (
            select(FUNCTION)
            .select_from(there)
            .where(*wanted)
            .order_by(column.desc() if page.descending else column.asc(), FUNCTION.c.name)
            .limit(page.limit)
            .offset(page.offset)
        )
        found = [rows.function_from(row) for row in self._connection.execute(query).mappings()]
        return total, self._with_latest(found)

    def _with_latest(self, functions: Sequence[Function]) -> Sequence[tuple[Function, Version]]:
        known = {function.id: function for function in functions}
        query = select(VERSION).where(VERSION.c.number == LATEST, VERSION.c.function_id.in_(known))
        latest = {
            row["function_id"]: rows.version_from(row, known[row["function_id"]].named)
            for row in self._connection.execute(query).mappings()
        }
        return [(one, latest[one.id]) for one in functions if one.id in latest]

    def count_functions(self, namespace: str) -> int:
        """Return how many functions a namespace has."""
        query = select(func.count()).select_from(FUNCTION)
        return self._count(query.where(FUNCTION.c.namespace == namespace))

    def version(self, function: Function, number: str) -> Version:
        """Return a version, or raise `NotFound`."""
        mine = and_(VERSION.c.function_id == function.id, VERSION.c.number == number)
        row = self._connection.execute(select(VERSION).where(mine)).mappings().first()
        if row is None:
            raise NotFound(
                "FunctionVersion", number, f"; publish it first, or see what {function.named} has"
            )
        return rows.version_from(row, function.named)

    def versions(self, function: Function, page: Page = NEWEST_NUMBERS) -> Sequence[Version]:
        """Return versions of a function: where nobody says otherwise, all, `$LATEST` first.

        By number, the newest come first; so do they among those that are alike in another column.
        """
        mine = select(VERSION).where(VERSION.c.function_id == function.id)
        if page.column != "number":
            column = VERSION.c[page.column]
            mine = mine.order_by(column.desc() if page.descending else column.asc())
        number = VERSION.c.number
        mine = mine.order_by(number != LATEST, cast(number, Integer).desc())
        found = self._connection.execute(mine.limit(page.limit).offset(page.offset)).mappings()
        return [rows.version_from(row, function.named) for row in found]

    def count_versions(self, function: Function) -> int:
        """Return how many versions a function has, `$LATEST` included."""
        query = select(func.count()).select_from(VERSION)
        return self._count(query.where(VERSION.c.function_id == function.id))

    def alias(self, function: Function, name: str) -> Alias:
        """Return an alias, or raise `NotFound`."""
        mine = and_(ALIAS.c.function_id == function.id, ALIAS.c.name == name)
        row = self._connection.execute(select(ALIAS).where(mine)).mappings().first()
        if row is None:
            raise NotFound("Alias", name)
        return rows.alias_from(row["body"], function.named, name)

    def aliases(self, function: Function, page: Page = EVERY) -> Sequence[Alias]:
        """Return aliases of a function, all or those of a page, in the order of their names."""
        mine = select(ALIAS).where(ALIAS.c.function_id == function.id).order_by(ALIAS.c.name)
        found = self._connection.execute(mine.limit(page.limit).offset(page.offset)).mappings()
        return [rows.alias_from(row["body"], function.named, row["name"]) for row in found]

    def count_aliases(self, function: Function) -> int:
        """Return how many aliases a function has, `$DEFAULT` included."""
        query = select(func.count()).select_from(ALIAS)
        return self._count(query.where(ALIAS.c.function_id == function.id))

    def history(
        self, function: Function, alias: str, offset: int, limit: int
    ) -> tuple[int, Sequence[Change]]:
        """Return how often an alias was written, and some of the changes, the newest first."""
        mine = and_(HISTORY.c.function_id == function.id, HISTORY.c.alias == alias)
        total = self._count(select(func.count()).select_from(HISTORY).where(mine))
        query = select(HISTORY).where(mine).order_by(HISTORY.c.number.desc())
        found = self._connection.execute(query.limit(limit).offset(offset))
        return total, [rows.change_from(row) for row in found.mappings()]

    def last_revision(self, function: Function, alias: str) -> int:
        """Return the newest revision that an alias of this name has had, or 0."""
        mine = and_(HISTORY.c.function_id == function.id, HISTORY.c.alias == alias)
        return self._count(select(func.coalesce(func.max(HISTORY.c.revision), 0)).where(mine))

    def change(self, function: Function, alias: str, revision: int) -> Change | None:
        """Return the change that made a revision of an alias, or None."""
        mine = and_(
            HISTORY.c.function_id == function.id,
            HISTORY.c.alias == alias,
            HISTORY.c.revision == revision,
        )
        query = select(HISTORY).where(mine).order_by(HISTORY.c.number.desc())
        row = self._connection.execute(query).mappings().first()
        return rows.change_from(row) if row is not None else None

    def triggers(self, function: Function) -> Sequence[Trigger]:
        """Return the triggers of a function, the last modified first."""
        mine = select(TRIGGER).where(TRIGGER.c.function_id == function.id)
        found = self._connection.execute(
            mine.order_by(TRIGGER.c.modified_at.desc(), TRIGGER.c.name)
        )
        return [rows.trigger_from(row, function.named) for row in found.mappings()]

    def fired(self, function: Function) -> Mapping[str, float]:
        """Return the last tick of each timer that was fired; 0 where none was."""
        query = select(TRIGGER.c.name, TRIGGER.c.fired_at).where(TRIGGER.c.type == TIMER)
        mine = query.where(TRIGGER.c.function_id == function.id)
        return {row.name: row.fired_at for row in self._connection.execute(mine)}

    def provisions(self, function: Function) -> Mapping[str, int]:
        """Return how many instances the versions of a function are to have at all times."""
        query = select(PROVISION.c.number, PROVISION.c.wanted)
        mine = query.where(PROVISION.c.function_id == function.id)
        return {row.number: row.wanted for row in self._connection.execute(mine)}

    def reserved(self, function: Function) -> int | None:
        """Return how much a function has for itself, in MB; None: it shares with all others."""
        query = select(RESERVATION.c.mb).where(RESERVATION.c.function_id == function.id)
        return self._connection.execute(query).scalar()

    def promised(self, *, but: str = "") -> int:
        """Return how many instances functions can have whatever others want, but for one by its id.

        Those are what is reserved for them; of the others, what is provisioned.
        """
        latest = and_(
            VERSION.c.function_id == RESERVATION.c.function_id, VERSION.c.number == LATEST
        )
        there_are = select(VERSION, RESERVATION.c.mb).select_from(RESERVATION.join(VERSION, latest))
        reserved = sum(
            row["mb"] // rows.version_from(row, NOBODY).configuration.memory_mb
            for row in self._connection.execute(there_are).mappings()
            if row["function_id"] != but
        )
        provisioned = select(func.coalesce(func.sum(PROVISION.c.wanted), 0)).where(
            PROVISION.c.function_id != but,
            PROVISION.c.function_id.not_in(select(RESERVATION.c.function_id)),
        )
        return int(reserved) + self._count(provisioned)

    def codes(self) -> frozenset[str]:
        """Return the SHA-256 of every package that a version or a layer refers to."""
        found = self._connection.execute(select(VERSION.c.code_sha256).distinct())
        return frozenset(found.scalars()) | self.layers.codes()

    @property
    def layers(self) -> LayerReading:
        """The same of layers."""
        return LayerReading(self._connection)

    @property
    def keys(self) -> AccessKeyReading:
        """The same of access keys, and of who has signed in with them."""
        return AccessKeyReading(self._connection)

    @property
    def components(self) -> ComponentReading:
        """The same of what `sls` has deployed."""
        return ComponentReading(self._connection)

    @property
    def access(self) -> AccessReading:
        """The same of who may call the gateway's APIs."""
        return AccessReading(self._connection)

    @property
    def rollouts(self) -> RolloutReading:
        """The same of rollouts."""
        return RolloutReading(self._connection)

    @property
    def destinations(self) -> DestinationReading:
        """The same of where it goes on from them."""
        return DestinationReading(self._connection)

    @property
    def events(self) -> EventReading:
        """The same of events that nobody waits for."""
        return EventReading(self._connection)

    @property
    def mirrors(self) -> MirrorReading:
        """The same of mirrors."""
        return MirrorReading(self._connection)

    def _count(self, query: object) -> int:
        return int(self._connection.execute(query).scalar_one())  # type: ignore[call-overload]


def _batched(ids: Collection[str], most: int) -> Iterator[list[str]]:
    """Yield so many of them at a time."""
    ahead = iter(ids)
    while some := list(islice(ahead, most)):
        yield some


def _is_named(named: FunctionName) -> ColumnElement[bool]:
    return and_(FUNCTION.c.namespace == named.namespace, FUNCTION.c.name == named.name)
