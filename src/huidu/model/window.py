"""Window: at which hours a rollout may give its candidate more calls, and when it may not."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from huidu.model.errors import InvalidValue

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAILY = "daily"
TIME = r"(\d{1,2}):(\d{2})"
WINDOW = re.compile(rf"(?P<days>\D+?)\s+{TIME}\s*-\s*{TIME}(?:\s+(?P<zone>\S+))?", re.ASCII)
MOMENT = r"\d{4}-\d{2}-\d{2} \d{1,2}:\d{2}"
FREEZE = re.compile(rf"(?P<begin>{MOMENT})\s*/\s*(?P<end>{MOMENT})(?:\s+(?P<zone>\S+))?", re.ASCII)
FORM = "%Y-%m-%d %H:%M"
DAY_S, DAY_MINUTES, WEEK = 86_400, 1440, 7
MOST_CHARS = 200
YEARS = range(1970, 3000)
#: So long two lists of windows are searched for an hour that both have: a week, twice, for a clock
#: may skip the one hour of it.
SEARCH_S = 16 * DAY_S


@dataclass(frozen=True, slots=True)
class Window:
    """A span of hours on certain days: what the clock on the wall shows there, while it shows it.

    Where that clock is put forward past the hours they are not there on that day, and where it is
    put back into them they come twice. Hours over midnight belong to the day on which they begin.
    """

    text: str  #: As it was written.
    days: frozenset[int]  #: Of the week; Monday is 0.
    begin: int  #: Minutes after midnight,
    end: int  #: and likewise; where this is no later, on the next day.
    zone: tzinfo

    def is_open(self, at: float) -> bool:
        """Tell whether a moment, in seconds since the epoch, lies within."""
        there = _there(at, self.zone)
        day, minute = there.weekday(), there.hour * 60 + there.minute
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        before = (day - 1) % WEEK
        return (day in self.days and minute >= self.begin) or (
            before in self.days and minute < self.end
        )

    def opens(self, at: float) -> int:
        """Return the first moment from this one on at which it is open."""
        moment = math.floor(at)
        while not self.is_open(moment):
            hop = min(self._wall_s(moment), DAY_S)
            moment = _first_change(self.zone, moment, moment + hop)
        return moment

    def _wall_s(self, at: int) -> int:
        """Return in how many seconds it opens, if nobody puts the clock forward or back."""
        there = _there(at, self.zone)
        now_s = there.hour * 3600 + there.minute * 60 + there.second
        waits = (
            ahead * DAY_S + self.begin * 60 - now_s
            for ahead in range(WEEK + 1)
            if (there.weekday() + ahead) % WEEK in self.days
        )
        return next(wait for wait in waits if wait > 0)


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which no weight grows."""

    text: str
    begin: float  #: Seconds since the epoch,
    until: float  #: and likewise; not within it.
    zone: tzinfo
    reason: str = ""

    def holds(self, at: float) -> bool:
        """Tell whether a moment lies within."""
        return self.begin <= at < self.until


def closed(
    now: float,
    windows: Sequence[Window],
    freezes: Sequence[Freeze],
    also: Sequence[Window] = (),
) -> str:
    """Return why no weight may grow at a moment, and when it may; empty where it may now.

    It may within any of the windows, or at any hour if there are none, and outside of all
    freezes. `also` are the server's own windows, which must be open as well.
    """
    frozen = max((one for one in freezes if one.holds(now)), key=_until, default=None)
    shut = [
        one for one in (windows, also) if one and not any(window.is_open(now) for window in one)
    ]
    if frozen is None and not shut:
        return ""
    opens = _opening(now, windows, freezes, also)
    if frozen is None:
        zone, said = shut[0][0].zone, "outside of " + ", ".join(one.text for one in shut[0])
    else:
        zone, said = frozen.zone, f"frozen until {_shown(frozen.until, frozen.zone)}"
        said += f": {frozen.reason}" if frozen.reason else ""
        if opens == frozen.until:
            return said
    if opens is None:
        return f"{said}; never opens: those hours and the server's have none in common"
    return f"{said}; opens {_shown(opens, zone)}"


def _until(freeze: Freeze) -> float:
    return freeze.until


def _opening(
    now: float, windows: Sequence[Window], freezes: Sequence[Freeze], also: Sequence[Window]
) -> float | None:
    """Return the first moment at which nothing is closed; None where none comes."""
    at: float = math.floor(now)
    until = at + SEARCH_S
    while at <= until:
        ends = [one.until for one in freezes if one.holds(at)]
        until = max((until, *(end + SEARCH_S for end in ends)))
        begins = (min(window.opens(at) for window in one) for one in (windows, also) if one)
        later = max((at, *ends, *begins))
        if later == at:
            return at
        at = later
    return None


