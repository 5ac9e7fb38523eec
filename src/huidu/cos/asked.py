"""Asked: a request to a bucket, with its target read."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

Scope = MutableMapping[str, Any]

#: A host that names a bucket; `localhost` is for clients that are told of no proxy.
HOST = re.compile(
    r"(?P<bucket>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?-(?P<appid>[0-9]{5,20}))\.cos\.[a-z0-9-]{1,40}"
    r"\.(?:myqcloud\.com|tencentcos\.cn|localhost)(?::[0-9]{1,5})?"
)
LONGEST_HOST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request to a bucket or, where it has a key, to an object of it.

    A byte that is no UTF-8 stands as Python's `surrogateescape` has it.
    """

    method: str
    bucket: str = ""
    appid: str = ""
    path: str  #: Decoded, with its slash.
    query: Mapping[str, str]
    headers: Mapping[str, str]  #: In lower case.

    @property
    def key(self) -> str:
        """The key of the object that is asked for; empty for the bucket itself."""
        return self.path[1:]

    @property
    def declared(self) -> str:
        """How long the body is said to be; 0 where nothing is said."""
        return self.headers.get("content-length", "0")


def read(scope: Scope) -> Asked | None:
    """Return a request to a bucket, or None for any other."""
    hosts = (value for name, value in scope["headers"] if name.lower() == b"host")
    named = _bucket(next(hosts, b"").decode("utf-8", "surrogateescape"))
    if named is None:
        return None
    return replace(read_target(scope), bucket=named["bucket"], appid=named["appid"])


def names_bucket(host: str) -> bool:
    """Tell whether a host is that of a bucket."""
    return _bucket(host) is not None


def _bucket(host: str) -> re.Match[str] | None:
    return _match(host[:LONGEST_HOST])


@lru_cache(maxsize=1024)
def _match(host: str) -> re.Match[str] | None:
    return HOST.fullmatch(host.lower())


def read_target(scope: Scope) -> Asked:
    """Return a request, whatever it is to."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), value.decode("utf-8", "surrogateescape"))
    query = parse_qsl(
        scope["query_string"].decode("latin-1"),
        keep_blank_values=True,
        errors="surrogateescape",
    )
    return Asked(
        method=scope["method"],
        path=unquote_to_bytes(scope["raw_path"]).decode("utf-8", "surrogateescape"),
        query=dict(reversed(query)),
        headers=headers,
    )
