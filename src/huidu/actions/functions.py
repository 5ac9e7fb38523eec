"""Functions: create, change, read, list and delete them."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, field

from huidu.actions.action import (
    AS_QUALIFIER,
    AS_VERSION,
    FUNCTION_ERRORS,
    Action,
    Description,
    Flag,
    Json,
    Limit,
    NamedFunction,
    Namespace,
    Nothing,
    Offset,
    Order,
    Wire,
)
from huidu.actions.configuration import (
    Bucket,
    CodeText,
    Environment,
    Handler,
    Layers,
    LayerSimple,
    Memory,
    Qualifier,
    Role,
    Seconds,
    Settings,
    Source,
    Tag,
    Uploaded,
    Variables,
)
from huidu.model import role as roles
from huidu.model.names import DEFAULT_NAMESPACE

LARGEST_PACKAGE_REQUEST_BYTES = 72 * 1024 * 1024  # 50 MB of zip as base64, and the rest


class CreateFunction(Settings, kw_only=True):
    """Create a function with its `$LATEST` and its `$DEFAULT`."""

    function_name: NamedFunction
    code: Source | None = None
    handler: Handler | None = None
    description: Description = ""
    memory_size: Memory = 128
    timeout: Seconds = 3
    init_timeout: Seconds = 65
    environment: Variables | None = None
    runtime: Annotated[str, Meta(description="`Python3.10` and so on.")] | None = None
    namespace: Namespace = DEFAULT_NAMESPACE
    role: Role = ""
    type: Annotated[str, Meta(description="Event, or HTTP for a web function.")] = "Event"
    code_source: str | None = None
    layers: Layers = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    async_run_enable: Flag | None = None
    trace_enable: Flag | None = None
    protocol_type: Annotated[str, Meta(description="WS for WebSockets.")] | None = None


class UpdateFunctionCode(Wire):
    """Replace the code of `$LATEST`."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    handler: Handler | None = None
    code: Source | None = None
    zip_file: CodeText | None = None
    cos_bucket_name: Bucket | None = None
    cos_object_name: Uploaded | None = None
    cos_bucket_region: str | None = None
    code_source: str | None = None
    install_dependency: Flag | None = None
    env_id: str | None = None
    publish: Flag = "FALSE"


class UpdateFunctionConfiguration(Settings, kw_only=True):
    """Change the configuration of `$LATEST`. What is left out stays as it is."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    description: Description | None = None
    handler: Handler | None = None
    memory_size: Memory | None = None
    timeout: Seconds | None = None
    init_timeout: Seconds | None = None
    runtime: Annotated[str, Meta(description="Cannot be changed; may be repeated.")] | None = None
    environment: Variables | None = None
    role: Role | None = None
    layers: Layers | None = None
    publish: Flag = "FALSE"
    ignore_sys_log: Flag | None = None


class GetFunction(Wire):
    """Describe one version of a function, with its triggers and, where wanted, its code."""

    function_name: NamedFunction | None = None
    qualifier: Qualifier = "$LATEST"
    namespace: Namespace = DEFAULT_NAMESPACE
    show_code: Flag = "FALSE"


class GetFunctionAddress(Wire):
    """Tell where the package of a version can be had."""

    function_name: NamedFunction
    qualifier: Annotated[str, Meta(description="A version number, or `$LATEST`.")] = "$LATEST"
    namespace: Namespace = DEFAULT_NAMESPACE


class CodeAddress(Wire):
    """Where a package can be had."""

    url: Annotated[str, Meta(description="Good for ten minutes.")]
    code_sha256: str


class Filter(Wire):
    """Only what has one of these values under this name."""

    name: str
    values: list[str]


class ListFunctions(Wire):
    """List the functions of a namespace."""

    order: Order = "DESC"
    orderby: Annotated[str, Meta(description="AddTime, ModTime or FunctionName.")] = "AddTime"
    offset: Offset = 0
    limit: Limit = 20
    search_key: Annotated[str, Meta(description="A part of the name.")] = ""
    namespace: Namespace = DEFAULT_NAMESPACE
    description: Annotated[str, Meta(description="A part of the description.")] = ""
    filters: list[Filter] = field(default_factory=list)


class DeleteFunction(Wire):
    """Delete a function with all that is its own or, with a qualifier, one version."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    qualifier: Annotated[str, Meta(description="A version number.")] | None = None


class StatusReason(Wire):
    """Why a function is in its state."""

    error_code: str
    error_message: str


class TriggerInfo(Wire):
    """A trigger as it is read back."""

    trigger_name: str
    type: str
    trigger_desc: str
    enable: int
    qualifier: str
    custom_argument: str = ""
    description: str = ""
    add_time: str = ""
    mod_time: str = ""
    available_status: str = "Available"
    resource_id: str = ""
    bind_status: str = "on"
    trigger_attribute: str = "single"
    missed: Annotated[
        str | UnsetType, Meta(description="Of a timer whose missed ticks are fired: `once`.")
    ] = UNSET


class FunctionFacts(Wire, kw_only=True):
    """A version of a function, in full."""

    function_name: str
    function_id: str
    namespace: str
    function_version: str
    qualifier: str
    status: str
    status_desc: str
    status_reasons: list[StatusReason]
    description: str
    handler: str
    runtime: str
    memory_size: int
    timeout: int
    init_timeout: int
    environment: Environment
    layers: list[LayerSimple]
    role: str
    type: str
    code_info: str
    code_size: int
    code_result: str = "success"
    code_error: str = ""
    err_no: int = 0
    add_time: str
    mod_time: str
    tags: list[Tag]
    triggers: list[TriggerInfo]
    available_status: str = "Available"
    use_gpu: str = "FALSE"
    l5_enable: str = "FALSE"
    async_run_enable: str = "FALSE"
    trace_enable: str = "FALSE"
    vpc_config: Json = None
    public_net_config: Json = None
    dead_letter_config: Json = None
    cfs_config: Json = None
    instance_concurrency_config: Json = None
    protocol_type: str = ""
    code_sha256: str = ""  #: Ours: the digest of the package.
    digest: str = ""  #: Ours: the digest of code and configuration together.


