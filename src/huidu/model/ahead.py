"""Ahead: how many short calls may wait within an instance, rather than before it."""

from __future__ import annotations

from typing import Final

MOST_AHEAD: Final = 7  #: With more, nothing is gained that could be measured.
LONG: Final = 5  #: So many times what calls take that are sent ahead at most is long.


def most_ahead(ahead_ms: float, pace_s: float, longest_s: float) -> int:
    """Return how many calls may wait within an instance, where one may.

    That is where calls take less than `ahead_ms` of late, and it is one to seven. Together they
    wait for a quarter of that. Where a call of late took long, only one does: so that one that is
    slow, or never ends, holds up no more than it must.
    """
    if longest_s * 1000 > LONG * ahead_ms:
        return 1
    part_s = ahead_ms / 4 / 1000
    return MOST_AHEAD if pace_s * MOST_AHEAD <= part_s else max(1, int(part_s / pace_s))
