"""Unless: slow work is waited for only as long as nothing comes up that is more urgent."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def unless(urgent: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Return what work comes to; None where the event came first, and the work was broken off."""
    working, other = asyncio.create_task(work), asyncio.create_task(urgent.wait())
    try:
        await asyncio.wait((working, other), return_when=asyncio.FIRST_COMPLETED)
        return None if other.done() else working.result()
    finally:
        working.cancel()
        other.cancel()
        await asyncio.gather(working, other, return_exceptions=True)
