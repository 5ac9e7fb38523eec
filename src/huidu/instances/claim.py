"""Claim: a call's hold on an instance, from the line before it to the moment it is given back."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from huidu.instances.channel import Undelivered
from huidu.instances.crew import Lendable
from huidu.instances.living import Rider
from huidu.instances.outcomes import Ending, Run, StartFailed, outcome
from huidu.instances.pool import Pool
from huidu.model.capacity import Busy, Retired
from huidu.model.carrying import Leaves, Passenger
from huidu.model.invocation import Outcome, Status
from huidu.model.log import Chunk
from huidu.model.task import Task
from huidu.model.version import Version

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

    def start(self, task: Task, rider: Rider) -> Leaves:
        """Have one call run; the rider is told when it begins, perhaps at once, and how it ends."""
        ...


class Carriage(Rider):
    """Takes a call to an instance and hands that back, without a task of its own.

    Where an instance is found dead, with the call certainly not begun, there is another one. Where
    none could be started, that is what came of the call.
    """

    __slots__ = (
        *("_begun", "_instance", "_later", "_left", "_passenger", "_place", "_pool"),
        *("_pool_of", "_task", "_tries", "_turn", "_version", "alone"),
    )

    def __init__(
        self,
        pool_of: Callable[[Version], Pool[Running]],
        version: Version,
        passenger: Passenger,
        *,
        later: bool = False,
    ) -> None:
        self._pool_of = pool_of
        self._version = version
        self._passenger = passenger
        self._later = later
        self._pool: Pool[Running]
        self._begun = self._left = False
        self.alone = later
        self._place = 0
        self._tries = 0
        self._task: Task | None = None
        self._turn: Leaves | None = None
        self._instance: Running | None = None

    def go(self) -> None:
        """Set out: with an instance that is idle, or to the end of the line."""
        self._place = 0
        try:
            self._pool = pool = self._pool_of(self._version)
            instance = None if self._later else pool.seat(alone=self.alone)
            if instance is None:
                place = pool.wait(self, later=self._later)
                if self._instance is None:  # It may have been seated from within.
                    self._place = place
                return
        except (Busy, Retired) as why:
            self._passenger.refused(why)
            return
        except Exception as error:  # noqa: BLE001 - there may be nobody above who would tell it
            self._passenger.broke(error)
            return
        self.seated(instance)

    @property
    def waits(self) -> bool:
        """Whether it waits in line."""
        return self._place > 0

    @property
    def behind(self) -> bool:
        """Whether it waits behind calls that run, rather than for the first instance."""
        return self._place > 0 and self._pool.crew.ready > 0

    @property
    def gone(self) -> bool:
        """Whether it waits no more: who leaves says so."""
        return False

    def seated(self, instance: Running) -> None:
        """There is an instance."""
        self._place = 0
        self._begun = False
        self._instance = instance
        self._task = task = self._passenger.boards()
        try:
            self._turn = instance.start(task, self)
        except Exception as error:  # noqa: BLE001 - whatever it is, the instance goes back
            self._give_back()
            self._passenger.broke(error)

    def denied(self, why: BaseException) -> None:
        """There will be none."""
        if self._left:
            return
        self._place = 0
        if isinstance(why, StartFailed):
            self._passenger.arrives(_failed(self._task or self._passenger.boards(), why))
        elif isinstance(why, (Busy, Retired)):
            self._passenger.refused(why)
        else:
            self._passenger.broke(why if isinstance(why, Exception) else RuntimeError(repr(why)))

    def leave(self) -> None:
        """Its caller has left: wait for nothing, hold nothing, and go nowhere from here on.

        What is on its way by then, as that it did not begin, is told to nobody.
        """
        self._left = True
        if self._turn is not None and self._instance is not None:
            self._turn.leave()
            self._give_back()
        elif self._place:
            self._pool.leave(self._place)

    def begins(self) -> None:
        """It runs."""
        self._begun = True
        self._passenger.begins()

    def hears(self, outcome: Outcome | None) -> None:
        """Give the instance back; where the call did not begin, go to another one."""
        if self._left:
            return
        self._turn = None
        instance, self._instance = self._instance, None
        if instance is not None:
            self._pool.give_back(instance)
        if outcome is not None:
            self._passenger.arrives(outcome)
            return
        # Who had to wait for another call, and saw that end the instance, waits for none again.
        self._tries += self._begun
        self.alone = True
        if self._tries < TRIES:
            self.go()
        elif self._task is not None:
            self._passenger.arrives(_failed(self._task, _never_began()))

    def _give_back(self) -> None:
        instance, self._instance = self._instance, None
        if instance is not None:
            self._pool.give_back(instance)


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
        return _failed(task, self._failure or _never_began())

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


def _never_began() -> StartFailed:
    message = f"{TRIES} instances ended before they began with the call"
    return StartFailed(Ending(status=Status.PROCESS_EXITED, message=message))


def _failed(task: Task, why: StartFailed) -> Outcome:
    run = Run(
        request_id=task.invocation.request_id,
        memory_mb=task.version.configuration.memory_mb,
        init_ms=why.init_ms,
        cold=True,
        printed=why.printed,
    )
    return outcome(why.ending, run)
