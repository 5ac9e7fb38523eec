"""Usage plans: which keys may call which services and APIs, and how often."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import (
    Limit,
    Offset,
    Wire,
)
from huidu.actions.configuration import Tag
from huidu.actions.functions import Filter
from huidu.model.plan import SERVICE, UNLIMITED

UsagePlanId = Annotated[str, Meta(description="The id of the usage plan.")]
UsagePlanIds = Annotated[list[str], Meta(description="The ids of usage plans.")]
AccessKeyIds = Annotated[list[str], Meta(description="The ids of keys.")]
BindType = Annotated[str, Meta(description="SERVICE or API.")]
Environment = Annotated[str, Meta(description="test, prepub or release.")]
ServiceId = Annotated[str, Meta(description="The id of the service.")]
ApiIds = Annotated[list[str], Meta(description="For API: the ids of APIs of the service.")]
Total = Annotated[int, Meta(description="Calls in all; -1, or 1 to 99999999.")]
PerSecond = Annotated[int, Meta(description="Calls per second; -1, or 1 to 2000.")]


class CreateUsagePlan(Wire):
    """Make a usage plan. What it allows is shared by all its keys."""

    usage_plan_name: Annotated[str, Meta(description="At most 50 characters.")]
    usage_plan_desc: str = ""
    max_request_num: Total = UNLIMITED
    max_request_num_pre_sec: PerSecond = UNLIMITED
    tags: Annotated[list[Tag], Meta(description="Not kept.")] = field(default_factory=list)


class ModifyUsagePlan(Wire):
    """Change a usage plan; what is left out stays, and so does what was used of the quota."""

    usage_plan_id: UsagePlanId
    usage_plan_name: str | None = None
    usage_plan_desc: str | None = None
    max_request_num: Total | None = None
    max_request_num_pre_sec: PerSecond | None = None


class UsagePlanBindEnvironment(Wire):
    """A service, or a part of it, that a plan is bound to in an environment."""

    environment_name: str
    service_id: str


class UsagePlanInfo(Wire):
    """A usage plan with what it is bound to."""

    usage_plan_id: str
    usage_plan_name: str
    usage_plan_desc: str
    max_request_num_pre_sec: int
    max_request_num: int
    created_time: str
    modified_time: str
    bind_secret_id_total_count: int
    bind_secret_ids: list[str]
    bind_environment_total_count: int
    bind_environments: list[UsagePlanBindEnvironment]
    tags: list[Tag] = field(default_factory=list)


class UsagePlanShown(Wire):
    """One usage plan."""

    result: UsagePlanInfo


class DescribeUsagePlan(Wire):
    """Read one usage plan."""

    usage_plan_id: UsagePlanId


class DescribeUsagePlansStatus(Wire):
    """List usage plans, the newest first."""

    limit: Limit = 20
    offset: Offset = 0
    filters: Annotated[
        list[Filter],
        Meta(
            description="By UsagePlanId, UsagePlanName, Environment (bound to one), NotServiceId "
            "or NotApiId (not bound to it)."
        ),
    ] = field(default_factory=list)


class UsagePlanStatusInfo(Wire):
    """A usage plan in a list."""

    usage_plan_id: str
    usage_plan_name: str
    usage_plan_desc: str
    max_request_num_pre_sec: int
    max_request_num: int
    created_time: str
    modified_time: str
    tags: list[Tag] = field(default_factory=list)


class UsagePlansStatus(Wire):
    """A page of usage plans."""

    total_count: int
    usage_plan_status_set: list[UsagePlanStatusInfo]


class UsagePlansShown(Wire):
    """A page of usage plans."""

    result: UsagePlansStatus


class DeleteUsagePlan(Wire):
    """Delete a usage plan that is bound to no environment."""

    usage_plan_id: UsagePlanId


class BindSecretIds(Wire):
    """Put keys into a usage plan; they are good from then on."""

    usage_plan_id: UsagePlanId
    access_key_ids: AccessKeyIds


class UnBindSecretIds(Wire):
    """Take keys out of a usage plan."""

    usage_plan_id: UsagePlanId
    access_key_ids: AccessKeyIds


class DescribeUsagePlanSecretIds(Wire):
    """List the keys of a usage plan."""

    usage_plan_id: UsagePlanId
    limit: Limit = 20
    offset: Offset = 0


class UsagePlanBindSecret(Wire):
    """A key of a usage plan; `Status` is 1 where it is enabled."""

    access_key_id: str
    secret_name: str
    status: int


class UsagePlanBindSecretStatus(Wire):
    """A page of the keys of a usage plan."""

    total_count: int
    access_key_list: list[UsagePlanBindSecret]


class UsagePlanSecretsShown(Wire):
    """A page of the keys of a usage plan."""

    result: UsagePlanBindSecretStatus


class BindEnvironment(Wire):
    """Bind usage plans to a service, or to APIs of it, in an environment.

    It holds at once, without another release.
    """

    usage_plan_ids: UsagePlanIds
    bind_type: BindType
    environment: Environment
    service_id: ServiceId
    api_ids: ApiIds = field(default_factory=list)


class UnBindEnvironment(Wire):
    """Unbind usage plans from a service, or from APIs of it, in an environment."""

    bind_type: BindType
    usage_plan_ids: UsagePlanIds
    environment: Environment
    service_id: ServiceId
    api_ids: ApiIds = field(default_factory=list)


class DescribeUsagePlanEnvironments(Wire):
    """List what a usage plan is bound to."""

    usage_plan_id: UsagePlanId
    bind_type: BindType = SERVICE
    limit: Limit = 20
    offset: Offset = 0


class UsagePlanEnvironment(Wire):
    """A service or an API that a plan is bound to; what was used is the whole plan's."""

    service_id: str
    api_id: str
    api_name: str
    path: str
    method: str
    environment: str
    in_use_request_num: int
    max_request_num: int
    max_request_num_pre_sec: int
    created_time: str
    modified_time: str
    service_name: str


class UsagePlanEnvironmentStatus(Wire):
    """A page of what a plan is bound to."""

    total_count: int
    environment_list: list[UsagePlanEnvironment]


class UsagePlanEnvironmentsShown(Wire):
    """A page of what a plan is bound to."""

    result: UsagePlanEnvironmentStatus


class DescribeServiceUsagePlan(Wire):
    """List the usage plans that are bound to a service."""

    service_id: ServiceId
    limit: Limit = 20
    offset: Offset = 0


class DescribeApiUsagePlan(Wire):
    """List the usage plans that are bound to APIs of a service."""

    service_id: ServiceId
    limit: Limit = 20
    offset: Offset = 0


class ApiUsagePlan(Wire):
    """A usage plan where it is bound; what was used is the whole plan's."""

    service_id: str
    api_id: str
    api_name: str
    path: str
    method: str
    usage_plan_id: str
    usage_plan_name: str
    usage_plan_desc: str
    environment: str
    in_use_request_num: int
    max_request_num: int
    max_request_num_pre_sec: int
    created_time: str
    modified_time: str
    service_name: str
    tags: list[Tag] = field(default_factory=list)


class ServiceUsagePlanSet(Wire):
    """A page of the plans of a service."""

    total_count: int
    service_usage_plan_list: list[ApiUsagePlan]


class ServiceUsagePlansShown(Wire):
    """A page of the plans of a service."""

    result: ServiceUsagePlanSet


class ApiUsagePlanSet(Wire):
    """A page of the plans of APIs."""

    total_count: int
    api_usage_plan_list: list[ApiUsagePlan]


class ApiUsagePlansShown(Wire):
    """A page of the plans of APIs."""

    result: ApiUsagePlanSet
