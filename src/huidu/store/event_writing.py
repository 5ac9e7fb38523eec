"""What the catalog keeps of how events are retried, and what is done with dead letters."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from huidu.model.effect import Effect, EventConfigKept, EventsMoved, RetryTargetKept
from huidu.model.errors import NotFound
from huidu.model.event import Kept, State
from huidu.model.function import Function, FunctionName
from huidu.model.retry import CURRENT, USUAL, EventConfig
from huidu.store import queue_asking
from huidu.store.queue_asking import Search
from huidu.store.queue_steps import is_in
from huidu.store.queue_tables import EVENT_CONFIG, QUEUED, RETRY_TARGET

MOST_NAMED = 1000  #: Ids that one request may give.


class EventReading:
    """Questions to the catalog about events that nobody waits for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def config(self, function: Function) -> EventConfig:
        """Return how often events of a function are tried again."""
        query = select(EVENT_CONFIG).where(EVENT_CONFIG.c.function_id == function.id)
        row = self._connection.execute(query).mappings().first()
        return EventConfig(retries=row["retries"], ttl_s=row["ttl_s"]) if row else USUAL

    def target(self, function: Function, alias: str) -> str:
        """Return where retries of events go that were sent to an alias."""
        mine = and_(RETRY_TARGET.c.function_id == function.id, RETRY_TARGET.c.alias == alias)
        found = self._connection.execute(select(RETRY_TARGET.c.target).where(mine)).scalar()
        return found or CURRENT

    def everything(self) -> Sequence[Effect]:
        """Return all that is kept of this, as if it had just been written."""
        configs = self._connection.execute(select(EVENT_CONFIG)).mappings()
        targets = self._connection.execute(select(RETRY_TARGET)).mappings()
        return [
            *(
                EventConfigKept(
                    row["function_id"], EventConfig(retries=row["retries"], ttl_s=row["ttl_s"])
                )
                for row in configs
            ),
            *(RetryTargetKept(row["function_id"], row["alias"], row["target"]) for row in targets),
        ]

    def find(self, request_id: str) -> Kept:
        """Return all that is kept of an event, or raise `NotFound`."""
        kept = queue_asking.find(self._connection, request_id)
        if kept is None:
            raise NotFound("AsyncEvent", request_id[:80])
        return kept

    def search(self, search: Search) -> tuple[int, Sequence[Kept]]:
        """Return how many events are as wanted, and a page of them."""
        return queue_asking.search(self._connection, search)

    def dead_by_version(self, search: Search) -> Sequence[tuple[FunctionName, str, int]]:
        """Return how many dead letters there are of each version."""
        columns = QUEUED.c
        by = (columns.namespace, columns.function, columns.version)
        query = select(*by, func.count()).where(queue_asking.condition(search))
        found = self._connection.execute(query.group_by(*by).order_by(*by))
        return [(FunctionName(space, name), version, n) for space, name, version, n in found]


class EventWriting(EventReading):
    """A reading that may also write."""

    def __init__(self, connection: Connection, effects: list[Effect]) -> None:
        super().__init__(connection)
        self._effects = effects

    def put_config(self, function: Function, config: EventConfig) -> None:
        """Keep how often events of a function are tried again."""
        mine = EVENT_CONFIG.c.function_id == function.id
        self._connection.execute(delete(EVENT_CONFIG).where(mine))
        row = {"function_id": function.id, "retries": config.retries, "ttl_s": config.ttl_s}
        self._connection.execute(insert(EVENT_CONFIG).values(row))
        self._effects.append(EventConfigKept(function.id, config))

    def put_target(self, function: Function, alias: str, target: str) -> None:
        """Keep where retries of events go that were sent to an alias."""
        mine = and_(RETRY_TARGET.c.function_id == function.id, RETRY_TARGET.c.alias == alias)
        was_set = self._connection.execute(delete(RETRY_TARGET).where(mine)).rowcount
        if target != CURRENT:
            row = {"function_id": function.id, "alias": alias, "target": target}
            self._connection.execute(insert(RETRY_TARGET).values(row))
        if was_set or target != CURRENT:
            self._effects.append(RetryTargetKept(function.id, alias, target))

    def redrive(
        self, search: Search, request_ids: Sequence[str], function_id: str, to: str, at: float
    ) -> int:
        """Have dead letters run again, as if they had just been sent; return how many.

        `to` is another qualifier for them; empty: each goes where it was sent. What is no dead
        letter any more is passed over, so nothing is run twice for being asked for twice.
        """
        values: dict[str, object] = {
            "state": State.READY.value,
            "function_id": function_id,
            "since": at,
            "failures": 0,
            "next_at": 0.0,
            "ended_at": 0.0,
            "stopping": False,
            "redriven": QUEUED.c.redriven + 1,
        }
        moved = self._change(search, request_ids, values | ({"qualifier": to} if to else {}))
        self._moved(search, moved, moved)
        return moved

    def discard(self, search: Search, request_ids: Sequence[str]) -> int:
        """Forget what was sent with dead letters; their statuses stay. Return how many."""
        moved = self._change(search, request_ids, {"state": State.DISCARDED.value, "event": b""})
        self._moved(search, 0, moved)
        return moved

    def _change(self, search: Search, request_ids: Sequence[str], values: dict[str, object]) -> int:
        mine = and_(is_in(State.DEAD), queue_asking.condition(search))
        if request_ids:
            mine = and_(mine, QUEUED.c.request_id.in_(request_ids))
        return self._connection.execute(update(QUEUED).where(mine).values(values)).rowcount

    def _moved(self, search: Search, live: int, dead: int) -> None:
        if dead:
            named = FunctionName(search.namespace, search.function)
            self._effects.append(EventsMoved(named, live, -dead))
