"""Landlock: a second wall around files, which holds even where a mount namespace would not."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping

from huidu.instances.sandbox.walls import kernel

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
#: Execute to make_sym are in the first version; refer, truncate and ioctl_dev came later.
FIRST = (1 << 13) - 1
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
ABSTRACT_SOCKETS, SIGNALS = 1 << 0, 1 << 1
ABI_REFER, ABI_TRUNCATE, ABI_IOCTL, ABI_SCOPES = 2, 3, 5, 6

READ = EXECUTE | READ_FILE | READ_DIR
DEVICES = WRITE_FILE | READ_FILE | READ_DIR | TRUNCATE | IOCTL_DEV
ALL = FIRST | REFER | TRUNCATE | IOCTL_DEV


def known(abi: int) -> int:
    """Return the rights that this version of Landlock can take away."""
    rights = FIRST
    for since, right in ((ABI_REFER, REFER), (ABI_TRUNCATE, TRUNCATE), (ABI_IOCTL, IOCTL_DEV)):
        rights |= right if abi >= since else 0
    return rights


def restrict(abi: int, allowed: Mapping[str, int]) -> None:
    """Leave this process only these rights on files, and no signal or socket to the outside."""
    handled = known(abi)
    scopes = ABSTRACT_SOCKETS | SIGNALS if abi >= ABI_SCOPES else 0
    size = 24 if abi >= ABI_SCOPES else 8
    ruleset = kernel.landlock_ruleset(struct.pack("QQQ", handled, 0, scopes)[:size])
    for path, rights in allowed.items():
        of_kind = rights if os.path.isdir(path) else rights & OF_FILES
        kernel.landlock_allow(ruleset, of_kind & handled, path)
    kernel.landlock_restrict(ruleset)
    os.close(ruleset)


def restrict_signals() -> None:
    """Have signals of this process and its children reach only each other; since `ABI_SCOPES`."""
    ruleset = kernel.landlock_ruleset(struct.pack("QQQ", 0, 0, SIGNALS))
    kernel.landlock_restrict(ruleset)
    os.close(ruleset)
