"""Ledger: what was counted since the start, and of the last minutes second by second, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from huidu.model.packed import merge_packed, pack
from huidu.model.rollup import KEEP_S, MINUTE, SECOND, Kept, Selection
from huidu.model.tally import Lane
from huidu.observe.count import Count
from huidu.observe.counters import Second

#: Tallies of a lane's second in memory, at some 300 bytes each; older ones are read from the disk.
MOST_RECENT = 100_000
#: Those that the disk would not take. Beyond that the oldest are lost, and `lost` tells how many.
MOST_UNKEPT = 300_000
#: Shorter than seconds are on the disk: of a minute of which memory has a part, that has the rest.
RECENT_S = KEEP_S[SECOND] - 5 * MINUTE

Bodies = dict[Lane, bytes]


class Ledger:
    """Belongs to one thread: whoever asks, asks there.

    `recent` is whole from the second `floor` on; what lies before is on the disk, but for seconds
    that came late.
    """

    def __init__(self, *, most_recent: int = MOST_RECENT, most_unkept: int = MOST_UNKEPT) -> None:
        self.most_recent = most_recent
        self.most_unkept = most_unkept
        self.totals: dict[Lane, Count] = {}
        self.lost = 0
        self.floor = 0
        self._recent: dict[int, Bodies] = {}
        self._unkept: dict[int, Bodies] = {}
        self._under_way: Mapping[int, Bodies] = {}

    def begin(self, floor: int, kept: Iterable[Kept]) -> None:
        """Begin with what the disk has of the seconds from `floor` on."""
        self.floor = floor
        for start, lane, body in kept:
            self._recent.setdefault(start, {})[lane] = body

    def take(self, seconds: Sequence[Second], now: int) -> None:
        """Take over what was counted."""
        for second in seconds:
            for lane, count in second.counts.items():
                tally = count.tally()
                total = self.totals.pop(lane, None) or Count()
                total.absorb(tally)
                self.totals[lane] = total  # the last of all: the newest
                body = pack(tally)
                _put(self._unkept, second.start, lane, body)
                if second.start >= self.floor:
                    _put(self._recent, second.start, lane, body)
        self._forget(now)

    def _forget(self, now: int) -> None:
        """Keep to the bounds; what is forgotten here is on the disk, but for what is lost."""
        size = sum(map(len, self._recent.values()))
        sealed, old = self.sealed(now), now - RECENT_S
        for start in sorted(self._recent):
            if start >= sealed or (start >= old and size <= self.most_recent):
                break
            size -= len(self._recent.pop(start))
            self.floor = max(self.floor, start + 1)
        self.floor = max(self.floor, min(old, sealed))
        waiting = sum(map(len, self._unkept.values()))
        while waiting > self.most_unkept:
            least = len(self._unkept.pop(min(self._unkept)))
            self.lost += least
            waiting -= least

    def hand_over(self, before: int) -> Mapping[int, Bodies]:
        """Return what is to be kept of the seconds before this one, for `kept` or `not_kept`."""
        starts = [start for start in self._unkept if start < before]
        self._under_way = {start: self._unkept.pop(start) for start in starts}
        return self._under_way

    def kept(self) -> None:
        """What was handed over is on the disk."""
        self._under_way = {}

    def not_kept(self) -> None:
        """What was handed over is not, and is to be handed over again."""
        for start, bodies in self._under_way.items():
            for lane, body in bodies.items():
                _put(self._unkept, start, lane, body)
        self._under_way = {}

    def sealed(self, now: int) -> int:
        """Return before which second everything is on the disk."""
        return min((now, *self._unkept, *self._under_way))

    def recent(self, wanted: Selection) -> tuple[int, Sequence[Kept]]:
        """Return from when on memory has all that is wanted, and what it has."""
        first = max(wanted.since, self.floor)
        starts = sorted(start for start in self._recent if first <= start < wanted.until)
        return self.floor, [
            Kept(start, lane, body)
            for start in starts
            for lane, body in self._recent[start].items()
            if wanted.takes(lane)
        ]

    def every(self, since: int, until: int, function_id: str | None) -> Sequence[Kept]:
        """Return what memory has of the seconds in [since, until): of one function, or of all."""
        starts = sorted(start for start in self._recent if since <= start < until)
        return [
            Kept(start, lane, body)
            for start in starts
            for lane, body in self._recent[start].items()
            if function_id in (None, lane.function_id)
        ]


def _put(seconds: dict[int, Bodies], start: int, lane: Lane, body: bytes) -> None:
    bodies = seconds.setdefault(start, {})
    bodies[lane] = merge_packed([bodies[lane], body]) if lane in bodies else body
