"""Lending: what one lane has of the server's instances."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from huidu.instances.claim import Running
from huidu.instances.fleet import LIMITS, Fleet
from huidu.instances.instance import Instance
from huidu.instances.lease import Returned
from huidu.instances.outcomes import StartFailed
from huidu.instances.pool import Pool
from huidu.lanes.words import Borrow, Ended, Lent, Recall, Refused, Stop
from huidu.model.capacity import Busy, Retired
from huidu.model.version import Version

Say = Callable[[object, Sequence[int]], None]
#: How long a lane may take to end an instance, before that is done without it.
STOP_S = 1.0


@dataclass(slots=True)
class Loan:
    """An instance that is lent."""

    instance: Instance
    watching: asyncio.Task[None]
    recalled: bool = False


class Asking:
    """A lane that waits for an instance, in the line of those who do.

    What it gets is lent in the same step: until then, another call might be sent to it ahead.
    """

    alone = True

    def __init__(self, lending: Lending, tab: Tab, number: int) -> None:
        self._lending = lending
        self._tab = tab
        self.number = number
        self.place = 0
        self.gone = False

    def seated(self, instance: Running) -> None:
        """There is one."""
        self._lending.seated(self._tab, self.number, instance)

    def denied(self, why: BaseException) -> None:
        """There is none."""
        self._lending.denied(self._tab, self.number, why)


@dataclass(slots=True)
class Tab:
    """What a lane has of one pool, and what it asks for beside that."""

    pool: Pool[Running]
    loans: dict[str, Loan] = field(default_factory=dict)
    in_line: dict[int, Asking] = field(default_factory=dict)
    aside: list[int] = field(default_factory=list)  #: Are not in the line: it has its portion.

    @property
    def wanted(self) -> int:
        """How many it has or asks for."""
        return len(self.loans) + len(self.in_line) + len(self.aside)

    @property
    def lacks(self) -> bool:
        """Whether it has none, and asks for one."""
        return not (self.loans or self.in_line)


def lends_more(pool: Pool[Running]) -> bool:
    """Tell whether who waits has an idle instance, or one is started before long."""
    numbers = pool.numbers
    short = pool.crew.pace_s * 1000 < LIMITS.patience_ms
    return numbers.idle > 0 or (
        pool.landlord.room > 0 and not (short and numbers.instances >= LIMITS.few)
    )


class Lending:
    """Lends instances to one lane, each through its pool and in the line of all calls.

    What is lent is busy to the pool. It comes back when the lane has had no call for it for a
    moment; before, when it is recalled for somebody who waits. Who has its portion waits for its
    own instances: in the line it would only be given what it then had to give back.
    """

    def __init__(self, fleet: Fleet, most_waiting: int, say: Say) -> None:
        self._fleet = fleet
        self._most_waiting = most_waiting
        self._say = say
        self._loop = asyncio.get_running_loop()
        self._tabs: dict[Pool[Running], Tab] = {}
        self._at: dict[str, Tab] = {}  #: Where each instance is written down.
        self._over = False

    @property
    def tabs(self) -> Mapping[Pool[Running], Tab]:
        """What it has of each pool."""
        return self._tabs

    def borrow(self, asked: Borrow, version: Version | None) -> None:
        """Have an instance lent as soon as there is one."""
        try:
            pool = self._fleet.pool(version) if version is not None else None
        except Retired:
            pool = None
        if pool is None:
            self._say(Refused(number=asked.number, why=Retired.__name__), ())
            return
        tab = self._tabs.setdefault(pool, Tab(pool))
        tab.aside.append(asked.number)
        # Where the line is full, who would wait aside is refused as who would wait in it.
        if tab.lacks or lends_more(pool) or pool.numbers.waiting >= self._most_waiting:
            self.go_on(tab, 1)

    def go_on(self, tab: Tab, count: int) -> None:
        """Have so many more of what a lane asks for wait in the line."""
        numbers, tab.aside = tab.aside[:count], tab.aside[count:]
        for number in numbers:
            asking = tab.in_line[number] = Asking(self, tab, number)
            try:
                instance = tab.pool.seat()
                if instance is None:
                    asking.place = tab.pool.wait(asking)
                else:
                    asking.seated(instance)
            except (Busy, Retired) as why:
                asking.denied(why)

    def forgo(self, number: int) -> None:
        """Hear that an instance is no longer asked for."""
        for tab in tuple(self._tabs.values()):
            if number in tab.in_line:
                self._leave(tab, number)
            elif number in tab.aside:
                tab.aside.remove(number)

    def _leave(self, tab: Tab, number: int) -> None:
        asking = tab.in_line.pop(number)
        asking.gone = True
        tab.pool.leave(asking.place)
        self._tidy(tab)

    def back(self, returned: Returned) -> None:
        """Take an instance back."""
        tab = self._at.pop(returned.name, None)
        if tab is not None:
            loan = tab.loans.pop(returned.name)
            loan.watching.cancel()
            loan.instance.resume(returned)
            tab.pool.give_back(loan.instance)
            self._tidy(tab)

    def kill(self, name: str) -> None:
        """End a process of which the lane will have no more."""
        if name in self._at:
            self._at[name].loans[name].instance.kill()

    def recall(self, tab: Tab, count: int) -> None:
        """Have so many come back; what was lent first comes first."""
        for name, loan in list(tab.loans.items())[:count]:
            if not loan.recalled:
                loan.recalled = True
                self._say(Recall(name), ())

    def end(self) -> None:
        """The lane is gone: nobody can tell what it left in the instances that it had."""
        self._over = True
        for tab in tuple(self._tabs.values()):
            tab.aside.clear()
            for number in tuple(tab.in_line):
                self._leave(tab, number)
        for name in tuple(self._at):
            self.kill(name)
            self.back(Returned(name=name))

    def seated(self, tab: Tab, number: int, instance: Running) -> None:
        """Lend an instance."""
        tab.in_line.pop(number, None)
        if not isinstance(instance, Instance) or self._over:
            self._loop.call_soon(tab.pool.give_back, instance)
            return
        tab.pool.crew.apart(instance)
        name = instance.name
        lease, fds = instance.lend(lambda: self._stop(name))
        tab.loans[name] = Loan(instance, self._loop.create_task(self._watch(instance)))
        self._at[name] = tab
        self._say(Lent(number, lease), fds)

    def denied(self, tab: Tab, number: int, why: BaseException) -> None:
        """Say why there is none to lend."""
        tab.in_line.pop(number, None)
        if isinstance(why, StartFailed):
            refused = Refused(
                number=number,
                why=StartFailed.__name__,
                ending=why.ending,
                printed=why.printed,
                init_ms=why.init_ms,
            )
        else:
            refused = Refused(number=number, why=type(why).__name__, message=str(why))
        self._say(refused, ())
        self._tidy(tab)

    def _tidy(self, tab: Tab) -> None:
        if not tab.wanted:
            self._tabs.pop(tab.pool, None)

    async def _watch(self, instance: Instance) -> None:
        ended = await instance.ended()
        self._say(Ended(instance.name, ended), ())

    def _stop(self, name: str) -> None:
        """Have the lane end an instance, which knows what to tell of the call that it has."""
        if name in self._at:
            self._say(Stop(name), ())
            self._loop.call_later(STOP_S, self.kill, name)
