"""Takes the record of every call without ever holding the call up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import structlog
from mypy_extensions import mypyc_attr

from huidu.model.call import Call
from huidu.model.errors import Refusal
from huidu.model.function import FunctionName
from huidu.model.invocation import Record, Status
from huidu.model.sheet import Columns, Way, columns, fits
from huidu.model.throttle import THROTTLED
from huidu.observe.counters import Busy, Counters

FLUSH_S = 0.25  #: Records of calls that took one way cost less the more of them there are.
MOST_AT_ONCE = 2000
MOST_WAITING = 20_000
MOST_WRITTEN = 8000  #: Calls that are written down already, which are little work.

#: Calls that are written down, and counted, together: to do a thing again at once is cheap.
MOST_UNWRITTEN = 100
#: Of one way among them; fewer are not worth a sheet, nor to be put out of their order.
LEAST_OF_A_WAY = 8

log = structlog.get_logger("huidu.recorder")
Hear = Callable[[Record], None]


class Journal(Protocol):
    """Where records end up."""

    def write(self, way: Way, function: FunctionName, some: Columns) -> None:
        """Write down what silent calls of one way say, for the next `add` to keep."""
        ...

    def drop(self) -> int:
        """Forget some of what was written down; return of how many calls, 0 where it is none."""
        ...

    async def add(self, records: Sequence[Record]) -> None:
        """Keep records and what is written down, or raise."""
        ...


@mypyc_attr(allow_interpreted_subclasses=True)
class Recorder:
    """A bounded buffer before the journal, emptied in batches, and counters that see every call.

    When more calls end than can be kept, successes are dropped before failures, and `dropped`
    says how many; the counters miss none. Of calls of functions that there are not, there is a
    number and no more: whoever makes up names costs no memory.

    At the end of a call no more is done than to remember it. They are written down and counted a
    hundred at a time, and before anybody looks: whoever asks the counters or the journal finds all
    that has ended. Who follows an alias, or is told of refusals, is told at once.
    """

    def __init__(
        self,
        journal: Journal,
        counters: Counters,
        throttled: Hear = lambda record: None,
    ) -> None:
        self._journal = journal
        self._counters = counters
        self._throttled = throttled  #: Is told of each call that was refused for want of room.
        self._also: Callable[[Sequence[Record]], None] | None = None
        self._followed: dict[tuple[str, str], list[Hear]] = {}
        self._ended: list[Call | Record] = []
        self._waiting: list[Record] = []
        self._written = 0  #: How many calls are written down in the journal, and wait there.
        self._ways: set[Way] = set()  #: And which ways they took.
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._closed = False
        self._dropped = 0
        self.nobodys = 0
        self.elsewhere: Callable[[], None] = lambda: None  #: Has us take what ended elsewhere.
        counters.settle = self._settle_all

    @property
    def dropped(self) -> int:
        """How many records were not kept."""
        self._settle_all()
        return self._dropped

    def dropped_elsewhere(self, count: int) -> None:
        """Hear that so many records will not come that were to."""
        self._dropped += count

    def show(self, to: Callable[[Sequence[Record]], None]) -> None:
        """Show each batch to somebody else as well, who takes no time over it."""
        self._also = to

    def follow(self, function_id: str, alias: str, hear: Hear) -> None:
        """Have somebody hear the record of each call through an alias, before its caller does.

        `hear` is called as the call ends, and takes no time. What it raises is logged, and no
        business of the call.
        """
        self._followed.setdefault((function_id, alias), []).append(hear)

    def unfollow(self, function_id: str, alias: str, hear: Hear) -> None:
        """Have somebody hear no more of an alias; raises nothing where there is nothing to end."""
        hearing = self._followed.get((function_id, alias), [])
        if hear in hearing:
            hearing.remove(hear)
        if not hearing:
            self._followed.pop((function_id, alias), None)

    def began(self, lane: Way) -> Busy:
        """An instance has a call; `ended` of what this returns says that it has it no more."""
        return self._counters.began(lane)

    def take(self, call: Call) -> None:
        """Take a call that has ended; returns at once."""
        if not fits(call):
            self.record(call.record())
            return
        counters = self._counters
        if not counters.start <= counters.clock() < counters.end:  # as `_put`, without the calls
            counters.turn()
        ended = self._ended
        ended.append(call)
        if len(ended) >= MOST_UNWRITTEN:
            self._settle()
        if self._followed and call.lane[:2] in self._followed:
            self._tell(call.record())

    def lost(self) -> None:
        """Hear of a call that could not be taken."""
        self._dropped += 1

    def record(self, record: Record) -> None:
        """Take the record of a call that has ended just now; returns at once."""
        if record.status in THROTTLED:
            self._throttled(record)
        if not record.function_id:  # nobody could ever ask for it
            self.nobodys += 1
            return
        self._put(record)
        self._tell(record)

    def _tell(self, record: Record) -> None:
        for hear in tuple(self._followed.get((record.function_id, record.alias), ())):
            try:
                hear(record)
            except Exception:
                log.exception("follower.failed", function_id=record.function_id, alias=record.alias)

    def _put(self, ended: Call | Record) -> None:
        self._counters.turn()  # what ended in another second is counted there
        self._ended.append(ended)
        if len(self._ended) >= MOST_UNWRITTEN:
            self._settle()

    def _settle_all(self) -> None:
        """Have counted what has ended, here and elsewhere."""
        try:
            self.elsewhere()
        except Exception:  # nor may what is wrong there stop what is right here
            log.exception("elsewhere.failed")
        self._settle()

    def _settle(self) -> None:
        """Write down the calls that have ended, and count them.

        What goes wrong with some of them is logged, and no business of any other.
        """
        if not self._ended:
            return
        ended, self._ended = self._ended, []
        many, few = self._divided(ended)
        for way, calls in many.items():
            try:
                self._write(way, calls)
            except Exception:
                self._dropped += len(calls)
                log.exception("records.dropped", count=len(calls))
        try:
            self._remember(few)
        except Exception:
            self._dropped += len(few)
            log.exception("records.dropped", count=len(few))
        if len(self._waiting) >= MOST_AT_ONCE or self._written >= MOST_WRITTEN:
            self._wake.set()

    def _remember(self, few: Sequence[Call | Record]) -> None:
        """Count calls of which each is kept by itself, and keep them where there is room."""
        records = [one if isinstance(one, Record) else one.record() for one in few]
        self._counters.count(records)
        if self._waits + len(records) <= MOST_WAITING:
            self._waiting += records
        else:
            for record in records:
                self.keep(record)

    def _divided(
        self, ended: Sequence[Call | Record]
    ) -> tuple[dict[Way, list[Call]], Sequence[Call | Record]]:
        """Return the calls that go on sheets, by their way; and all others, in order."""
        ways: dict[Way, list[Call]] = {}
        for one in () if self._also else ended:  # who is shown records needs one of each call
            if isinstance(one, Call):
                if one.lane in ways:
                    ways[one.lane].append(one)
                else:
                    ways[one.lane] = [one]
        many = {
            way: calls
            for way, calls in ways.items()
            if len(calls) >= LEAST_OF_A_WAY or way in self._ways
        }
        if sum(map(len, many.values())) == len(ended):
            return many, ()
        gone = {id(call) for calls in many.values() for call in calls}
        return many, [one for one in ended if id(one) not in gone]

    def _write(self, way: Way, calls: Sequence[Call]) -> None:
        """Count calls of one way, and write down what they say, where there is room."""
        some, count = columns(calls), len(calls)
        self._counters.count_columns(way, some)
        if self._waits + count > MOST_WAITING:
            self._dropped += count
            return
        self._journal.write(way, calls[0].invocation.function, some)
        self._written += count
        self._ways.add(way)

    @property
    def _waits(self) -> int:
        """How many calls wait to be kept."""
        return len(self._waiting) + self._written

    def keep(self, record: Record) -> None:
        """Have a record in the journal, counted or not; returns at once."""
        if self._waits < MOST_WAITING or self._make_room(record):
            self._waiting.append(record)
        else:
            self._dropped += 1

    def _make_room(self, record: Record) -> bool:
        """Drop a success so that a failure can be kept."""
        if record.status == Status.SUCCESS:
            return False
        if self._written and (dropped := self._journal.drop()):
            self._written -= dropped
            self._dropped += dropped
            return True
        for index, kept in enumerate(self._waiting):
            if kept.status == Status.SUCCESS:
                del self._waiting[index]
                self._dropped += 1
                return True
        return False

    async def flush(self) -> None:
        """Return when every record taken so far is in the journal."""
        async with self._turn:
            self._settle_all()
            left = len(self._waiting)  # not what comes meanwhile: that would never end
            while left > 0 or self._written:
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                left -= len(batch)
                await self._keep(batch)

    async def _keep(self, batch: Sequence[Record]) -> None:
        count = len(batch) + self._written
        self._written = 0
        self._ways.clear()
        try:
            if self._also is not None:
                self._also(batch)
            await self._journal.add(batch)
        except Refusal as refusal:  # a full disk must not stop the calls
            self._dropped += count
            log.warning("records.dropped", count=count, reason=refusal.message)
        except Exception:  # nor must one batch that cannot be kept stop the next
            self._dropped += count
            log.exception("records.dropped", count=count)

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
