"""Groups: the kernel's count of what all processes of one instance take together (cgroups)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from huidu.instances.sandbox.walls.limits import MOST_PROCESSES

HIERARCHIES = Path("/sys/fs/cgroup")
PREFIX = "huidu-"
NUMBERS = count(1)
PATIENCE_S, PAUSE_S = 2.0, 0.005
CONTROL = "cgroup.subtree_control"
MOST_TOLD = 4096
STARTED = 19  #: Which field after the name of a process in its `stat` says when it began.


@dataclass(frozen=True, slots=True)
class Kind:
    """How one version of cgroups calls things."""

    limit: str
    limit_with_swap: str  #: All memory and swap together in v1, swap alone in v2.
    swap_counts_all: bool
    peak: str
    events: str
    share: str
    share_of_128_mb: int
    share_by_default: int
    together: bool  #: Whether one hierarchy counts everything; else each controller has its own.


V1 = Kind(
    limit="memory.limit_in_bytes",
    limit_with_swap="memory.memsw.limit_in_bytes",
    swap_counts_all=True,
    peak="memory.max_usage_in_bytes",
    events="memory.oom_control",
    share="cpu.shares",
    share_of_128_mb=1024,
    share_by_default=1024,
    together=False,
)
V2 = Kind(
    limit="memory.max",
    limit_with_swap="memory.swap.max",
    swap_counts_all=False,
    peak="memory.peak",  # Since Linux 5.19.
    events="memory.events",
    share="cpu.weight",
    share_of_128_mb=100,
    share_by_default=100,
    together=True,
)
PROCESSES = "pids.max"
MEMORY, CPU, PIDS = "memory", "cpu", "pids"
BESIDE = (CPU, PIDS)  #: What is good to have, but can be done without.

#: By controller, the folder that it is set in.
Homes = Mapping[str, Path]


class Group:
    """The group of one instance: a folder in each hierarchy that counts something."""

    def __init__(self, homes: Homes, kind: Kind) -> None:
        self._homes = homes
        self._kind = kind
        self._kills = 0
        self._events = os.open(homes[MEMORY] / kind.events, os.O_RDONLY | os.O_CLOEXEC)
        #: Whoever writes `0` to each of these is in the group.
        self.doors = [folder / "cgroup.procs" for folder in dict.fromkeys(homes.values())]
        self.entrances = [os.open(door, os.O_WRONLY | os.O_CLOEXEC) for door in self.doors]

    def limit(self, memory_bytes: int) -> None:
        """Have something in it killed where it takes more memory than this.

        Where the processors are not enough for all, it has a share in proportion to its memory.
        """
        memory, kind = self._homes[MEMORY], self._kind
        (memory / kind.limit).write_text(str(memory_bytes))
        with suppress(FileNotFoundError):  # The kernel may not count swap.
            swap = memory_bytes if kind.swap_counts_all else 0
            (memory / kind.limit_with_swap).write_text(str(swap))
        if CPU in self._homes:
            share = max(1, kind.share_of_128_mb * memory_bytes // (128 << 20))
            (self._homes[CPU] / kind.share).write_text(str(share))

    def take_in(self, pid: int) -> None:
        """Have a process go on in it, with what it takes from now on."""
        for entrance in self.entrances:
            os.write(entrance, str(pid).encode())

    def starved(self) -> int:
        """Return how many processes were killed for want of memory since this was asked last."""
        before, self._kills = self._kills, self.kills()
        return self._kills - before

    def kills(self) -> int:
        """Return how many of its processes were killed because its memory was used up."""
        with suppress(OSError):
            for line in os.pread(self._events, MOST_TOLD, 0).split(b"\n"):
                name, _, count = line.partition(b" ")
                if name == b"oom_kill":
                    return int(count)
        return 0

    def peak_bytes(self) -> int:
        """Return the most memory that all of it took at once; 0 where the kernel does not tell."""
        with suppress(OSError):
            return int((self._homes[MEMORY] / self._kind.peak).read_text())
        return 0

    def close(self) -> None:
        """Remove the group, once nobody is in it."""
        for fd in (self._events, *self.entrances):
            os.close(fd)
        self.removed()

    def removed(self) -> bool:
        """Remove a closed group where that is still to be done; tell whether nobody is in it."""
        folders = dict.fromkeys(self._homes.values())
        for folder in folders:
            with suppress(OSError):
                folder.rmdir()
        return not any(folder.exists() for folder in folders)


def close(group: Group | None) -> None:
    """Remove a group, where there is one."""
    if group is not None:
        group.close()


class Groups:
    """Makes groups, below one that is this server's."""

    def __init__(self, homes: Homes, kind: Kind) -> None:
        self._homes = homes
        self._kind = kind
        self.missing = [name for name in BESIDE if name not in homes]  #: What is not limited.

    def make(self, name: str) -> Group:
        """Make a group."""
        homes = {controller: folder / name for controller, folder in self._homes.items()}
        folders = [*dict.fromkeys(homes.values())]
        try:
            for folder in folders:
                folder.mkdir()
            if PIDS in homes:
                (homes[PIDS] / PROCESSES).write_text(str(MOST_PROCESSES))
            return Group(homes, self._kind)
        except OSError:
            for folder in folders:
                with suppress(OSError):
                    folder.rmdir()
            raise

    def close(self) -> None:
        """Remove the server's own groups. May wait a moment for processes that are ending."""
        until = time.monotonic() + PATIENCE_S
        for folder in dict.fromkeys(self._homes.values()):
            while _remove(folder) and time.monotonic() < until:
                time.sleep(PAUSE_S)


