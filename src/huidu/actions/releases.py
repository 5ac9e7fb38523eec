"""Releases: put a service before callers, take it away, switch to another version of it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import (
    APIGATEWAY,
    APIGATEWAY_VERSION,
    FUNCTION_ERRORS,
    Action,
    Json,
    Limit,
    Offset,
    Wire,
)
from huidu.actions.aliases import SHAPES, UpdateAlias
from huidu.actions.apigateway import UNKNOWN_SERVICE, Done, EnvironmentName, ServiceId
from huidu.model.role import Role


class AliasChange(UpdateAlias):
    """A move of an alias that takes effect with a release; in all else as `UpdateAlias`."""


Changes = Annotated[
    list[AliasChange] | None,
    Meta(description="Ours: moves of aliases; they and the release take effect at one moment."),
]
ExpectedVersion = Annotated[
    str | None,
    Meta(description="Ours: refuse, unless this version is online; empty, unless none is."),
]


class ReleaseService(Wire):
    """Freeze the APIs of a service as a version, and put it into an environment."""

    service_id: ServiceId
    environment_name: EnvironmentName
    release_desc: str
    api_ids: Annotated[list[str] | None, Meta(description="Not heeded: all are released.")] = None
    alias_changes: Changes = None
    expected_version: ExpectedVersion = None


class Release(Wire):
    """What was released."""

    release_desc: str
    release_version: str


class Released(Wire):
    """What was released."""

    result: Release


class UnReleaseService(Wire):
    """Take a service offline in an environment; its versions stay."""

    service_id: ServiceId
    environment_name: EnvironmentName
    api_ids: Annotated[list[str] | None, Meta(description="Not heeded.")] = None


class UpdateService(Wire):
    """Put an earlier version of a service into an environment: the way back."""

    service_id: ServiceId
    environment_name: EnvironmentName
    version_name: Annotated[str, Meta(description="Released before, to whichever environment.")]
    update_desc: str = ""
    alias_changes: Changes = None
    expected_version: ExpectedVersion = None


class OfService(Wire):
    """A part of what there is of a service."""

    service_id: ServiceId
    limit: Limit = 20
    offset: Offset = 0


class DescribeServiceEnvironmentList(OfService):
    """List the environments of a service: always test, prepub and release."""


class DescribeServiceReleaseVersion(OfService):
    """List what was released of a service, over all environments, the newest first."""


class DescribeServiceSubDomains(OfService):
    """List the domains of a service's own; there are none."""


class DescribeServiceEnvironmentReleaseHistory(OfService, kw_only=True):
    """List what was done to an environment, the newest first."""

    environment_name: EnvironmentName


class EnvironmentLine(Wire):
    """An environment."""

    environment_name: str
    url: str
    status: int  #: 1 if it is online.
    version_name: str
    create_time: str


class EnvironmentLines(Wire):
    """The environments of a service."""

    total_count: int
    environment_list: list[EnvironmentLine]


class Environments(Wire):
    """The environments of a service."""

    result: EnvironmentLines


class VersionNamed(Wire):
    """A released version."""

    version_name: str
    version_desc: str


class VersionLines(Wire):
    """A page of released versions."""

    total_count: int
    version_list: list[VersionNamed]


class ReleaseVersions(Wire):
    """A page of released versions."""

    result: VersionLines


class SwitchLine(Wire):
    """What was done to an environment; the last three fields are ours."""

    version_name: str
    version_desc: str
    release_time: str
    action: str
    who: str
    moved: list[str]  #: The aliases that moved at the same moment, in words.


class SwitchLines(Wire):
    """A page of what was done to an environment."""

    total_count: int
    version_list: list[SwitchLine]


class ReleaseHistory(Wire):
    """A page of what was done to an environment."""

    result: SwitchLines


class DomainLines(Wire):
    """The domains of a service's own."""

    total_count: int = 0
    domain_set: list[Json] = field(default_factory=list)


class Domains(Wire):
    """The domains of a service's own."""

    result: DomainLines


VALUE = "InvalidParameterValue"
CHANGE_SHAPES = {f"AliasChanges[...].{place}": code for place, code in SHAPES.items()}
SWITCH_ERRORS = (
    UNKNOWN_SERVICE,
    *FUNCTION_ERRORS,
    "FailedOperation.UpdateAlias",
    f"{VALUE}.AliasChanges",
    f"{VALUE}.InvalidEnv",
    f"{VALUE}.InvalidScfConfig",
    f"{VALUE}.LengthExceeded",
    f"{VALUE}.AdditionalVersionWeights",
    f"{VALUE}.Description",
    f"{VALUE}.RoutingConfig",
    "InvalidParameter.RoutingConfig",
    "ResourceInUse",
    "ResourceInUse.Rollout",
    "ResourceNotFound.Alias",
    "ResourceNotFound.FunctionVersion",
)
ACTIONS = (
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="ReleaseService",
        summary="Freeze the APIs of a service and put them into an environment.",
        request=ReleaseService,
        answer=Released,
        writes=True,
        errors=SWITCH_ERRORS,
        shapes=CHANGE_SHAPES,
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="UnReleaseService",
        summary="Take a service offline in an environment.",
        request=UnReleaseService,
        answer=Done,
        writes=True,
        errors=(UNKNOWN_SERVICE, f"{VALUE}.InvalidEnv", f"{VALUE}.InvalidEnvStatus"),
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="UpdateService",
        summary="Put an earlier version of a service into an environment.",
        request=UpdateService,
        answer=Done,
        role=Role.RELEASE,
        writes=True,
        errors=(*SWITCH_ERRORS, "ResourceNotFound.ReleaseVersion"),
        shapes=CHANGE_SHAPES,
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="DescribeServiceEnvironmentList",
        summary="List the environments of a service.",
        request=DescribeServiceEnvironmentList,
        answer=Environments,
        errors=(UNKNOWN_SERVICE,),
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="DescribeServiceReleaseVersion",
        summary="List what was released of a service.",
        request=DescribeServiceReleaseVersion,
        answer=ReleaseVersions,
        errors=(UNKNOWN_SERVICE,),
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="DescribeServiceEnvironmentReleaseHistory",
        summary="List what was done to an environment.",
        request=DescribeServiceEnvironmentReleaseHistory,
        answer=ReleaseHistory,
        errors=(UNKNOWN_SERVICE, f"{VALUE}.InvalidEnv"),
    ),
    Action(
        service=APIGATEWAY,
        version=APIGATEWAY_VERSION,
        name="DescribeServiceSubDomains",
        summary="List the domains of a service's own.",
        request=DescribeServiceSubDomains,
        answer=Domains,
        errors=(UNKNOWN_SERVICE,),
    ),
)
