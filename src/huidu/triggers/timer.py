"""Timer: calls a function by the clock."""

from __future__ import annotations

import asyncio
import heapq
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from itertools import count, islice
from typing import NamedTuple, Protocol

import structlog

from huidu.model.effect import Effect, FunctionGone, TriggersChanged
from huidu.model.errors import InvalidValue, LimitExceeded, Refusal
from huidu.model.event import QueuedEvent
from huidu.model.schedule import Due, Schedule, due
from huidu.model.trigger import TIMER, Firing, Trigger

FIELDS = (5, 7)
MOST_CHARS = 1000
DICE = re.compile(r"(?<![a-z])[hr](?![a-z])", re.IGNORECASE)  #: What croniter leaves to chance.
LONGEST_SLEEP_S = 60.0  #: The wall clock may jump; look again that often.
AGAIN_S = 1.0  #: Where the store could not take a firing.
LOOKED_AT = 4  #: Timers between two turns of the event loop: one takes 0.1 to 0.5 ms.
AT_ONCE = 100  #: Firings in one transaction, so that others need not wait long for theirs.

log = structlog.get_logger("huidu.timer")


def define(text: str) -> str:
    """Return a timer's definition as it is read back: `{"cron": "0 */2 * * * * *"}`.

    Takes the expression plain or in that form: five fields, or seven with seconds first and years
    last. Raises `InvalidValue` for an expression that is wrong or never comes.
    """
    cron = text.strip()
    if len(cron) > MOST_CHARS:
        raise _invalid(text, f"has {len(cron)} characters, at most {MOST_CHARS} are allowed")
    if cron.startswith("{"):
        try:
            cron = str(json.loads(cron)["cron"]).strip()
        except (ValueError, KeyError, TypeError, RecursionError):
            raise _invalid(text, 'must read {"cron": "..."}') from None
    if len(cron.split()) not in FIELDS or DICE.search(cron):
        raise _invalid(text, "must have seven fields, as in 0 */5 * * * * *, or five")
    try:
        Schedule.of(cron, UTC).next_after(0.0)
    except ValueError as error:
        raise _invalid(text, str(error)) from None
    return json.dumps({"cron": cron})


def show(trigger: Trigger, gateway_url: str) -> str:
    """Return a timer's definition as it is read back: as it is kept."""
    return trigger.definition


def upcoming(definition: str, moment: float, zone: tzinfo, most: int) -> Sequence[float]:
    """Return when a timer fires next, at most so many times."""
    return _schedule(definition, zone).next_few(moment, most)


def _schedule(definition: str, zone: tzinfo) -> Schedule:
    return Schedule.of(json.loads(definition)["cron"], zone)


def _invalid(text: str, reason: str) -> InvalidValue:
    return InvalidValue("TriggerDesc", f"TriggerDesc {text[:80]!r}: {reason}")


class Firings(Protocol):
    """Which ticks of which timers have been fired, beside the queue that has their events."""

    async def fired(self) -> Mapping[tuple[str, str], float]:
        """Return the last tick fired of each timer, by function id and name."""
        ...

    async def fire(self, firings: Sequence[Firing]) -> int:
        """Put events into the queue, of those ticks that nobody has fired, in one step.

        Returns how many those are. A timer that was changed, closed or deleted is not fired.
        """
        ...


@dataclass(slots=True, eq=False)
class Armed:
    """A timer that is open."""

    trigger: Trigger
    schedule: Schedule
    after: float  #: No tick up to this one is fired any more.
    dropped: bool = False


class Entry(NamedTuple):
    """When to look at a timer."""

    at: float
    order: int
    timer: Armed


