"""Networks: what the instances of a server reach, each according to what its version asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from huidu.instances.network import resolver
from huidu.instances.network.egress import Egress
from huidu.instances.network.resolver import Resolver
from huidu.instances.network.stock import Way
from huidu.model import network

OPEN = "functions have the network of the host, its own ports included"


class NoEgress(OSError):
    """The operator requires a way to the internet, and this machine cannot give one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one instance will be: what it reaches, and by which way."""

    mode: str
    way: Way | None = None

    @property
    def descriptors(self) -> Sequence[int]:
        """The namespace that it enters, where that was made ready."""
        return (self.way.namespace,) if self.way else ()

    def close(self) -> None:
        """Let go of what only the instance itself needs from now on."""
        if self.way:
            self.way.close()


class Networks:
    """Gives each instance its place, in the mode of the server or in none."""

    def __init__(
        self, mode: str = network.NONE, egress: Egress | None = None, missing: Sequence[str] = ()
    ) -> None:
        self.mode = mode
        self._egress = egress
        self.missing = tuple(missing)  #: What a function does not have, or should not.
        self.resolver = ""  #: What `/etc/resolv.conf` says in an instance.
        if egress:
            self.resolver = egress.resolver
        elif mode == network.HOST:
            self.resolver = resolver.hosts()

    @classmethod
    async def open(
        cls, setting: str, allow: Sequence[IPv4Network] = (), asked: Resolver | None = None
    ) -> Networks:
        """Return what the setting means on this machine, or raise `NoEgress`.

        `asked` are the name servers, by default the host's.
        """
        egress, hindrance = None, ""
        if setting in (network.BEST, network.EGRESS):
            try:
                egress = await Egress.open(allow, asked)
            except OSError as error:
                hindrance = str(error)
        mode = network.of_server(setting, hindrance)
        if mode == network.EGRESS and not egress:
            raise NoEgress(f"network = egress is required, but cannot be had: {hindrance}")
        return cls(mode, egress, _missing(mode, egress, hindrance))

    async def place(self, *, online: bool) -> Place:
        """Return a place for one instance, or raise `OSError`."""
        mode = network.of_instance(self.mode, online=online)
        if mode == network.EGRESS and self._egress:
            return Place(mode, await self._egress.take())
        return Place(mode)

    def leave(self, place: Place) -> None:
        """Take note that the instance of this place has ended."""
        if place.way and self._egress:
            self._egress.take_back(place.way.address)

    async def close(self) -> None:
        """Remove what was set up. To be called once no instance is left."""
        if self._egress:
            await self._egress.close()


def _missing(mode: str, egress: Egress | None, hindrance: str) -> Sequence[str]:
    if egress:
        return egress.missing
    if mode == network.HOST:
        return (OPEN,)
    return (f"functions have no network: {hindrance or 'network = none'}",)
