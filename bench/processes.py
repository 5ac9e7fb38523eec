"""Processes: what the kernel tells of those below one process, read from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PARENT, USER, SYSTEM, THREADS, RSS = 1, 11, 12, 17, 21  #: Which fields of `stat` behind the name.


@dataclass(frozen=True, slots=True)
class Process:
    """One process, as it was when it was looked at."""

    pid: int
    parent: int
    state: str
    threads: int
    rss_bytes: int


def every() -> Mapping[int, Process]:
    """Return all processes of the machine."""
    found = {}
    for entry in os.listdir(PROC):  # noqa: PTH208 - thousands of paths would be made for nothing
        if entry.isdigit():
            with suppress(OSError, IndexError):
                after = (PROC / entry / "stat").read_text().rpartition(")")[2].split()
                found[int(entry)] = Process(
                    int(entry),
                    int(after[PARENT]),
                    after[0],
                    int(after[THREADS]),
                    int(after[RSS]) * PAGE_BYTES,
                )
    return found


def cpu_s(pid: int) -> float:
    """Return how long a process has had a processor, with all of its threads."""
    after = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(after[USER]) + int(after[SYSTEM])) / TICKS_A_SECOND


def below(root: int, found: Mapping[int, Process]) -> set[int]:
    """Return the numbers of all that a process started, and they, and so on."""
    children: dict[int, list[int]] = {}
    for process in found.values():
        children.setdefault(process.parent, []).append(process.pid)
    reached, ahead = set[int](), [root]
    while ahead:
        for child in children.get(ahead.pop(), ()):
            if child not in reached:
                reached.add(child)
                ahead.append(child)
    return reached


def pss_bytes(pids: Iterable[int]) -> int:
    """Return the memory of processes, with what several share divided among them.

    Raises `PermissionError` where we may not look: others' processes take root.
    """
    total = 0
    for pid in pids:
        try:
            lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended meanwhile.
        total += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) << 10
    return total
