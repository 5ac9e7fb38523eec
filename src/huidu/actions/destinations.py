"""Destinations: where it goes on from asynchronous calls, once they are over."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from huidu.actions.action import FUNCTION_ERRORS, NamedFunction, Namespace, Nothing, Wire, ours
from huidu.model.names import DEFAULT, DEFAULT_NAMESPACE


class DestinationFacts(Wire):
    """A function, or a webhook."""

    function_name: Annotated[str, Meta(description="The function to call, or empty.")] = ""
    namespace: Namespace = DEFAULT_NAMESPACE
    qualifier: Annotated[
        str, Meta(description="Its alias or version; an alias is followed when it is called.")
    ] = DEFAULT
    webhook: Annotated[str, Meta(description="The name of a webhook to post to instead.")] = ""


OnSuccess = Annotated[
    DestinationFacts | None, Meta(description="For calls that were answered; null: nowhere.")
]
OnFailure = Annotated[
    DestinationFacts | None, Meta(description="For calls that were given up; null: nowhere.")
]


class PutEventDestinations(Wire):
    """Have it go on from asynchronous calls of a function; what is left out is nowhere."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    on_success: OnSuccess = None
    on_failure: OnFailure = None


class GetEventDestinations(Wire):
    """See where it goes on from asynchronous calls of a function."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE


class EventDestinations(Wire):
    """Where it goes on."""

    on_success: OnSuccess
    on_failure: OnFailure


ACTIONS = (
    ours(
        "PutEventDestinations",
        "Call a function, or a webhook, with what came of asynchronous calls.",
        PutEventDestinations,
        Nothing,
        *FUNCTION_ERRORS,
        "InvalidParameterValue.Destination",
        "ResourceNotFound.Alias",
        "ResourceNotFound.FunctionVersion",
        "ResourceNotFound.Webhook",
    ),
    ours(
        "GetEventDestinations",
        "See what is called with what came of asynchronous calls.",
        GetEventDestinations,
        EventDestinations,
        *FUNCTION_ERRORS,
    ),
)
