"""Previews: what a move of an alias would change, before it is made."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import FUNCTION_ERRORS, Wire, ours
from huidu.actions.aliases import ROUTING_ERRORS, AliasFacts, UpdateAlias

Fraction = Annotated[float, Meta(description="From 0 to 1.")]


class GetAliasPreview(UpdateAlias):
    """See what `UpdateAlias` would change; nothing is written."""

    headers: Annotated[
        dict[str, str], Meta(description="Of a call that might come: where would it go?")
    ] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    source_ip: str = ""


class TakenFacts(Wire):
    """So many would leave one version for another."""

    from_version: str
    to_version: str
    fraction: Fraction


class CallFacts(Wire):
    """Where one call goes now, and where it would go."""

    from_version: Annotated[str, Meta(description="Empty where chance decides.")]
    from_reason: str
    to_version: str
    to_reason: str


class AliasPreview(Wire):
    """What a move would change."""

    before: AliasFacts
    after: AliasFacts
    known: Annotated[bool, Meta(description="Whether anybody can tell how many; not by rules.")]
    callers: Annotated[
        bool, Meta(description="Whether the fractions are of callers who stay together, or calls.")
    ]
    taken: Annotated[list[TakenFacts], Meta(description="Who moves; nobody else does.")]
    call: Annotated[CallFacts, Meta(description="The call that was asked for.")] | None = None


ACTIONS = (
    ours(
        "GetAliasPreview",
        "See what a move of an alias would change.",
        GetAliasPreview,
        AliasPreview,
        *FUNCTION_ERRORS,
        *ROUTING_ERRORS,
        "FailedOperation.UpdateAlias",
        "ResourceInUse",
        "ResourceNotFound.Alias",
    ),
)
