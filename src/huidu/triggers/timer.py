"""Timer: calls a function by the clock."""

from __future__ import annotations

import asyncio
import heapq
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import count
from typing import Protocol

import structlog
from croniter import croniter

from huidu.model.effect import Effect, FunctionGone, TriggersChanged
from huidu.model.errors import InvalidValue, Refusal
from huidu.model.event import QueuedEvent
from huidu.model.trigger import Trigger

TYPE = "timer"
FIELDS = (5, 7)
MOST_CHARS = 1000
DICE = re.compile(r"(?<![a-z])[hr](?![a-z])", re.IGNORECASE)  #: What croniter leaves to chance.
LONGEST_SEARCH_YEARS = 130  #: From 1970 to 2099.
LONGEST_SLEEP_S = 60.0  #: The wall clock may jump; look again that often.

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
        next_after(cron, 0.0, UTC)
    except ValueError as error:
        raise _invalid(text, str(error)) from None
    return json.dumps({"cron": cron})


def show(trigger: Trigger, gateway_url: str) -> str:
    """Return a timer's definition as it is read back: as it is kept."""
    return trigger.definition


def _invalid(text: str, reason: str) -> InvalidValue:
    return InvalidValue("TriggerDesc", f"TriggerDesc {text[:80]!r}: {reason}")


def next_after(cron: str, moment: float, zone: tzinfo) -> float:
    """Return the first moment after this one at which a timer fires, or raise `ValueError`."""
    begin = datetime.fromtimestamp(moment, UTC).astimezone(zone)
    search = croniter(
        cron, begin, second_at_beginning=True, max_years_between_matches=LONGEST_SEARCH_YEARS
    )
    return float(search.get_next(float))


class Queue(Protocol):
    """Where events wait to be run."""

    async def put(self, event: QueuedEvent) -> None: ...


class Timers:
    """Puts an event into the queue whenever a timer fires, from when it was made or the start on.

    What would have fired while the platform was down is passed over.
    """

    def __init__(
        self,
        queue: Queue,
        wake_queue: Callable[[], None],
        clock: Callable[[], float],
        zone: tzinfo,
        new_id: Callable[[], str],
    ) -> None:
        self._queue = queue
        self._wake_queue = wake_queue
        self._clock = clock
        self._zone = zone
        self._new_id = new_id
        self._due: list[tuple[float, int, Trigger]] = []
        self._order = count()
        self._changed = asyncio.Event()

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
        """Plan what is new; what stays as it was may be due this very moment."""
        wanted = {trigger for trigger in triggers if trigger.type == TYPE and trigger.enabled}
        others = [entry for entry in self._due if entry[2].function_id != function_id]
        stays = [entry for entry in self._due if entry[2] in wanted]
        self._due = others + stays
        heapq.heapify(self._due)
        for trigger in wanted - {entry[2] for entry in stays}:
            self._plan(trigger, self._clock())

    def _plan(self, trigger: Trigger, after: float) -> None:
        cron = json.loads(trigger.definition)["cron"]
        try:
            at = next_after(cron, after, self._zone)
        except ValueError:
            return  # its last year has passed
        heapq.heappush(self._due, (at, next(self._order), trigger))

    async def run(self) -> None:
        """Fire until cancelled."""
        while True:
            self._changed.clear()
            while self._due and self._due[0][0] <= (now := self._clock()):
                at, _, trigger = heapq.heappop(self._due)
                self._plan(trigger, max(at, now))
                await self._fire(trigger, at)
            wait_s = self._due[0][0] - self._clock() if self._due else LONGEST_SLEEP_S
            await _either(self._changed.wait(), min(wait_s, LONGEST_SLEEP_S))

    async def _fire(self, trigger: Trigger, at: float) -> None:
        event = QueuedEvent(
            request_id=self._new_id(),
            function=trigger.function,
            function_id=trigger.function_id,
            qualifier=trigger.qualifier,
            event=event_of(trigger, at),
            trigger=TYPE,
            accepted_at=at,
        )
        try:
            await self._queue.put(event)
        except Refusal as refusal:
            log.warning("timer.lost", trigger=trigger.name, reason=refusal.message)
            return
        self._wake_queue()


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
