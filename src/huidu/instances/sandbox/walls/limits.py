"""Limits: what one instance may take of the machine, where no group of the kernel counts it."""

from __future__ import annotations

import resource
from collections.abc import Mapping

MOST_PROCESSES = 512  #: Processes and threads together; counted by user, so each has its own.
#: The same of a user that instances share, for each to have its own is not for an ordinary user.
MOST_OF_A_USER = 4096
TEMPORARY_BYTES = 512 << 20
#: A file that is in no folder is not counted as one of `/tmp`. A little more than that holds, so
#: that who fills it hears of no space, and is not ended by a signal.
FILE_BYTES = TEMPORARY_BYTES + (1 << 20)
TEMPORARY_FILES = 65_536
LOCKED_BYTES = 64 << 10
#: How far beyond the limit one process may get before the watch has seen it.
UNSEEN_BYTES = 1 << 30
MOST_FILES = 1024


def temporary(uid: int) -> Mapping[str, str]:
    """Return the options of the file system in `/tmp`, which only this user may enter."""
    return {
        "size": str(TEMPORARY_BYTES),
        "nr_inodes": str(TEMPORARY_FILES),
        "mode": "700",
        "uid": str(uid),
        "gid": str(uid),
    }


def restrict(
    memory_bytes: int, processes: int = MOST_PROCESSES, file_bytes: int = FILE_BYTES
) -> None:
    """Set what no later code can raise; 0 where the memory of all processes is counted."""
    for kind, most in each(memory_bytes, processes, file_bytes).items():
        resource.setrlimit(kind, (most, most))


def each(
    memory_bytes: int, processes: int = MOST_PROCESSES, file_bytes: int = FILE_BYTES
) -> dict[int, int]:
    """Return every limit on a process, by its kind, as far as we may set it ourselves."""
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: MOST_FILES,
        resource.RLIMIT_NPROC: processes,
        resource.RLIMIT_MEMLOCK: LOCKED_BYTES,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_RTPRIO: 0,
        resource.RLIMIT_NICE: 0,
    }
    if memory_bytes:
        limits[resource.RLIMIT_DATA] = memory_bytes
    for kind, most in limits.items():
        allowed = resource.getrlimit(kind)[1]
        if allowed != resource.RLIM_INFINITY:
            limits[kind] = min(most, allowed)
    return limits
