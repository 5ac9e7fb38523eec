"""Crew: the instances of one pool, from the order to start them until nothing of them is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from huidu.model.ahead import most_ahead
from huidu.model.capacity import NEVER, Limits, again_at


class Lendable(Protocol):
    """What must be known of an instance. Those it is lent to may know more."""

    @property
    def name(self) -> str: ...

    @property
    def alive(self) -> bool: ...

    @property
    def ahead(self) -> bool:
        """Whether it can be given another call before it has answered those that it has."""
        ...

    @property
    def took_s(self) -> float:
        """How long its last call took."""
        ...

    def when_gone(self, tell: Callable[[], None]) -> None: ...

    async def stop(self) -> None: ...


class Landlord(Protocol):
    """Whoever has the room that the pools of a fleet share."""

    @property
    def most(self) -> int:
        """How many instances there may be at all."""
        ...

    @property
    def room(self) -> int:
        """How many more instances there may be."""
        ...

    def let(self) -> None:
        """Take note of one more instance."""
        ...

    def vacated(self) -> None:
        """Take note of one instance less."""
        ...

    def cramped(self) -> None:
        """Take note of a pool that would like more room than there is."""
        ...


class Boss(Protocol):
    """Whoever gives the orders, and hears what came of them."""

    def settle(self) -> None:
        """Somebody came, or left."""
        ...

    def failed(self, why: BaseException, ordered_at: float) -> None:
        """An instance that was ordered at this time could not be started."""
        ...


FORGETS = 1 - 1 / 32  #: What is left of the longest call with each that comes after it.
T = TypeVar("T", bound=Lendable)


class Crew(Generic[T]):
    """Starts instances and sees them off; knows which of them is idle, and since when."""

    def __init__(
        self,
        start: Callable[[], Coroutine[Any, Any, T]],
        landlord: Landlord,
        boss: Boss,
        now: Callable[[], float],
        lasts_s: Callable[[], float],
        seats: int = 1,
    ) -> None:
        self._start = start
        self._landlord = landlord
        self._boss = boss
        self._now = now
        self._lasts_s = lasts_s
        self._all: dict[str, T] = {}
        #: Each idle instance and since when, the one that has been idle longest first.
        self.idle: dict[str, float] = {}
        self._born: dict[str, float] = {}
        self.due: dict[str, float] = {}  #: When each instance, idle or not, is too old.
        self._failures, self._failed_at = 0, -NEVER
        self.failure: BaseException | None = None  #: Why the last start failed, if it did.
        self._seats = seats
        #: Each busy instance that has seats left, and how many; the last is to be filled first.
        self.open: dict[str, int] = {}
        self._guests: dict[str, int] = {}
        self._ahead: dict[str, T] = {}  #: Those that run a call and may be sent others ahead.
        self._sent: dict[str, int] = {}  #: How many were sent ahead to each that has any.
        self._pace_s = NEVER
        self._longest_s = 0.0  #: The longest call of late; it is forgotten by and by.
        self._starting: dict[asyncio.Task[T], float] = {}
        self._leaving = set[asyncio.Task[None]]()

    @property
    def paused_until(self) -> float:
        """When to start instances ahead of calls again, after some that failed."""
        return again_at(self._failures, self._failed_at)

    @property
    def ready(self) -> int:
        """How many can be lent, or are."""
        return len(self._all)

    @property
    def busy(self) -> int:
        """How many are lent out."""
        return len(self._all) - len(self.idle)

    @property
    def pace_s(self) -> float:
        """How long a call takes, of late."""
        return self._pace_s

    @property
    def starting(self) -> int:
        """How many are on their way."""
        return len(self._starting)

    @property
    def leaving(self) -> int:
        """How many have been let go, and are not gone yet."""
        return len(self._leaving)

    def lent(self) -> list[T]:
        """Return those that are busy."""
        return [one for name, one in self._all.items() if name not in self.idle]

    def hire(self) -> None:
        """Start one more."""
        self._landlord.let()
        task = asyncio.get_running_loop().create_task(self._start())
        self._starting[task] = self._now()
        task.add_done_callback(self._came)

    def lend(self, name: str) -> T:
        """Return an instance that has a seat left, which has one less from now on."""
        free = self.open.pop(name, 0) or self._seats
        self.idle.pop(name, None)
        if self._seats > 1:
            self._guests[name] = self._seats - free + 1
            if free > 1:
                self.open[name] = free - 1
        instance = self._all[name]
        if self._seats == 1 and instance.ahead:
            self._ahead[name] = instance
        return instance

    def sends_ahead(self, limits: Limits) -> bool:
        """Tell whether there is a busy instance that can be given a call ahead of its turn.

        That is where calls end so soon that one may wait for another within an instance.
        """
        if self._pace_s * 1000 >= limits.ahead_ms or limits.waiting <= 0:
            return False
        while self._ahead:
            name, instance = next(iter(self._ahead.items()))
            if instance.alive and instance.ahead and self.due.get(name, -NEVER) > self._now():
                return True
            del self._ahead[name]  # It is not what it was when it got its call.
        return False

    def lend_ahead(self, limits: Limits) -> T:
        """Return the busy instance whose turn it is to be sent one more."""
        name = next(iter(self._ahead))
        instance = self._ahead.pop(name)
        sent = self._sent[name] = self._sent.get(name, 0) + 1
        if sent < most_ahead(limits.ahead_ms, self._pace_s, self._longest_s):
            self._ahead[name] = instance  # behind the others
        return instance

    def apart(self, instance: T) -> None:
        """Send nothing ahead to one that is busy: who has it has it alone."""
        self._ahead.pop(instance.name, None)

    def lightens(self, instance: T) -> bool:
        """Have one that was sent calls ahead have one less; tell whether it was sent any."""
        name = instance.name
        sent = self._sent.get(name, 0)
        if not sent:
            return False
        if sent > 1:
            self._sent[name] = sent - 1
        else:
            del self._sent[name]
        self._keep_pace(instance.took_s)
        if instance.alive and instance.ahead and self.due.get(name, -NEVER) > self._now():
            self._ahead[name] = instance
        return True

    def lend_latest(self) -> T:
        """Return the one beside whose guests there is room, else the one that was used last."""
        return self.lend(next(reversed(self.open or self.idle)))

    def passes_on(self, instance: T) -> bool:
        """Tell whether a busy instance can go from one call to the next; then it does."""
        name = instance.name
        if not instance.alive or self.due.get(name, -NEVER) <= self._now():
            return False
        self._keep_pace(instance.took_s)
        return True

    def take_back(self, instance: T) -> None:
        """Have a seat free again; once all are, the instance idle, or off if it is at its end."""
        name = instance.name
        if name not in self._all:
            return  # It was let go meanwhile.
        self._ahead.pop(name, None)
        self._keep_pace(instance.took_s)
        guests = self._guests.pop(name, 1) - 1
        if guests:
            self._guests[name] = guests
        if not instance.alive:
            self.open.pop(name, None)
            if not guests:
                self.dismiss(name)
        elif guests:
            # One that was full is filled again first: it goes to the end, the others keep theirs.
            self.open[name] = self._seats - guests
            self._spare_the_old()
        else:
            self.open.pop(name, None)
            self.idle[name] = self._now()

    def _keep_pace(self, last_s: float) -> None:
        pace_s = self._pace_s
        self._pace_s = last_s if pace_s == NEVER else pace_s + (last_s - pace_s) / 8
        self._longest_s = max(last_s, self._longest_s * FORGETS)

    def dismiss(self, name: str) -> None:
        """Let an instance go, whatever it is doing."""
        for kept in (self.idle, self._born, self.due, self.open, self._guests, self._ahead):
            kept.pop(name, None)
        self._sent.pop(name, None)
        task = asyncio.get_running_loop().create_task(self._all.pop(name).stop())
        self._leaving.add(task)
        task.add_done_callback(self._left)

    def dismiss_all(self) -> None:
        """Let everyone go, those who have not come yet as well."""
        for task in self._starting:
            task.cancel()
        for name in tuple(self._all):
            self.dismiss(name)

    def _came(self, start: asyncio.Task[T]) -> None:
        ordered_at = self._starting.pop(start)
        why = None if start.cancelled() else start.exception()
        if start.cancelled() or why is not None:
            if why is not None:
                self.failure = why
                self._failures, self._failed_at = self._failures + 1, self._now()
                self._boss.failed(why, ordered_at)
            self._landlord.vacated()
            self._boss.settle()
            return
        instance = start.result()
        now = self._now()
        self._failures, self.failure = 0, None
        self._all[instance.name] = instance
        self.idle[instance.name] = self._born[instance.name] = now
        self.due[instance.name] = now + self._lasts_s()
        instance.when_gone(partial(self._lost, instance.name))
        self._spare_the_old()
        self._boss.settle()

    def _spare_the_old(self) -> None:
        """Where others are younger, have those that are too old take no more guests.

        So they are idle some day, even where there is always somebody.
        """
        now = self._now()
        old = [name for name in self.open if self.due[name] <= now]
        if old and any(due > now for due in self.due.values()):
            for name in old:
                del self.open[name]

    def _lost(self, name: str) -> None:
        """Let go of an instance that ended by itself. A busy one comes back first."""
        if self.open.pop(name, None) is None and name in self.idle:
            # One that ends as soon as it is there is no better than one that does not start.
            self._failures, self._failed_at = max(1, self._failures), self._born[name]
            self.dismiss(name)
            self._boss.settle()

    def _left(self, stop: asyncio.Task[None]) -> None:
        self._leaving.discard(stop)
        self._landlord.vacated()
        self._boss.settle()
