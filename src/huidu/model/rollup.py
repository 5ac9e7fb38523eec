"""Rollup: which counts are kept for how long, and where those of a moment are to be found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from huidu.model.tally import Lane

SECOND, MINUTE, HOUR = 1, 60, 3600
#: How long counts are kept, in seconds, by how long the periods are that they are of.
KEEP_S: Mapping[int, int] = {SECOND: 15 * 60, MINUTE: 15 * 86_400, HOUR: 400 * 86_400}


def floor(moment: float, period_s: int) -> int:
    """Return the beginning of the period that a moment lies in, in seconds since the epoch."""
    return int(moment // period_s) * period_s


@dataclass(frozen=True, slots=True)
class Folded:
    """How far seconds have been folded into minutes, and minutes into hours.

    All periods that end before are whole, and are there in the next longer form; nothing that
    comes later is. `minute` is never behind `hour`.
    """

    minute: int = 0
    hour: int = 0


class Fold(NamedTuple):
    """Periods of one length that lie in [since, until), to be put together to longer ones."""

    period_s: int
    into_s: int
    since: int
    until: int


class Span(NamedTuple):
    """The periods of one length that begin in [since, until)."""

    period_s: int
    since: int
    until: int


class Kept(NamedTuple):
    """What was counted of a lane in a period."""

    start: int
    lane: Lane
    tally: bytes  #: Packed.


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which counts are asked for: of [since, until), in periods of at most `period_s`.

    None is for any alias, and for any version.
    """

    function_id: str
    alias: str | None = None
    version: str | None = None
    since: int
    until: int
    period_s: int = SECOND

    def takes(self, lane: Lane) -> bool:
        """Tell whether the counts of a lane are asked for."""
        return (
            lane.function_id == self.function_id
            and self.alias in (None, lane.alias)
            and self.version in (None, lane.version)
        )


def due(folded: Folded, sealed: int) -> tuple[Sequence[Fold], Folded]:
    """Return what is to be folded, once all seconds before `sealed` are kept; and how far it is."""
    minute = max(folded.minute, floor(sealed, MINUTE))
    hour = max(folded.hour, floor(minute, HOUR))
    folds = []
    if minute > folded.minute:
        folds.append(Fold(SECOND, MINUTE, folded.minute, minute))
    if hour > folded.hour:
        folds.append(Fold(MINUTE, HOUR, folded.hour, hour))
    return folds, replace(folded, minute=minute, hour=hour)


def places(second: int, folded: Folded) -> Sequence[tuple[int, int]]:
    """Return every (length, beginning) of a period to which the calls of a second are to be added.

    More than one where the second is late: its minute was folded already, since the clock was set
    back.
    """
    found = [(SECOND, second)]
    if second < folded.minute:
        found.append((MINUTE, floor(second, MINUTE)))
    if second < folded.hour:
        found.append((HOUR, floor(second, HOUR)))
    return found


def spans(wanted: Selection, folded: Folded) -> Sequence[Span]:
    """Return where the counts that are wanted are kept.

    No call is in two of these, and none is missing that is still kept in that length. Of a longer
    period in which `until` lies, the shorter ones are read.
    """
    period_s, since, until = wanted.period_s, wanted.since, wanted.until
    hour = min(folded.hour, floor(until, HOUR)) if period_s % HOUR == 0 else 0
    minute = min(folded.minute, floor(until, MINUTE)) if period_s % MINUTE == 0 else 0
    found = (
        Span(HOUR, since, hour),
        Span(MINUTE, max(since, hour), minute),
        Span(SECOND, max(since, hour, minute), until),
    )
    return [span for span in found if span.since < span.until]


def expired(now: float, folded: Folded, keep_s: Mapping[int, int] = KEEP_S) -> Mapping[int, int]:
    """Return before when the periods of each length may be forgotten: too old, and folded."""
    most = {SECOND: folded.minute, MINUTE: folded.hour, HOUR: folded.hour}
    return {length: min(floor(now - keep_s[length], length), most[length]) for length in keep_s}
