"""Addresses: which of them a webhook may be posted to."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

from huidu.model.errors import InvalidValue
from huidu.model.webhook import MOST_URL

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Where clouds answer questions about the machine itself, outside of the link-local range.
METADATA = tuple(
    map(
        ip_network,
        (
            "100.100.100.200/32",  # Alibaba Cloud
            "168.63.129.16/32",  # Azure
            "192.0.0.192/32",  # Oracle Cloud
            "fd00:ec2::/32",  # AWS over IPv6, and its other services of a machine
            "fd20:ce::254/128",  # Google Cloud over IPv6
        ),
    )
)
#: IPv6 networks whose addresses stand for an IPv4 address, and where in them it begins.
EMBEDDED: Sequence[tuple[Network, int]] = (
    (ip_network("64:ff9b::/96"), 12),  # RFC 6052
    (ip_network("2002::/16"), 2),  # RFC 3056
    (ip_network("::/96"), 12),  # RFC 4291, 2.5.5.1
)
EVERYBODY = IPv4Address("255.255.255.255")
OWN_NETWORK = ip_network("0.0.0.0/8")  # the machine itself, as Linux has it (RFC 1122)


def why_not(address: Address, allow: Sequence[Network]) -> str:
    """Return why an address may not be posted to, or nothing.

    Private networks are where receivers live that an operator runs beside Huidu. The machine
    itself is not, unless `allow` names it: what listens there often trusts whoever reaches it.
    """
    if any(address in network for network in allow):
        return ""
    inner = _inner(address)
    if inner is not None:
        return why_not(inner, allow)
    for what, is_so in (
        ("the machine itself", address.is_loopback or address in OWN_NETWORK),
        ("link-local", address.is_link_local),
        ("a cloud's metadata service", any(address in network for network in METADATA)),
        ("multicast", address.is_multicast),
        ("everybody's", address == EVERYBODY),
        ("nobody's", address.is_unspecified or address.is_reserved),
    ):
        if is_so:
            return f"{address} is {what}; setting webhook_allow opens it"
    return ""


def _inner(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    for network, begin in EMBEDDED:
        if address in network and not (address.is_loopback or address.is_unspecified):
            return IPv4Address(address.packed[begin : begin + 4])
    return None


def check_url(url: str, allow: Sequence[Network]) -> str:
    """Return the URL of a webhook, or raise `InvalidValue`.

    Names are not looked up here: what they mean is checked whenever they are connected to.
    """
    shown = url[:80]
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidValue("Url", f"Url {shown!r}: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidValue("Url", f"Url {shown!r}: must read http://HOST/... or https://HOST/...")
    if parts.username is not None or parts.fragment:
        raise InvalidValue("Url", "Url: no user, password or fragment; the signature says who asks")
    if len(url) > MOST_URL or not (url.isascii() and url.isprintable()) or " " in url:
        raise InvalidValue("Url", f"Url: at most {MOST_URL} printable ASCII characters, no blanks")
    reason = refusal(host, allow)
    if reason:
        raise InvalidValue("Url", f"Url {shown!r}: {reason}")
    return url


def refusal(host: str, allow: Sequence[Network]) -> str:
    """Return why a host that is an address may not be posted to, or nothing."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    return why_not(address, allow)
