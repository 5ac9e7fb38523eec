"""Claim: a call's hold on an instance."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from huidu.instances.channel import Undelivered
from huidu.instances.crew import Lendable
from huidu.instances.outcomes import Ending, Run, StartFailed, outcome
from huidu.instances.pool import Pool
from huidu.model.invocation import Outcome, Status
from huidu.model.log import Chunk
from huidu.model.task import Task

#: How many instances a call is given to, while it is certain that it never began.
TRIES = 3


class Running(Lendable, Protocol):
    """An instance of any kind."""

    def printing(self, least_s: float) -> Chunk | None:
        """Return what a call that has run for so long has printed since this was asked last."""
        ...

    def interrupt(self, request_id: str) -> bool:
        """Tell it to end, if it runs this call; return whether it does."""
        ...

    async def run(self, task: Task) -> Outcome:
        """Run one call to its end; raises `Undelivered` where it certainly never began."""
        ...


class Claim:
    """Holds an instance for the length of an `async with`, and hands it back however that ends."""

    __slots__ = ("_failure", "_instance", "_later", "_pool", "_pool_of")

    def __init__(self, pool_of: Callable[[], Pool[Running]], *, later: bool = False) -> None:
        self._pool_of = pool_of
        self._later = later
        self._pool: Pool[Running]
        self._instance: Running | None = None
        self._failure: StartFailed | None = None

    async def __aenter__(self) -> Self:
        """Wait for an instance, or raise `Busy` or `Retired`."""
        await self._take()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._give_back()

    async def run(self, task: Task) -> Outcome:
        """Run the call. Where no instance could be started, that is what came of it.

        An instance that is found dead, with the call certainly not begun, is replaced; waiting
        for another may raise `Busy` or `Retired` as the claim itself may.
        """
        for _ in range(TRIES):
            if self._instance is None and self._failure is None:
                await self._take()
            if self._instance is None:
                break
            try:
                return await self._instance.run(task)
            except Undelivered:
                self._give_back()
        return self._failed(task)

    async def _take(self) -> None:
        self._pool = self._pool_of()
        try:
            self._instance = await self._pool.take(later=self._later)
        except StartFailed as failure:
            self._failure = failure

    def _give_back(self) -> None:
        instance, self._instance = self._instance, None
        if instance is not None:
            self._pool.give_back(instance)

    def _failed(self, task: Task) -> Outcome:
        why = self._failure or StartFailed(
            Ending(
                status=Status.PROCESS_EXITED,
                message=f"{TRIES} instances ended before they began with the call",
            )
        )
        run = Run(
            request_id=task.invocation.request_id,
            memory_mb=task.version.configuration.memory_mb,
            init_ms=why.init_ms,
            cold=True,
            printed=why.printed,
        )
        return outcome(why.ending, run)
