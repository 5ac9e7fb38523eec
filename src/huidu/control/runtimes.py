"""Runtimes: what is told of the languages that this machine has."""

from __future__ import annotations

import asyncio

from huidu.actions import runtimes as wire
from huidu.control.plane import Asked, Plane
from huidu.model.errors import InvalidValue
from huidu.model.function import EVENT, WEB


async def get(plane: Plane, asked: Asked, request: wire.GetRuntime) -> wire.RuntimeFacts:
    """Tell in which version a runtime is here."""
    if request.type not in (EVENT, WEB):
        raise InvalidValue("Type", f"Type {request.type[:40]!r}: must be {EVENT} or {WEB}")
    tell = plane.runtimes.told
    language, version, note = await asyncio.to_thread(
        tell, request.runtime, web=request.type == WEB
    )
    return wire.RuntimeFacts(runtime=request.runtime, language=language, version=version, note=note)
