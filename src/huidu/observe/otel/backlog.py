"""Backlog: records that wait to be told; bounded, and what does not fit is counted."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from huidu.model.invocation import Record

MOST_BYTES = 16 << 20
#: About what a record takes beside its texts.
BARE_BYTES = 1024
AT_ONCE = 256


class Backlog:
    """Filled by the event loop, which it never holds up, and emptied by a thread.

    Records that the store keeps for a moment as well cost nothing twice; once they wait for a
    collector that is gone, their texts are what fills the memory, so these are what is counted.
    """

    def __init__(self, wants: Callable[[Record], bool], most_bytes: int = MOST_BYTES) -> None:
        self._wants = wants
        self._most_bytes = most_bytes
        self._bytes = 0
        self._waiting: deque[Record] = deque()
        self._turn = threading.Lock()  # held for as long as it takes to move a few references
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, records: Sequence[Record]) -> None:
        """Take those records that are wanted, as far as there is room for them."""
        for record in filter(self._wants, records):
            size = _bytes(record)
            with self._turn:
                if self._bytes + size > self._most_bytes:
                    self.dropped += 1
                    continue
                self._bytes += size
                self._waiting.append(record)

    def take(self) -> Sequence[Record]:
        """Return the records that have waited longest; they are the caller's now."""
        with self._turn:
            batch = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            self._bytes -= sum(map(_bytes, batch))
        return batch

    def lost(self, count: int) -> None:
        """Count records that were taken and could not be told."""
        with self._turn:
            self.dropped += count


def _bytes(record: Record) -> int:
    return BARE_BYTES + len(record.log) + len(record.error) + len(record.result)
