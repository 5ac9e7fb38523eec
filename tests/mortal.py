"""A process that dies at the moment a test names, over a real database that outlives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, event

from huidu.model.effect import Effect
from huidu.model.errors import Unavailable
from huidu.store.catalog import Catalog, Publish
from huidu.store.database import Database

T = TypeVar("T")


class Killed(Unavailable):
    """The process has died. Whatever it still does after that has no effect either."""

    def __init__(self) -> None:
        super().__init__("Storage", "this process is dead")


class Mortal:
    """Stands before a database, and counts moments: before each statement of a write, before and
    after its commit, and after it was made known. At the one it is told it dies; 0 is never.

    After a statement is before the next one, or before the commit.
    """

    def __init__(self, database: Database, publish: Publish, dies_at: int = 0) -> None:
        self._database = database
        self._publish = publish
        self._dies_at = dies_at
        self.moments = 0
        self.dead = False
        self.catalog = Catalog(cast("Any", self), self._make_known)

    def _moment(self) -> None:
        self.moments += 1
        self.dead = self.dead or self.moments == self._dies_at
        if self.dead:
            raise Killed

    async def read(self, ask: Callable[[Connection], T]) -> T:
        if self.dead:
            raise Killed
        return await self._database.read(ask)

    async def write(self, change: Callable[[Connection], T]) -> T:
        def at_statement(*_: object) -> None:
            self._moment()

        def work(connection: Connection) -> T:
            event.listen(connection, "before_cursor_execute", at_statement)
            made = change(connection)
            self._moment()  # all is written, and nothing is committed
            return made

        made = await self._database.write(work)
        self._moment()  # all is committed, and nothing is published
        return made

    def _make_known(self, effects: Sequence[Effect]) -> None:
        self._publish(effects)
        self._moment()
