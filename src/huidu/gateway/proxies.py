"""Proxies: who may say on whose behalf a request comes; everybody else speaks for himself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from huidu.gateway.visit import Scope

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

CHAIN, SCHEME = b"x-forwarded-for", b"x-forwarded-proto"
SAID = b"x-forwarded-"
ALIKE = frozenset([b"forwarded", b"x-real-ip"])  #: RFC 7239, and nginx's own custom.
SCHEMES = (b"http", b"https")
HTTP = "http"
BEGINS = (b"x", b"f")  #: How all of these begin.


class Settled(NamedTuple):
    """Whose a request is, by which scheme it was sent, and what is left of its headers."""

    client: str
    scheme: str
    headers: Mapping[bytes, bytes]


class Proxies:
    """Settles, once for each request, whose it is and by which scheme it was sent."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = networks

    def settle(self, scope: Scope) -> Scope:
        """Return the scope with `client` and `scheme` as they are to be believed.

        From a trusted proxy, the client is the last address of `X-Forwarded-For` that is none of
        a trusted proxy, and `peer` is where the connection comes from. From anybody else, what
        `X-Forwarded-*` and the like say is left out, for the functions behind us would believe it.
        """
        if not self._networks and not any(is_said(name) for name, _ in scope["headers"]):
            return scope
        client = scope.get("client")
        peer = _address(client[0]) if client else None
        if peer is None or not self._trusts(peer):
            kept = [one for one in scope["headers"] if not is_said(one[0])]
            return {**scope, "headers": kept}
        settled = {
            **scope,
            "client": (str(self._source(scope, peer)), 0),
            "peer": str(peer),
            "headers": [
                one for one in scope["headers"] if b"_" not in one[0] or not is_said(one[0])
            ],
        }
        scheme = _last(scope, SCHEME).lower()
        if scheme in SCHEMES:
            settled["scheme"] = scheme.decode()
        return settled

    def settled(self, client: str, sent: Mapping[bytes, bytes]) -> Settled:
        """Return the same of a request that is none of ASGI's, whose headers come once each."""
        if not self._networks and not any(is_said(one) for one in sent if one.startswith(BEGINS)):
            return Settled(client, HTTP, sent)
        scope: Scope = {"headers": [*sent.items()], "client": (client, 0), "scheme": HTTP}
        scope = self.settle(scope)
        return Settled(scope["client"][0], scope["scheme"], dict(scope["headers"]))

    def _source(self, scope: Scope, peer: Address) -> Address:
        chain = [value for name, value in scope["headers"] if name == CHAIN]
        source = peer
        for word in reversed(b",".join(chain).split(b",")):
            before = _address(word.decode("latin-1"))
            if before is None:  # nobody can tell what is before this
                break
            source = before
            if not self._trusts(source):
                break
        return source

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def is_said(name: bytes) -> bool:
    """Tell whether a header is one of these; many servers see no difference between - and _."""
    if not name.startswith((b"x-", b"x_", b"forwarded")):
        return False
    plain = name.replace(b"_", b"-")
    return plain.startswith(SAID) or plain in ALIKE


def _last(scope: Scope, wanted: bytes) -> bytes:
    values: list[bytes] = [value for name, value in scope["headers"] if name == wanted]
    return values[-1].rpartition(b",")[2].strip() if values else b""


def _address(text: str) -> Address | None:
    """Read an address, with or without a port; one of IPv4 in IPv6 is one of IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address
