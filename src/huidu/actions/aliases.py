"""Aliases: make, move, read, list, delete, explain and undo them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import (
    FUNCTION_ERRORS,
    HUIDU,
    HUIDU_VERSION,
    Action,
    Description,
    Limit,
    NamedFunction,
    Namespace,
    Nothing,
    Offset,
    Wire,
)
from huidu.model.names import DEFAULT, DEFAULT_NAMESPACE

AliasName = Annotated[str, Meta(description="The name of the alias.")]
Main = Annotated[str, Meta(description="The main version: a number, or `$LATEST`.")]
Split = Annotated[
    str,
    Meta(
        description="Ours: `exact` (default: counts never drift from the weight) or `random` "
        "(independent draws). Left out: as before."
    ),
]
Sticky = Annotated[
    str,
    Meta(
        description="Ours: calls with the same value under this key get the same version, as in "
        '`invoke.headers.User`. `""`: none. Left out: as before.'
    ),
]
Expected = Annotated[
    int, Meta(description="Ours: refuse unless the alias still has this revision.")
]
Reason = Annotated[str, Meta(description="Ours: why, for the history.")]
TakeOver = Annotated[
    bool, Meta(description="Ours: end the rollout that moves the alias, and have this instead.")
]


class VersionWeight(Wire):
    """The share of an additional version, from 0 to 1."""

    version: Annotated[str, Meta(description="The additional version.")]
    weight: Annotated[float, Meta(description="From 0 to 1, in steps of 0.0001.")]


class VersionMatch(Wire):
    """A rule: calls whose key meets the expression go to the version."""

    version: Annotated[str, Meta(description="Who answers a call that meets the rule.")]
    key: Annotated[str, Meta(description="`invoke.headers.X`, `.cookies.X`, `.query.X`, ...")]
    method: Annotated[str, Meta(description="exact, range, prefix, regex or in.")]
    expression: Annotated[str, Meta(description="What the value is held against.")]


class RoutingConfig(Wire):
    """Weights or rules for additional versions, never both."""

    additional_version_weights: list[VersionWeight] | None = None
    # The misspelling is the cloud API's.
    addtion_version_matchs: list[VersionMatch] | None = None


class CreateAlias(Wire):
    """Create an alias."""

    function_name: NamedFunction
    name: AliasName
    function_version: Main
    namespace: Namespace = DEFAULT_NAMESPACE
    routing_config: RoutingConfig | None = None
    description: Description = ""
    split: Split | None = None
    sticky: Sticky | None = None
    reason: Reason = ""


class UpdateAlias(Wire):
    """Move an alias: the whole routing is replaced; without RoutingConfig it is cleared (D-21)."""

    function_name: NamedFunction
    name: AliasName
    function_version: Main
    namespace: Namespace = DEFAULT_NAMESPACE
    routing_config: RoutingConfig | None = None
    description: Description | None = None
    split: Split | None = None
    sticky: Sticky | None = None
    expected_revision: Expected | None = None
    reason: Reason = ""
    take_over: TakeOver = False


class GetAlias(Wire):
    """Read one alias."""

    function_name: NamedFunction
    name: AliasName
    namespace: Namespace = DEFAULT_NAMESPACE


class RoutingFacts(Wire):
    """The routing of an alias; both lists are always there."""

    additional_version_weights: list[VersionWeight] = field(default_factory=list)
    addtion_version_matchs: list[VersionMatch] = field(default_factory=list)


class AliasFacts(Wire):
    """An alias."""

    name: str
    function_version: str
    routing_config: RoutingFacts
    description: str
    add_time: str
    mod_time: str
    revision: int = 1  #: Ours, like the two below.
    split: str = "exact"
    sticky: str = ""


class ListAliases(Wire):
    """List the aliases of a function, `$DEFAULT` included."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    function_version: (
        Annotated[str, Meta(description="Only those that refer to this version.")] | None
    ) = None
    offset: Offset = 0
    limit: Limit = 20


class Aliases(Wire):
    """A page of aliases."""

    aliases: list[AliasFacts]
    total_count: int


class DeleteAlias(Wire):
    """Delete an alias; versions stay."""

    function_name: NamedFunction
    name: AliasName
    namespace: Namespace = DEFAULT_NAMESPACE
    reason: Reason = ""


class ListAliasHistory(Wire):
    """List who moved an alias, when and why, the newest change first."""

    function_name: NamedFunction
    name: AliasName
    namespace: Namespace = DEFAULT_NAMESPACE
    offset: Offset = 0
    limit: Limit = 20


class ChangeFacts(Wire):
    """One write of an alias."""

    revision: int
    time: str
    who: str
    reason: str
    action: str
    before: AliasFacts | None
    after: AliasFacts | None
    warning: Annotated[
        str, Meta(description="What went wrong without holding the write up: an instance missing.")
    ] = ""


class History(Wire):
    """A page of changes."""

    changes: list[ChangeFacts]
    total_count: int


