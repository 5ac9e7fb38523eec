"""Books: what is kept of calls that have ended; its record in the journal, its lines in the log."""

from __future__ import annotations

from collections.abc import Sequence

from huidu.model.invocation import Record
from huidu.store.journal import Journal
from huidu.store.logs import Logs


class Books:
    """What the recorder fills."""

    def __init__(self, journal: Journal, logs: Logs) -> None:
        self._journal = journal
        self._logs = logs

    async def add(self, records: Sequence[Record]) -> None:
        """Keep records, all of them or none, and their logs as far as there is room."""
        await self._journal.add(records, self._logs.end(records))
