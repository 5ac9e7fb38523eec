"""Logs: what functions print, kept and searched without ever holding a call up."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import structlog

from huidu.model.errors import Unavailable
from huidu.model.flood import Flood
from huidu.model.invocation import Record
from huidu.model.log import Chunk, Wanted, chunk_of
from huidu.store.packs import Pack
from huidu.store.segment import Entry, places
from huidu.store.shelf import Cursor, Page, Shelf

MOST_AT_ONCE = 2000
GATHER_S = 0.2  #: A few large transactions cost an index much less than many small ones.
MOST_WAITING = 32 << 20  #: Characters that wait to be written; what is over that is dropped.
READERS = 4
SAY_AGAIN_S = 10.0
LINES_OF_SILENCE = 4  #: START, Response, END and Report.

log = structlog.get_logger("huidu.logs")
T = TypeVar("T")


class Logs:
    """Takes chunks at once, writes them in batches, and tells those who wait for new ones.

    Where the disk is full or too slow, lines are dropped and counted, and nobody waits. What is
    kept has a sequence, and is visible to readers in the order of it: who has seen all up to one
    sequence misses nothing that comes later.
    """

    def __init__(
        self,
        directory: Path,
        *,
        most_bytes: int,
        keep_s: float,
        flood: Flood,
        clock: Callable[[], float],
    ) -> None:
        self._shelf = Shelf(directory, most_bytes=most_bytes, keep_s=keep_s)
        self._flood = flood
        self._clock = clock
        self._writer = ThreadPoolExecutor(1, "write-logs")
        self._readers = ThreadPoolExecutor(READERS, "read-logs")
        self._waiting: list[Entry] = []
        self._waits = 0
        self._wake, self._news = asyncio.Event(), asyncio.Event()
        self._turn = asyncio.Lock()
        self._used = 0
        self.hushed = False
        self._quiet_until = 0.0
        self.newest = 0  #: The sequence of the last chunk that readers can see.
        self.kept_lines = 0
        self.dropped_lines = 0  #: Because the disk failed, or could not keep up.
        self.flooded_lines = 0  #: Because one function printed more than it may.

    @property
    def bytes(self) -> int:
        """How much room the log takes on the disk."""
        return self._shelf.bytes

    async def open(self) -> None:
        """Find what is there."""
        try:
            self._used = await self._in(self._writer, lambda: self._shelf.open(self._clock()))
        except OSError as error:
            raise Unavailable("Storage", f"the log cannot be used: {error}") from error
        self.newest = self._used

    async def close(self) -> None:
        """Write what waits, let what has begun come to its end, and let go of the files."""
        self.hush()
        await self.flush()
        await self._in(self._writer, self._shelf.close)
        for threads in (self._readers, self._writer):
            await asyncio.to_thread(threads.shutdown)

    def hush(self) -> None:
        """Have nobody wait for news any more."""
        self.hushed = True
        self._news.set()

    def end(self, records: Sequence[Record], packs: Sequence[Pack] = ()) -> list[str]:
        """Take the logs of calls that have ended; return what of each record is not kept here."""
        left = []
        for record in records:
            chunk, rest = chunk_of(record)
            if record.function_id:  # else nobody could ever ask for it
                self.take(chunk)
            left.append(rest)
        for one in packs:
            self._queue(one)
        return left

    def take(self, chunk: Chunk) -> None:
        """Take what a call printed; returns at once."""
        chunk, flooded = self._flood.cut(chunk, self._clock())
        self.flooded_lines += flooded
        self._queue(chunk)

    def _queue(self, entry: Entry) -> None:
        size = _size(entry)
        if self._waits + size > MOST_WAITING:
            self.dropped_lines += _lines_in(entry)
            return
        self._waits += size
        self._waiting.append(entry)
        self._wake.set()

    async def run(self) -> None:
        """Write whenever there is something to write, until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            await self.flush()

    async def flush(self) -> None:
        """Return when everything taken so far can be found, or has been dropped."""
        async with self._turn:
            left = len(self._waiting)  # what comes meanwhile can wait for its turn
            while left > 0:
                left -= MOST_AT_ONCE
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                self._waits -= sum(map(_size, batch))
                await self._write(batch)

    async def tidy(self) -> None:
        """Forget what is too old or too much."""
        with suppress(OSError, sqlite3.Error):
            await self._in(self._writer, lambda: self._shelf.tidy(self._clock()))

    async def search(
        self, wanted: Wanted, start: Cursor, limit: int, *, newest_first: bool
    ) -> Page:
        """Return a page of lines; raises `Unavailable` where the disk cannot be read."""
        return await self._ask(
            lambda: self._shelf.search(wanted, start, limit, newest_first=newest_first)
        )

    async def printed(self, request_ids: Sequence[str]) -> dict[tuple[str, int], str]:
        """Return what each run of some calls has printed, by request id and retry number."""
        return await self._ask(lambda: self._shelf.printed(request_ids))

    async def wait(self, after: int, most_s: float) -> None:
        """Return once there is something later than a sequence, or after so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                while self.newest <= after and not self.hushed:
                    await self._news.wait()

    async def _write(self, batch: Sequence[Entry]) -> None:
        first = self._used + 1
        self._used += places(batch)
        count = sum(map(_lines_in, batch))
        try:
            await self._in(self._writer, lambda: self._shelf.keep(first, batch, self._clock()))
        except (OSError, sqlite3.Error, ValueError) as error:  # a text that is none is a ValueError
            self.dropped_lines += count
            if self._clock() >= self._quiet_until:
                self._quiet_until = self._clock() + SAY_AGAIN_S
                log.warning("logs.dropped", lines=count, reason=str(error))
            return
        self.kept_lines += count
        self.newest = self._used
        self._news.set()
        if not self.hushed:
            self._news = asyncio.Event()

    async def _ask(self, work: Callable[[], T]) -> T:
        try:
            return await self._in(self._readers, work)
        except (OSError, sqlite3.Error) as error:
            raise Unavailable("Storage", f"the log could not be read: {error}") from error

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)


def _size(entry: Entry) -> int:
    if isinstance(entry, Pack):
        return len(entry.body)
    return len(entry.printed) + len(entry.ending)


def _lines_in(entry: Entry) -> int:
    if isinstance(entry, Pack):
        return entry.count * LINES_OF_SILENCE
    return entry.printed.count("\n") + entry.ending.count("\n") + entry.starts
