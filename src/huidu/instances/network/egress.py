"""Egress: the way from instances to the internet, opened and closed with the server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import structlog

from huidu.instances.network import block, firewall, resolver
from huidu.instances.network.block import Block
from huidu.instances.network.netlink import Netlink
from huidu.instances.network.resolver import Resolver
from huidu.instances.network.stock import Stock, Way

FORWARD = Path("/proc/sys/net/ipv4/ip_forward")

log = structlog.get_logger("huidu.network")


class Egress:
    """Gives each instance a network of its own, from which it reaches the internet alone."""

    def __init__(self, held: Block, asked: Resolver, missing: Sequence[str]) -> None:
        self._block = held
        self._stock = Stock(held)
        self.resolver = asked.text
        self.missing = tuple(missing)

    @classmethod
    async def open(cls, allow: Sequence[IPv4Network], asked: Resolver | None = None) -> Egress:
        """Set it up, or raise `OSError` with what keeps this machine from it.

        `asked` are the name servers, by default the host's.
        """
        opened = cls(*await asyncio.to_thread(_open, allow, asked))
        held = opened._block
        log.info(
            "egress", addresses=str(held.network), table=f"inet {held.table}", links=held.links
        )
        opened._stock.fill()
        return opened

    async def take(self) -> Way:
        """Return a network for one instance, or raise `OSError`."""
        return await self._stock.take()

    def take_back(self, address: IPv4Address) -> None:
        """Take note that the instance of this address has ended."""
        self._stock.take_back(address)

    async def close(self) -> None:
        """Remove all that was set up. To be called once no instance is left."""
        await self._stock.close()
        await asyncio.to_thread(_close, self._block)

    def __repr__(self) -> str:
        return f"<Egress from {self._block.network}: {self._stock!r}>"


def _open(
    allow: Sequence[IPv4Network], asked: Resolver | None
) -> tuple[Block, Resolver, Sequence[str]]:
    asked = asked or resolver.read()
    with ExitStack() as undo:
        held = block.claim(block.ROUTES.read_text("ascii"))
        undo.callback(held.held.close)
        tables = firewall.tables()
        _sweep(held, tables)
        # The rules come before the first packet that they are for.
        firewall.apply(firewall.rules(held, allow, asked.servers))
        undo.callback(firewall.remove, held.table)
        _forward()
        missing = _missing(asked)
        undo.pop_all()
    return held, asked, missing


def _missing(asked: Resolver) -> Sequence[str]:
    missing = []
    if not asked.servers:
        missing.append(
            "functions cannot look up names: /etc/resolv.conf names no server that can be reached "
            "over IPv4 from outside this machine's loopback"
        )
    with suppress(OSError):  # What others made may be beyond this version of nft.
        missing += [
            f"functions reach the internet only where chain {name} of another firewall lets "
            f"{block.LINKS}* through, both ways: it drops what it is not told to forward"
            for name in firewall.elsewhere(firewall.chains())
        ]
    return missing


def _forward() -> None:
    """Have the machine pass on what is not for itself; it stays so, for others may need it too."""
    if FORWARD.read_text("ascii").strip() == "0":
        FORWARD.write_text("1", "ascii")
        log.warning("ip_forward.on", reason="functions reach the internet through this machine")


def _sweep(held: Block, tables: Sequence[str]) -> None:
    """Remove what servers left that were killed, and whatever is in the way of ours."""
    links = [name for _, name in socket.if_nameindex()]
    for number in {held.number, *block.numbers([*links, *tables])}:
        ours = number == held.number
        other = None if ours else block.hold(number)
        if ours or other:
            with Netlink() as netlink:
                netlink.delete_group(number)
            if f"huidu_{number:06x}" in tables:
                firewall.remove(f"huidu_{number:06x}")
        if other:
            other.close()


def _close(held: Block) -> None:
    with Netlink() as netlink:
        netlink.delete_group(held.number)
    try:
        firewall.remove(held.table)
    except OSError as error:
        log.warning("firewall.left", table=held.table, reason=str(error))
    held.held.close()
