"""Schedule: when a timer fires, by its expression and by the clock on the wall of a zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from croniter import croniter

LONGEST_SEARCH_YEARS = 130  #: From 1970 to 2099.
HOURS = 24
DAY_S = 86_400.0
#: A tick that is fired no later than this is late, and none that was missed.
GRACE_S = 60.0
#: What becomes of ticks that were missed: nothing, or one firing for all of them.
SKIP, ONCE = "skip", "once"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The ticks of an expression in a zone, where clocks may be put forward and back.

    The rule is that of Vixie's cron and its successors. An expression that names every hour ticks
    whenever the clock on the wall shows a time that it names: on through the hour that comes twice,
    and not in the one that is left out. Any other names times of a day, and ticks once for each: at
    the first of two, and where the time is left out, as soon as the clock goes on.
    """

    zone: tzinfo
    search: croniter  #: Over clocks that are never changed. It is used by one thread.
    each_hour: bool

    @classmethod
    def of(cls, cron: str, zone: tzinfo) -> Schedule:
        """Return when an expression of five fields, or of seven, ticks; or raise `ValueError`."""
        search = croniter(
            cron, 0.0, second_at_beginning=True, max_years_between_matches=LONGEST_SEARCH_YEARS
        )
        hours = set(search.expanded[1])
        return cls(zone, search, "*" in hours or hours >= set(range(HOURS)))

    def next_after(self, moment: float) -> float:
        """Return the first tick after a moment, in seconds since the epoch; they are whole.

        Raises `ValueError` where there is none: the last year of the expression has passed.
        """
        return self._of_each_hour(moment) if self.each_hour else self._of_days(moment)

    def next_few(self, moment: float, count: int) -> Sequence[float]:
        """Return so many ticks after a moment, or as many as there are."""
        found: list[float] = []
        try:
            while len(found) < count:
                found.append(self.next_after(found[-1] if found else moment))
        except ValueError:
            pass
        return found

    def last_in(self, after: float, until: float) -> float | None:
        """Return the last tick that is later than one moment and no later than the other."""
        span_s = 1.0
        while (low := max(after, until - span_s)) > after and self._soonest(low) > until:
            span_s *= 2
        if self._soonest(low) > until:
            return None
        high = until
        while (tick := self._soonest(low)) <= until:
            middle = (tick + high) / 2
            if self._soonest(tick) > until:
                return tick
            low, high = (middle, high) if self._soonest(middle) <= until else (tick, middle)
        return None

    def _soonest(self, moment: float) -> float:
        try:
            return self.next_after(moment)
        except ValueError:
            return float("inf")

    def _of_days(self, moment: float) -> float:
        wall = self._wall(moment)
        first, _ = self._moments(wall)
        if first < moment and self._offset(first) != self._offset(moment):
            # The clock shows it for the second time: go on where it shows what is new.
            wall = self._change(first, moment) + self._offset(first) - 1
        while True:
            wall = self._tick(wall)
            first, second = self._moments(wall)
            tick = first if first <= second else self._change(second, first)
            if tick > moment:
                return tick

    def _of_each_hour(self, moment: float) -> float:
        horizon = moment + DAY_S
        back = self._offset(horizon) < self._offset(moment)
        tick = self._shown_after(self._wall(moment), moment)
        if back and tick > (change := self._change(moment, horizon)):
            tick = min(tick, self._shown_after(self._wall(change) - 1, change - 1))
        return tick

    def _shown_after(self, wall: float, moment: float) -> float:
        """Return the first moment after this one at which a time after this one is shown."""
        while True:
            wall = self._tick(wall)
            first, second = self._moments(wall)
            if first > second:
                wall = self._wall(self._change(second, first)) - 1
            elif second > moment:
                return first if first > moment else second

    def _tick(self, wall: float) -> float:
        return float(self.search.get_next(float, start_time=wall))

    def _wall(self, moment: float) -> float:
        """Return what the clock on the wall shows, as seconds of a clock that is never changed."""
        return moment + self._offset(moment)

    def _offset(self, moment: float) -> float:
        return _offset(datetime.fromtimestamp(moment, UTC).astimezone(self.zone))

    def _moments(self, wall: float) -> tuple[float, float]:
        """Return when the clock shows a time first, and last.

        Of a time that it never shows, the first is the later one.
        """
        shown = datetime.fromtimestamp(wall, UTC).replace(tzinfo=self.zone)
        return wall - _offset(shown), wall - _offset(shown.replace(fold=1))

    def _change(self, low: float, high: float) -> float:
        """Return when, between two moments, the clock is changed; there is one change."""
        before, first, last = self._offset(low), int(low), int(high) + 1
        while last - first > 1:
            middle = (first + last) // 2
            if self._offset(middle) == before:
                first = middle
            else:
                last = middle
        return float(last)


def _offset(shown: datetime) -> float:
    offset = shown.utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


class Due(NamedTuple):
    """What a timer is to do now."""

    ticks: Sequence[float]  #: To be fired, the oldest first.
    after: float  #: Up to here nothing is left to be fired.
    then: float | None  #: The next tick; None where there will be none.
    passed_over: bool = False  #: Whether there were ticks that are not fired.


def due(schedule: Schedule, after: float, now: float, missed: str) -> Due:
    """Decide which of the ticks since `after`, which was the last one fired, are fired now.

    One that is late by no more than `GRACE_S` always is. Of those before, none is, or where
    `missed` is `ONCE` and there is none that is fired anyway, the last one.
    """
    since = max(after, now - GRACE_S)
    ticks: list[float] = []
    then: float | None
    try:
        while (then := schedule.next_after(ticks[-1] if ticks else since)) <= now:
            ticks.append(then)
    except ValueError:
        then = None
    old = schedule.last_in(after, since) if since > after else None
    if old is not None and missed == ONCE and not ticks:
        return Due([old], old, then)
    return Due(ticks, ticks[-1] if ticks else since, then, passed_over=old is not None)