@lru_cache(maxsize=1024)
def window_of(text: str, zone: tzinfo) -> Window:
    """Read a window, or raise `InvalidValue`; `zone` is whose hours are meant where it names none.

    `mon-fri 09:00-17:00`, `mon,wed,fri 09:00-17:00 Europe/Berlin`, `daily 22:00-02:00`.
    """
    found = WINDOW.fullmatch(text.strip()) if len(text) <= MOST_CHARS else None
    if found is None:
        raise _no_window(text, "no days with hours")
    begin, end = int(found[2]) * 60 + int(found[3]), int(found[4]) * 60 + int(found[5])
    if begin >= DAY_MINUTES or end > DAY_MINUTES or int(found[3]) > 59 or int(found[5]) > 59:  # noqa: PLR2004
        raise _no_window(text, "an hour is 00:00 to 23:59, and 24:00 at the end")
    if begin == end:
        raise _no_window(text, "begins as it ends; all day is daily 00:00-24:00")
    there = _zone(found["zone"], zone)
    if there is None:
        raise _no_window(text, f"{found['zone'][:40]!r} is no time zone")
    return Window(text.strip(), _days(text, found["days"]), begin, end, there)


def _days(text: str, written: str) -> frozenset[int]:
    found = set[int]()
    for part in written.lower().split(","):
        first, dash, last = (end.strip() for end in part.partition("-"))
        if first == DAILY and not dash:
            found |= set(range(WEEK))
            continue
        ends = (first, last if dash else first)
        if not set(ends) <= set(DAYS):
            raise _no_window(text, f"{part.strip()[:40]!r} is no day of {', '.join(DAYS)}")
        begin, end = map(DAYS.index, ends)
        found |= {(begin + ahead) % WEEK for ahead in range((end - begin) % WEEK + 1)}
    return frozenset(found)


def _no_window(text: str, why: str) -> InvalidValue:
    return InvalidValue(
        "Windows",
        f"Windows {text[:80]!r}: {why}; say mon-fri 09:00-17:00, mon,wed 09:00-17:00 Europe/Berlin "
        "or daily 22:00-02:00",
    )


@lru_cache(maxsize=1024)
def freeze_of(text: str, zone: tzinfo) -> Freeze:
    """Read a freeze, or raise `InvalidValue`; `zone` is whose hours are meant where it names none.

    `2026-12-24 00:00/2026-12-27 00:00`, with a zone and, after `#`, a reason where there is one.
    """
    said, _, reason = text.partition("#")
    found = FREEZE.fullmatch(said.strip()) if len(text) <= MOST_CHARS else None
    if found is None:
        raise _no_freeze(text, "no two moments")
    there = _zone(found["zone"], zone)
    if there is None:
        raise _no_freeze(text, f"{found['zone'][:40]!r} is no time zone")
    begin = min(_moments(text, found["begin"], there))
    until = max(_moments(text, found["end"], there))
    if begin >= until:
        raise _no_freeze(text, "must end after it begins")
    return Freeze(text.strip(), begin, until, there, reason.strip())


def _moments(text: str, written: str, zone: tzinfo) -> tuple[float, float]:
    """Return the moments at which the clock shows a time; two where it is put back past it."""
    try:
        local = datetime.strptime(written, FORM).replace(tzinfo=zone)
    except ValueError:
        raise _no_freeze(text, f"{written!r} is no moment") from None
    if local.year not in YEARS:
        raise _no_freeze(text, f"years are {YEARS[0]} to {YEARS[-1]}")
    return local.timestamp(), local.replace(fold=1).timestamp()


def _no_freeze(text: str, why: str) -> InvalidValue:
    return InvalidValue(
        "Freezes",
        f"Freezes {text[:80]!r}: {why}; say 2026-12-24 00:00/2026-12-27 00:00, with a zone such as "
        "Europe/Berlin and # and a reason if you like",
    )


def _zone(name: str | None, otherwise: tzinfo) -> tzinfo | None:
    """Return the zone of a name, or None where there is none."""
    if not name:
        return otherwise
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of zones
        return None


def _there(at: float, zone: tzinfo) -> datetime:
    """Return what clock and calendar show in a zone."""
    return datetime.fromtimestamp(math.floor(at), UTC).astimezone(zone)


def _first_change(zone: tzinfo, begin: int, end: int) -> int:
    """Return when the clock of a zone is put forward or back between two moments, or the second."""
    offset, earlier, later = _offset(begin, zone), begin, end
    if _offset(end, zone) == offset:
        return end
    while later - earlier > 1:
        middle = (earlier + later) // 2
        same = _offset(middle, zone) == offset
        earlier, later = (middle, later) if same else (earlier, middle)
    return later


def _offset(at: int, zone: tzinfo) -> timedelta | None:
    return _there(at, zone).utcoffset()


def _shown(at: float, zone: tzinfo) -> str:
    """Return a moment as people there write it: `Mon 2026-11-30 09:00 +08:00`."""
    there = _there(at, zone)
    return f"{DAYS[there.weekday()].title()} {there:%Y-%m-%d %H:%M} {there.isoformat()[-6:]}"
