"""Loading: all that is kept, as the effects that it had when it was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import structlog
from sqlalchemy import Connection, RowMapping, Select, select

from huidu.model.effect import (
    AliasKept,
    Effect,
    FunctionKept,
    ProvisionChanged,
    ReservationChanged,
    ServiceKept,
    TriggersChanged,
    VersionKept,
    WebhookKept,
)
from huidu.model.function import Function
from huidu.store import rows
from huidu.store.reading import Reading
from huidu.store.tables import ALIAS, FUNCTION, PROVISION, RESERVATION, TRIGGER, VERSION

log = structlog.get_logger("huidu.catalog")


def everything(connection: Connection) -> Iterator[Effect]:
    """Yield the effects of all that is kept, in an order in which they can be taken over."""
    reading = Reading(connection)
    yield from (WebhookKept(webhook.id) for webhook in reading.webhooks())
    yield from _functions(connection)
    yield from _services(reading)
    yield from reading.access.everything()
    yield from reading.keys.everything()
    yield from reading.mirrors.everything()
    yield from reading.events.everything()
    yield from reading.destinations.everything()


class Ordered:
    """The rows of a table, function by function: each is in memory for as long as it is read."""

    def __init__(self, connection: Connection, query: Select[tuple[object, ...]]) -> None:
        self._rows = iter(connection.execute(query).mappings())
        self._ahead = next(self._rows, None)

    def of(self, function: Function) -> Iterator[RowMapping]:
        """Yield the rows of a function; to be asked for in the order of ids.

        Rows before them, of a function that there is not, are passed over.
        """
        while self._ahead is not None and (owner := self._ahead["function_id"]) <= function.id:
            if owner == function.id:
                yield self._ahead
            self._ahead = next(self._rows, None)


def _functions(connection: Connection) -> Iterator[Effect]:
    """Yield all functions with what is their own.

    One question for each table, not for each function: of 10,000 functions with 10 versions and
    5 aliases, that and what `rows` remembers is read in a seventh of the time.
    """
    versions, provisions, reservations, aliases = (
        Ordered(connection, select(table).order_by(*table.primary_key))
        for table in (VERSION, PROVISION, RESERVATION, ALIAS)
    )
    newest_first = TRIGGER.c.function_id, TRIGGER.c.modified_at.desc(), TRIGGER.c.name
    triggers = Ordered(connection, select(TRIGGER).order_by(*newest_first))
    found = connection.execute(select(FUNCTION).order_by(FUNCTION.c.id)).mappings()
    for function in map(rows.function_from, found):
        named = function.named
        yield FunctionKept(function)
        kept = {row["number"]: rows.version_from(row, named) for row in versions.of(function)}
        yield from map(VersionKept, kept.values())
        for row in reservations.of(function):
            yield ReservationChanged(function, row["mb"])
        for row in provisions.of(function):
            yield ProvisionChanged(kept[row["number"]], row["wanted"])
        for row in aliases.of(function):
            yield AliasKept(rows.alias_from(row["body"], named, row["name"]))
        bound = tuple(rows.trigger_from(row, named) for row in triggers.of(function))
        if bound:
            yield TriggersChanged(function, bound)


def _services(reading: Reading) -> Iterable[Effect]:
    """Yield what is online; a service of which it cannot be read is not, and no other suffers."""
    for service in reading.services():
        try:
            served = reading.served(service)
        except msgspec.MsgspecError as error:
            log.error("service.damaged", service=service.id, reason=str(error))  # noqa: TRY400
        else:
            yield ServiceKept(served)
