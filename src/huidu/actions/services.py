"""Services: make, change, read, list and delete what the gateway serves."""

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
from huidu.actions.apigateway import UNKNOWN_SERVICE, Done, ServiceId
from huidu.actions.functions import Filter

ServiceName = Annotated[str, Meta(description="1 to 50 characters; need not be unique.")]
Protocol = Annotated[str, Meta(description="http, https or http&https.")]
About = Annotated[str, Meta(description="At most 1000 characters.")]
NetTypes = Annotated[list[str], Meta(description="OUTER, INNER or both; kept and given back.")]


class ServiceSettings(Wire):
    """Fields that are kept and given back, and no more."""

    set_server_name: str | None = None
    app_id_type: str | None = None
    tags: Json = None
    instance_id: str | None = None
    uniq_vpc_id: str | None = None


class CreateService(ServiceSettings, kw_only=True):
    """Create a service; it is served nowhere until it is released."""

    service_name: ServiceName
    protocol: Protocol
    service_desc: About = ""
    net_types: NetTypes | None = None
    ip_version: Annotated[str, Meta(description="IPv4.")] = "IPv4"


class ServiceCreated(Wire):
    """The service that was made."""

    service_id: str
    service_name: str
    service_desc: str
    outer_sub_domain: str
    inner_sub_domain: str
    created_time: str
    net_types: list[str]
    ip_version: str = "IPv4"


class ModifyService(Wire):
    """Change a service; what is released of it stays as it is, its protocol too."""

    service_id: ServiceId
    service_name: ServiceName | None = None
    service_desc: About | None = None
    protocol: Protocol | None = None
    net_types: NetTypes | None = None
    uniq_vpc_id: str | None = None


class DescribeService(Wire):
    """Read a service with the list of its APIs."""

    service_id: ServiceId


class ApiLine(Wire):
    """An API in the list of a service."""

    service_id: str
    api_id: str
    api_name: str
    api_desc: str
    path: str
    method: str
    protocol: str
    auth_type: str
    api_type: str
    api_business_type: str
    created_time: str
    modified_time: str
    is_debug_after_charge: bool = False
    uniq_vpc_id: str = ""
    auth_relation_api_id: str = ""
    relation_buniess_api_ids: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


class PlanLine(Wire):
    """A usage plan that holds at a service, or at an API of it, in one environment."""

    environment: str
    usage_plan_id: str
    usage_plan_name: str
    usage_plan_desc: str
    max_request_num_pre_sec: int
    created_time: str
    modified_time: str


class ServiceFacts(Wire):
    """A service."""

    service_id: str
    service_name: str
    service_desc: str
    protocol: str
    available_environments: list[str]
    outer_sub_domain: str
    internal_sub_domain: str
    net_types: list[str]
    created_time: str
    modified_time: str
    api_total_count: int
    api_id_status_set: list[ApiLine]
    usage_plan_total_count: int = 0
    usage_plan_list: list[PlanLine] = field(default_factory=list)
    inner_http_port: int = 80
    inner_https_port: int = 443
    ip_version: str = "IPv4"
    user_type: str = "normal"
    tags: Json = None
    instance_id: str = ""
    instance_name: str = ""
    set_type: str = "exclusive"
    uniq_vpc_id: str = ""


class DeleteService(Wire):
    """Delete a service that is online nowhere and has no APIs."""

    service_id: ServiceId
    skip_verification: Annotated[int | None, Meta(description="Not heeded.")] = None


class DescribeServicesStatus(Wire):
    """List services."""

    limit: Limit = 20
    offset: Offset = 0
    filters: Annotated[
        list[Filter] | None, Meta(description="By ServiceId, ServiceName or Environment.")
    ] = None


class ServiceLine(Wire):
    """A service in a list."""

    service_id: str
    service_name: str
    service_desc: str
    protocol: str
    available_environments: list[str]
    outer_sub_domain: str
    inner_sub_domain: str
    net_types: list[str]
    created_time: str
    modified_time: str
    inner_http_port: int = 80
    inner_https_port: int = 443
    ip_version: str = "IPv4"
    exclusive_set_name: str = ""
    trade_isolate_status: int = 0
    tags: Json = None
    instance_id: str = ""


class ServiceLines(Wire):
    """A page of services."""

    total_count: int
    service_set: list[ServiceLine]


class Services(Wire):
    """A page of services."""

    result: ServiceLines


VALUE = "InvalidParameterValue"
ACTIONS = (
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="CreateService",
        summary="Create a service of the gateway.",
        request=CreateService,
        answer=ServiceCreated,
        writes=True,
        errors=(
            f"{VALUE}.InvalidProcotol",
            f"{VALUE}.LengthExceeded",
            f"{VALUE}.NotInOptions",
            "LimitExceeded.ServiceCountLimitExceeded",
        ),
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="DescribeService",
        summary="Read a service with the list of its APIs.",
        request=DescribeService,
        answer=ServiceFacts,
        errors=(UNKNOWN_SERVICE,),
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="ModifyService",
        summary="Change a service.",
        request=ModifyService,
        answer=Nothing,
        writes=True,
        errors=(
            UNKNOWN_SERVICE,
            f"{VALUE}.InvalidProcotol",
            f"{VALUE}.LengthExceeded",
            f"{VALUE}.NotInOptions",
        ),
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="DeleteService",
        summary="Delete a service.",
        request=DeleteService,
        answer=Done,
        writes=True,
        errors=(
            UNKNOWN_SERVICE,
            "UnsupportedOperation.ApiListNotEmpty",
            "UnsupportedOperation.ExistingOnlineEnvironment",
        ),
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="DescribeServicesStatus",
        summary="List services.",
        request=DescribeServicesStatus,
        answer=Services,
        errors=(f"{VALUE}.InvalidFilterNotSupportedName",),
    ),
)
