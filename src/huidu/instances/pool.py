"""Pool: lends the instances of one version to calls, to each as many as it has seats for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from itertools import count, islice
from typing import Any, Generic, TypeVar

from huidu.instances.crew import Crew, Landlord, Lendable
from huidu.instances.guests import Clock, Guest, Numbers, Sitting, Timer, tell
from huidu.model.capacity import (
    ASK_AGAIN_S,
    NEVER,
    Busy,
    Limits,
    Retired,
    Scene,
    Stopped,
    for_later,
    kept_warm,
    lasts_s,
    plan,
    room_for_later,
)
from huidu.model.sharing import Holding

T = TypeVar("T", bound=Lendable)


class Pool(Generic[T]):
    """Lends instances to calls: first to those that somebody waits for, then to the others.

    `settle` weighs what is in the pool; it never waits, so it needs no lock, and the slow work that
    it orders is the crew's.
    """

    def __init__(
        self,
        start: Callable[[], Coroutine[Any, Any, T]],
        limits: Limits,
        clock: Clock,
        landlord: Landlord,
        draw: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self.landlord = landlord
        self.crew = Crew(
            start, landlord, self, clock.time, lambda: lasts_s(limits, draw()), limits.seats
        )
        self._line: dict[int, float] = {}
        self._later: dict[int, float] = {}  #: The line of calls that nobody waits for.
        self._for_later: set[str] = set()  #: The instances that run such calls.
        self._guests: dict[int, Guest[T]] = {}
        self._warming: dict[asyncio.Future[None], int] = {}
        self.provided = 0  #: How many instances are kept, called or not.
        self._held = 0
        self._warm = 0
        self._owed = 0
        self._short = 0
        self._retired = False
        self._stopped: Stopped | None = None
        self._timer: Timer | None = None
        self._rings_at = NEVER
        self._settled = asyncio.Event()
        self._numbers = count(1)

    async def take(self, *, later: bool = False) -> T:
        """Borrow an instance, or raise `Busy`, `Retired` or what kept it from starting.

        `later`: for a call that nobody waits for. It waits behind all others.
        """
        instance = None if later else self.seat()
        if instance is not None:
            return instance
        sitting: Sitting[T] = Sitting()
        place = self.wait(sitting, later=later)
        try:
            return await sitting.seat
        except asyncio.CancelledError:
            # The caller left. If its seat had come meanwhile, the next in line has it.
            seat = sitting.seat
            came = not self.leave(place) and seat.done() and not seat.cancelled()
            if came and seat.exception() is None:
                self.give_back(seat.result())
            raise

    def seat(self, *, alone: bool = True) -> T | None:
        """Lend an instance at once; None where a call has to `wait`. Raises `Retired`, `Busy`.

        A call that need not be `alone` may have one that runs another call still.
        """
        if self._retired or self._stopped:
            raise self._stopped or Retired
        if self._line or self._owed:
            return None
        if self.crew.idle or self.crew.open:
            # What the plan would say, without asking it: nobody waits, and there is a seat.
            return self.crew.lend_latest()
        if alone or not self.crew.sends_ahead(self._limits):
            return None
        return self.crew.lend_ahead(self._limits)

    def wait(self, guest: Guest[T], *, later: bool = False) -> int:
        """Have a call wait in line, and return its place; raises `Retired` or `Busy`."""
        if self._retired or self._stopped:
            raise self._stopped or Retired
        line = self._later if later else self._line
        over = len(line) - self._limits.waiting
        if over >= 0 and over >= self._seats_to_come:
            raise Busy(len(line))
        place = next(self._numbers)
        now = line[place] = self._clock.time()
        self._guests[place] = guest
        crew = self.crew
        if later or self._owed or crew.idle or crew.open or not crew.ready:
            self.settle()
        else:  # All are busy, and nothing is ordered for who has just come.
            self._wake_at(now + self._limits.patience_ms / 1000)
        return place

    @property
    def _seats_to_come(self) -> int:
        """How many calls wait for what can still be started: one at least, where nothing is."""
        crew, most = self.crew, self._limits.instances
        could_be = min(most - crew.ready, crew.starting + max(0, self.landlord.room))
        return max(could_be, 0 if crew.ready else 1) * self._limits.seats

    def leave(self, place: int) -> bool:
        """Have a call wait no more; tell whether it waited still."""
        guest = self._guests.pop(place, None)
        if guest is None:
            return False
        if self._line.pop(place, None) is None:
            del self._later[place]
        self.settle()
        return True

    def give_back(self, instance: T) -> None:
        """Return what was borrowed, whatever became of it."""
        if self.crew.lightens(instance):
            self._for_later.discard(instance.name)
            self._fill()
            return
        if self._line and self._goes_on(instance):
            self._fill()
            return
        self.crew.take_back(instance)
        if self._for_later:
            self._for_later.discard(instance.name)
        now, due = self._clock.time(), self.crew.due.get(instance.name, NEVER)
        awaited = self._line or self._later or self._owed
        if instance.alive and not (awaited or self._retired or due <= now):
            self._wake_at(min(now + self._limits.idle_s, due))
        else:
            self.settle()

    def _fill(self) -> None:
        """Send calls that wait ahead of their turn."""
        crew = self.crew
        while self._line and not self._owed and crew.sends_ahead(self._limits):
            place = next(iter(self._line))
            guest = self._guests[place]
            if guest.alone and not guest.gone:
                return
            del self._line[place], self._guests[place]
            if not guest.gone:
                guest.seated(crew.lend_ahead(self._limits))

    def _goes_on(self, instance: T) -> bool:
        """Hand an instance to the call that has waited longest, where a plan says nothing else."""
        crew = self.crew
        plain = not (self._owed or self._retired or self._for_later or crew.idle)
        if not (plain and self._limits.seats == 1 and crew.passes_on(instance)):
            return False
        while self._line:
            place = next(iter(self._line))
            del self._line[place]
            guest = self._guests.pop(place)
            if not guest.gone:
                guest.seated(instance)
                return True
        return False

    async def warm(self, wanted: int) -> None:
        """Have so many instances, or as many as may be, or raise what kept one from starting."""
        if self._retired:
            raise Retired
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._warming[ready] = min(wanted, self._limits.instances)
        self.settle()
        try:
            await ready
        finally:
            del self._warming[ready]
            self.settle()

    def provide(self, wanted: int) -> None:
        """Keep so many instances from now on, whether they are called or not; return at once.

        One that goes is replaced. They are a floor: calls may have more started.
        """
        if not self._retired:
            self.provided = min(wanted, self._limits.instances)
            self.settle()

    def hold(self, wanted: int) -> None:
        """Keep up to so many of the instances that are here, called or not; return at once.

        None is started for it, but for the successors of those that are too old, and one where
        there is none. They are lent to other pools where nothing else is idle.
        """
        wanted = min(wanted, self._limits.instances)
        if self._retired or wanted == self._held:
            return
        if not self._held:
            self._warm = self.crew.ready
        self._held = wanted
        self.settle()

    def retire(self) -> None:
        """Take no more calls. Those that are here are served; idle instances go."""
        self._retired = True
        self.provided = self._held = 0
        tell(self._warming, Retired())
        self.settle()

    def revive(self) -> None:
        """Take calls again."""
        self._retired = False

    def stop(self, why: Stopped | None) -> None:
        """Take no call until further notice, those that wait among them; None: take calls again."""
        if why is not None and self._stopped is None:
            self._refuse((*self._line, *self._later), why)
        self._stopped = why

    def owe(self) -> None:
        """Give up an instance to another pool, as soon as one is idle."""
        self._owed += 1
        self.settle()

    def end(self) -> None:
        """End at once the calls that wait and those that run."""
        self._refuse((*self._line, *self._later), Retired())
        self.crew.dismiss_all()
        self.retire()

    async def drained(self) -> None:
        """Return once nothing is left."""
        while not self.empty:
            self._settled.clear()
            await self._settled.wait()

    def forgive(self) -> None:
        """Owe nothing any more."""
        self._owed = 0

    @property
    def empty(self) -> bool:
        """Whether nobody is here, nor on the way."""
        crew = self.crew
        awaited = self._line or self._later or self._warming or self.provided or self._held
        return not (awaited or crew.ready or crew.starting or crew.leaving)

    @property
    def waits(self) -> bool:
        """Whether a call waits for an instance."""
        return bool(self._line or self._later)

    @property
    def holding(self) -> Holding:
        """What the pool has and lacks."""
        return Holding(
            instances=self._here - self._owed,
            keeps=self.provided,
            held=self._held,
            later=len(self._for_later),
            coming=self._owed + self.crew.leaving,
            short=self._short,
            yields=bool(self._later) and not self._line,
            idle_since=next(iter(self.crew.idle.values()), NEVER),
            waiting_since=next(iter((self._line or self._later).values()), NEVER),
        )

    @property
    def numbers(self) -> Numbers:
        """How many of each there are."""
        crew = self.crew
        waiting = len(self._line) + len(self._later)
        return Numbers(starting=crew.starting, idle=len(crew.idle), busy=crew.busy, waiting=waiting)

    def settle(self) -> None:
        """Weigh what is here, and have done what the plan says."""
        self._owed = max(0, min(self._owed, self._here - self.provided))
        self._warm = self._keep() if self._held else 0
        first, now = bool(self._line), self._clock.time()
        made = plan(self._scene(), self._limits, now)
        astray = [call for call, name in made.assign if not self._seat(call, name)]
        for name in made.stop:
            self.crew.dismiss(name)
        self._owed = max(0, self._owed - len(made.stop))
        for _ in range(made.start):
            self.crew.hire()
        self._short = made.short
        if made.short:
            self.landlord.cramped()
        self._wake_at(min(made.wake_at, now + ASK_AGAIN_S) if self._later else made.wake_at)
        self._settled.set()
        # A caller was gone, and the instance that was meant for it is still idle; or it is the
        # turn of those who were behind all others.
        if astray or (first and self._later and not self._line):
            self.settle()

    def failed(self, why: BaseException, ordered_at: float) -> None:
        """Tell the oldest caller why; with nobody there to serve them, tell all who waited for it.

        Those are the calls that were in line when the start that failed was ordered.
        """
        since = {**self._line, **self._later}
        oldest, others = list(since)[:1], list(since)[1:]
        if self.crew.ready:
            others = []
        self._refuse([*oldest, *(c for c in others if since[c] <= ordered_at)], why)
        tell(self._warming, why)

    @property
    def _here(self) -> int:
        return self.crew.ready + self.crew.starting

    def _scene(self) -> Scene:
        crew, line, room = self.crew, self._line, self.landlord.room
        floor = max(self.provided, self._floor() if self._warming else 0)
        if self._later and not line and self._here >= floor:
            could_be = min(room, self._limits.instances - self._here)
            most = for_later(self._here, could_be, len(self._for_later))
            line = dict(islice(self._later.items(), most))
            room = room_for_later(self._here, room, self.landlord.most)
        return Scene(
            line=line,
            idle=crew.idle,
            starting=crew.starting,
            busy=crew.busy,
            floor=floor,
            room=room,
            owed=self._owed,
            pace_s=crew.pace_s,
            retired=self._retired,
            due=crew.due,
            paused_until=-NEVER if self._warming else crew.paused_until,
            open=crew.open,
            warm=self._warm,
        )

    def _keep(self) -> int:
        now = self._clock.time()
        ageing = any(due <= now for due in self.crew.due.values())
        return kept_warm(self._held, self.crew.ready - self._owed, self._warm, ageing=ageing)

    def _floor(self) -> int:
        """Let those go on who have what they warmed; return what the others still want."""
        ready = self.crew.ready
        tell(warm for warm, wanted in self._warming.items() if wanted <= ready)
        return max((n for warm, n in self._warming.items() if not warm.done()), default=0)

    def _seat(self, call: int, name: str) -> bool:
        """Hand an instance to a caller, and tell whether the caller was still there."""
        guest = self._guests.pop(call)
        later = self._line.pop(call, None) is None
        if later:
            del self._later[call]
        if guest.gone:
            return False
        if later:
            self._for_later.add(name)
        guest.seated(self.crew.lend(name))
        return True

    def _refuse(self, calls: Iterable[int], why: BaseException) -> None:
        for call in calls:
            guest = self._guests.pop(call)
            if self._line.pop(call, None) is None:
                del self._later[call]
            asyncio.get_running_loop().call_soon(guest.denied, why)

    def _wake_at(self, when: float) -> None:
        """Settle again at some time. A timer that rings too early does no harm, and is kept."""
        if when < self._rings_at:
            if self._timer is not None:
                self._timer.cancel()
            self._rings_at = when
            self._timer = self._clock.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer, self._rings_at = None, NEVER
        self.settle()
