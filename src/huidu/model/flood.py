"""Flood: how much of what a function prints is kept, so that none drowns the others."""

from __future__ import annotations

from huidu.model.log import Chunk, whole

BURST_S = 4.0  #: What a quiet function may print at once, in seconds of its rate.
MOST_FUNCTIONS = 10_000


class Flood:
    """An allowance for each function: it fills at a rate, up to `BURST_S` seconds of it."""

    def __init__(self, bytes_per_s: float) -> None:
        self._rate = bytes_per_s
        self._left: dict[str, tuple[float, float]] = {}

    def cut(self, chunk: Chunk, now: float) -> tuple[Chunk, int]:
        """Return what is kept of a chunk, and how many lines that leaves out.

        Only what was printed is cut, at the end of a line, and a line says how much is missing.
        """
        most = self._rate * BURST_S
        left, since = self._left.pop(chunk.function_id, (most, now))
        left = min(most, left + max(0.0, now - since) * self._rate)
        size = len(chunk.printed)  # Characters will do: it is about magnitudes.
        if size <= left:
            self._keep(chunk.function_id, left - size, now)
            return chunk, 0
        kept = chunk.printed[: chunk.printed.rfind("\n", 0, int(left)) + 1]
        dropped = len(whole(chunk.printed)) - len(whole(kept))
        self._keep(chunk.function_id, left - len(kept), now)
        notice = (
            f"WARN: {dropped} lines are not kept: {chunk.function} prints more than "
            f"{self._rate / 1024:.0f} KB per second\n"
        )
        return chunk._replace(printed=kept + notice), dropped

    def _keep(self, function_id: str, left: float, now: float) -> None:
        """Remember an allowance; the one that was not asked for the longest is full, and goes."""
        self._left[function_id] = (left, now)
        if len(self._left) > MOST_FUNCTIONS:
            del self._left[next(iter(self._left))]
