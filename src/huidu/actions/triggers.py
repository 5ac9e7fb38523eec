"""Triggers: bind event sources to versions and aliases."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import (
    AS_QUALIFIER,
    FUNCTION_ERRORS,
    Action,
    Description,
    Limit,
    NamedFunction,
    Namespace,
    Nothing,
    Offset,
    Order,
    Wire,
    ours,
)
from huidu.actions.functions import Filter, TriggerInfo
from huidu.model.names import DEFAULT_NAMESPACE

Kind = Annotated[str, Meta(description="timer, http or apigw.")]
Missed = Meta(
    description="An extension: what becomes of a timer's ticks while the platform is down: `skip` "
    "(the default), or `once` for one firing for all of them."
)
TriggerName = Annotated[str, Meta(description="The name of the trigger.")]


class CreateTrigger(Wire):
    """Bind an event source to a version or an alias."""

    function_name: NamedFunction
    trigger_name: TriggerName
    type: Kind
    trigger_desc: Annotated[
        str, Meta(description="A timer's cron expression; the settings of others as JSON.")
    ] = ""
    namespace: Namespace = DEFAULT_NAMESPACE
    qualifier: Annotated[
        str, Meta(description="A version or an alias; `$DEFAULT` makes gray releases easy.")
    ] = "$LATEST"
    enable: Annotated[str | int, Meta(description="OPEN or CLOSE.")] = "OPEN"
    custom_argument: Annotated[str, Meta(description="A timer's message, at most 4 KB.")] = ""
    description: Description = ""
    missed: Annotated[str | None, Missed] = None


class TriggerCreated(Wire):
    """The trigger that was made."""

    trigger_info: TriggerInfo


class DeleteTrigger(Wire):
    """Unbind an event source."""

    function_name: NamedFunction
    trigger_name: TriggerName
    type: Kind
    namespace: Namespace = DEFAULT_NAMESPACE
    trigger_desc: str = ""
    qualifier: str | None = None


class UpdateTrigger(Wire):
    """Change an event source; what is left out stays."""

    function_name: NamedFunction
    trigger_name: TriggerName
    type: Kind
    enable: Annotated[str | int | None, Meta(description="OPEN or CLOSE.")] = None
    qualifier: Annotated[
        str | None, Meta(description="What it is bound to; it is found by its name without, too.")
    ] = None
    new_qualifier: Annotated[
        str | None,
        Meta(description="An extension: what it is bound to from now on. A URL keeps its address."),
    ] = None
    namespace: Namespace = DEFAULT_NAMESPACE
    trigger_desc: Annotated[
        str | None, Meta(description="As in CreateTrigger; the whole of it.")
    ] = None
    description: Annotated[str | None, Meta(description="At most 1000 letters.")] = None
    custom_argument: Annotated[str | None, Meta(description="A timer's message.")] = None
    missed: Annotated[str | None, Missed] = None


class UpdateTriggerStatus(Wire):
    """Open or close an event source."""

    function_name: NamedFunction
    trigger_name: TriggerName
    type: Kind
    enable: Annotated[str | int, Meta(description="OPEN or CLOSE.")]
    qualifier: str | None = None
    namespace: Namespace = DEFAULT_NAMESPACE
    trigger_desc: str = ""


class ListTriggers(Wire):
    """List the triggers of a function over all its qualifiers."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    offset: Offset = 0
    limit: Limit = 20
    order_by: Annotated[str, Meta(description="add_time or mod_time.")] = "mod_time"
    order: Order = "DESC"
    filters: Annotated[
        list[Filter], Meta(description="By Qualifier, TriggerName or Description.")
    ] = field(default_factory=list)


class Triggers(Wire):
    """A page of triggers."""

    triggers: list[TriggerInfo]
    total_count: int


