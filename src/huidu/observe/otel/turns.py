"""Turns: a thread that does one thing every so often, for as long as somebody may wait for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger("huidu.otlp")


class Turns:
    """Takes a turn every so often, and a last one when it is closed.

    A turn may hang: nobody waits for it but `close`, and that not for long. The process can end
    all the same.
    """

    def __init__(self, name: str, turn: Callable[[], None], every_s: float) -> None:
        self._turn = turn
        self._every_s = every_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"huidu-{name}", daemon=True)
        self._thread.start()

    async def close(self, within_s: float) -> bool:
        """Have the last turn taken; tell whether it came to its end in time."""
        self._closing.set()
        await asyncio.to_thread(self._thread.join, within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        closing = False
        while not closing:
            closing = self._closing.wait(self._every_s)
            try:
                self._turn()
            except Exception:  # one turn that fails must not be the last
                log.exception("otlp.failed", thread=self._thread.name)
