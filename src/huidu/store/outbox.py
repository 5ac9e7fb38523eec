"""The outbox: what is on its way to webhooks, one step of the catalog after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from huidu.model.delivery import Delivery
from huidu.model.happening import Happening
from huidu.model.webhook import Webhook
from huidu.store.catalog import Catalog
from huidu.store.reading import Reading
from huidu.store.told import Line
from huidu.store.writing import Writing


class Outbox:
    """What those need who tell others of what happened."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._arrived: list[tuple[Delivery, float]] = []
        self._turn = asyncio.Lock()

    async def line(self, webhook_id: str, now: float) -> Line | None:
        """Return what a webhook is to be told next; None where there is no such webhook."""
        return await self._catalog.read(lambda reading: reading.line(webhook_id, now))

    async def arrived(self, delivery: Delivery, at: float) -> None:
        """Forget a delivery that has arrived.

        Those that arrive while others are being written go into one write together: a move of an
        alias never stands behind more than two of them, however many webhooks there are.
        """
        mine = (delivery, at)
        self._arrived.append(mine)
        async with self._turn:
            if mine not in self._arrived:  # it went along with somebody else's
                return
            together, self._arrived = self._arrived, []
            try:
                await self._catalog.write(lambda writing: _arrive(writing, together))
            except BaseException:  # each of the others is to hear of it as well
                others = [one for one in together if one != mine]
                self._arrived = others + self._arrived
                raise

    async def put_back(self, webhook: Webhook, delivery: Delivery, at: float) -> None:
        """Keep a delivery that did not arrive, unless it was taken away meanwhile."""

        def change(writing: Writing) -> None:
            if writing.delivery(delivery.id) is not None:
                writing.put_back(webhook, delivery, at)

        await self._catalog.write(change)

    async def tell(self, happening: Happening) -> None:
        """Keep what happened where no other write is its cause."""
        await self._catalog.write(lambda writing: writing.tell(happening))

    async def open_throttles(self) -> list[Happening]:
        """Return each throttle that began and has not ended."""
        return list(await self._catalog.read(Reading.open_throttles))


def _arrive(writing: Writing, together: Sequence[tuple[Delivery, float]]) -> None:
    for delivery, at in together:
        writing.arrived(delivery, at)
