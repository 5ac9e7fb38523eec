"""The outbox: what is on its way to webhooks, one step of the catalog after the other."""

from __future__ import annotations

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

    async def line(self, webhook_id: str, now: float) -> Line | None:
        """Return what a webhook is to be told next; None where there is no such webhook."""
        return await self._catalog.read(lambda reading: reading.line(webhook_id, now))

    async def arrived(self, delivery: Delivery, at: float) -> None:
        """Forget a delivery that has arrived."""
        await self._catalog.write(lambda writing: writing.arrived(delivery, at))

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
