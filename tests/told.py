"""Told: what a call says, to hold one call against another; calls are not compared elsewhere."""

from __future__ import annotations

from huidu.model.invocation import Invocation


def told(call: Invocation) -> tuple[object, ...]:
    """Return all that a door says of a call."""
    shown = call.traits
    return (
        *(call.request_id, call.function, call.qualifier, call.event, call.trigger, call.trace),
        *(call.routing_key, call.retry_number, call.root_request_id, call.stays_on, call.later),
        *(shown.headers, shown.cookies, shown.query, shown.source_ip, shown.folded),
    )
