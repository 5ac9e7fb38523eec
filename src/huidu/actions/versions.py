"""Versions: publish, list, compare and delete them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from huidu.actions.action import (
    AS_QUALIFIER,
    AS_VERSION,
    FUNCTION_ERRORS,
    HUIDU,
    HUIDU_VERSION,
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
from huidu.model.role import Role


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


class CompareVersions(Wire):
    """Say what differs between two versions: files, and configuration."""

    function_name: NamedFunction
    from_version: Annotated[str, Meta(description="A version, or an alias for its main version.")]
    to_version: Annotated[str, Meta(description="The same.")]
    namespace: Namespace = DEFAULT_NAMESPACE
    show_text: Annotated[
        Flag, Meta(description="TRUE for the texts of what differs, as far as they are short.")
    ] = "FALSE"


class FileChange(Wire):
    """A file that is not the same in both versions. Sizes are in bytes, and -1 where it is not."""

    path: str
    change: Annotated[str, Meta(description="added, removed, changed or mode.")]
    before_size: int
    after_size: int
    before_mode: Annotated[str, Meta(description="As in `444`; `link` for a link; or empty.")]
    after_mode: str
    text: Annotated[bool, Meta(description="Whether both sides are texts that are shown here.")]
    before: str = ""
    after: str = ""


class FieldChange(Wire):
    """A field of the configuration that is not the same, as JSON; empty where it is not there."""

    name: str
    before: str
    after: str


class Compared(Wire):
    """What differs; two empty lists where nothing does."""

    from_version: str
    to_version: str
    same_code: bool
    files: list[FileChange]
    other_files: Annotated[int, Meta(description="How many more differ than are listed.")]
    configuration: list[FieldChange]


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
    Action(
        service=HUIDU,
        version=HUIDU_VERSION,
        name="CompareVersions",
        summary="Say what differs between two versions: files and configuration.",
        request=CompareVersions,
        answer=Compared,
        role=Role.VIEW,  # the text of files needs more; the handler sees to that
        errors=(
            *FUNCTION_ERRORS,
            "FailedOperation.CodeCorrupt",
            "FailedOperation.CodeMissing",
            "FailedOperation.DiskFull",
            "ResourceNotFound.Version",
        ),
        spelling=AS_VERSION,
    ),
)
