"""Takes the record of every call without ever holding the call up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from huidu.model.errors import Refusal
from huidu.model.invocation import Record, Status
from huidu.model.tally import Lane
from huidu.model.throttle import THROTTLED
from huidu.observe.counters import Counters

FLUSH_S = 0.25  #: Records of calls that took one way cost less the more of them there are.
MOST_AT_ONCE = 2000
MOST_WAITING = 20_000

log = structlog.get_logger("huidu.recorder")


class Journal(Protocol):
    """Where records end up."""

    async def add(self, records: Sequence[Record]) -> None: ...


class Recorder:
    """A bounded buffer before the journal, emptied in batches, and counters that see every call.

    When more calls end than can be kept, successes are dropped before failures, and `dropped`
    says how many; the counters miss none. Of calls of functions that there are not, there is a
    number and no more: whoever makes up names costs no memory.
    """

    def __init__(
        self,
        journal: Journal,
        counters: Counters,
        throttled: Callable[[Record], None] = lambda record: None,
    ) -> None:
        self._journal = journal
        self._counters = counters
        self._throttled = throttled  #: Is told of each call that was refused for want of room.
        self._also: Callable[[Sequence[Record]], None] = lambda _: None
        self._waiting: list[Record] = []
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._closed = False
        self.dropped = 0
        self.nobodys = 0

    def show(self, to: Callable[[Sequence[Record]], None]) -> None:
        """Show each batch to somebody else as well, who takes no time over it."""
        self._also = to

    def began(self, lane: Lane) -> None:
        """An instance has a call."""
        self._counters.began(lane)

    def ended(self, lane: Lane) -> None:
        """It has it no more."""
        self._counters.ended(lane)

    def record(self, record: Record) -> None:
        """Take a record; returns at once."""
        if record.status in THROTTLED:
            self._throttled(record)
        if not record.function_id:  # nobody could ever ask for it
            self.nobodys += 1
            return
        self._counters.count(record)
        self.keep(record)

    def keep(self, record: Record) -> None:
        """Have a record in the journal that is counted nowhere; returns at once."""
        if len(self._waiting) >= MOST_WAITING and not self._make_room(record):
            self.dropped += 1
            return
        self._waiting.append(record)
        if len(self._waiting) >= MOST_AT_ONCE:
            self._wake.set()

    def _make_room(self, record: Record) -> bool:
        """Drop a success so that a failure can be kept."""
        if record.status == Status.SUCCESS:
            return False
        for index, kept in enumerate(self._waiting):
            if kept.status == Status.SUCCESS:
                del self._waiting[index]
                self.dropped += 1
                return True
        return False

    async def flush(self) -> None:
        """Return when every record taken so far is in the journal."""
        async with self._turn:
            left = len(self._waiting)  # not what comes meanwhile: that would never end
            while left > 0:
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                left -= len(batch)
                try:
                    self._also(batch)
                    await self._journal.add(batch)
                except Refusal as refusal:  # a full disk must not stop the calls
                    self.dropped += len(batch)
                    log.warning("records.dropped", count=len(batch), reason=refusal.message)
                except Exception:  # nor must one batch that cannot be kept stop the next
                    self.dropped += len(batch)
                    log.exception("records.dropped", count=len(batch))

    async def run(self) -> None:
        """Empty the buffer now and then, until `close`."""
        while not self._closed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), FLUSH_S)
            self._wake.clear()
            await self.flush()

    async def close(self, running: asyncio.Task[None]) -> None:
        """End `run`, and return when every record is in the journal."""
        self._closed = True
        self._wake.set()
        await running
        await self.flush()
