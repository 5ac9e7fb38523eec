"""Guessing: how those who get secrets wrong are slowed down, address by address."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

FREE = 5  #: So many may go wrong before anybody has to wait.
LONGEST_S = 60.0
FORGOTTEN_S = 900.0  #: After so long without another wrong one.
PREFIX = 64  #: Of IPv6, where whoever has one address has as many as that leaves.


@dataclass(frozen=True, slots=True)
class Failures:
    """What went wrong from one address; a right one in between changes nothing of it.

    Else somebody with a key of his own could guess another's without ever waiting. Waiting is
    never longer than a minute, so that nobody can keep others out for long who come from the
    same address; and one-time links do not wait at all.
    """

    count: int = 0
    last_at: float = 0.0

    def wait_s(self, now: float) -> float:
        """Return how long nothing more is looked at from there."""
        if self.count < FREE or self.forgotten(now):
            return 0.0
        pause = min(2.0 ** min(self.count - FREE, 10), LONGEST_S)
        return max(0.0, min(self.last_at + pause - now, LONGEST_S))

    def forgotten(self, now: float) -> bool:
        """Tell whether it is as if nothing had happened."""
        return now - self.last_at > FORGOTTEN_S

    def another(self, now: float) -> Failures:
        """Return what there is after one more that is wrong."""
        return Failures(1 if self.forgotten(now) else self.count + 1, now)


def place_of(source_ip: str | None) -> str:
    """Return what an address counts as: itself, or its network."""
    try:
        address = ip_address(source_ip or "")
    except ValueError:
        return "nowhere"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> (128 - PREFIX) << (128 - PREFIX)))
    return str(address)
