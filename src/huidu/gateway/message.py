"""Message: an HTTP request and an HTTP response, read as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class Request(Struct, frozen=True, kw_only=True, gc=False):
    """An HTTP request; header names are lower-case."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str


class Response(Struct, frozen=True, kw_only=True, gc=False):
    """An HTTP response."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