@dataclass(slots=True)
class Timers:
    """Puts an event into the queue for each tick of each timer, once.

    Which tick was fired last is kept in the transaction that queues its event: whoever dies before
    it has fired nothing, and fires it after the next start; whoever comes second does nothing.
    """

    firings: Firings
    wake_queue: Callable[[], None]
    clock: Callable[[], float]
    zone: tzinfo
    new_id: Callable[[], str]
    results: Counter[str] = field(default_factory=Counter)  #: What became of ticks.
    #: By function id and name.
    _armed: dict[str, dict[str, Armed]] = field(default_factory=dict)
    _count: int = 0
    _new: dict[Armed, None] = field(default_factory=dict)  #: In the order in which they came.
    _line: list[Entry] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take over the timers of functions that a commit changed."""
        for effect in effects:
            match effect:
                case TriggersChanged(function, triggers):
                    self._replace(function.id, triggers)
                case FunctionGone(function):
                    self._replace(function.id, ())
                case _:
                    continue
            self._changed.set()

    def _replace(self, function_id: str, triggers: Sequence[Trigger]) -> None:
        """Arm what is new; what stays as it was may be due this very moment."""
        wanted = {t.name: t for t in triggers if t.type == TIMER and t.enabled}
        here = self._armed.setdefault(function_id, {})
        for name, timer in [*here.items()]:
            if wanted.get(name) == timer.trigger:
                del wanted[name]
            else:
                timer.dropped = True
                self._new.pop(timer, None)
                del here[name]
                self._count -= 1
        for name, trigger in wanted.items():
            schedule = _schedule(trigger.definition, self.zone)
            timer = here[name] = Armed(trigger, schedule, trigger.modified_at)
            self._new[timer] = None
            self._count += 1
        if not here:
            del self._armed[function_id]
        if len(self._line) > 2 * self._count + AT_ONCE:
            self._line = [entry for entry in self._line if not entry.timer.dropped]
            heapq.heapify(self._line)

    async def run(self) -> None:
        """Fire until cancelled."""
        fired = dict(await self._fired())
        while True:
            self._changed.clear()
            for timer in tuple(self._new):
                key = timer.trigger.function_id, timer.trigger.name
                timer.after = max(timer.after, fired.pop(key, 0.0))
                self._look_at(timer, timer.after)
            self._new.clear()
            while await self._fire(await self._due()):
                pass
            wait_s = self._line[0].at - self.clock() if self._line else LONGEST_SLEEP_S
            await _either(self._changed.wait(), min(wait_s, LONGEST_SLEEP_S))

    async def _fired(self) -> Mapping[tuple[str, str], float]:
        while True:
            try:
                return await self.firings.fired()
            except Refusal as refusal:
                log.warning("timer.waits", reason=refusal.message)
                await asyncio.sleep(AGAIN_S)

    def _look_at(self, timer: Armed, at: float) -> None:
        heapq.heappush(self._line, Entry(at, next(self._order), timer))

    async def _due(self) -> Mapping[Armed, Due]:
        """Take from the line whose time has come, and decide what is to be fired.

        At a start that is every timer there is, and others are to have their turn in between.
        """
        found: dict[Armed, Due] = {}
        now, ticks = self.clock(), 0
        while self._line and self._line[0].at <= now and ticks < AT_ONCE:
            timer = heapq.heappop(self._line).timer
            if not timer.dropped:
                what = found[timer] = due(timer.schedule, timer.after, now, timer.trigger.missed)
                ticks += max(1, len(what.ticks))
            if len(found) % LOOKED_AT == 0:
                await asyncio.sleep(0)
        return found

    async def _fire(self, what: Mapping[Armed, Due]) -> bool:
        """Fire what is due, and plan what comes then; tell whether there may be more that is."""
        asked = [self._firing(timer.trigger, at) for timer, now in what.items() for at in now.ticks]
        try:
            fired = await self.firings.fire(asked) if asked else 0
        except Refusal as refusal:
            await self._fire_later(what, refusal)
            return bool(what)
        for timer, now in what.items():
            self._go_on(timer, now)
        self.results["fired"] += fired
        if fired:
            self.wake_queue()
        return bool(what)

    async def _fire_later(self, what: Mapping[Armed, Due], refusal: Refusal) -> None:
        """Look again soon at what was refused, but fire now what only stood beside it.

        Where one function's events fill all the room that they may, those of others have some.
        """
        if isinstance(refusal, LimitExceeded) and len(what) > 1:
            every = iter(what.items())
            await self._fire(dict(islice(every, len(what) // 2)))
            await self._fire(dict(every))
            return
        log.warning("timer.waits", reason=refusal.message, timers=len(what))
        for timer in what:
            self._look_at(timer, self.clock() + AGAIN_S)

    def _go_on(self, timer: Armed, now: Due) -> None:
        if now.passed_over:
            self.results["passed_over"] += 1
            named = str(timer.trigger.function)
            log.warning("timer.passed_over", function=named, trigger=timer.trigger.name)
        if now.then is None:
            return  # its last year has passed
        timer.after = now.after
        self._look_at(timer, now.then)

    def _firing(self, trigger: Trigger, at: float) -> Firing:
        event = QueuedEvent(
            request_id=self.new_id(),
            function=trigger.function,
            function_id=trigger.function_id,
            qualifier=trigger.qualifier,
            event=event_of(trigger, at),
            trigger=TIMER,
            accepted_at=self.clock(),
        )
        return Firing(trigger, at, event)


def event_of(trigger: Trigger, at: float) -> bytes:
    """Return the event of a firing (section 5.2); its time is in UTC."""
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps(
        {
            "Type": "Timer",
            "TriggerName": trigger.name,
            "Time": moment,
            "Message": trigger.custom_argument,
        },
        ensure_ascii=False,
    ).encode()


async def _either(work: Awaitable[object], wait_s: float) -> None:
    try:
        async with asyncio.timeout(max(wait_s, 0.0)):
            await work
    except TimeoutError:
        return
