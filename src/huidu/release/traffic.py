"""Traffic: how many calls come, and what happens to them whichever version answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple

DAY_S, TIDE_S = 86_400.0, 1200.0
BURST_S, BURSTS, BURSTING = 5, 720, 10  #: Stretches, how many differ, and each how manieth bursts,
BURST = 5.0  #: with so many times the calls of the others.
INCIDENT_S, INCIDENT_EVERY_S = 120.0, 500.0
INCIDENT_FAILING, INCIDENT_SLOWNESS = 0.1, 2.0
SWING, SWING_FAILING, SWING_SLOWNESS = 0.8, 0.005, 0.3


class Weather(NamedTuple):
    """What both versions meet at a moment."""

    calls_per_s: float
    failing: float = 0.0  #: The share of calls that fails whoever answers.
    slowness: float = 1.0  #: So many times the usual duration.


#: What the weather is, so many seconds from the beginning of a release; before it, too.
Traffic = Callable[[float], Weather]


def steady(calls_per_s: float, dice: Random) -> Traffic:
    """Calls come independently of each other, at one rate."""
    weather = Weather(calls_per_s)
    return lambda now: weather


def bursts(calls_per_s: float, dice: Random) -> Traffic:
    """A tenth of the time has five times the calls of the rest, five seconds at a stretch."""
    bursting = [not dice.randrange(BURSTING) for _ in range(BURSTS)]
    quiet = calls_per_s * BURSTING / (BURSTING - 1 + BURST)
    weathers = Weather(quiet), Weather(quiet * BURST)
    return lambda now: weathers[bursting[int(now // BURST_S) % BURSTS]]


def day(calls_per_s: float, dice: Random) -> Traffic:
    """A day, begun at a random hour; at its height calls fail more and take longer."""
    return _swinging(calls_per_s, DAY_S, dice)


def tide(calls_per_s: float, dice: Random) -> Traffic:
    """The same within twenty minutes, so that every release meets all of it."""
    return _swinging(calls_per_s, TIDE_S, dice)


def _swinging(calls_per_s: float, period_s: float, dice: Random) -> Traffic:
    phase = dice.random()

    def weather(now: float) -> Weather:
        height = math.sin(2 * math.pi * (now / period_s + phase))
        part = (1 + height) / 2
        rate = calls_per_s * (1 + SWING * height)
        return Weather(rate, SWING_FAILING * part, 1 + SWING_SLOWNESS * part)

    return weather


def incidents(calls_per_s: float, dice: Random) -> Traffic:
    """For 120 of every 500 seconds a tenth more of all calls fails, and all take twice as long."""
    began = dice.random() * INCIDENT_EVERY_S
    good = Weather(calls_per_s)
    bad = Weather(calls_per_s, INCIDENT_FAILING, INCIDENT_SLOWNESS)
    return lambda now: bad if (now + began) % INCIDENT_EVERY_S < INCIDENT_S else good


#: A row for each kind; the command line offers them by these names.
TRAFFICS: Mapping[str, Callable[[float, Random], Traffic]] = {
    "steady": steady,
    "bursts": bursts,
    "day": day,
    "tide": tide,
    "incidents": incidents,
}
