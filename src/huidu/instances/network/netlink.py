"""Netlink: links, addresses and routes, as the kernel is told of them (rtnetlink(7)).

Spoken by ourselves rather than by `ip`: a program to start costs more than all that it would do.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

NEWLINK, DELLINK, SETLINK, NEWADDR, NEWROUTE = 16, 17, 19, 20, 24
REQUEST, ACK, REPLACE, EXCL, CREATE = 1, 4, 0x100, 0x200, 0x400
LINK_ADDRESS, LINK_NAME, LINK_FAMILIES, LINK_INFO, LINK_GROUP, LINK_NAMESPACE = 1, 3, 26, 18, 27, 28
INFO_KIND, INFO_DATA, VETH_PEER, HOW_IPV6 = 1, 2, 1, 8
ADDRESS_ADDRESS, ADDRESS_LOCAL, ROUTE_TO, ROUTE_BY = 1, 2, 1, 4
UP, NO_ARP = 0x1, 0x80
TABLE_MAIN, BY_ADMINISTRATOR, SCOPE_LINK, UNICAST = 254, 4, 253, 1
SIOCGIFINDEX = 0x8933
HEADER = struct.Struct("=IHHII")
LARGEST = 1 << 16
LOOPBACK = 1  #: The number of `lo`, in every network namespace.

#: Both ends of every pair have the same hardware address and ask for nobody's: what one end sends
#: to its own address is for the other, so there is no table of neighbours to fill or to forge.
HARDWARE = bytes.fromhex("02687564690a")
IPV6 = Path("/proc/sys/net/ipv6")


class Netlink:
    """A conversation with the kernel about the network namespace in which it was begun."""

    def __init__(self) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._socket.close()

    def pair(self, name: str, group: int, inner: str, namespace: int) -> None:
        """Make two ends of a wire: one here, in a group of links, and one in a namespace."""
        peer = _link(flags=NO_ARP) + _named(inner) + _attribute(LINK_ADDRESS, HARDWARE)
        peer += _attribute(LINK_NAMESPACE, struct.pack("=I", namespace))
        data = _attribute(INFO_DATA, _attribute(VETH_PEER, peer))
        self._ask(
            NEWLINK,
            _link(flags=NO_ARP)
            + _named(name)
            + _attribute(LINK_ADDRESS, HARDWARE)
            + _attribute(LINK_GROUP, struct.pack("=I", group))
            + _attribute(LINK_INFO, _attribute(INFO_KIND, b"veth") + data),
            CREATE | EXCL,
        )

    def index(self, name: str) -> int:
        """Return the number of a link."""
        request = struct.pack("16si20x", name.encode(), 0)
        return int(struct.unpack("16si20x", fcntl.ioctl(self._socket, SIOCGIFINDEX, request))[1])

    def up(self, index: int) -> None:
        """Switch a link on; with no address but those that it is given."""
        if index != LOOPBACK and IPV6.exists():
            how = _attribute(socket.AF_INET6, _attribute(HOW_IPV6, b"\1"))
            self._ask(SETLINK, _link(index) + _attribute(LINK_FAMILIES, how))
        self._ask(SETLINK, _link(index, flags=UP))

    def address(self, index: int, address: bytes) -> None:
        """Give a link an address, and no network around it."""
        body = struct.pack("=BBBBI", socket.AF_INET, 32, 0, 0, index)
        body += _attribute(ADDRESS_LOCAL, address) + _attribute(ADDRESS_ADDRESS, address)
        self._ask(NEWADDR, body, CREATE | EXCL)

    def route(self, index: int, to: bytes = b"") -> None:
        """Send what is for one address, or else everything, out by a link."""
        body = struct.pack(
            "=BBBBBBBBI",
            *(socket.AF_INET, 8 * len(to), 0, 0),
            *(TABLE_MAIN, BY_ADMINISTRATOR, SCOPE_LINK, UNICAST, 0),
        )
        body += (_attribute(ROUTE_TO, to) if to else b"") + _attribute(
            ROUTE_BY, struct.pack("=I", index)
        )
        self._ask(NEWROUTE, body, CREATE | EXCL)

    def delete(self, name: str) -> None:
        """Remove a link, and with it the other end of its wire."""
        self._ask(DELLINK, _link() + _named(name))

    def delete_group(self, group: int) -> None:
        """Remove all links of a group; it may be that there is none."""
        try:
            self._ask(DELLINK, _link() + _attribute(LINK_GROUP, struct.pack("=I", group)))
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise

    def _ask(self, kind: int, body: bytes, flags: int = 0) -> None:
        self._number += 1
        size = HEADER.size + len(body)
        head = HEADER.pack(size, kind, REQUEST | ACK | flags, self._number, 0)
        self._socket.send(head + body)
        answer = self._socket.recv(LARGEST)
        number = -struct.unpack_from("=i", answer, HEADER.size)[0]
        if number:
            raise OSError(number, f"rtnetlink {kind}: {os.strerror(number)}")


def _attribute(kind: int, value: bytes) -> bytes:
    padding = -len(value) % 4
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(padding)


def _link(index: int = 0, flags: int = 0) -> bytes:
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, flags, flags)


def _named(name: str) -> bytes:
    return _attribute(LINK_NAME, name.encode() + b"\0")
