"""Body: the body of an HTTP request, read up to a limit, or passed over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MOST_PASSED_OVER_BYTES = 128 * 1024 * 1024
PASS_OVER_S = 10.0


def fits(declared: str, limit: int) -> bool:
    """Tell whether a declared length is one, and within the limit; `0` where none is declared."""
    return declared.isdecimal() and declared.isascii() and int(declared) <= limit


async def read(declared: str, receive: Receive, limit: int) -> bytes | None:
    """Return a whole body, or None as soon as it is known that it is too large or will not come."""
    if not fits(declared, limit):
        return None
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def pass_over(declared: str, receive: Receive) -> None:
    """Let a client finish sending what is thrown away: many hear no answer before they have.

    Not where it has said that this is more than anybody would wait for.
    """
    if declared.isdecimal() and int(declared) > MOST_PASSED_OVER_BYTES:
        return
    passed = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(PASS_OVER_S):
            while passed < MOST_PASSED_OVER_BYTES:
                message = await receive()
                passed += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
