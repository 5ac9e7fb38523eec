"""Advice: what an operator may do for a tier that does not work, as far as it fits this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from huidu.instances.sandbox.walls import kernel


@dataclass(frozen=True, slots=True)
class Advice:
    """A command, or a sentence, and whether it could help here."""

    text: str
    fits: Callable[[], bool]


def fitting(advice: Sequence[Advice]) -> tuple[str, ...]:
    """Return what fits this machine; all of it where nothing does, for then we know no better."""
    return tuple(one.text for one in advice if one.fits()) or tuple(one.text for one in advice)


def lacks(program: str) -> Callable[[], bool]:
    """Say that advice helps where a program is not installed."""
    return lambda: shutil.which(program) is None


def reads(setting: str, value: str) -> Callable[[], bool]:
    """Say that advice helps where the kernel has such a setting, and it has this value."""
    return partial(_reads, Path("/proc/sys", setting), value)


def _reads(file: Path, value: str) -> bool:
    try:
        return file.read_text().strip() == value
    except OSError:
        return False


def is_root() -> bool:
    """Tell whether we are root, to whom it is no advice to become it."""
    return os.geteuid() == 0


def is_not_root() -> bool:
    """Tell whether becoming root could help."""
    return not is_root()


def has_landlock() -> bool:
    """Tell whether the kernel has Landlock, so that it is something else that is missing."""
    return kernel.landlock_abi() > 0


def has_no_landlock() -> bool:
    """Tell whether the kernel lacks Landlock."""
    return not has_landlock()


USER_NAMESPACES = (
    Advice(
        "sysctl kernel.unprivileged_userns_clone=1",
        reads("kernel/unprivileged_userns_clone", "0"),
    ),
    Advice(
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        reads("kernel/apparmor_restrict_unprivileged_userns", "1"),
    ),
    Advice("sysctl user.max_user_namespaces=15000", reads("user/max_user_namespaces", "0")),
)
GVISOR = (
    Advice("apt-get install runsc", lacks("runsc")),
    Advice("run huidu as root", is_not_root),
)
SANDBOX = (
    Advice("run huidu as root", is_not_root),
    Advice("in a container, give it CAP_SYS_ADMIN and no filter for system calls", is_root),
)
BWRAP = (Advice("apt-get install bubblewrap", lacks("bwrap")), *USER_NAMESPACES)
BASIC = (
    Advice("boot with lsm=landlock,...", has_no_landlock),
    Advice("have Python where every user gets to, as /usr/bin", has_landlock),
)
