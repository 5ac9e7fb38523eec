"""Strategies: how often services and APIs may be called, and from which addresses."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from msgspec import Meta, field

from huidu.actions.action import APIGATEWAY, APIGATEWAY_VERSION, Action, Limit, Offset, Wire
from huidu.actions.apigateway import Done
from huidu.actions.functions import Filter
from huidu.actions.plans import Environment, ServiceId
from huidu.model.service import ENVIRONMENTS

Rate = Annotated[int, Meta(description="Calls per second; -1 for no limit.")]
Environments = Annotated[list[str], Meta(description="Of test, prepub and release.")]
ApiIds = Annotated[list[str], Meta(description="The ids of APIs of the service.")]
StrategyId = Annotated[str, Meta(description="The id of the list of addresses.")]
Data = Annotated[
    str, Meta(description="Addresses and networks, IPv4 or IPv6, with a line break between them.")
]


class ModifyServiceEnvironmentStrategy(Wire):
    """Say how often a service may be called in some environments, by all together."""

    service_id: ServiceId
    strategy: Rate
    environment_names: Environments


class DescribeServiceEnvironmentStrategy(Wire):
    """Read how often a service may be called in each environment."""

    service_id: ServiceId
    limit: Limit = 20
    offset: Offset = 0


class ServiceEnvironmentStrategy(Wire):
    """How often a service may be called in an environment; -1 where there is no limit."""

    environment_name: str
    url: str
    status: int
    version_name: str
    strategy: int
    max_strategy: int


class ServiceEnvironmentStrategyStatus(Wire):
    """How often a service may be called."""

    total_count: int
    environment_list: list[ServiceEnvironmentStrategy]


class ServiceStrategyShown(Wire):
    """How often a service may be called."""

    result: ServiceEnvironmentStrategyStatus


class ModifyApiEnvironmentStrategy(Wire):
    """Say how often APIs may be called in an environment, each by all together."""

    service_id: ServiceId
    strategy: Rate
    environment_name: Environment
    api_ids: ApiIds


class DescribeApiEnvironmentStrategy(Wire):
    """Read how often the APIs of a service may be called."""

    service_id: ServiceId
    environment_names: Environments = field(default_factory=lambda: list(ENVIRONMENTS))
    api_id: Annotated[str, Meta(description="Only this API.")] = ""
    limit: Limit = 20
    offset: Offset = 0


class EnvironmentStrategy(Wire):
    """How often an API may be called in an environment; -1 where there is no limit."""

    environment_name: str
    quota: int


class ApiEnvironmentStrategy(Wire):
    """How often an API may be called."""

    api_id: str
    api_name: str
    path: str
    method: str
    environment_strategy_set: list[EnvironmentStrategy]


class ApiEnvironmentStrategyStatus(Wire):
    """A page of how often APIs may be called."""

    total_count: int
    api_environment_strategy_set: list[ApiEnvironmentStrategy]


class ApiStrategiesShown(Wire):
    """A page of how often APIs may be called."""

    result: ApiEnvironmentStrategyStatus


class CreateIPStrategy(Wire):
    """Make a list of addresses; it is of no effect until it is bound to APIs."""

    service_id: ServiceId
    strategy_name: Annotated[str, Meta(description="At most 50 characters.")]
    strategy_type: Annotated[
        str, Meta(description="WHITE: only they may call. BLACK: all but they may.")
    ]
    strategy_data: Data


class DesApisStatus(Wire):
    """An API that a list of addresses is bound to."""

    service_id: str
    api_id: str
    api_name: str
    path: str
    method: str


class IPStrategy(Wire):
    """A list of addresses."""

    strategy_id: str
    strategy_name: str
    strategy_type: str
    strategy_data: str
    created_time: str
    modified_time: str
    service_id: str
    bind_api_total_count: int
    bind_apis: list[DesApisStatus]


class IPStrategyShown(Wire):
    """One list of addresses."""

    result: IPStrategy


class ModifyIPStrategy(Wire):
    """Replace the addresses of a list; that holds at once wherever it is bound."""

    service_id: ServiceId
    strategy_id: StrategyId
    strategy_data: Data


class DescribeIPStrategy(Wire):
    """Read a list of addresses, with the APIs that it is bound to in an environment."""

    service_id: ServiceId
    strategy_id: StrategyId
    environment_name: Environment
    limit: Limit = 20
    offset: Offset = 0
    filters: Annotated[list[Filter], Meta(description="Without effect, as in the cloud.")] = field(
        default_factory=list
    )


class DescribeIPStrategysStatus(Wire):
    """List the lists of addresses of a service, the newest first."""

    service_id: ServiceId
    filters: Annotated[list[Filter], Meta(description="By StrategyName.")] = field(
        default_factory=list
    )


class IPStrategiesStatus(Wire):
    """Lists of addresses."""

    total_count: int
    strategy_set: list[IPStrategy]


class IPStrategiesShown(Wire):
    """Lists of addresses."""

    result: IPStrategiesStatus


class DeleteIPStrategy(Wire):
    """Delete a list of addresses that is bound to nothing."""

    service_id: ServiceId
    strategy_id: StrategyId


class BindIPStrategy(Wire):
    """Bind a list of addresses to APIs in an environment; an API has one at most."""

    service_id: ServiceId
    strategy_id: StrategyId
    environment_name: Environment
    bind_api_ids: ApiIds


class UnBindIPStrategy(Wire):
    """Unbind a list of addresses from APIs in an environment."""

    service_id: ServiceId
    strategy_id: StrategyId
    environment_name: Environment
    un_bind_api_ids: ApiIds


SERVICE_ERRORS = ("ResourceNotFound.InvalidService",)
ENVIRONMENT_ERRORS = ("InvalidParameterValue.InvalidEnv", *SERVICE_ERRORS)
API_ERRORS = (*ENVIRONMENT_ERRORS, "ResourceNotFound.InvalidApi")
RATE = "InvalidParameterValue.RangeExceeded"
UNKNOWN = "ResourceNotFound.InvalidIPStrategy"
BOUND = "UnsupportedOperation.ResourceAssociated"
SHAPE = ("InvalidParameterValue.LengthExceeded", "InvalidParameterValue.NotInOptions", RATE)
row = partial(Action, service=APIGATEWAY, version=APIGATEWAY_VERSION)

ACTIONS: tuple[Action[Any, Any], ...] = (
    row(
        name="ModifyServiceEnvironmentStrategy",
        summary="Say how often a service may be called in some environments.",
        request=ModifyServiceEnvironmentStrategy,
        answer=Done,
        writes=True,
        errors=(RATE, *ENVIRONMENT_ERRORS),
    ),
    row(
        name="DescribeServiceEnvironmentStrategy",
        summary="Read how often a service may be called in each environment.",
        request=DescribeServiceEnvironmentStrategy,
        answer=ServiceStrategyShown,
        errors=SERVICE_ERRORS,
    ),
    row(
        name="ModifyApiEnvironmentStrategy",
        summary="Say how often APIs may be called in an environment.",
        request=ModifyApiEnvironmentStrategy,
        answer=Done,
        writes=True,
        errors=(RATE, *API_ERRORS),
    ),
    row(
        name="DescribeApiEnvironmentStrategy",
        summary="Read how often the APIs of a service may be called.",
        request=DescribeApiEnvironmentStrategy,
        answer=ApiStrategiesShown,
        errors=API_ERRORS,
    ),
    row(
        name="CreateIPStrategy",
        summary="Make a list of addresses.",
        request=CreateIPStrategy,
        answer=IPStrategyShown,
        writes=True,
        errors=(*SHAPE, "LimitExceeded.IpStrategyLimitExceeded", *SERVICE_ERRORS),
    ),
    row(
        name="ModifyIPStrategy",
        summary="Replace the addresses of a list.",
        request=ModifyIPStrategy,
        answer=Done,
        writes=True,
        errors=(RATE, UNKNOWN, *SERVICE_ERRORS),
    ),
    row(
        name="DescribeIPStrategy",
        summary="Read a list of addresses, and what it is bound to in an environment.",
        request=DescribeIPStrategy,
        answer=IPStrategyShown,
        errors=(UNKNOWN, *ENVIRONMENT_ERRORS),
    ),
    row(
        name="DescribeIPStrategysStatus",
        summary="List the lists of addresses of a service.",
        request=DescribeIPStrategysStatus,
        answer=IPStrategiesShown,
        errors=("InvalidParameterValue.InvalidFilterNotSupportedName", *SERVICE_ERRORS),
    ),
    row(
        name="DeleteIPStrategy",
        summary="Delete a list of addresses that is bound to nothing.",
        request=DeleteIPStrategy,
        answer=Done,
        writes=True,
        errors=(UNKNOWN, BOUND, *SERVICE_ERRORS),
    ),
    row(
        name="BindIPStrategy",
        summary="Bind a list of addresses to APIs in an environment.",
        request=BindIPStrategy,
        answer=Done,
        writes=True,
        errors=(UNKNOWN, BOUND, *API_ERRORS),
    ),
    row(
        name="UnBindIPStrategy",
        summary="Unbind a list of addresses from APIs in an environment.",
        request=UnBindIPStrategy,
        answer=Done,
        writes=True,
        errors=(UNKNOWN, *API_ERRORS),
    ),
)
