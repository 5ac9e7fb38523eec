"""Provisioned concurrency: have instances of a version at all times, see them, let them go."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import (
    FUNCTION_ERRORS,
    Action,
    Json,
    NamedFunction,
    Namespace,
    Nothing,
    Wire,
)
from huidu.model.names import DEFAULT_NAMESPACE

Number = Annotated[str, Meta(description="A version number.")]


class PutProvisionedConcurrencyConfig(Wire):
    """Have so many instances of a version at all times. More are started as calls need them."""

    function_name: NamedFunction
    qualifier: Number
    version_provisioned_concurrency_num: Annotated[
        int, Meta(description="How many; an instance takes one call at a time.")
    ]
    namespace: Namespace = DEFAULT_NAMESPACE
    provisioned_type: Annotated[str, Meta(description="Default, and no other.")] = "Default"
    trigger_actions: Annotated[list[Json], Meta(description="Must be empty.")] | None = None
    tracking_target: Annotated[float, Meta(description="Must be left out.")] | None = None
    min_capacity: Annotated[int, Meta(description="Must be left out.")] | None = None
    max_capacity: Annotated[int, Meta(description="Must be left out.")] | None = None


class GetProvisionedConcurrencyConfig(Wire):
    """See how many instances the versions of a function are to have, and how many are there."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    qualifier: Annotated[str, Meta(description="Only this version.")] = ""


class VersionProvisioned(Wire):
    """The provisioned instances of a version."""

    allocated_provisioned_concurrency_num: Annotated[
        int, Meta(description="How many there are to be.")
    ]
    available_provisioned_concurrency_num: Annotated[int, Meta(description="How many there are.")]
    status: Annotated[str, Meta(description="Done, InProgress or Failed.")]
    status_reason: Annotated[str, Meta(description="Why not all are there.")]
    qualifier: str
    trigger_actions: list[Json] = field(default_factory=list)


class Provisioned(Wire):
    """What is provisioned, and what may be in addition, over all functions."""

    unallocated_concurrency_num: int
    allocated: list[VersionProvisioned]


class DeleteProvisionedConcurrencyConfig(Wire):
    """Have no more instances of a version than its calls need."""

    function_name: NamedFunction
    qualifier: Number
    namespace: Namespace = DEFAULT_NAMESPACE


ERRORS = (
    *FUNCTION_ERRORS,
    "InvalidParameterValue.Qualifier",
    "ResourceNotFound.FunctionVersion",
)

ACTIONS = (
    Action(
        name="PutProvisionedConcurrencyConfig",
        summary="Have so many instances of a published version at all times.",
        request=PutProvisionedConcurrencyConfig,
        answer=Nothing,
        writes=True,
        errors=(
            *ERRORS,
            "FailedOperation.FunctionVersionStatusNotActive",
            "FailedOperation.ProvisionCreateTimer",
            "FailedOperation.ProvisionedExceedReserved",
            "InvalidParameterValue.ProvisionType",
            "LimitExceeded.FunctionTotalProvisionedConcurrencyNum",
        ),
    ),
    Action(
        name="GetProvisionedConcurrencyConfig",
        summary="See how many instances of which version there are to be, and are.",
        request=GetProvisionedConcurrencyConfig,
        answer=Provisioned,
        errors=ERRORS,
    ),
    Action(
        name="DeleteProvisionedConcurrencyConfig",
        summary="Have no more instances of a version than its calls need.",
        request=DeleteProvisionedConcurrencyConfig,
        answer=Nothing,
        writes=True,
        errors=ERRORS,
    ),
)
