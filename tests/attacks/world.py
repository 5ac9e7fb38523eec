"""A world of a test's own: addresses that answer, in a network namespace behind a wire."""

from __future__ import annotations

import itertools
import os
import select
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Self

from huidu.instances.network.netlink import LOOPBACK, Netlink
from huidu.instances.sandbox.walls import kernel

#: Where its addresses are; the last number is each world's own. The first is one of those kept
#: for documents (RFC 5737), which nobody has and which looks like the internet to us.
PUBLIC = "198.51.100"
PRIVATE = ("10.254.253", "172.31.253", "192.168.253", "100.127.253", "169.254.253", "198.19.253")
HERE = "203.0.113"
PORT, DNS = 8080, 53
EVERY = "0.0.0.0"  # noqa: S104 - in tests, for a moment
NUMBERS = itertools.count(os.getpid())
GROUP = 0x7E57


class World:
    """Answers over TCP with the address of who asks, and over UDP the same; notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._stop, self._told = os.pipe()
        self._sockets: list[socket.socket] = []
        setting_up = threading.Thread(target=self._set_up)
        setting_up.start()  # It ends in the namespace that it makes.
        setting_up.join()
        assert self._sockets, "no world could be made"
        self._serving = threading.Thread(target=self._serve)
        self._serving.start()

    @property
    def public(self) -> str:
        return f"{PUBLIC}.{self._number}"

    @property
    def private(self) -> list[str]:
        return [f"{network}.{self._number}" for network in PRIVATE]

    @property
    def here(self) -> str:
        """The host's own address on the wire."""
        return f"{HERE}.{self._number}"

    def swallow(self, addresses: Sequence[str]) -> None:
        """Have packets to these come here, unless they go to another world already."""
        with Netlink() as outside:
            for address in addresses:
                with suppress(FileExistsError):
                    outside.route(outside.index(self.link), IPv4Address(address).packed)

    def reaches(self, address: str, port: int) -> bool:
        """Tell whether somebody out there can connect to an address behind the host."""
        seen: list[bool] = []

        def reach() -> None:
            kernel.setns(self._namespace, kernel.CLONE_NEWNET)  # For this thread, which ends.
            with suppress(OSError), socket.create_connection((address, port), 0.5):
                seen.append(True)

        thread = threading.Thread(target=reach)
        thread.start()
        thread.join()
        return bool(seen)

    def _set_up(self) -> None:
        with Netlink() as outside:
            kernel.unshare(kernel.CLONE_NEWNET)
            self._namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            self.link = f"world{next(NUMBERS) % 0xFFFFFF:x}"
            outside.pair(self.link, GROUP, "eth0", self._namespace)
            here = outside.index(self.link)
            outside.up(here)
            self._number = _own_number(outside, here)
            outside.address(here, IPv4Address(self.here).packed)
            for address in self.private:
                outside.route(here, IPv4Address(address).packed)
        with Netlink() as inside:
            there = inside.index("eth0")
            inside.up(LOOPBACK)
            inside.up(there)
            for address in (self.public, *self.private):
                inside.address(there, IPv4Address(address).packed)
            inside.route(there)
        for address in (self.public, *self.private):
            for port in (PORT, DNS):
                self._sockets.append(socket.create_server((address, port), backlog=64))
                self._sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                self._sockets[-1].bind((address, port))

    def _serve(self) -> None:
        while True:
            numbers = [self._stop, *(one.fileno() for one in self._sockets)]
            ready = select.select(numbers, [], [])[0]
            if self._stop in ready:
                return
            for one in self._sockets:
                if one.fileno() in ready:
                    self._answer(one)

    def _answer(self, one: socket.socket) -> None:
        if one.type == socket.SOCK_STREAM:
            caller, (address, _) = one.accept()
            with caller:
                caller.sendall(address.encode())
        else:
            said, peer = one.recvfrom(2000)
            self.heard.append(said)
            one.sendto(peer[0].encode(), peer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._told)
        self._serving.join()
        os.close(self._stop)
        os.close(self._namespace)
        for one in self._sockets:
            one.close()
        with Netlink() as outside, suppress(OSError):
            outside.delete(self.link)


def _own_number(outside: Netlink, here: int) -> int:
    """Take a number that no other world has: routes are everybody's on this machine."""
    for number in range(1, 255):
        with suppress(FileExistsError):
            outside.route(here, IPv4Address(f"{PUBLIC}.{number}").packed)
            return number
    raise AssertionError("there are too many worlds")


@contextmanager
def listening(address: str = EVERY, port: int = 0) -> Iterator[int]:
    """A port of the host at which somebody listens, and accepts by itself."""
    with socket.create_server((address, port), backlog=64) as server:
        yield server.getsockname()[1]


def host_addresses() -> list[str]:
    """Every IPv4 address of the host, apart from those that worlds come and go with."""
    lines = [line.split() for line in Path("/proc/net/fib_trie").read_text().splitlines()]
    found = {
        before[-1]
        for before, line in itertools.pairwise(lines)
        if line[:3] == ["/32", "host", "LOCAL"]
    }
    return sorted(one for one in found if not one.startswith(HERE))
