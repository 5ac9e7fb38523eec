"""Block: addresses and names that one server at a time uses for the networks of its instances."""

from __future__ import annotations

import errno
import random
import re
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

#: Where blocks are taken from, the first one that no route of the host leads to.
RANGES = tuple(
    map(
        IPv4Network,
        ("10.213.0.0/16", "172.29.0.0/16", "198.19.0.0/16", "100.79.0.0/16", "192.168.0.0/16"),
    )
)
BITS = 21  #: Some 2000 instances, and 32 servers in a range.
SHIFT = 10  #: What is left of an address then fits into six digits.
LINKS = "hd"  #: How the names of all links begin, whichever server made them.
NUMBER = re.compile(rf"(?:{LINKS}|huidu_)([0-9a-f]{{6}})(?:-[0-9a-f]+)?")
ROUTES = Path("/proc/net/route")
DEVICE, DESTINATION, MASK = 0, 1, 7  #: The columns of that file.


@dataclass(frozen=True, slots=True)
class Block:
    """A block that is ours as long as the socket is open, however we end."""

    network: IPv4Network
    held: socket.socket

    @property
    def number(self) -> int:
        """What no other block has; also the group of its links."""
        return _number(self.network)

    @property
    def table(self) -> str:
        """The name of its table of rules."""
        return f"huidu_{self.number:06x}"

    @property
    def links(self) -> str:
        """How the names of its links begin."""
        return f"{LINKS}{self.number:06x}-"

    def addresses(self) -> Iterator[IPv4Address]:
        """Return what may be given to instances."""
        return self.network.hosts()


def claim(routes: str) -> Block:
    """Return a block that nobody uses, or raise `OSError`. `routes` is what `ROUTES` says."""
    taken = [*_destinations(routes)]
    free = [one for one in RANGES if not any(one.overlaps(other) for other in taken)]
    for one in free:
        blocks = [*one.subnets(new_prefix=BITS)]
        for network in random.SystemRandom().sample(blocks, len(blocks)):
            held = hold(_number(network))
            if held:
                return Block(network, held)
    if not free:
        raise OSError(f"every range for instances is in use: {', '.join(map(str, RANGES))}")
    raise OSError("every block of addresses is held by another server")


def hold(number: int) -> socket.socket | None:
    """Return what keeps a block; None where somebody has it.

    A name of the kernel's own, in the same network namespace as the links and the rules: it is
    free again when the process that has it ends, and leaves no file behind.
    """
    held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        held.bind(f"\0huidu-network-{number:06x}")
    except OSError as error:
        held.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return held


def _number(network: IPv4Network) -> int:
    return int(network.network_address) >> SHIFT


def numbers(names: Iterable[str]) -> Sequence[int]:
    """Return the numbers of the blocks to which names of links and tables belong."""
    found = filter(None, map(NUMBER.fullmatch, names))
    return sorted({int(match[1], 16) for match in found})


def _destinations(routes: str) -> Iterator[IPv4Network]:
    """Return where the routes of the host lead, apart from the default and from instances."""
    for line in routes.splitlines()[1:]:
        columns = line.split()
        to, mask = (int(columns[n], 16).to_bytes(4, "little") for n in (DESTINATION, MASK))
        if any(mask) and not NUMBER.fullmatch(columns[DEVICE]):
            yield IPv4Network((to, int.from_bytes(mask, "big").bit_count()))
