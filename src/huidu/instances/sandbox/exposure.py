"""Exposure: what the walls of each tier leave open, for people to weigh."""

from __future__ import annotations

import os
from collections.abc import Sequence

from huidu.instances.sandbox.walls import kinds
from huidu.instances.sandbox.walls.landlock import ABI_SCOPES

UNCOUNTED = (
    "Hold more memory than its limit for some 100 ms, and longer in shared pages it unmapped.",
    "Fill its /tmp beside that limit.",
    "Take all processors: without a cgroup nothing shares them out.",
)
LIMITED = "Fill its own memory, /tmp and share of the processors until its limits end it."
MEASURES = "See how busy the machine is (/proc/meminfo, /proc/stat)."
KERNEL = "Get out through a hole in the kernel, which it shares with the host."

#: What a function could still do, sentence by sentence.
OF_ITS_OWN_KERNEL = (
    LIMITED,
    "Break the kernel that gVisor plays for it: the way out leads on through a filter.",
)
OF_ALL_WALLS = (LIMITED, MEASURES, KERNEL)
OF_NO_WALLS = (
    "Read and change all that the server's user may, the catalog and the keys included.",
    "Signal, trace and end other processes of that user, the server among them.",
    "Leave processes and files behind, and take all memory there is.",
)
#: The same of walls that take no root, by their kind.
ALLOWS = {
    kinds.USER: (
        *UNCOUNTED,
        "Read what the groups of the server's user may read in the folders of the system.",
        MEASURES,
        KERNEL,
    ),
    kinds.BASIC: (
        *UNCOUNTED,
        "Fill the disk of the data directory: each file ends at 512 MB, their sum does not.",
        "See which files and processes there are, if it knows their names, but not into them.",
        "Where the server is not root: use up the 4096 processes that all functions may have.",
        "There, before Linux 6.12 (Landlock 6): end the server and other functions by signals.",
        MEASURES,
        KERNEL,
    ),
}


def missing(kind: str, abi: int, ungrouped: str) -> Sequence[str]:
    """Return what such walls lack on this machine, each with its reason."""
    said = []
    if ungrouped:
        said.append(f"memory is watched, not held, and processors are not shared out: {ungrouped}")
    if kind == kinds.BASIC:
        said += (
            "functions write to $TMPDIR alone, not to /tmp, and to the sum of it is no limit",
            "functions make no unix sockets, and nothing in /dev/shm",
        )
        if os.geteuid() != 0:
            said.append("instances are the server's own user, and may not change modes of files")
            if abi < ABI_SCOPES:
                said.append(f"functions can signal the server: Landlock is {abi}, not {ABI_SCOPES}")
    elif os.geteuid() != 0:
        said.append("instances are the server's user, in user namespaces of their own")
    return said
