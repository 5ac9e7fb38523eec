"""Shelf: the segments of the log on the disk; which is written, which are searched, which go."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from huidu.model.log import Chunk, Line, Wanted
from huidu.store import segment
from huidu.store.segment import Entry, Segment

PARTS = 16  #: The log is cut into so many segments, of which the oldest goes when it is too much.
LEAST_SEGMENT_BYTES = 1 << 20
MOST_SEARCH_S = 2.0  #: How long one search looks before it says what it has and where it stands.
MOST_UNFINISHED = 10_000
MOST_AT_ONCE = 500
LAST_PLACE = 1 << 40
JUMP = 1 << 24  #: More sequences than a segment has.

#: A place in the log: the sequence of a chunk, and a line in it.
Cursor = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Page:
    """Lines that were found."""

    lines: Sequence[Line]
    next: Cursor | None  #: Where to go on; None where there is nothing more to be found.


class Shelf:
    """Every method blocks; those that write are called by one thread only."""

    def __init__(self, directory: Path, *, most_bytes: int, keep_s: float) -> None:
        self._directory = directory
        self._most_bytes = most_bytes
        self._keep_s = keep_s
        self._segments: tuple[Segment, ...] = ()
        self._connection: sqlite3.Connection | None = None
        self._begun = 0.0
        self._at = 0.0
        self._unfinished: dict[tuple[str, int], set[Segment]] = {}

    def open(self, now: float) -> int:
        """Find what is there; return the last sequence that was used."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        files = sorted(self._directory.glob("*.db"))
        self._segments = tuple(Segment(file) for file in files if file.stem.isdigit())
        if not self._segments:
            return 0
        last = self._segments[-1]
        with last.reading() as connection:
            if (
                connection is None
            ):  # Broken, or of a newer Huidu: nobody can know its last sequence.
                self._add_segment(last.first + JUMP)
                return last.first + JUMP - 1
        for one in reversed(self._segments):
            with one.reading() as connection:
                if connection and (found := segment.newest(connection)):
                    sequence, self._at = found
                    return max(sequence, last.first - 1)
        return last.first - 1

    def close(self) -> None:
        """Let go of the file that is written."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def bytes(self) -> int:
        """How much room the log takes on the disk."""
        return sum(one.bytes for one in self._segments)

    def keep(self, first: int, entries: Sequence[Entry], now: float) -> None:
        """Keep entries, all or none, with sequences from `first` on; raises `sqlite3.Error`."""
        self._at = max(self._at, now)  # A clock may go back, the log may not.
        try:
            connection = self._writing(first)
            segment.add(connection, first, entries, self._at)
            for one in entries:
                if isinstance(one, Chunk):
                    self._follow(connection, one)
        except sqlite3.Error as error:
            self.close()
            if not isinstance(error, sqlite3.OperationalError):  # The file is broken, not the disk.
                self._add_segment(first + segment.places(entries))
            raise
        share = max(LEAST_SEGMENT_BYTES, self._most_bytes // PARTS)
        old = self._at - self._begun > self._keep_s / PARTS
        if self._segments[-1].bytes > share or old:
            self._seal(first + segment.places(entries))

    def tidy(self, now: float) -> None:
        """Remove the oldest segments, as far as they are too old or all together too large."""
        while len(self._segments) > 1:
            oldest = self._segments[0]
            if self.bytes <= self._most_bytes and not self._past(oldest, now):
                return
            self._segments = self._segments[1:]
            oldest.forget()

    def search(self, wanted: Wanted, start: Cursor, limit: int, *, newest_first: bool) -> Page:
        """Return lines that are wanted, from `start` on, which itself is not among them."""
        until, found, last = monotonic() + MOST_SEARCH_S, list[Line](), start
        for one in self._from(wanted, start, newest_first=newest_first):
            lines = wanted.of(one)
            for line in reversed(lines) if newest_first else lines:
                place = (one.sequence, line.place)
                if place < start if newest_first else place > start:
                    found.append(line)
                    last = place
                    if len(found) == limit:
                        return Page(found, last)
            last = (one.sequence, -1 if newest_first else LAST_PLACE)
            if monotonic() > until:
                return Page(found, last)
        return Page(found, None)

    def printed(self, request_ids: Sequence[str]) -> dict[tuple[str, int], str]:
        """Return what each run of some calls has printed, by request id and retry number."""
        found = dict[tuple[str, int], str]()
        for one in self._segments:
            for start in range(0, len(request_ids), MOST_AT_ONCE):
                some = request_ids[start : start + MOST_AT_ONCE]
                with one.reading() as connection:
                    for chunk in segment.of_calls(connection, some) if connection else ():
                        run = (chunk.request_id, chunk.retry_number)
                        found[run] = found.get(run, "") + chunk.printed
        return found

    def _from(self, wanted: Wanted, start: Cursor, *, newest_first: bool) -> Iterator[Chunk]:
        segments = self._segments
        ends = [*(one.first for one in segments[1:]), LAST_PLACE]
        ordered = list(zip(segments, ends, strict=False))
        for one, end in reversed(ordered) if newest_first else ordered:
            if one.first > start[0] if newest_first else end <= start[0]:
                continue
            low = 0 if newest_first else start[0] + (start[1] >= LAST_PLACE)
            high = start[0] - (start[1] <= 0) if newest_first else LAST_PLACE
            with one.reading() as connection:
                if connection is not None:
                    yield from segment.find(
                        connection, wanted, low, high, newest_first=newest_first
                    )

    def _writing(self, sequence: int) -> sqlite3.Connection:
        if self._connection is None:
            if not self._segments:
                self._add_segment(sequence)
            self._connection = self._segments[-1].begin()
            first = segment.begun(self._connection)
            self._begun = first or self._at
        return self._connection

    def _add_segment(self, first: int) -> None:
        self._segments = (*self._segments, Segment(self._directory / f"{first:016}.db"))

    def _seal(self, first: int) -> None:
        """Write no more into the last segment, and begin the next."""
        self.close()
        self._add_segment(first)
        self.tidy(self._at)

    def _past(self, oldest: Segment, now: float) -> bool:
        with oldest.reading() as connection:
            found = segment.newest(connection) if connection else None
        return found is not None and found[1] < now - self._keep_s

    def _follow(self, connection: sqlite3.Connection, chunk: Chunk) -> None:
        """Have what was kept of a call while it ran say how the call ended."""
        run, last = (chunk.request_id, chunk.retry_number), self._segments[-1]
        if not chunk.status:
            self._unfinished.setdefault(run, set()).add(last)
            if len(self._unfinished) > MOST_UNFINISHED:
                del self._unfinished[next(iter(self._unfinished))]
            return
        for one in self._unfinished.pop(run, ()):
            if one is last:
                segment.finish(connection, *run, chunk.status)
            elif one in self._segments:
                other = one.begin()
                segment.finish(other, *run, chunk.status)
                other.close()
