"""What is written of happenings and webhooks, in the same step as the change that it tells of."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import Connection, and_, delete, insert, select, update

from huidu.model.delivery import DEAD, MOST_DEAD, MOST_PENDING, PENDING, Delivery, again
from huidu.model.effect import Effect, Happened, WebhookGone, WebhookKept
from huidu.model.happening import EVENT_ANSWERED, WEBHOOK_DEAD, Happening
from huidu.model.webhook import Webhook
from huidu.store.tables import DELIVERY, HAPPENING, WEBHOOK
from huidu.store.told import Told, happening_row, webhook_row


class Telling(Told):
    """Keeps what happened, and for whom it is on its way.

    Both are rows of the write that makes the change: so what happened is told if and only if it
    did, whatever dies in between (an outbox).
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.effects: list[Effect] = []  #: What the writes mean to those who route.

    def tell(self, happening: Happening) -> Happening:
        """Keep what happened, with a delivery for each webhook that wants it."""
        made = self._connection.execute(insert(HAPPENING).values(happening_row(happening)))
        assert made.inserted_primary_key is not None  # noqa: S101 - it has a key of one column
        told = replace(happening, sequence=int(made.inserted_primary_key[0]))
        for webhook in self.webhooks():
            if webhook.wants(told):
                self._send(webhook, told)
        self.effects.append(Happened(told.kind))
        return told

    def tell_one(self, webhook_id: str, happening: Happening) -> bool:
        """Keep what happened for one webhook alone; return whether it is there, and open."""
        webhook = next((one for one in self.webhooks() if one.id == webhook_id), None)
        if webhook is None or not webhook.enabled:
            return False
        told = self.tell(happening)
        self._send(webhook, told)
        return True

    def _send(self, webhook: Webhook, told: Happening) -> None:
        delivery = Delivery(
            id=str(uuid.uuid4()), webhook_id=webhook.id, sequence=told.sequence, since=told.at
        )
        self._connection.execute(insert(DELIVERY).values(asdict(delivery)))
        if self.count_deliveries(webhook.id, PENDING) > MOST_PENDING:
            oldest, _ = self.deliveries(webhook, PENDING, 0, 1)[0]
            why = f"given up: {MOST_PENDING} others were waiting behind it"
            self.put_back(webhook, replace(oldest, state=DEAD, error=why), told.at)

    def arrived(self, delivery: Delivery, at: float) -> None:
        """Forget a delivery that has arrived; its webhook fares well."""
        self._connection.execute(delete(DELIVERY).where(DELIVERY.c.id == delivery.id))
        mine = and_(HAPPENING.c.sequence == delivery.sequence, HAPPENING.c.kind == EVENT_ANSWERED)
        self._connection.execute(delete(HAPPENING).where(mine))  # there is one for every call
        well = {"failing_since": 0.0, "delivered_at": at, "last_error": "", "told_dead": False}
        self._connection.execute(
            update(WEBHOOK).where(WEBHOOK.c.id == delivery.webhook_id).values(well)
        )

    def put_back(self, webhook: Webhook, delivery: Delivery, at: float) -> None:
        """Keep a delivery that did not arrive, dead or to be tried again."""
        mine = WEBHOOK.c.id == webhook.id
        self._connection.execute(
            update(DELIVERY).where(DELIVERY.c.id == delivery.id).values(asdict(delivery))
        )
        ill = update(WEBHOOK).where(mine)
        self._connection.execute(ill.values(last_error=delivery.error))
        self._connection.execute(ill.where(WEBHOOK.c.failing_since == 0.0).values(failing_since=at))
        if delivery.state != DEAD:
            return
        self._forget_oldest_dead(webhook)
        untold = ill.where(WEBHOOK.c.told_dead.is_(False)).values(told_dead=True)
        # Of what is told of webhooks nothing is told again: two dead ones would tell for ever.
        about = self._happening_at(delivery.sequence)
        if self._connection.execute(untold).rowcount and about.family != "webhook":
            self.tell(_dead(webhook, delivery, about, at))

    def _forget_oldest_dead(self, webhook: Webhook) -> None:
        dead = and_(DELIVERY.c.webhook_id == webhook.id, DELIVERY.c.state == DEAD)
        newest = select(DELIVERY.c.id).where(dead).order_by(DELIVERY.c.sequence.desc())
        too_many = newest.offset(MOST_DEAD).limit(-1)
        self._connection.execute(delete(DELIVERY).where(DELIVERY.c.id.in_(too_many)))

    def redrive(self, webhook: Webhook, dead: Sequence[Delivery], at: float) -> None:
        """Have dead deliveries tried again, as if they had just been made."""
        for delivery in dead:
            row = asdict(again(delivery, at))
            self._connection.execute(
                update(DELIVERY).where(DELIVERY.c.id == delivery.id).values(row)
            )
        self.effects.append(WebhookKept(webhook.id))

    def discard(self, dead: Sequence[Delivery]) -> None:
        """Forget dead deliveries."""
        for delivery in dead:
            self._connection.execute(delete(DELIVERY).where(DELIVERY.c.id == delivery.id))

    def add_webhook(self, webhook: Webhook) -> None:
        """Keep a new webhook; its name must be free."""
        self._connection.execute(insert(WEBHOOK).values(webhook_row(webhook)))
        self.effects.append(WebhookKept(webhook.id))

    def replace_webhook(self, webhook: Webhook) -> None:
        """Keep a webhook in the place of the one with its id; how it fares stays as it is."""
        mine = update(WEBHOOK).where(WEBHOOK.c.id == webhook.id)
        self._connection.execute(mine.values(webhook_row(webhook)))
        self.effects.append(WebhookKept(webhook.id))

    def delete_webhook(self, webhook: Webhook) -> None:
        """Forget a webhook with what is on its way to it, and with its dead letters."""
        self._connection.execute(delete(WEBHOOK).where(WEBHOOK.c.id == webhook.id))
        self.effects.append(WebhookGone(webhook.id))

    def forget_happenings(self, before: float) -> None:
        """Forget what happened before a moment, with the dead letters that hold it."""
        self._connection.execute(delete(HAPPENING).where(HAPPENING.c.at < before))


def _dead(webhook: Webhook, delivery: Delivery, about: Happening, at: float) -> Happening:
    return Happening(
        kind=WEBHOOK_DEAD,
        at=at,
        namespace=about.namespace,
        function=about.function,
        subject=webhook.name,
        why=delivery.error,
        after=f"event {delivery.sequence} ({about.kind}) was given up after "
        f"{delivery.attempts} tries; more may follow, until one arrives again",
    )
