"""Scene: the calls of each second of a release, drawn by what the weather and the fault say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from statistics import NormalDist
from typing import NamedTuple

from huidu.release.chance import binomial, poisson
from huidu.release.faults import Fault
from huidu.release.traffic import Traffic, Weather

FINENESS = 1 << 14  #: So many durations stand for all: each as likely as the next.
COLD_SHARE = 1 / 3
TOGETHER = 20  #: Calls that one instance takes along, at most all of a second.
HISTORY_S, SLOT_S, MOST_OF_SLOT = 600, 10, 50


@dataclass(frozen=True, slots=True)
class Spread:
    """How durations are spread: three quantiles, between and beyond which their logs are straight.

    Straight against the normal distribution, so that three quantiles of a lognormal one are all of
    it. The usual ones are of a median of 80 ms and sigma 0.6.
    """

    p50_ms: float = 80.0
    p95_ms: float = 214.6
    p99_ms: float = 323.1

    def at(self, share: float) -> float:
        """Return the duration that such a share of calls does not exceed."""
        normal = NormalDist()
        z, bend, end = normal.inv_cdf(share), normal.inv_cdf(0.95), normal.inv_cdf(0.99)
        low, middle, high = (math.log(ms) for ms in (self.p50_ms, self.p95_ms, self.p99_ms))
        if z <= bend:
            return math.exp(low + (middle - low) * z / bend)
        return math.exp(middle + (high - middle) * (z - bend) / (end - bend))


@lru_cache(maxsize=8)
def durations_of(spread: Spread) -> tuple[float, ...]:
    """Return durations of which each is as likely as the next."""
    return tuple(spread.at((number + 0.5) / FINENESS) for number in range(FINENESS))


class Bunch(NamedTuple):
    """The calls of one version within a second."""

    failed: int
    cold: int
    durations_ms: list[float]  #: Of those that succeeded and were not cold.
    slowed: int = 0  #: How many of those are slow by the fault; they come first.
    crashed: Sequence[str] = ()  #: For the first of those that failed: the instance that ended.
    keys: Sequence[int] = ()  #: Of the users: those who failed, the cold, and the others.

    @property
    def calls(self) -> int:
        """How many there are."""
        return self.failed + self.cold + len(self.durations_ms)


@dataclass(slots=True, kw_only=True)
class Scene:
    """What happens around one release. Every number comes from its own dice."""

    dice: Random
    traffic: Traffic
    fault: Fault
    spread: Spread = field(default_factory=Spread)
    _luck: float = field(init=False)  #: How much slower the candidate's instances are by chance.
    _places: list[float] = field(init=False)  #: Of each user: below which weight the candidate's.
    _crashes: int = 0

    def __post_init__(self) -> None:
        self._luck = math.exp(self.dice.gauss(0.0, self.fault.noise)) if self.fault.noise else 1.0
        self._places = [self.dice.random() for _ in range(self.fault.users)]

    def calls_per_s(self) -> float:
        """Return how many calls came in the ten minutes before."""
        moments = range(-HISTORY_S, 0, SLOT_S)
        return sum(self.traffic(now).calls_per_s for now in moments) / len(moments)

    def history(self) -> list[float]:
        """Return durations of the stable version from the ten minutes before."""
        found: list[float] = []
        for now in range(-HISTORY_S, 0, SLOT_S):
            weather = self.traffic(now)
            count = min(poisson(self.dice, weather.calls_per_s * SLOT_S), MOST_OF_SLOT)
            found += self._durations(count, weather.slowness)
        return found

    def second(self, now: float, weight: float) -> tuple[Bunch, Bunch]:
        """Return the calls of the candidate and of the stable version, from now on for a second."""
        weather = self.traffic(now)
        count = poisson(self.dice, weather.calls_per_s)
        if not self._places:
            mine = binomial(self.dice, count, weight)
            return self._candidate(mine, now, weather), self._stable(count - mine, weather)
        users = self.dice.choices(range(len(self._places)), k=count)
        ours = [user for user in users if self._places[user] < weight]
        theirs = [user for user in users if self._places[user] >= weight]
        return (
            self._keyed(self._candidate(len(ours), now, weather), ours),
            self._keyed(self._stable(len(theirs), weather), theirs),
        )

    def _keyed(self, bunch: Bunch, users: list[int]) -> Bunch:
        """Give calls to users. Those of poison users fail, beside what fails anyway."""
        most = self.fault.poison * len(self._places)
        ordered = sorted(users, key=lambda user: user >= most)
        more = min(sum(user < most for user in users), len(bunch.durations_ms))
        durations_ms = bunch.durations_ms[: len(bunch.durations_ms) - more]
        return bunch._replace(
            failed=bunch.failed + more,
            durations_ms=durations_ms,
            slowed=min(bunch.slowed, len(durations_ms)),
            keys=[user + 1 for user in ordered],
        )

    def _crashed(self, count: int) -> list[str]:
        """Return for each call that its instance took along which instance that was."""
        crashes = binomial(self.dice, count, self.fault.crashing) if self.fault.crashing else 0
        self._crashes += crashes
        names = (f"i-{self._crashes - number}" for number in range(crashes))
        return [name for name in names for _ in range(TOGETHER)][:count]

    def _stable(self, count: int, weather: Weather) -> Bunch:
        crashed = self._crashed(count)
        rest = count - len(crashed)
        failed = binomial(self.dice, rest, min(weather.failing + self.fault.stable, 1.0))
        durations_ms = self._durations(rest - failed, weather.slowness)
        return Bunch(len(crashed) + failed, 0, durations_ms, crashed=crashed)

    def _candidate(self, count: int, now: float, weather: Weather) -> Bunch:
        dice, fault = self.dice, self.fault
        is_on = now >= fault.after_s
        share = min(weather.failing + (fault.failing if is_on else fault.stable), 1.0)
        crashed = self._crashed(count)
        failed = binomial(dice, count - len(crashed), share) + len(crashed)
        good = count - failed
        cold = binomial(dice, good, COLD_SHARE) if now < fault.cold_s else 0
        warm = good - cold
        slowed = binomial(dice, warm, fault.slow_share) if is_on and fault.slower != 1 else 0
        slowness = weather.slowness * self._luck
        durations_ms = self._durations(slowed, slowness * fault.slower)
        durations_ms += self._durations(warm - slowed, slowness)
        return Bunch(failed, cold, durations_ms, slowed, crashed)

    def _durations(self, count: int, slowness: float) -> list[float]:
        drawn = self.dice.choices(durations_of(self.spread), k=count)
        return drawn if slowness == 1 else [slowness * ms for ms in drawn]
