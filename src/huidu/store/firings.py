"""Which ticks of timers have been fired: kept with the events that they put into the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, and_, select, update

from huidu.model.trigger import TIMER, Firing
from huidu.store.database import Database
from huidu.store.queue import Queue
from huidu.store.tables import TRIGGER


class Firings:
    """Timers' ticks, each of which is fired by one server, once."""

    def __init__(self, database: Database, queue: Queue) -> None:
        self._database = database
        self._queue = queue

    async def fired(self) -> Mapping[tuple[str, str], float]:
        """Return the last tick fired of each timer, by function id and name."""
        query = select(TRIGGER.c.function_id, TRIGGER.c.name, TRIGGER.c.fired_at)
        mine = query.where(TRIGGER.c.type == TIMER)
        return await self._database.read(
            lambda connection: {
                (row.function_id, row.name): row.fired_at for row in connection.execute(mine)
            }
        )

    async def fire(self, firings: Sequence[Firing]) -> int:
        """Put events into the queue, of those ticks that nobody has fired, in one step.

        Returns how many those are. A timer that was changed, closed or deleted is not fired.
        Raises `LimitExceeded` where the queue has no room, and then has fired none.
        """
        return await self._queue.put_where(
            [firing.event for firing in firings],
            lambda connection, place: _advance(connection, firings[place]),
        )


def _advance(connection: Connection, firing: Firing) -> bool:
    """Note that a tick is fired; return whether nobody has done so."""
    trigger = firing.trigger
    mine = and_(
        TRIGGER.c.function_id == trigger.function_id,
        TRIGGER.c.type == TIMER,
        TRIGGER.c.name == trigger.name,
        TRIGGER.c.enabled,
        TRIGGER.c.modified_at == trigger.modified_at,
        TRIGGER.c.fired_at < firing.at,
    )
    return connection.execute(update(TRIGGER).where(mine).values(fired_at=firing.at)).rowcount == 1