def sweep(place: Path) -> None:
    """Remove the groups of servers that are no more: killed, they could not do it themselves.

    What they left running in them is killed: it was just being started when its server ended, and
    nothing else would end it. May wait a moment for that.
    """
    until = time.monotonic() + PATIENCE_S
    for folder in place.glob(f"{PREFIX}*-*-*"):
        pid, began, _ = folder.name.removeprefix(PREFIX).split("-")
        if _began(pid) == began:
            continue
        while _remove(folder) and time.monotonic() < until:
            _empty(folder)
            time.sleep(PAUSE_S)


def _empty(folder: Path) -> None:
    """Kill whatever is in the groups of a server."""
    for members in folder.glob("*/cgroup.procs"):
        with suppress(OSError):
            for pid in map(int, members.read_text().split()):
                with suppress(ProcessLookupError):
                    if pid:  # 0 is one that lives outside of our process namespace.
                        os.kill(pid, signal.SIGKILL)


def _remove(folder: Path) -> bool:
    """Remove a group and those in it; tell whether something is left."""
    with suppress(OSError):  # Another server may be sweeping at the same time.
        for group in folder.iterdir():
            if group.is_dir():
                with suppress(OSError):
                    group.rmdir()
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
    name = f"{PREFIX}{pid}-{_began(pid)}-{next(NUMBERS)}"
    own = _own()
    for parent, kind in _places(own):
        try:
            return _found(_homes(parent, kind, own, name), kind)
        except OSError as error:
            why = error.strerror or str(error)  # Its file is one of ours, and gone by now.
            last = OSError(f"no group can be made in {parent}: {why}")
    raise last


def _found(homes: Homes, kind: Kind) -> Groups:
    """Return a place for groups, once it has been tried."""
    try:
        if CPU in homes:  # In each processor's queue, all functions together weigh as one task.
            share = kind.share_by_default * (os.cpu_count() or 1)
            (homes[CPU] / kind.share).write_text(str(share))
        groups = Groups(homes, kind)
        trial = groups.make("trial")
        trial.limit(1 << 30)
        trial.close()
    except OSError:
        for folder in dict.fromkeys(homes.values()):
            with suppress(OSError):
                folder.rmdir()
        raise
    return groups


def _homes(parent: Path, kind: Kind, own: Mapping[str, str], name: str) -> Homes:
    """Make the folders of a server, in every hierarchy that there is."""
    if kind.together:
        beside = [controller for controller in BESIDE if _switch_on(parent, controller)]
        (parent / CONTROL).write_text(f"+{MEMORY}")
        homes = dict.fromkeys([MEMORY, *beside], _begin(parent, name))
        for controller in homes:
            (parent / name / CONTROL).write_text(f"+{controller}")
        return homes
    homes = {MEMORY: _begin(parent, name)}
    for controller in BESIDE:
        for place in _tries(controller, own):
            with suppress(OSError):
                homes.setdefault(controller, _begin(place, name))
                break
    return homes


def _begin(parent: Path, name: str) -> Path:
    """Make a server's folder, where those of servers that are no more have been removed."""
    sweep(parent)
    (parent / name).mkdir()
    return parent / name


def _switch_on(parent: Path, controller: str) -> bool:
    """Have a controller count below a folder of v2; tell whether it does."""
    with suppress(OSError):
        (parent / CONTROL).write_text(f"+{controller}")
        return True
    return False


def _own() -> Mapping[str, str]:
    """Return by controller in which group we are ourselves; that of v2 has no name."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    parts = (line.split(":", 2) for line in lines)
    return {name: path for _, names, path in parts for name in names.split(",")}


def _tries(controller: str, own: Mapping[str, str]) -> list[Path]:
    """Where groups of v1 may be made: below our own, so that its limits hold for us; or on top."""
    if controller not in own:
        return []
    return [HIERARCHIES / controller / place.strip("/") for place in (own[controller], "/")]


def _places(own: Mapping[str, str]) -> Iterator[tuple[Path, Kind]]:
    """Where the groups of a server may be made."""
    for place in _tries(MEMORY, own):
        yield place, V1
    if (HIERARCHIES / "cgroup.controllers").exists():
        for path in (own.get("", "/"), "/"):
            yield HIERARCHIES / path.strip("/"), V2