class UndoAlias(Wire):
    """Bring an alias back to what it was before its newest change, or before a named one."""

    function_name: NamedFunction
    name: AliasName
    namespace: Namespace = DEFAULT_NAMESPACE
    revision: (
        Annotated[int, Meta(description="The change to go back before; default: the newest.")]
        | None
    ) = None
    expected_revision: Expected | None = None
    reason: Reason = ""
    take_over: TakeOver = False


class Undone(Wire):
    """The alias as it is now."""

    alias: AliasFacts


class ExplainRoute(Wire):
    """Say which version a call would reach, or did reach, and why not the others."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    qualifier: Annotated[str, Meta(description="A version or an alias.")] = DEFAULT
    request_id: Annotated[str, Meta(description="A past call.")] = ""
    routing_key: Annotated[str, Meta(description="JSON object, as in InvokeFunction.")] = ""
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    source_ip: str = ""


class ConsideredFacts(Wire):
    """One thing that was weighed."""

    version: str
    what: str
    chosen: bool
    why: str


class Explanation(Wire):
    """Which version, and why. `Draw` and `Phases` are what chance and the exact split gave."""

    function_version: str
    alias: str
    alias_revision: int
    reason: str
    probability: float
    draw: float | None
    phases: str
    considered: list[ConsideredFacts]


ROUTING_ERRORS = (
    "InvalidParameter.RoutingConfig",
    "InvalidParameterValue.AdditionalVersionWeights",
    "InvalidParameterValue.Description",
    "InvalidParameterValue.Name",
    "InvalidParameterValue.RoutingConfig",
    "ResourceNotFound.FunctionVersion",
)
SHAPES = {
    "RoutingConfig.AdditionalVersionWeights[...].Weight": (
        "InvalidParameterValue.AdditionalVersionWeights"
    ),
    "RoutingConfig": "InvalidParameter.RoutingConfig",
}

ACTIONS = (
    Action(
        name="CreateAlias",
        summary="Create an alias with its main version and its routing.",
        request=CreateAlias,
        answer=Nothing,
        writes=True,
        errors=(
            *FUNCTION_ERRORS,
            *ROUTING_ERRORS,
            "FailedOperation.CreateAlias",
            "LimitExceeded.Alias",
            "ResourceInUse.Alias",
        ),
        shapes=SHAPES,
    ),
    Action(
        name="UpdateAlias",
        summary="Point an alias at another version, or share its calls between versions.",
        request=UpdateAlias,
        answer=Nothing,
        writes=True,
        errors=(
            *FUNCTION_ERRORS,
            *ROUTING_ERRORS,
            "FailedOperation.UpdateAlias",
            "ResourceInUse",
            "ResourceInUse.Rollout",
            "ResourceNotFound.Alias",
        ),
        shapes=SHAPES,
    ),
    Action(
        name="GetAlias",
        summary="Read one alias.",
        request=GetAlias,
        answer=AliasFacts,
        errors=(*FUNCTION_ERRORS, "ResourceNotFound.Alias"),
    ),
    Action(
        name="ListAliases",
        summary="List the aliases of a function, $DEFAULT included.",
        request=ListAliases,
        answer=Aliases,
        errors=FUNCTION_ERRORS,
    ),
    Action(
        name="DeleteAlias",
        summary="Delete an alias; versions stay.",
        request=DeleteAlias,
        answer=Nothing,
        writes=True,
        errors=(
            *FUNCTION_ERRORS,
            "FailedOperation.DeleteAlias",
            "InvalidParameterValue.Alias",
            "ResourceInUse.Rollout",
            "ResourceNotFound.Alias",
        ),
    ),
    Action(
        service=HUIDU,
        version=HUIDU_VERSION,
        name="ListAliasHistory",
        summary="List who moved an alias, when and why.",
        request=ListAliasHistory,
        answer=History,
        errors=(*FUNCTION_ERRORS, "ResourceNotFound.Alias"),
    ),
    Action(
        service=HUIDU,
        version=HUIDU_VERSION,
        name="UndoAlias",
        summary="Bring an alias back to what it was before a change.",
        request=UndoAlias,
        answer=Undone,
        writes=True,
        errors=(
            *FUNCTION_ERRORS,
            "FailedOperation.UpdateAlias",
            "ResourceInUse",
            "ResourceInUse.Rollout",
            "ResourceNotFound.Alias",
            "ResourceNotFound.AliasRevision",
            "ResourceNotFound.FunctionVersion",
        ),
    ),
    Action(
        service=HUIDU,
        version=HUIDU_VERSION,
        name="ExplainRoute",
        summary="Say which version a call would reach, or did reach, and why not the others.",
        request=ExplainRoute,
        answer=Explanation,
        errors=(
            *FUNCTION_ERRORS,
            "InvalidParameterValue.Param",
            "ResourceNotFound.Qualifier",
            "ResourceNotFound.RequestId",
        ),
    ),
)
