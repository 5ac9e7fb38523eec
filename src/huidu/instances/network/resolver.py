"""Resolver: the name servers that instances ask, which are the host's where they can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

HOSTS = Path("/etc/resolv.conf")
#: Where systemd-resolved writes down whom it asks itself (systemd-resolved.service(8)).
UPSTREAM = Path("/run/systemd/resolve/resolv.conf")


@dataclass(frozen=True, slots=True)
class Resolver:
    """What `/etc/resolv.conf` says in an instance, and the servers that it names."""

    text: str
    servers: tuple[IPv4Address, ...]


def choose(texts: Iterable[str]) -> Resolver:
    """Return the first of these with a server that an instance could reach, without the others.

    Servers on a loopback are the host's alone, and there is no IPv6 to reach one over.
    """
    for text in texts:
        servers = tuple(filter(None, map(_server, text.splitlines())))
        if servers:
            kept = [line for line in text.splitlines() if not _names_one(line) or _server(line)]
            return Resolver("".join(f"{line}\n" for line in kept), servers)
    return Resolver("", ())


def read(files: Sequence[Path] = (HOSTS, UPSTREAM)) -> Resolver:
    """Return what instances of this machine ask."""
    texts = []
    for file in files:
        with suppress(OSError, UnicodeDecodeError):
            texts.append(file.read_text("utf-8"))
    return choose(texts)


def hosts() -> str:
    """Return what the host itself asks."""
    try:
        return HOSTS.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _names_one(line: str) -> bool:
    return line.split()[:1] == ["nameserver"]


def _server(line: str) -> IPv4Address | None:
    if not _names_one(line):
        return None
    try:
        server = IPv4Address(line.split()[1])
    except (IndexError, ValueError):
        return None
    return None if server.is_loopback or server.is_unspecified else server
