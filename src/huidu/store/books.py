"""Books: what is kept of calls that have ended; its record in the journal, its lines in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from huidu.model.invocation import Record
from huidu.model.sheet import Sheet
from huidu.store.journal import Journal
from huidu.store.logs import Logs
from huidu.store.packs import Pack, divided, pack, packs_of


class Books:
    """What the recorder fills."""

    def __init__(self, journal: Journal, logs: Logs) -> None:
        self._journal = journal
        self._logs = logs

    async def add(self, records: Sequence[Record], sheets: Sequence[Sheet] = ()) -> None:
        """Keep records, all of them or none, and their logs as far as there is room.

        What silent calls leave is made once for both, here: in a thread it would take the
        interpreter away from the loop, which is worse than to take turns with it.
        """
        packs: list[Pack] = []
        for sheet in sheets:
            for one in packs_of(sheet):
                packs.append(one)
                await asyncio.sleep(0)
        single, together = divided(records)
        for some in together:
            packs.append(pack(some))
            await asyncio.sleep(0)
        left = self._logs.end(single, packs)
        await self._journal.add(single, left, packs)
