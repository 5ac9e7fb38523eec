"""Throttles: tells when calls of a version begin to be refused, and when that has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from huidu.model.errors import Refusal
from huidu.model.happening import Happening
from huidu.model.invocation import Record
from huidu.model.throttle import QUIET_S, Spell, resumed

LOOK_S = QUIET_S / 10
MOST_UNTOLD = 1000

log = structlog.get_logger("huidu.throttles")


class Teller(Protocol):
    """Keeps what happened."""

    async def tell(self, happening: Happening) -> None: ...

    async def open_throttles(self) -> Sequence[Happening]: ...


class Throttles:
    """Sees the records of refused calls alone; what it finds is written in the background."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._spells: dict[tuple[str, str, str], Spell] = {}
        self._untold: list[Happening] = []
        self._wake = asyncio.Event()

    def refused(self, record: Record) -> None:
        """Take the record of a call that was refused for want of room; returns at once."""
        named, now = record.function, self._clock()
        key = (named.namespace, named.name, record.version)
        spell = self._spells.get(key)
        if spell is not None and not spell.is_over(now):
            self._spells[key] = spell.and_another(now)
            return
        if spell is not None:
            self._untold.append(spell.ended())
        self._spells[key] = made = Spell(
            function=named,
            version=record.version,
            status=int(record.status),
            alias=record.alias,
            request_id=record.request_id,
            began_at=now,
            last_at=now,
        )
        self._untold.append(made.began())
        self._wake.set()

    async def run(self, teller: Teller) -> None:
        """Write what there is to tell, until cancelled. What has not ended is gone on with."""
        with suppress(Refusal):
            for began in await teller.open_throttles():
                key = (began.namespace, began.function, began.version)
                self._spells.setdefault(key, resumed(began, self._clock()))
        while True:
            self.look()
            await self._tell(teller)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()
            self._wake.clear()

    def look(self) -> None:
        """Find what has ended."""
        now = self._clock()
        for key in [key for key, spell in self._spells.items() if spell.is_over(now)]:
            self._untold.append(self._spells.pop(key).ended())

    async def _tell(self, teller: Teller) -> None:
        while self._untold:
            try:
                # A commit that has begun must also be published.
                await asyncio.shield(asyncio.ensure_future(_one(teller, self._untold[0])))
            except Refusal as refusal:  # a full disk: it is told once there is room
                log.warning("throttles.untold", reason=refusal.message)
                del self._untold[MOST_UNTOLD:]
                return
            del self._untold[0]


async def _one(teller: Teller, happening: Happening) -> None:
    await teller.tell(happening)
