"""Userns: user namespaces, in which an ordinary user may build walls (see user_namespaces(7))."""

from __future__ import annotations

import os

from huidu.instances.sandbox.walls import kernel, root

US = 0  #: What the zygote's namespace calls the user that the platform runs as.


def enter() -> None:
    """Enter a user namespace that may do to its own namespaces what root may to the machine's."""
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER)
    _map(os.open("/proc/self", os.O_PATH | os.O_DIRECTORY), (US, uid), (US, gid))


def pivot_into_own(uid: int) -> None:
    """Let only the root be there, and be one user in a namespace that has no other.

    Processes are counted by user and user namespace, so that each instance has a count of its
    own; and over what it was born into (mounts, network, processes) it has no rights any more.
    """
    # The instance's own /proc is read-only, and the maps can only be written from within.
    proc = os.open("/proc/self", os.O_PATH | os.O_DIRECTORY)
    kernel.pivot(root.PLACE)
    kernel.unshare(kernel.CLONE_NEWUSER)
    _map(proc, (uid, US), (uid, US))


def _map(proc: int, user: tuple[int, int], group: tuple[int, int]) -> None:
    """Say which one user and group there is inside, and who that is outside."""
    for file, text in (
        ("setgroups", "deny"),  # Only then may an ordinary user map a group.
        ("uid_map", "{} {} 1".format(*user)),
        ("gid_map", "{} {} 1".format(*group)),
    ):
        fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
    os.close(proc)
