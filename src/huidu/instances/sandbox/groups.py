"""Groups: the kernel's count of what all processes of one instance take together (cgroups)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from huidu.instances.sandbox.limits import MOST_PROCESSES

HIERARCHIES = Path("/sys/fs/cgroup")
PREFIX = "huidu-"
NUMBERS = count(1)
PATIENCE_S, PAUSE_S = 2.0, 0.005
STARTED = 19  #: Which field after the name of a process in its `stat` says when it began.


@dataclass(frozen=True, slots=True)
class Kind:
    """How one version of cgroups calls things."""

    limit: str
    limit_with_swap: str  #: All memory and swap together in v1, swap alone in v2.
    swap_counts_all: bool
    processes: str
    events: str
    controllers: str = ""


V1 = Kind("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", True, "", "memory.oom_control")  # noqa: FBT003
V2 = Kind(
    "memory.max",
    "memory.swap.max",
    False,  # noqa: FBT003
    "pids.max",
    "memory.events",
    "+memory +pids",
)


class Group:
    """The group of one instance."""

    def __init__(self, folder: Path, kind: Kind) -> None:
        self._folder = folder
        self._kind = kind
        self.entrance = os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)

    def limit(self, memory_bytes: int) -> None:
        """Have something in it killed where it takes more memory than this."""
        folder, kind = self._folder, self._kind
        (folder / kind.limit).write_text(str(memory_bytes))
        with suppress(FileNotFoundError):  # The kernel may not count swap.
            swap = memory_bytes if kind.swap_counts_all else 0
            (folder / kind.limit_with_swap).write_text(str(swap))

    def take_in(self, pid: int) -> None:
        """Have a process go on in it, with what it takes from now on."""
        os.write(self.entrance, str(pid).encode())

    def ran_out(self) -> bool:
        """Tell whether something in the group was killed because its memory was used up."""
        with suppress(OSError):
            for line in (self._folder / self._kind.events).read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count) > 0
        return False

    def close(self) -> None:
        """Remove the group, once nobody is in it."""
        os.close(self.entrance)
        with suppress(OSError):
            self._folder.rmdir()


class Groups:
    """Makes groups, below one that is this server's."""

    def __init__(self, folder: Path, kind: Kind) -> None:
        self._folder = folder
        self._kind = kind

    def make(self, name: str) -> Group:
        """Make a group."""
        folder, kind = self._folder / name, self._kind
        folder.mkdir()
        try:
            if kind.processes:
                (folder / kind.processes).write_text(str(MOST_PROCESSES))
            return Group(folder, kind)
        except OSError:
            folder.rmdir()
            raise

    def close(self) -> None:
        """Remove the server's own group. May wait a moment for processes that are ending."""
        until = time.monotonic() + PATIENCE_S
        while _remove(self._folder) and time.monotonic() < until:
            time.sleep(PAUSE_S)


def sweep(place: Path) -> None:
    """Remove the groups of servers that are no more: killed, they could not do it themselves."""
    for folder in place.glob(f"{PREFIX}*-*-*"):
        pid, began, _ = folder.name.removeprefix(PREFIX).split("-")
        if _began(pid) != began:
            _remove(folder)


def _remove(folder: Path) -> bool:
    """Remove a group and those in it; tell whether something is left."""
    for group in folder.iterdir():
        if group.is_dir():
            with suppress(OSError):
                group.rmdir()
    with suppress(OSError):
        folder.rmdir()
    return folder.exists()


def _began(pid: str) -> str:
    """Return when a process began; nothing where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[STARTED]
    except OSError:
        return ""


def find() -> Groups:
    """Return the place for a server's groups, or raise `OSError` with what keeps it from being."""
    last = OSError("no memory controller is mounted")
    pid = str(os.getpid())
    for parent, kind in _places():
        folder = parent / f"{PREFIX}{pid}-{_began(pid)}-{next(NUMBERS)}"
        try:
            if kind.controllers:
                (parent / "cgroup.subtree_control").write_text(kind.controllers)
            sweep(parent)
            folder.mkdir()
            if kind.controllers:
                (folder / "cgroup.subtree_control").write_text(kind.controllers)
            groups = Groups(folder, kind)
            trial = groups.make("trial")
            trial.limit(1 << 30)
            trial.close()
        except OSError as error:
            last = error
            with suppress(OSError):
                folder.rmdir()
        else:
            return groups
    raise last


def _places() -> Iterator[tuple[Path, Kind]]:
    """Where groups may be made: below our own, so that its limits hold for us all; else on top."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = {names: path for _, names, path in (line.split(":", 2) for line in lines)}
    for names, path in own.items():
        if "memory" in names.split(","):
            for place in (path, "/"):
                yield HIERARCHIES / "memory" / place.strip("/"), V1
    if (HIERARCHIES / "cgroup.controllers").exists():
        for place in (own.get("", "/"), "/"):
            yield HIERARCHIES / place.strip("/"), V2
