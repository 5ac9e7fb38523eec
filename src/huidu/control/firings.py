"""Firings: when timers fire next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from huidu.actions import triggers as wire
from huidu.control.plane import Asked, Plane
from huidu.model.errors import InvalidValue, NotFound
from huidu.model.function import Function, FunctionName
from huidu.model.schedule import SKIP
from huidu.model.trigger import TIMER, Trigger
from huidu.store.reading import Reading

MOST = 100


async def get_next(plane: Plane, asked: Asked, request: wire.GetNextFirings) -> wire.NextFirings:
    """Tell when timers fire next: all of a function's, one, or one that might be made."""
    if not 1 <= request.count <= MOST:
        raise InvalidValue("Count", f"Count {request.count}: must be 1 to {MOST}")
    if not request.function_name:
        return _answer(plane, [_tried(plane, request)])
    if request.cron:
        raise InvalidValue("", "Cron: is tried where no FunctionName is given")
    named = FunctionName(request.namespace, request.function_name)

    def ask(reading: Reading) -> list[wire.TimerFirings]:  # in a thread: there may be a thousand
        function = reading.function(named)
        fired, timers = reading.fired(function), _timers(reading, function, request.trigger_name)
        return [_facts(plane, timer, fired[timer.name], request.count) for timer in timers]

    return _answer(plane, await plane.catalog.read(ask))


def _timers(reading: Reading, function: Function, name: str) -> Sequence[Trigger]:
    """Return the timers of a function; with a name, this one."""
    timers = [trigger for trigger in reading.triggers(function) if trigger.type == TIMER]
    if not name:
        return timers
    found = [timer for timer in timers if timer.name == name]
    if not found:
        raise NotFound("Trigger", name)
    return found


def _answer(plane: Plane, timers: list[wire.TimerFirings]) -> wire.NextFirings:
    return wire.NextFirings(zone=str(plane.zone), timers=timers)


def _tried(plane: Plane, request: wire.GetNextFirings) -> wire.TimerFirings:
    definition = plane.triggers[TIMER].define(request.cron)
    return wire.TimerFirings(
        trigger_name="",
        qualifier="",
        enable=1,
        cron=json.loads(definition)["cron"],
        missed=SKIP,
        last_time="",
        next_times=_upcoming(plane, definition, request.count),
    )


def _facts(plane: Plane, timer: Trigger, fired_at: float, count: int) -> wire.TimerFirings:
    return wire.TimerFirings(
        trigger_name=timer.name,
        qualifier=timer.qualifier,
        enable=int(timer.enabled),
        cron=json.loads(timer.definition)["cron"],
        missed=timer.missed,
        last_time=_show(plane, fired_at) if fired_at else "",
        next_times=_upcoming(plane, timer.definition, count),
    )


def _upcoming(plane: Plane, definition: str, count: int) -> list[str]:
    upcoming = plane.triggers[TIMER].upcoming
    ticks = upcoming(definition, plane.clock(), plane.zone, count) if upcoming else ()
    return [_show(plane, tick) for tick in ticks]


def _show(plane: Plane, tick: float) -> str:
    """Return a tick with its offset from UTC: when clocks are put back, an hour comes twice."""
    return datetime.fromtimestamp(tick, UTC).astimezone(plane.zone).isoformat(" ", "seconds")
