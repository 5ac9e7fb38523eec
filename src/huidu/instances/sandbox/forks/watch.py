"""Watch: counts the memory of an instance where the kernel does not, and ends it over its limit.

An instance is looked at as often as it could pass its limit meanwhile, and seldom while it does
nothing. A look reads one line for each process; only where their sum is over the limit is what
they share told apart, which takes the kernel longer.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
FASTEST_BYTES_A_S = 2 << 30  #: How quickly one process takes memory, at most, by measurement.
SOONEST_S, LATEST_S, IDLE_S = 0.02, 0.1, 0.2
#: Which fields after the name of a process in its `stat` (proc_pid_stat(5)).
USER_TICKS, SYSTEM_TICKS, RESIDENT_PAGES = 11, 12, 21


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of some processes at one moment."""

    pids: tuple[int, ...] = ()
    resident_bytes: int = 0  #: Counts what they share once for each.
    ticks: int = 0  #: Of processor time.


class Watch:
    """Looks after one instance until `close`; where it takes too much, calls `end` once.

    An instance is a process and all that descend from it, or the latter alone.
    """

    def __init__(
        self, pid: int, limit_bytes: int, end: Callable[[], None], *, itself: bool = True
    ) -> None:
        self._pid = pid
        self._itself = itself
        self._limit_bytes = limit_bytes
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._last = Look()
        self._ran_out = False
        self.peak_bytes = 0  #: The most that was seen.
        self._timer = self._loop.call_later(SOONEST_S, self._ring)

    def ran_out(self) -> bool:
        """Tell whether it was ended."""
        return self._ran_out

    def close(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _ring(self) -> None:
        seen = look(family(self._pid) if self._itself else list(family(self._pid))[1:])
        held = seen.resident_bytes
        if held > self._limit_bytes:
            held = sum(map(proportional_bytes, seen.pids))
        self.peak_bytes = max(self.peak_bytes, held)
        if held > self._limit_bytes:
            self._ran_out = True
            self._end()
            return
        idle = (seen.pids, seen.ticks) == (self._last.pids, self._last.ticks)
        self._last = seen
        soon = (self._limit_bytes - held) / FASTEST_BYTES_A_S
        delay_s = IDLE_S if idle else min(max(soon, SOONEST_S), LATEST_S)
        self._timer = self._loop.call_later(delay_s, self._ring)


def look(at: Iterable[int]) -> Look:
    """Look at some processes, of which some may have ended."""
    pids, pages, ticks = [], 0, 0
    for one in at:
        with suppress(OSError, IndexError):
            fields = Path(f"/proc/{one}/stat").read_bytes().rpartition(b")")[2].split()
            pids.append(one)
            pages += int(fields[RESIDENT_PAGES])
            ticks += int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])
    return Look(tuple(pids), pages * PAGE_BYTES, ticks)


def family(pid: int) -> Iterator[int]:
    """Yield a process and all that descend from it."""
    waiting, seen = [pid], {pid}
    while waiting:
        one = waiting.pop()
        yield one
        for child in _children(one):
            if child not in seen:
                seen.add(child)
                waiting.append(child)


def _children(pid: int) -> Iterator[int]:
    # Which thread has begun a child is known to the kernel, and it lists them by that.
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                yield from map(int, _read(f"/proc/{pid}/task/{thread}/children").split())


def proportional_bytes(pid: int) -> int:
    """Return what a process holds, its part of what it shares; all of that where it is hidden."""
    for file, line in (("smaps_rollup", b"Pss:"), ("status", b"VmRSS:")):
        with suppress(OSError):
            for words in map(bytes.split, _read(f"/proc/{pid}/{file}").splitlines()):
                if words and words[0] == line:
                    return int(words[1]) * 1024
    return 0


def _read(file: str) -> bytes:
    return Path(file).read_bytes()
