"""Webhooks: have what happens posted to a URL, and see what could not be."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import (
    Description,
    Limit,
    Nothing,
    Offset,
    Wire,
    ours,
)
from huidu.actions.events import EventFacts, Kinds
from huidu.model.role import Role

Name = Annotated[str, Meta(description="The name of the webhook.")]
Url = Annotated[str, Meta(description="http or https; where events are posted to.")]
Secret = Annotated[
    str, Meta(description="16 to 256 characters, the key of the signatures; never shown again.")
]
Ids = Annotated[list[str], Meta(description="Ids of dead deliveries; empty for all there are.")]


class CreateWebhook(Wire):
    """Have events posted to a URL from now on."""

    name: Name
    url: Url
    kinds: Kinds = field(default_factory=lambda: ["*"])
    namespace: Annotated[str, Meta(description="Only of this namespace.")] = ""
    function_name: Annotated[str, Meta(description="Only of functions of this name.")] = ""
    secret: Annotated[Secret, Meta(description="One is made where it is left out.")] = ""
    description: Description = ""


class WebhookCreated(Wire):
    """The webhook is there. Keep the secret: it is shown this once."""

    webhook_id: str
    secret: str


class UpdateWebhook(Wire):
    """Change a webhook; what is left out stays."""

    name: Name
    url: Url | None = None
    kinds: Kinds | None = None
    namespace: str | None = None
    function_name: str | None = None
    secret: Secret | None = None
    enabled: (
        Annotated[
            bool, Meta(description="false: nothing more is put in its line, and nothing is tried.")
        ]
        | None
    ) = None
    description: Description | None = None


class GetWebhook(Wire):
    """See a webhook and how it fares."""

    name: Name


class WebhookFacts(Wire):
    """A webhook, and how it fares. Its secret is not shown."""

    webhook_id: str
    name: str
    url: str
    kinds: list[str]
    namespace: str
    function_name: str
    enabled: bool
    description: str
    add_time: str
    mod_time: str
    pending: Annotated[int, Meta(description="Deliveries that wait for their turn or next try.")]
    dead: Annotated[int, Meta(description="Deliveries that were given up.")]
    failing_since: Annotated[str, Meta(description="Since when none has arrived; empty: it does.")]
    delivered_time: Annotated[str, Meta(description="When one arrived last.")]
    last_error: str


class ListWebhooks(Wire):
    """List the webhooks."""


class Webhooks(Wire):
    """All webhooks."""

    webhooks: list[WebhookFacts]
    total_count: int


class DeleteWebhook(Wire):
    """Delete a webhook with what is on its way to it."""

    name: Name


class TestWebhook(Wire):
    """Post an event of kind `webhook.tested` now, once, and see what the receiver answers."""

    name: Name


class Tested(Wire):
    """What the receiver answered."""

    arrived: bool
    status_code: Annotated[int, Meta(description="0 where there was no answer.")]
    message: Annotated[str, Meta(description="Why it did not arrive.")]
    duration: Annotated[float, Meta(description="Milliseconds.")]


class ListDeadDeliveries(Wire):
    """List the deliveries of a webhook that were given up, the oldest first."""

    name: Name
    offset: Offset = 0
    limit: Limit = 20


class DeadDelivery(Wire):
    """An event that did not arrive."""

    delivery_id: str
    attempts: int
    last_time: Annotated[str, Meta(description="When it was tried last.")]
    status_code: Annotated[int, Meta(description="0 where there was no answer.")]
    error: str
    event: EventFacts


class DeadDeliveries(Wire):
    """A page of dead deliveries."""

    deliveries: list[DeadDelivery]
    total_count: int


class RedriveDeliveries(Wire):
    """Try dead deliveries again, as if their events had just happened."""

    name: Name
    delivery_ids: Ids = field(default_factory=list)


class DiscardDeliveries(Wire):
    """Forget dead deliveries; the events stay."""

    name: Name
    delivery_ids: Ids = field(default_factory=list)


class Changed(Wire):
    """How many there were."""

    count: int


THERE = ("ResourceNotFound.Webhook",)
SHAPE = (
    "InvalidParameterValue.Description",
    "InvalidParameterValue.Kinds",
    "InvalidParameterValue.Name",
    "InvalidParameterValue.Secret",
    "InvalidParameterValue.Url",
)


ACTIONS = (
    ours(
        "CreateWebhook",
        "Have events posted to a URL, signed.",
        CreateWebhook,
        WebhookCreated,
        *SHAPE,
        "LimitExceeded.Webhook",
        "ResourceInUse.Webhook",
    ),
    ours("UpdateWebhook", "Change a webhook.", UpdateWebhook, Nothing, *SHAPE, *THERE),
    # The address of a webhook often is a secret itself.
    ours(
        "GetWebhook",
        "See a webhook and how it fares.",
        GetWebhook,
        WebhookFacts,
        *THERE,
        role=Role.ADMIN,
    ),
    ours("ListWebhooks", "List the webhooks.", ListWebhooks, Webhooks, role=Role.ADMIN),
    ours("DeleteWebhook", "Delete a webhook.", DeleteWebhook, Nothing, *THERE),
    ours("TestWebhook", "Post a test event to a webhook.", TestWebhook, Tested, *THERE),
    ours(
        "ListDeadDeliveries",
        "List the events that could not be delivered to a webhook.",
        ListDeadDeliveries,
        DeadDeliveries,
        *THERE,
        "InvalidParameterValue.Limit",
        "InvalidParameterValue.Offset",
    ),
    ours(
        "RedriveDeliveries",
        "Try deliveries again that were given up.",
        RedriveDeliveries,
        Changed,
        *THERE,
        "ResourceNotFound.Delivery",
    ),
    ours(
        "DiscardDeliveries",
        "Forget deliveries that were given up.",
        DiscardDeliveries,
        Changed,
        *THERE,
        "ResourceNotFound.Delivery",
    ),
)
