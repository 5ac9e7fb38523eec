"""Together: those who ask while others are served are served with one another, in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """Has one thing done for many at a time: a group commit.

    Whoever is alone waits for nobody. What goes wrong is raised to each of those it was done for.
    """

    def __init__(self, do: Callable[[Sequence[T]], Awaitable[None]], most: int) -> None:
        self._do = do
        self._most = most
        self._line: list[tuple[T, asyncio.Future[None]]] = []
        self._work: asyncio.Task[None] | None = None

    async def add(self, one: T) -> None:
        """Return once it is done for this one; a caller that leaves meanwhile changes nothing."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._line.append((one, done))
        if self._work is None:
            self._work = loop.create_task(self._run())
        await done

    async def _run(self) -> None:
        try:
            while self._line:
                served, self._line = self._line[: self._most], self._line[self._most :]
                await self._serve(served)
        finally:
            self._work = None

    async def _serve(self, served: Sequence[tuple[T, asyncio.Future[None]]]) -> None:
        trouble: Exception | None = None
        try:
            await self._do([one for one, _ in served])
        except Exception as error:  # noqa: BLE001 - it is raised to each of them
            trouble = error
        for _, done in served:
            if done.done():
                continue  # whoever asked has left
            if trouble is None:
                done.set_result(None)
            else:
                done.set_exception(trouble)
