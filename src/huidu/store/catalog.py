"""The catalog: namespaces, functions, versions, aliases with their history, triggers, services."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection

from huidu.model.effect import Effect
from huidu.store.database import Database
from huidu.store.loading import everything
from huidu.store.reading import Reading
from huidu.store.writing import Writing

Publish = Callable[[Sequence[Effect]], None]
Heard = Callable[[], Awaitable[None]]
T = TypeVar("T")
AT_ONCE = 5_000  #: Effects that are taken over in one step as a server starts.


def have_heard(parts: Sequence[Publish], effects: Sequence[Effect]) -> None:
    """Have every part hear of a commit, whatever goes wrong in one of them.

    What is raised is raised in the end: the commit stands, and nobody else is to be behind it.
    """
    troubles = []
    for part in parts:
        try:
            part(effects)
        except Exception as trouble:  # noqa: BLE001 - it is raised below
            troubles.append(trouble)
    if troubles:
        raise ExceptionGroup("a commit was not taken over by all", troubles)


async def at_once() -> None:
    """Nobody else has to hear."""


class Catalog:
    """What the platform knows of its functions, kept in one database.

    Writes are one after the other. What a write means to those who route is handed to `publish`
    after the commit and before the next write begins, in one step: once `write` has returned,
    every call that starts is routed by it, and after a crash whatever was acknowledged is there.
    `heard` returns once other processes that route go by what was published.
    """

    def __init__(self, database: Database, publish: Publish, heard: Heard = at_once) -> None:
        self._database = database
        self._publish = publish
        self._heard = heard
        self._turn = asyncio.Lock()

    async def read(self, ask: Callable[[Reading], T]) -> T:
        """Return what `ask` reads at one moment of the catalog. It runs in a thread."""
        return await self._database.read(lambda connection: ask(Reading(connection)))

    async def write(self, change: Callable[[Writing], T]) -> T:
        """Return what `change` returns once all that it wrote is kept; if it raises, none is.

        It runs in a thread, and may not be cancelled between commit and `publish`: whoever may
        be cancelled calls it in a task of its own.
        """

        def work(connection: Connection) -> tuple[T, Sequence[Effect]]:
            writing = Writing(connection)
            return change(writing), writing.effects

        async with self._turn:
            result, effects = await self._database.write(work)
            try:
                self._publish(effects)
            finally:
                await self._heard()
        return result

    async def load(self) -> None:
        """Hand everything that is kept to `publish`, as if it had just been written.

        Some at a time, while it is read: all of it at once would take memory that is never given
        back.
        """
        loop = asyncio.get_running_loop()

        async def hear(effects: Sequence[Effect]) -> None:
            self._publish(effects)

        def work(connection: Connection) -> None:
            ahead = everything(connection)
            while effects := list(islice(ahead, AT_ONCE)):
                asyncio.run_coroutine_threadsafe(hear(effects), loop).result()

        await self._database.read(work)
