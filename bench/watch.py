"""Watch: what a server and all that it started hold at one moment."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.processes import PROC, Process, below, every, pss_bytes
from bench.verdict import Tolerance

MB = 1 << 20
CGROUPS = Path("/sys/fs/cgroup")
NAMED_NETWORKS = Path("/run/netns")
LINKS = Path("/sys/class/net")
#: The socket that a server holds for its block of networks, and how the links in it begin.
BLOCK, LINK = "@huidu-network-", "hd"
NAMESPACE = re.compile(r"[a-z]+:\[[0-9]+\]")
DIGEST = re.compile(r"/packages/(?:[^/ ]+/)*?([0-9a-f]{64})")
FORKS = b"zygote"  #: What the command of a zygote, and of its forks, has in it.

#: Each series, and how far it may drift. Instances come and go with demand; so does all they have.
SERIES: Mapping[str, Tolerance] = {
    "server RSS MB": Tolerance(amount=10, part=0.1),
    "server PSS MB": Tolerance(amount=10, part=0.1),
    "server descriptors": Tolerance(amount=12, part=0.1),
    "server threads": Tolerance(amount=6),
    "zygotes": Tolerance(amount=2),
    "zygotes PSS MB": Tolerance(amount=8, part=0.1),
    "zygotes descriptors": Tolerance(amount=12, part=0.1),
    "instance processes": Tolerance(amount=6, part=0.25),
    "instance threads": Tolerance(amount=24, part=0.25),
    "instance descriptors": Tolerance(amount=48, part=0.25),
    "PSS MB of each instance process": Tolerance(amount=6, part=0.15),
    "zombies": Tolerance(amount=3),
    "cgroup folders": Tolerance(amount=6, part=0.25),
    "namespaces": Tolerance(amount=30, part=0.25),
    "mounts of the host": Tolerance(amount=3),
    "mounts of zygotes": Tolerance(amount=6, part=0.25),
    "network links": Tolerance(amount=6, part=0.25),
    "scratch files": Tolerance(amount=6, part=0.25),
}
#: What grows by design, shown without a verdict: records are kept, and code for an hour.
KEPT = ("packages", "store MB")


@dataclass(frozen=True, slots=True)
class Cast:
    """The processes of a server, by what they are."""

    server: int
    zygotes: frozenset[int]
    instances: frozenset[int]

    @classmethod
    def of(cls, server: int, found: Mapping[int, Process]) -> Cast:
        """Tell zygotes from their forks: those are a user, or a namespace, further down."""
        under = below(server, found)
        own = _depth(server), _user(server)
        zygotes = {
            pid
            for pid in under
            if FORKS in _command(pid) and _depth(pid) <= own[0] + 1 and _user(pid) == own[1]
        }
        return cls(server, frozenset(zygotes), frozenset(under - zygotes))


def look(server: int, data: Path) -> dict[str, float]:
    """Return a sample of every series. Takes some milliseconds for each process."""
    found = every()
    cast = Cast.of(server, found)
    all_of_it = (server, *cast.zygotes, *cast.instances)
    count = max(1, len(cast.instances))
    own = found[server]
    return {
        "server RSS MB": own.rss_bytes / MB,
        "server PSS MB": pss_bytes([server]) / MB,
        "server descriptors": _descriptors([server]),
        "server threads": own.threads,
        "zygotes": len(cast.zygotes),
        "zygotes PSS MB": pss_bytes(cast.zygotes) / MB,
        "zygotes descriptors": _descriptors(cast.zygotes),
        "instance processes": len(cast.instances),
        "instance threads": sum(found[pid].threads for pid in cast.instances),
        "instance descriptors": _descriptors(cast.instances),
        "PSS MB of each instance process": pss_bytes(cast.instances) / MB / count,
        "zombies": sum(found[pid].state == "Z" for pid in all_of_it),
        "cgroup folders": len(groups(server)),
        "namespaces": len(set(_namespaces(server, all_of_it))),
        "mounts of the host": _mounts("self"),
        "mounts of zygotes": sum(_mounts(str(pid)) for pid in cast.zygotes),
        "network links": len(links(link_prefix(server))),
        "scratch files": sum(1 for _ in (data / "scratch").rglob("*")),
        "packages": sum(1 for _ in (data / "packages" / "tree").glob("*/*")),
        "store MB": sum(file.stat().st_size for file in data.glob("*.db*")) / MB,
    }


def instances(server: int) -> frozenset[int]:
    """Return the processes of instances."""
    return Cast.of(server, every()).instances


def code_of(pid: int) -> str:
    """Return the digest of the package that a process runs; nothing where that cannot be told.

    A plain process stands in its folder; one in a sandbox has it mounted.
    """
    seen = _read(pid, "mountinfo").decode()
    with suppress(OSError):
        seen = str((PROC / str(pid) / "cwd").readlink()) + "\n" + seen
    found = DIGEST.search(seen)
    return found[1] if found else ""


def groups(server: int) -> list[str]:
    """Return the folders of cgroups that are a server's."""
    name = f"huidu-{server}-"
    return [folder for folder, _, _ in os.walk(CGROUPS) if name in folder]


