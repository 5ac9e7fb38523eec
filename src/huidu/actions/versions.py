"""Versions: publish, list and delete them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from huidu.actions.action import (
    AS_QUALIFIER,
    FUNCTION_ERRORS,
    Action,
    Description,
    Flag,
    Limit,
    NamedFunction,
    Namespace,
    Nothing,
    Offset,
    Order,
    Wire,
)
from huidu.model.names import DEFAULT_NAMESPACE


class PublishVersion(Wire):
    """Freeze `$LATEST` as the next number."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    description: Description = ""


class Published(Wire):
    """The version that was made."""

    function_version: str
    code_size: int
    memory_size: int
    description: str
    handler: str
    timeout: int
    runtime: str
    namespace: str
    digest: str = ""  #: Ours.


class ListVersionByFunction(Wire):
    """List the versions of a function, `$LATEST` included."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    offset: Offset = 0
    limit: Limit = 20
    order: Order | None = None
    order_by: Annotated[str, Meta(description="AddTime or ModTime.")] | None = None


class VersionLine(Wire):
    """A version in a list."""

    version: str
    description: str
    add_time: str
    mod_time: str
    status: str
    digest: str = ""  #: Ours.


class Versions(Wire):
    """A page of versions."""

    function_version: list[str]
    versions: list[VersionLine]
    total_count: int


class DeleteFunctionVersion(Wire):
    """Delete one version. Running calls end first, unless they are forced."""

    function_name: NamedFunction
    qualifier: Annotated[str, Meta(description="A version number.")]
    namespace: Namespace = DEFAULT_NAMESPACE
    force_delete: Flag = "FALSE"


ACTIONS = (
    Action(
        name="PublishVersion",
        summary="Freeze $LATEST as the next number.",
        request=PublishVersion,
        answer=Published,
        writes=True,
        errors=(
            *FUNCTION_ERRORS,
            "FailedOperation.PublishVersion",
            "InvalidParameterValue.Description",
            "LimitExceeded.FunctionVersions",
        ),
    ),
    Action(
        name="ListVersionByFunction",
        summary="List the versions of a function, $LATEST included.",
        request=ListVersionByFunction,
        answer=Versions,
        errors=(*FUNCTION_ERRORS, "InvalidParameterValue.Order"),
    ),
    Action(
        name="DeleteFunctionVersion",
        summary="Delete one version that no alias refers to.",
        request=DeleteFunctionVersion,
        answer=Nothing,
        writes=True,
        errors=(
            *FUNCTION_ERRORS,
            "FailedOperation.DeleteFunction",
            "InvalidParameterValue.Qualifier",
            "ResourceNotFound.Qualifier",
            "UnsupportedOperation.AliasBind",
        ),
        spelling=AS_QUALIFIER,
    ),
)
