"""Decency: whether the head of a request can be understood in one way only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

Headers = Sequence[tuple[bytes, bytes]]

VERSIONS = ("1.0", "1.1")
MOST_HEADERS = 256
#: A name or an IPv4 address, or an IPv6 address in brackets; with a port or without.
#: With a scheme before it in the case of `tccli`, which sends its endpoint as it was given.
HOST = re.compile(
    rb"(https?://)?([A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?", re.IGNORECASE
)
ABSOLUTE = re.compile(rb"https?://([^/?]+)(/[^?]*)?(\?.*)?", re.IGNORECASE | re.DOTALL)
CHUNKED = b"chunked"
WEIGHED = frozenset([b"host", b"content-length", b"transfer-encoding", b"expect"])

#: What a plain request has none of.
UNUSUAL = frozenset([b"transfer-encoding", b"expect", b"upgrade"])


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a request is not answered by anybody behind the listener."""

    status: int
    reason: str


class Indecent(Exception):
    """A request has a flaw."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.reason)
        self.flaw = flaw


TOO_MANY = Flaw(431, f"more than {MOST_HEADERS} headers")


def check(method: bytes, version: str, target: bytes, headers: Headers, *, upgrades: bool) -> None:
    """Raise `Indecent` where a request could be read in two ways, or asks for what nobody has.

    The parser has seen to the spelling. What is checked here is what may be spelled well and lead
    two servers to disagree over where a request ends or whom it is for (RFC 9112, 3.2, 6.1, 6.3).
    Where a request `upgrades`, httptools takes its body for the next request.
    """
    if version not in VERSIONS:
        raise Indecent(Flaw(505, "the version of HTTP must be 1.0 or 1.1"))
    headers = [one for one in headers if one[0] in WEIGHED]
    _check_host(version, _values(headers, b"host"))
    _check_target(method, target)
    _check_framing(version, headers, upgrades=upgrades)
    expected = [value.lower() for value in _values(headers, b"expect")]
    if version != "1.0" and any(value != b"100-continue" for value in expected):
        raise Indecent(Flaw(417, "Expect: must be 100-continue"))


def length_of(headers: Headers) -> int:
    """Return how long a decent request says that its body is; 0 where it does not say."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def at_home(target: bytes) -> tuple[bytes, bytes | None]:
    """Return a target as it is spelled where it is at home, and the host in it, if there is one.

    That host is whom the request is for, whatever `Host` says (RFC 9112, 3.2.2).
    """
    absolute = ABSOLUTE.fullmatch(target)
    if absolute is None:
        return target, None
    host, path, query = absolute.groups(b"")
    return (path or b"/") + query, host


def _values(headers: Headers, wanted: bytes) -> list[bytes]:
    return [value.strip() for name, value in headers if name == wanted]


def _check_host(version: str, hosts: Sequence[bytes]) -> None:
    if len(hosts) > 1 or (not hosts and version != "1.0"):
        raise Indecent(Flaw(400, "there must be one Host"))
    if hosts and not HOST.fullmatch(hosts[0]):
        raise Indecent(Flaw(400, "Host: must read NAME or NAME:PORT"))


def _check_target(method: bytes, target: bytes) -> None:
    if target == b"*" and method == b"OPTIONS":
        raise Indecent(Flaw(204, ""))  # the listener is well, and that is all
    if method == b"CONNECT" or b"#" in target:
        raise Indecent(Flaw(400, "the target must be a path"))
    absolute = ABSOLUTE.fullmatch(target)
    if absolute is None and not target.startswith(b"/"):
        raise Indecent(Flaw(400, "the target must be a path"))
    if absolute is not None and not HOST.fullmatch(absolute[1]):
        raise Indecent(Flaw(400, "the target must name a host, as in http://HOST:PORT/"))


def _check_framing(version: str, headers: Headers, *, upgrades: bool) -> None:
    lengths = _values(headers, b"content-length")
    codings = [
        coding.strip()
        for value in _values(headers, b"transfer-encoding")
        for coding in value.lower().split(b",")
    ]
    if len(lengths) > 1 or not all(length.isdigit() for length in lengths):
        raise Indecent(Flaw(400, "there may be one Content-Length, of digits"))
    if codings and (lengths or version == "1.0"):
        raise Indecent(Flaw(400, "Transfer-Encoding: not with Content-Length, nor in HTTP/1.0"))
    if codings and (codings[-1] != CHUNKED or codings.count(CHUNKED) > 1):
        raise Indecent(Flaw(400, "Transfer-Encoding: must end in chunked, once"))
    if len(codings) > 1:
        raise Indecent(Flaw(501, "Transfer-Encoding: nothing but chunked is understood"))
    if upgrades and (codings or any(length.strip(b"0") for length in lengths)):
        raise Indecent(Flaw(400, "Upgrade: not with a body"))


def plain(method: bytes, target: bytes, sent: Mapping[bytes, bytes]) -> int | None:
    """Return how many bytes the body has of a request that `check` has nothing to say of.

    None where that is not plain to see: then `check` is to be asked. `sent` has each header of the
    request, of which none came twice.
    """
    if not UNUSUAL.isdisjoint(sent) or method == b"CONNECT":
        return None
    if target[:1] != b"/" or b"#" in target or not _is_host(sent.get(b"host", b"?")):
        return None
    length = sent.get(b"content-length", b"0")
    return int(length) if length.isdigit() else None


@lru_cache(maxsize=1024)
def _is_host(value: bytes) -> bool:
    return HOST.fullmatch(value.strip()) is not None
