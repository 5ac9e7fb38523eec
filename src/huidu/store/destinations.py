"""What the catalog keeps of where it goes on from asynchronous events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from huidu.model.destination import Destination, Destinations
from huidu.model.effect import DestinationsKept, Effect
from huidu.model.function import Function, FunctionName
from huidu.store.tables import DESTINATION


class DestinationReading:
    """Questions to the catalog about destinations."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, function: Function) -> Destinations:
        """Return where it goes on from the events of a function."""
        return self._all().get(function.id, {})

    def everything(self) -> Sequence[Effect]:
        """Return all that is kept of this, as if it had just been written."""
        return [DestinationsKept(function_id, kept) for function_id, kept in self._all().items()]

    def _all(self) -> Mapping[str, Destinations]:
        found: dict[str, dict[str, Destination]] = defaultdict(dict)
        for row in self._connection.execute(select(DESTINATION)):
            named = FunctionName(row.namespace, row.function) if row.function else None
            found[row.function_id][row.side] = Destination(
                function=named, qualifier=row.qualifier, webhook=row.webhook_id
            )
        return found


class DestinationWriting(DestinationReading):
    """A reading that may also write."""

    def __init__(self, connection: Connection, effects: list[Effect]) -> None:
        super().__init__(connection)
        self._effects = effects

    def put(self, function: Function, destinations: Destinations) -> None:
        """Keep where it goes on from the events of a function; nowhere else."""
        mine = DESTINATION.c.function_id == function.id
        self._connection.execute(delete(DESTINATION).where(mine))
        rows = [
            {
                "function_id": function.id,
                "side": side,
                "namespace": one.function.namespace if one.function else "",
                "function": one.function.name if one.function else "",
                "qualifier": one.qualifier,
                "webhook_id": one.webhook,
            }
            for side, one in destinations.items()
        ]
        if rows:
            self._connection.execute(insert(DESTINATION), rows)
        self._effects.append(DestinationsKept(function.id, destinations))
