"""Dead letters: asynchronous calls that were given up; list, redrive and discard them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import (
    FUNCTION_ERRORS,
    Limit,
    NamedFunction,
    Namespace,
    Offset,
    Wire,
    ours,
)
from huidu.actions.async_events import PAGE_ERRORS, Version
from huidu.model.names import DEFAULT_NAMESPACE

AnyFunction = Annotated[str, Meta(description="Only of functions of this name; empty: of all.")]
AnyNamespace = Annotated[str, Meta(description="Only of this namespace; empty: of all.")]
Why = Annotated[str, Meta(description="Why, for whoever reads the events.")]


class ListDeadEvents(Wire):
    """List asynchronous calls that were given up, the latest first."""

    function_name: AnyFunction = ""
    namespace: AnyNamespace = ""
    function_version: Annotated[
        str | None, Meta(description="Only what this version ran last; empty: what none did.")
    ] = None
    offset: Offset = 0
    limit: Limit = 20


class DeadEvent(Wire):
    """An asynchronous call that was given up."""

    invoke_request_id: str
    namespace: str
    function_name: str
    qualifier: str
    function_version: Version
    status_code: int
    err_msg: str
    reason: Annotated[str, Meta(description="Why it was given up.")]
    attempts: int
    add_time: str
    end_time: str
    log: str


class DeadOfVersion(Wire):
    """How many there are of a version."""

    namespace: str
    function_name: str
    function_version: str
    count: int


class DeadEvents(Wire):
    """A page of dead letters."""

    events: list[DeadEvent]
    total_count: int
    versions: Annotated[list[DeadOfVersion], Meta(description="How many of each, of all pages.")]


class RedriveEvents(Wire):
    """Play calls again that were given up; each goes where its alias leads now."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    invoke_request_ids: Annotated[list[str], Meta(description="Only these.")] = field(
        default_factory=list
    )
    function_version: Annotated[
        str | None, Meta(description="Only what this version ran last; empty: what none did.")
    ] = None
    qualifier: Annotated[
        str, Meta(description="An alias or a version to send them to; empty: as they were sent.")
    ] = ""
    reason: Why = ""


class Redriven(Wire):
    """How many are played again."""

    count: int
    skipped: Annotated[
        int, Meta(description="Of those that were named, how many are no dead letters any more.")
    ]


class DiscardEvents(Wire):
    """Throw calls away that were given up; what became of them is told for three days."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    invoke_request_ids: Annotated[list[str], Meta(description="Only these.")] = field(
        default_factory=list
    )
    function_version: Annotated[
        str | None, Meta(description="Only what this version ran last; empty: what none did.")
    ] = None
    reason: Why = ""


ACTIONS = (
    ours(
        "ListDeadEvents",
        "List asynchronous calls that were given up.",
        ListDeadEvents,
        DeadEvents,
        *PAGE_ERRORS,
    ),
    ours(
        "RedriveEvents",
        "Play asynchronous calls again that were given up.",
        RedriveEvents,
        Redriven,
        *FUNCTION_ERRORS,
        "InvalidParameterValue.InvokeRequestIds",
        "ResourceNotFound.AsyncEvent",
        "ResourceNotFound.Qualifier",
    ),
    ours(
        "DiscardEvents",
        "Throw asynchronous calls away that were given up.",
        DiscardEvents,
        Redriven,
        *FUNCTION_ERRORS,
        "InvalidParameterValue.InvokeRequestIds",
        "ResourceNotFound.AsyncEvent",
    ),
)
