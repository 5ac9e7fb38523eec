"""The queue of asynchronous events: what was accepted, until it has been run."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from huidu.model.errors import LimitExceeded
from huidu.model.event import QueuedEvent
from huidu.store import rows
from huidu.store.database import Database
from huidu.store.tables import EVENT

MOST_QUEUED = 100_000


class Queue:
    """Events in the order of their acceptance; once `put` has returned an event is not lost."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, event: QueuedEvent) -> None:
        """Keep an event, or raise `LimitExceeded` where the queue is full."""

        def change(connection: Connection) -> None:
            queued = connection.execute(select(func.count()).select_from(EVENT)).scalar_one()
            if queued >= MOST_QUEUED:
                raise LimitExceeded(
                    "Quota", f"{queued} events are waiting, at most {MOST_QUEUED} may; try later"
                )
            connection.execute(insert(EVENT).values(rows.event_row(event)))

        await self._database.write(change)

    async def waiting(self, limit: int) -> Sequence[QueuedEvent]:
        """Return events that have not been run to their end, the oldest first."""
        query = select(EVENT).order_by(EVENT.c.accepted_at).limit(limit)
        return await self._database.read(
            lambda connection: [
                rows.event_from(row) for row in connection.execute(query).mappings()
            ]
        )

    async def holds(self, request_id: str) -> bool:
        """Tell whether an event has not been run to its end."""
        mine = select(EVENT.c.request_id).where(EVENT.c.request_id == request_id)
        return await self._database.read(
            lambda connection: connection.execute(mine).first() is not None
        )

    async def begin(self, event: QueuedEvent) -> None:
        """Note that an attempt begins."""
        mine = EVENT.c.request_id == event.request_id
        query = update(EVENT).where(mine).values(attempts=EVENT.c.attempts + 1)
        await self._database.write(lambda connection: connection.execute(query))

    async def end(self, event: QueuedEvent) -> None:
        """Forget an event that has been run to its end."""
        query = delete(EVENT).where(EVENT.c.request_id == event.request_id)
        await self._database.write(lambda connection: connection.execute(query))
