"""Books: what is kept of calls that have ended; its record in the journal, its lines in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from huidu.model.frame import frame_of
from huidu.model.function import FunctionName
from huidu.model.invocation import Record, Status
from huidu.model.sheet import Columns, Way
from huidu.store.journal import Journal
from huidu.store.logs import Logs
from huidu.store.packs import LEAST, Pack, Sheet, divided, pack


class Books:
    """What the recorder fills."""

    def __init__(self, journal: Journal, logs: Logs) -> None:
        self._journal = journal
        self._logs = logs
        self._sheets: dict[Way, Sheet] = {}

    def write(self, way: Way, function: FunctionName, some: Columns) -> None:
        """Write down what silent calls of one way say, for the next `add` to keep."""
        sheet = self._sheets.get(way)
        if sheet is None:
            sheet = self._sheets[way] = Sheet(way, function)
        sheet.add(some)

    def drop(self) -> int:
        """Forget some of what was written down; return of how many calls, 0 where it is none."""
        for sheet in self._sheets.values():
            if count := sheet.drop():
                return count
        return 0

    async def add(self, records: Sequence[Record]) -> None:
        """Keep records and what is written down, all or nothing; their logs where there is room.

        What silent calls leave is made once for both, here: in a thread it would take the
        interpreter away from the loop, which is worse than to take turns with it.
        """
        sheets, self._sheets = self._sheets, {}
        packs = [one for sheet in sheets.values() for one in sheet.packs()]
        single, together = divided(records)
        for some in together:
            packs.append(pack(some))
            await asyncio.sleep(0)
        left = self._logs.end(single, packs)
        rows, logs, framed = _framed(single, left)
        await self._journal.add(rows, logs, [*packs, *framed])


def _framed(
    records: Sequence[Record], left: Sequence[str]
) -> tuple[Sequence[Record], Sequence[str], Sequence[Pack]]:
    """Put those together of which the journal keeps no more than of a silent call.

    What they printed is in the log by now, and rows of the journal cost more than that did.
    """
    if len(records) < LEAST:
        return records, left, ()
    fit = [
        record.status == Status.SUCCESS and rest == frame_of(record)
        for record, rest in zip(records, left, strict=True)
    ]
    rows, together = divided(records, fit)
    known = dict(zip(map(id, records), left, strict=True))
    return rows, [known[id(record)] for record in rows], [pack(some) for some in together]
