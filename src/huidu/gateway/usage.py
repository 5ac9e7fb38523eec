"""Usage: has what was used of quotas written down now and then, and never holds a call up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from huidu.model.errors import Refusal

EVERY_S = 1.0

log = structlog.get_logger("huidu.usage")


class Counts(Protocol):
    """What was used, in memory."""

    def unsaid(self) -> Mapping[str, int]: ...

    def unkept(self, plans: Mapping[str, int]) -> None: ...


class Uses(Protocol):
    """Where it is kept."""

    async def keep(self, used: Mapping[str, int]) -> None: ...


class Usage:
    """Writes once in a second what changed in it.

    A server that is killed forgets what was counted since: a second's calls, and no more unless
    the disk is slower than that.
    """

    def __init__(self, counts: Counts, uses: Uses) -> None:
        self._counts = counts
        self._uses = uses
        self._closed = asyncio.Event()

    async def flush(self) -> None:
        """Return when what was counted so far is kept; where it cannot be, it is tried again."""
        used = self._counts.unsaid()
        if not used:
            return
        try:
            await self._uses.keep(used)
        except Refusal as refusal:  # a full disk must not stop the calls
            self._counts.unkept(used)
            log.warning("quotas.not_kept", plans=len(used), reason=refusal.message)
        except Exception:
            self._counts.unkept(used)
            log.exception("quotas.not_kept", plans=len(used))

    async def run(self) -> None:
        """Write now and then, until `close`."""
        while not self._closed.is_set():
            try:
                await asyncio.wait_for(self._closed.wait(), EVERY_S)
            except TimeoutError:
                await self.flush()

    async def close(self, running: asyncio.Task[None]) -> None:
        """End `run`, and return when all is kept."""
        self._closed.set()
        await running
        await self.flush()
