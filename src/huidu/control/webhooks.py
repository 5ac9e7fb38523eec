"""Webhooks: make, change, test and delete them; see and redrive what did not arrive."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import replace

from huidu.actions import webhooks as wire
from huidu.actions.action import Nothing
from huidu.control import events, paging, times
from huidu.control.plane import Asked, Plane
from huidu.model import names
from huidu.model.delivery import DEAD, MOST_DEAD, Delivery
from huidu.model.errors import InUse, LimitExceeded, NotFound
from huidu.model.happening import WEBHOOK_TESTED, Happening
from huidu.model.webhook import MOST_WEBHOOKS, Condition, Webhook
from huidu.store.reading import Reading
from huidu.store.writing import Writing

SECRET_BYTES = 32


async def create(plane: Plane, asked: Asked, request: wire.CreateWebhook) -> wire.WebhookCreated:
    """Have events posted to a URL from now on."""
    now = plane.clock()
    made = Webhook(
        id=f"wh-{plane.new_id()}",
        name=request.name,
        url=plane.courier.check_url(request.url),
        secret=request.secret or f"whsec_{secrets.token_hex(SECRET_BYTES)}",
        kinds=tuple(request.kinds),
        namespace=request.namespace,
        function=request.function_name,
        description=names.check_description(request.description),
        added_at=now,
        modified_at=now,
    )

    def change(writing: Writing) -> None:
        there_are = writing.webhooks()
        if made.name in {webhook.name for webhook in there_are}:
            raise InUse("Webhook", f"Name {made.name!r}: there is a webhook of this name")
        if len(there_are) >= MOST_WEBHOOKS:
            raise LimitExceeded("Webhook", f"there are {len(there_are)}, at most {MOST_WEBHOOKS}")
        writing.add_webhook(made)

    await plane.catalog.write(change)
    return wire.WebhookCreated(webhook_id=made.id, secret=made.secret)


async def update(plane: Plane, asked: Asked, request: wire.UpdateWebhook) -> Nothing:
    """Change a webhook; what is left out stays. What waits goes out as it is now."""
    given = {
        "url": request.url if request.url is None else plane.courier.check_url(request.url),
        "kinds": None if request.kinds is None else tuple(request.kinds),
        "namespace": request.namespace,
        "function": request.function_name,
        "secret": request.secret,
        "enabled": request.enabled,
        "description": None
        if request.description is None
        else names.check_description(request.description),
        "modified_at": plane.clock(),
    }
    changed = {name: value for name, value in given.items() if value is not None}

    def change(writing: Writing) -> None:
        kept = writing.webhook(request.name)
        writing.replace_webhook(replace(kept, **changed))  # type: ignore[arg-type]

    await plane.catalog.write(change)
    return Nothing()


async def get(plane: Plane, asked: Asked, request: wire.GetWebhook) -> wire.WebhookFacts:
    """See a webhook and how it fares."""

    def ask(reading: Reading) -> tuple[Webhook, Condition]:
        webhook = reading.webhook(request.name)
        return webhook, reading.condition(webhook)

    return _facts(plane, *await plane.catalog.read(ask))


async def list_all(plane: Plane, asked: Asked, request: wire.ListWebhooks) -> wire.Webhooks:
    """List the webhooks, by name."""
    found = await plane.catalog.read(
        lambda reading: [(one, reading.condition(one)) for one in reading.webhooks()]
    )
    return wire.Webhooks(webhooks=[_facts(plane, *one) for one in found], total_count=len(found))


def _facts(plane: Plane, webhook: Webhook, condition: Condition) -> wire.WebhookFacts:
    return wire.WebhookFacts(
        webhook_id=webhook.id,
        name=webhook.name,
        url=webhook.url,
        kinds=list(webhook.kinds),
        namespace=webhook.namespace,
        function_name=webhook.function,
        enabled=webhook.enabled,
        description=webhook.description,
        add_time=times.show(webhook.added_at, plane.zone),
        mod_time=times.show(webhook.modified_at, plane.zone),
        pending=condition.pending,
        dead=condition.dead,
        failing_since=_or_never(plane, condition.failing_since),
        delivered_time=_or_never(plane, condition.delivered_at),
        last_error=condition.last_error,
    )


def _or_never(plane: Plane, at: float) -> str:
    return times.show(at, plane.zone) if at else ""


async def delete(plane: Plane, asked: Asked, request: wire.DeleteWebhook) -> Nothing:
    """Delete a webhook with what is on its way to it."""
    await plane.catalog.write(lambda w: w.delete_webhook(w.webhook(request.name)))
    return Nothing()


async def test(plane: Plane, asked: Asked, request: wire.TestWebhook) -> wire.Tested:
    """Post a test event now, once; it is not kept, and not tried again."""
    webhook = await plane.catalog.read(lambda reading: reading.webhook(request.name))
    told = Happening(
        kind=WEBHOOK_TESTED,
        at=plane.clock(),
        subject=webhook.name,
        who=asked.who,
        why="TestWebhook",
        detail=json.dumps({"Url": webhook.url}),
        request_id=asked.request_id,
    )
    reply = await plane.courier.knock(webhook, plane.new_id(), told)
    return wire.Tested(
        arrived=reply.arrived,
        status_code=reply.status,
        message=reply.error,
        duration=reply.took_ms,
    )


async def list_dead(
    plane: Plane, asked: Asked, request: wire.ListDeadDeliveries
) -> wire.DeadDeliveries:
    """List the deliveries of a webhook that were given up."""
    offset, limit = paging.offset_of(request.offset), paging.limit_of(request.limit)

    def ask(reading: Reading) -> tuple[int, Sequence[tuple[Delivery, Happening]]]:
        webhook = reading.webhook(request.name)
        total = reading.count_deliveries(webhook.id, DEAD)
        return total, reading.deliveries(webhook, DEAD, offset, limit)

    total, found = await plane.catalog.read(ask)
    return wire.DeadDeliveries(
        deliveries=[
            wire.DeadDelivery(
                delivery_id=delivery.id,
                attempts=delivery.attempts,
                last_time=_or_never(plane, delivery.failed_at),
                status_code=delivery.status,
                error=delivery.error,
                event=events.facts(plane, happening, asked.role),
            )
            for delivery, happening in found
        ],
        total_count=total,
    )


async def redrive(plane: Plane, asked: Asked, request: wire.RedriveDeliveries) -> wire.Changed:
    """Try dead deliveries again, in the order of their events."""
    now = plane.clock()

    def change(writing: Writing) -> int:
        webhook = writing.webhook(request.name)
        dead = _dead(writing, webhook, request.delivery_ids)
        writing.redrive(webhook, dead, now)
        return len(dead)

    return wire.Changed(count=await plane.catalog.write(change))


async def discard(plane: Plane, asked: Asked, request: wire.DiscardDeliveries) -> wire.Changed:
    """Forget dead deliveries."""

    def change(writing: Writing) -> int:
        dead = _dead(writing, writing.webhook(request.name), request.delivery_ids)
        writing.discard(dead)
        return len(dead)

    return wire.Changed(count=await plane.catalog.write(change))


def _dead(reading: Reading, webhook: Webhook, wanted: Sequence[str]) -> Sequence[Delivery]:
    """Return the dead deliveries with these ids, or all of them; raise `NotFound` for others."""
    if not wanted:
        return [one for one, _ in reading.deliveries(webhook, DEAD, 0, MOST_DEAD)]
    found = []
    for delivery_id in dict.fromkeys(wanted):
        one = reading.delivery(delivery_id)
        if one is None or one.webhook_id != webhook.id or one.state != DEAD:
            raise NotFound("Delivery", delivery_id[:80], "; see ListDeadDeliveries")
        found.append(one)
    return found