class FunctionLine(Wire):
    """A function in a list."""

    function_name: str
    function_id: str
    namespace: str
    runtime: str
    status: str
    status_desc: str
    status_reasons: list[StatusReason]
    description: str
    type: str
    tags: list[Tag]
    add_time: str
    mod_time: str
    total_provisioned_concurrency_mem: int = 0
    async_run_enable: str = "FALSE"
    trace_enable: str = "FALSE"


class Functions(Wire):
    """A page of functions."""

    functions: list[FunctionLine]
    total_count: int


CODE_ERRORS = (
    "FailedOperation.DiskFull",
    "InvalidParameterValue.Code",
    "InvalidParameterValue.CodeSource",
    "InvalidParameterValue.CosBucketName",
    "InvalidParameterValue.CosObjectName",
    "InvalidParameterValue.Handler",
    "InvalidParameterValue.ImageType",
    "InvalidParameterValue.ZipFile",
    "InvalidParameterValue.ZipFileBase64BinasciiError",
    "MissingParameter.Code",
)
CONFIGURATION_ERRORS = (
    "InvalidParameterValue.Description",
    "InvalidParameterValue.Environment",
    "InvalidParameterValue.EnvironmentExceededLimit",
    "InvalidParameterValue.EnvironmentSystemProtect",
    "InvalidParameterValue.Handler",
    "InvalidParameterValue.Layers",
    "InvalidParameterValue.InstanceConcurrencyConfig",
    "InvalidParameterValue.MemorySize",
    "InvalidParameterValue.ProtocolParams",
    "InvalidParameterValue.ProtocolType",
    "InvalidParameterValue.Runtime",
    "InvalidParameterValue.Type",
    "LimitExceeded.InitTimeout",
    "LimitExceeded.Memory",
    "LimitExceeded.Timeout",
    "ResourceNotFound.Layer",
)
#: Where the cloud's list of codes has no word for an object that is not there.
AS_OBJECT_NAME = {"ResourceNotFound.CosObject": "InvalidParameterValue.CosObjectName"}
SHAPES = {
    "Environment": "InvalidParameterValue.Environment",
    "MemorySize": "InvalidParameterValue.MemorySize",
    "Layers": "InvalidParameterValue.Layers",
    "Code": "InvalidParameterValue.Code",
}


ACTIONS = (
    Action(
        name="CreateFunction",
        summary="Create a function with its $LATEST and its $DEFAULT.",
        request=CreateFunction,
        answer=Nothing,
        writes=True,
        errors=(
            "InvalidParameterValue.FunctionName",
            "InvalidParameterValue.Namespace",
            "LimitExceeded.Function",
            "ResourceInUse.FunctionName",
            "ResourceNotFound.CosObject",
            "ResourceNotFound.Namespace",
            *CODE_ERRORS,
            *CONFIGURATION_ERRORS,
        ),
        shapes=SHAPES,
        largest_bytes=LARGEST_PACKAGE_REQUEST_BYTES,
    ),
    Action(
        name="UpdateFunctionCode",
        summary="Replace the code of $LATEST.",
        request=UpdateFunctionCode,
        answer=Nothing,
        writes=True,
        errors=(*FUNCTION_ERRORS, *CODE_ERRORS, "LimitExceeded.FunctionVersions"),
        spelling=AS_OBJECT_NAME,
        shapes=SHAPES,
        largest_bytes=LARGEST_PACKAGE_REQUEST_BYTES,
    ),
    Action(
        name="UpdateFunctionConfiguration",
        summary="Change the configuration of $LATEST.",
        request=UpdateFunctionConfiguration,
        answer=Nothing,
        writes=True,
        errors=(*FUNCTION_ERRORS, *CONFIGURATION_ERRORS, "LimitExceeded.FunctionVersions"),
        shapes=SHAPES,
    ),
    Action(
        name="GetFunction",
        summary="Describe one version of a function.",
        request=GetFunction,
        answer=FunctionFacts,
        errors=(
            *FUNCTION_ERRORS,
            "FailedOperation.CodeCorrupt",
            "FailedOperation.CodeMissing",
            "FailedOperation.DiskFull",
            "InvalidParameter.FunctionNameOrResourceIdRequired",
            "ResourceNotFound.Version",
        ),
        spelling=AS_VERSION,
    ),
    Action(
        name="GetFunctionAddress",
        summary="Tell where the package of a version can be had.",
        request=GetFunctionAddress,
        answer=CodeAddress,
        role=roles.Role.RELEASE,  # who only looks on sees no code
        errors=(*FUNCTION_ERRORS, "ResourceNotFound.FunctionVersion"),
    ),
    Action(
        name="ListFunctions",
        summary="List the functions of a namespace.",
        request=ListFunctions,
        answer=Functions,
        errors=(
            "InvalidParameterValue.Limit",
            "InvalidParameterValue.Offset",
            "InvalidParameterValue.Order",
            "ResourceNotFound.Namespace",
        ),
    ),
    Action(
        name="DeleteFunction",
        summary="Delete a function or, with a qualifier, one version.",
        request=DeleteFunction,
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
