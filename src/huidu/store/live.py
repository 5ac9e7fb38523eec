"""Live: has the log take what calls print while they run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Protocol

from huidu.model.log import Chunk
from huidu.store.logs import Logs

LISTEN_S = 0.25  #: How often; a call that takes less leaves all its lines at its end.


class Printers(Protocol):
    """Whoever runs calls."""

    def printing(self, least_s: float) -> Iterator[Chunk]: ...


async def listen(printers: Printers, logs: Logs) -> None:
    """Go on until cancelled."""
    while True:
        await asyncio.sleep(LISTEN_S)
        for chunk in printers.printing(LISTEN_S):
            logs.take(chunk)
