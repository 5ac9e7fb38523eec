"""Destinations: where it goes on from asynchronous calls, once they are over."""

from __future__ import annotations

from huidu.actions import destinations as wire
from huidu.actions.action import Nothing
from huidu.control.plane import Asked, Plane
from huidu.model import names
from huidu.model.destination import FAILURE, SUCCESS, Destination
from huidu.model.errors import InvalidValue
from huidu.model.function import FunctionName
from huidu.model.names import DEFAULT_NAMESPACE
from huidu.model.web import is_web
from huidu.store.reading import Reading
from huidu.store.writing import Writing


async def put(plane: Plane, asked: Asked, request: wire.PutEventDestinations) -> Nothing:
    """Have it go on from asynchronous calls of a function, from those on that end after this."""
    named = FunctionName(request.namespace, request.function_name)
    wanted = {SUCCESS: request.on_success, FAILURE: request.on_failure}

    def change(writing: Writing) -> None:
        function = writing.function(named)
        kept = {
            side: _destination(writing, f"On{side.title()}", facts)
            for side, facts in wanted.items()
            if facts is not None
        }
        writing.destinations.put(function, kept)

    await plane.catalog.write(change)
    return Nothing()


def _destination(writing: Writing, field: str, facts: wire.DestinationFacts) -> Destination:
    if bool(facts.function_name) == bool(facts.webhook):
        raise InvalidValue("Destination", f"{field}: must name a FunctionName or a Webhook")
    if facts.webhook:
        return Destination(webhook=writing.webhook(facts.webhook).id)
    function = writing.function(FunctionName(facts.namespace, facts.function_name))
    if names.names_version(facts.qualifier):
        writing.version(function, facts.qualifier)
    else:
        writing.alias(function, facts.qualifier)
    if is_web(writing.version(function, names.LATEST).configuration):
        raise InvalidValue(
            "Destination", f"{field}: {function.named} is of Type HTTP, and called over HTTP alone"
        )
    return Destination(function=function.named, qualifier=facts.qualifier)


async def get(
    plane: Plane, asked: Asked, request: wire.GetEventDestinations
) -> wire.EventDestinations:
    """Tell where it goes on from asynchronous calls of a function."""
    named = FunctionName(request.namespace, request.function_name)

    def ask(reading: Reading) -> wire.EventDestinations:
        kept = reading.destinations.of(reading.function(named))
        webhooks = {webhook.id: webhook.name for webhook in reading.webhooks()}
        shown = {
            side: wire.DestinationFacts(
                function_name=one.function.name if one.function else "",
                namespace=one.function.namespace if one.function else DEFAULT_NAMESPACE,
                qualifier=one.qualifier,
                webhook=webhooks.get(one.webhook, ""),
            )
            for side, one in kept.items()
        }
        return wire.EventDestinations(on_success=shown.get(SUCCESS), on_failure=shown.get(FAILURE))

    return await plane.catalog.read(ask)
