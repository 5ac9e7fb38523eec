"""Strategy: from which addresses an API may be called, and how often a service or an API."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from huidu.model.errors import InvalidValue
from huidu.model.key import check_name
from huidu.model.plan import UNLIMITED, Place

WHITE, BLACK = "WHITE", "BLACK"
TYPES = (WHITE, BLACK)
MOST_STRATEGIES = 100  #: Of a service.
MOST_ADDRESSES = 1000  #: Of a strategy.
MOST_LIMIT = 1_000_000  #: Calls per second; the cloud's 5000 is a matter of its machines.

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class IpStrategy:
    """A list of addresses: nobody else may call (`WHITE`), or all but they (`BLACK`)."""

    id: str
    service_id: str
    name: str
    type: str
    text: str  #: As it was sent: addresses and networks, a line for each.
    added_at: float = 0.0
    modified_at: float = 0.0
    networks: tuple[Network, ...] = field(init=False)

    def __post_init__(self) -> None:
        check_name("StrategyName", self.name)
        if self.type not in TYPES:
            raise InvalidValue(
                "NotInOptions",
                f"StrategyType {self.type[:40]!r}: must be one of {', '.join(TYPES)}",
            )
        object.__setattr__(self, "networks", read_networks(self.text))

    def allows(self, address: Address) -> bool:
        """Tell whether a caller at this address may call."""
        listed = any(address in one for one in self.networks if one.version == address.version)
        return listed == (self.type == WHITE)


@dataclass(frozen=True, slots=True)
class Limit:
    """How often a service, or one API of it, may be called in an environment, by all together."""

    place: Place
    rate_per_s: int

    def __post_init__(self) -> None:
        if self.rate_per_s != UNLIMITED and not 1 <= self.rate_per_s <= MOST_LIMIT:
            raise InvalidValue(
                "RangeExceeded", f"Strategy {self.rate_per_s}: -1, or 1 to {MOST_LIMIT}"
            )


def read_networks(text: str) -> tuple[Network, ...]:
    r"""Return the networks of a list, or raise `InvalidValue` for the first that is none.

    The documents divide them by `\n`, which some clients send as these two letters, or by `;`.
    """
    lines = text.replace("\\n", "\n").replace(";", "\n").split("\n")
    words = [word for line in lines if (word := line.strip())]
    if not 1 <= len(words) <= MOST_ADDRESSES:
        raise InvalidValue(
            "RangeExceeded", f"StrategyData: {len(words)} addresses; 1 to {MOST_ADDRESSES}"
        )
    return tuple(map(_network, words))


def _network(word: str) -> Network:
    try:
        network = ip_network(word, strict=False)
    except ValueError:
        raise InvalidValue(
            "",
            f"StrategyData {word[:60]!r}: must be an address, or a network like 10.0.0.0/8; "
            "one in each line",
        ) from None
    first = as_v4(network.network_address)
    if first.version == network.version:
        return network
    return ip_network((int(first), max(0, network.prefixlen - 96)), strict=False)


def read_address(text: str) -> Address | None:
    """Return the address of a caller; None where it is none (a Unix socket's has no such)."""
    try:
        return as_v4(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def as_v4(address: Address) -> Address:
    """Return what an IPv4 caller of an IPv6 socket is really called."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