class GetNextFirings(Wire):
    """See when timers fire next: those of a function, or one that there is not yet."""

    function_name: Annotated[str, Meta(description="Whose timers; or empty, with a Cron.")] = ""
    namespace: Namespace = DEFAULT_NAMESPACE
    trigger_name: Annotated[str, Meta(description="Only this timer.")] = ""
    cron: Annotated[
        str, Meta(description="An expression to be tried, where no function is named.")
    ] = ""
    count: Annotated[int, Meta(description="How many firings of each, 1 to 100.")] = 5


class TimerFirings(Wire):
    """When a timer fires next."""

    trigger_name: str
    qualifier: str
    enable: Annotated[int, Meta(description="1: it is open. One that is closed does not fire.")]
    cron: str
    missed: str
    last_time: Annotated[str, Meta(description="The tick that was fired last; empty: none.")]
    next_times: Annotated[list[str], Meta(description="In the zone of the platform, with offset.")]


class NextFirings(Wire):
    """When timers fire next."""

    zone: Annotated[str, Meta(description="The zone in which their expressions are read.")]
    timers: list[TimerFirings]


ACTIONS = (
    Action(
        name="CreateTrigger",
        summary="Bind an event source to a version or an alias.",
        request=CreateTrigger,
        answer=TriggerCreated,
        writes=True,
        errors=(
            *FUNCTION_ERRORS,
            "InvalidParameterValue.CustomArgument",
            "InvalidParameterValue.Description",
            "InvalidParameterValue.Enable",
            "InvalidParameterValue.Missed",
            "InvalidParameterValue.TriggerDesc",
            "InvalidParameterValue.TriggerName",
            "InvalidParameterValue.Type",
            "InvalidParameterValue.InvalidApiRequestConfig",
            "InvalidParameterValue.InvalidScfConfig",
            "LimitExceeded.ApiCountLimitExceeded",
            "LimitExceeded.ServiceCountLimitExceeded",
            "LimitExceeded.Trigger",
            "ResourceInUse.TriggerName",
            "ResourceNotFound.InvalidService",
            "ResourceNotFound.Qualifier",
        ),
        spelling=AS_QUALIFIER,
    ),
    Action(
        name="DeleteTrigger",
        summary="Unbind an event source.",
        request=DeleteTrigger,
        answer=Nothing,
        writes=True,
        errors=(*FUNCTION_ERRORS, "ResourceNotFound.Trigger"),
    ),
    Action(
        name="UpdateTrigger",
        summary="Change a trigger.",
        request=UpdateTrigger,
        answer=Nothing,
        writes=True,
        errors=(
            *FUNCTION_ERRORS,
            "InvalidParameterValue.CustomArgument",
            "InvalidParameterValue.Description",
            "InvalidParameterValue.Enable",
            "InvalidParameterValue.Missed",
            "InvalidParameterValue.TriggerDesc",
            "InvalidParameterValue.Type",
            "ResourceNotFound.Qualifier",
            "ResourceNotFound.Trigger",
        ),
        spelling=AS_QUALIFIER,
    ),
    Action(
        name="UpdateTriggerStatus",
        summary="Open or close a trigger.",
        request=UpdateTriggerStatus,
        answer=Nothing,
        writes=True,
        errors=(
            *FUNCTION_ERRORS,
            "FailedOperation.UpdateTriggerStatus",
            "InvalidParameterValue.Enable",
            "ResourceNotFound.Trigger",
        ),
    ),
    Action(
        name="ListTriggers",
        summary="List the triggers of a function.",
        request=ListTriggers,
        answer=Triggers,
        errors=(
            *FUNCTION_ERRORS,
            "InvalidParameterValue.Filters",
            "InvalidParameterValue.Order",
            "InvalidParameterValue.OrderBy",
        ),
    ),
    ours(
        "GetNextFirings",
        "See when the timers of a function fire next, or what an expression means.",
        GetNextFirings,
        NextFirings,
        *FUNCTION_ERRORS,
        "InvalidParameterValue.Count",
        "InvalidParameterValue.TriggerDesc",
        "ResourceNotFound.Trigger",
    ),
)