def link_prefix(server: int) -> str:
    """Return how the names of a server's network links begin; nothing where it has none."""
    blocks = {}
    for line in (PROC / "net" / "unix").read_text().splitlines():
        *_, inode, name = line.split() if BLOCK in line else ("", "")
        blocks[f"socket:[{inode}]"] = name.removeprefix(BLOCK)
    for link in _targets(PROC / str(server) / "fd"):
        if blocks.get(link):
            return f"{LINK}{blocks[link]}-"
    return ""


def links(prefix: str) -> list[str]:
    """Return the network links whose names begin so; none for nothing."""
    return [name for name in os.listdir(LINKS) if prefix and name.startswith(prefix)]  # noqa: PTH208


def leftovers(server: int, data: Path, prefix: str) -> list[str]:
    """Return what is still there of a server that ended, and whose links began so."""
    there = {server} & set(every())
    mounted = (PROC / "self" / "mountinfo").read_text().splitlines()
    return [
        *(f"process {pid}" for pid in there),
        *(f"cgroup {folder}" for folder in groups(server)),
        *(f"mount {line}" for line in mounted if str(data) in line),
        *(f"network link {name}" for name in links(prefix)),
    ]


def _read(pid: int, file: str) -> bytes:
    with suppress(OSError):
        return (PROC / str(pid) / file).read_bytes()
    return b""


_command = partial(_read, file="cmdline")


def _status(pid: int, name: bytes) -> list[bytes]:
    for line in _read(pid, "status").splitlines():
        if line.startswith(name):
            return line.split()[1:]
    return []


def _depth(pid: int) -> int:
    return len(_status(pid, b"NSpid:"))


def _user(pid: int) -> list[bytes]:
    return _status(pid, b"Uid:")[:1]


def _descriptors(pids: Iterable[int]) -> int:
    return sum(_entries(PROC / str(pid) / "fd") for pid in pids)


def _entries(folder: Path) -> int:
    with suppress(OSError):
        return len(os.listdir(folder))  # noqa: PTH208 - only their number is wanted
    return 0


def _mounts(pid: str) -> int:
    with suppress(OSError):
        return len((PROC / pid / "mountinfo").read_bytes().splitlines())
    return 0


def _namespaces(server: int, pids: Iterable[int]) -> Iterator[str]:
    """Yield those that a process is in, that the server has open, and that have a name."""
    for folder in (*(PROC / str(pid) / "ns" for pid in pids), PROC / str(server) / "fd"):
        yield from (link for link in _targets(folder) if NAMESPACE.fullmatch(link))
    with suppress(OSError):
        yield from (entry.name for entry in os.scandir(NAMED_NETWORKS))


def _targets(folder: Path) -> Iterator[str]:
    """Yield where the links in a folder of the kernel's lead."""
    with suppress(OSError):
        for entry in os.scandir(folder):
            with suppress(OSError):
                yield os.readlink(entry.path)  # noqa: PTH115 - what they name is no path
