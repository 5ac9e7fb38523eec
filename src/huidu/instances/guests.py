"""Guests: who waits in the line of a pool, and how many of everybody there are in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from huidu.instances.crew import Lendable


class Timer(Protocol):
    """Something that rings later."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """What a pool must know of time; an event loop will do."""

    def time(self) -> float: ...

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer: ...


T = TypeVar("T", bound=Lendable)
Lent_contra = TypeVar("Lent_contra", bound=Lendable, contravariant=True)


class Guest(Protocol[Lent_contra]):
    """A call that waits for an instance."""

    @property
    def gone(self) -> bool:
        """Whether it waits no more, although it did not say so yet."""
        ...

    @property
    def alone(self) -> bool:
        """Whether it is not to be sent ahead, behind a call that still runs."""
        ...

    def seated(self, instance: Lent_contra, /) -> None:
        """There is one; it is to be given back."""
        ...

    def denied(self, why: BaseException, /) -> None:
        """There will be none: `Busy`, `Retired`, or what kept it from starting."""
        ...


class Sitting(Generic[T]):
    """A guest that is a coroutine."""

    alone = True

    def __init__(self) -> None:
        self.seat: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    @property
    def gone(self) -> bool:
        """Whether whoever waits was cancelled."""
        return self.seat.done()

    def seated(self, instance: T) -> None:
        """Wake it up."""
        self.seat.set_result(instance)

    def denied(self, why: BaseException) -> None:
        """Wake it up, and have it raise."""
        if not self.seat.done():
            self.seat.set_exception(why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """How many of each there are in a pool."""

    starting: int = 0
    idle: int = 0
    busy: int = 0
    waiting: int = 0

    @property
    def instances(self) -> int:
        """All of them together."""
        return self.starting + self.idle + self.busy

    @property
    def ready(self) -> int:
        """Those that can take a call, or have one."""
        return self.idle + self.busy


def tell(waiting: Iterable[asyncio.Future[Any]], why: BaseException | None = None) -> None:
    """Let those go on who still wait, or raise in them why they cannot."""
    for future in waiting:
        if future.done():
            continue
        if why is None:
            future.set_result(None)
        else:
            future.set_exception(why)
