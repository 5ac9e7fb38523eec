"""APIs: make, change, read, list and delete the paths of a service."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import (
    APIGATEWAY,
    APIGATEWAY_VERSION,
    Action,
    Json,
    Limit,
    Nothing,
    Offset,
    Wire,
)
from huidu.actions.apigateway import UNKNOWN_API, UNKNOWN_SERVICE, ApiId, Done, ServiceId
from huidu.actions.functions import Filter
from huidu.actions.services import ApiLine


class RequestConfig(Wire):
    """What an API is asked for by: `/user`, `=/user`, `^~/user` or `/user/{id}`, and a method."""

    path: str
    method: Annotated[str, Meta(description="ANY, GET, POST, PUT, DELETE, HEAD, and so on.")]


class Parameter(Wire):
    """A parameter that an API declares, or always sends."""

    name: str
    position: Annotated[str, Meta(description="HEADER, QUERY or PATH.")] = "QUERY"
    type: str = "string"
    default_value: str = ""
    required: bool = False
    desc: str = ""


class Base64Rule(Wire):
    """A header (Accept or Content_Type), and the values for which bodies go as base64."""

    name: str
    value: list[str]


class ApiSettings(Wire):
    """Fields that are kept and given back, and no more."""

    api_type: str | None = None
    api_business_type: str | None = None
    auth_required: bool | None = None
    auth_relation_api_id: str | None = None
    oauth_config: Json = None
    micro_services: Json = None
    service_tsf_load_balance_conf: Json = None
    service_tsf_health_check_conf: Json = None
    target_services: Json = None
    target_services_load_balance_conf: int | None = None
    target_services_health_check_conf: Json = None
    target_namespace_id: str | None = None
    service_websocket_register_function_name: str | None = None
    service_websocket_register_function_namespace: str | None = None
    service_websocket_register_function_qualifier: str | None = None
    service_websocket_transport_function_name: str | None = None
    service_websocket_transport_function_namespace: str | None = None
    service_websocket_transport_function_qualifier: str | None = None
    service_websocket_cleanup_function_name: str | None = None
    service_websocket_cleanup_function_namespace: str | None = None
    service_websocket_cleanup_function_qualifier: str | None = None
    service_mock_return_message: str | None = None
    service_config: Json = None
    service_parameters: Json = None
    is_debug_after_charge: bool | None = None
    is_delete_response_error_codes: bool | None = None
    response_type: str | None = None
    response_success_example: str | None = None
    response_fail_example: str | None = None
    response_error_codes: Json = None
    user_type: str | None = None
    event_bus_id: str | None = None
    eiam_app_type: str | None = field(name="EIAMAppType", default=None)
    eiam_auth_type: str | None = field(name="EIAMAuthType", default=None)
    eiam_app_id: str | None = field(name="EIAMAppId", default=None)
    token_timeout: int | None = None
    owner: str | None = None
    tag_specifications: Json = None


class Definition(ApiSettings, kw_only=True):
    """What an API is, as far as it is said; `ModifyApi` leaves the rest as it was."""

    service_id: ServiceId
    service_type: Annotated[str, Meta(description="SCF.")]
    request_config: RequestConfig
    api_name: Annotated[str | None, Meta(description="At most 60 characters.")] = None
    api_desc: Annotated[str | None, Meta(description="At most 1000 characters.")] = None
    auth_type: Annotated[str | None, Meta(description="NONE or SECRET.")] = None
    enable_cors: Annotated[
        bool | None, Meta(description="Whether pages of other origins may call it.")
    ] = field(name="EnableCORS", default=None)
    request_parameters: list[Parameter] | None = None
    constant_parameters: list[Parameter] | None = None
    service_scf_function_name: Annotated[
        str | None, Meta(description="The function that it calls.")
    ] = None
    service_scf_function_namespace: Annotated[
        str | None, Meta(description="`default`, where it is left out.")
    ] = None
    service_scf_function_qualifier: Annotated[
        str | None,
        Meta(description="An alias or a version; `$DEFAULT`, where it is left out."),
    ] = None
    service_scf_function_type: Annotated[
        str | None, Meta(description="EVENT, or HTTP for a web function.")
    ] = None
    service_scf_is_integrated_response: Annotated[
        bool | None, Meta(description="Whether the function says status, headers and body.")
    ] = None
    service_scf_event_is_async_call: Annotated[bool | None, Meta(description="Must be false.")] = (
        None
    )
    is_base64_encoded: Annotated[
        bool | None, Meta(description="Whether the function gets bodies in base64.")
    ] = None
    is_base64_trigger: Annotated[
        bool | None, Meta(description="Whether it does so by rules only.")
    ] = None
    base64_encoded_trigger_rules: list[Base64Rule] | None = None


class CreateApi(Definition, kw_only=True):
    """Add an API to a service; callers meet it once the service is released."""

    service_timeout: Annotated[int, Meta(description="Seconds: 1 to 1800.")]
    protocol: Annotated[str, Meta(description="HTTP.")]


class ModifyApi(Definition, kw_only=True):
    """Change an API; callers meet the change once the service is released."""

    api_id: ApiId
    service_timeout: Annotated[int | None, Meta(description="Seconds: 1 to 1800.")] = None
    protocol: Annotated[str | None, Meta(description="HTTP.")] = None


class ApiMade(Wire):
    """What was made of an API."""

    api_id: str
    path: str
    method: str
    created_time: str
    api_name: str
    status: str = "success"
    err_msg: str = ""


class ApiCreated(Wire):
    """The API that was made."""

    result: ApiMade


class NamedApi(Wire):
    """Names an API."""

    service_id: ServiceId
    api_id: ApiId


class DescribeApi(NamedApi):
    """Read an API as it is edited."""


class DeleteApi(NamedApi):
    """Delete an API; what is released of it stays until the service is released anew."""


class ApiFacts(ApiSettings, kw_only=True):
    """An API as it is edited; `Environments` are those where some form of it is online."""

    service_id: str
    service_name: str
    service_desc: str
    api_id: str
    api_name: str
    api_desc: str
    created_time: str
    modified_time: str
    protocol: str
    auth_type: str
    request_config: RequestConfig
    request_parameters: list[Parameter]
    constant_parameters: list[Parameter]
    service_timeout: int
    service_type: str
    service_scf_function_name: str
    service_scf_function_namespace: str
    service_scf_function_qualifier: str
    service_scf_function_type: str
    service_scf_is_integrated_response: bool
    service_scf_event_is_async_call: bool
    enable_cors: bool = field(name="EnableCORS")
    is_base64_encoded: bool
    is_base64_trigger: bool
    base64_encoded_trigger_rules: list[Base64Rule]
    environments: list[str]
    tags: list[str] = field(default_factory=list)


class ApiDescribed(Wire):
    """An API as it is edited."""

    result: ApiFacts


class DescribeApisStatus(Wire):
    """List the APIs of a service as they are edited."""

    service_id: ServiceId
    limit: Limit = 20
    offset: Offset = 0
    filters: Annotated[
        list[Filter] | None,
        Meta(description="By ApiId, ApiName, ApiPath, ApiType, AuthType, Method, Environment."),
    ] = None


class ApiLines(Wire):
    """A page of APIs."""

    total_count: int
    api_id_status_set: list[ApiLine]


class Apis(Wire):
    """A page of APIs."""

    result: ApiLines


VALUE = "InvalidParameterValue"
DEFINITION_ERRORS = (
    UNKNOWN_SERVICE,
    f"{VALUE}.InvalidApiRequestConfig",
    f"{VALUE}.InvalidMethod",
    f"{VALUE}.InvalidProcotol",
    f"{VALUE}.InvalidRequestParameters",
    f"{VALUE}.InvalidConstantParameters",
    f"{VALUE}.InvalidScfConfig",
    f"{VALUE}.InvalidServiceType",
    f"{VALUE}.LengthExceeded",
    f"{VALUE}.NotInOptions",
    f"{VALUE}.RangeExceeded",
)
ACTIONS = (
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="CreateApi",
        summary="Add an API to a service.",
        request=CreateApi,
        answer=ApiCreated,
        writes=True,
        errors=(*DEFINITION_ERRORS, "LimitExceeded.ApiCountLimitExceeded"),
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="ModifyApi",
        summary="Change an API; what is released stays as it is.",
        request=ModifyApi,
        answer=Nothing,
        writes=True,
        errors=(*DEFINITION_ERRORS, UNKNOWN_API),
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="DescribeApi",
        summary="Read an API.",
        request=DescribeApi,
        answer=ApiDescribed,
        errors=(UNKNOWN_SERVICE, UNKNOWN_API),
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="DeleteApi",
        summary="Delete an API; what is released stays as it is.",
        request=DeleteApi,
        answer=Done,
        writes=True,
        errors=(UNKNOWN_SERVICE, UNKNOWN_API),
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="DescribeApisStatus",
        summary="List the APIs of a service.",
        request=DescribeApisStatus,
        answer=Apis,
        errors=(UNKNOWN_SERVICE, f"{VALUE}.InvalidFilterNotSupportedName"),
    ),
)
