"""What the service apigateway has in common: its words, and the actions that we do not have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any

from msgspec import Meta

from huidu.actions.action import APIGATEWAY, APIGATEWAY_VERSION, Action, Nothing, Wire

ServiceId = Annotated[str, Meta(description="The id of the service, as in `service-a1b2c3d4`.")]
ApiId = Annotated[str, Meta(description="The id of the API, as in `api-a1b2c3d4`.")]
EnvironmentName = Annotated[str, Meta(description="test, prepub or release.")]
UNKNOWN_SERVICE = "ResourceNotFound.InvalidService"
UNKNOWN_API = "ResourceNotFound.InvalidApi"

#: Every action of the official SDK (tencentcloud.apigateway.v20180808).
SDK = """
AttachPlugin BindApiApp BindEnvironment BindIPStrategy BindSecretIds BindSubDomain BuildAPIDoc
CreateAPIDoc CreateApi CreateApiApp CreateApiKey CreateExclusiveInstances CreateIPStrategy
CreatePlugin CreateService CreateUpstream CreateUsagePlan DeleteAPIDoc DeleteApi DeleteApiApp
DeleteApiKey DeleteIPStrategy DeletePlugin DeleteService DeleteServiceSubDomainMapping
DeleteUpstream DeleteUsagePlan DemoteServiceUsagePlan DescribeAPIDocDetail DescribeAPIDocs
DescribeAllPluginApis DescribeApi DescribeApiAppBindApisStatus DescribeApiAppsStatus
DescribeApiBindApiAppsStatus DescribeApiEnvironmentStrategy DescribeApiForApiApp DescribeApiKey
DescribeApiKeysStatus DescribeApiUsagePlan DescribeApisStatus DescribeExclusiveInstanceDetail
DescribeExclusiveInstanceRegions DescribeExclusiveInstances DescribeExclusiveInstancesStatus
DescribeIPStrategy DescribeIPStrategyApisStatus DescribeIPStrategysStatus
DescribeInstancesNetworkConfig DescribeLogSearch DescribePlugin DescribePluginApis DescribePlugins
DescribePluginsByApi DescribeService DescribeServiceEnvironmentList
DescribeServiceEnvironmentReleaseHistory DescribeServiceEnvironmentStrategy
DescribeServiceForApiApp DescribeServiceReleaseVersion DescribeServiceSubDomainMappings
DescribeServiceSubDomains DescribeServiceUsagePlan DescribeServicesStatus DescribeUpstreamBindApis
DescribeUpstreams DescribeUsagePlan DescribeUsagePlanEnvironments DescribeUsagePlanSecretIds
DescribeUsagePlansStatus DetachPlugin DisableApiKey EnableApiKey ImportOpenApi ModifyAPIDoc
ModifyApi ModifyApiApp ModifyApiEnvironmentStrategy ModifyApiIncrement ModifyExclusiveInstance
ModifyIPStrategy ModifyPlugin ModifyService ModifyServiceEnvironmentStrategy ModifySubDomain
ModifyUpstream ModifyUsagePlan ReleaseService ResetAPIDocPassword UnBindEnvironment
UnBindIPStrategy UnBindSecretIds UnBindSubDomain UnReleaseService UnbindApiApp UpdateApiAppKey
UpdateApiKey UpdateService
"""


class Done(Wire):
    """That it was done."""

    result: bool = True


def unsupported(there_are: Collection[str]) -> Mapping[tuple[str, str], Action[Any, Any]]:
    """Return a row for each action of the SDK that is none of these."""
    return {
        (APIGATEWAY_VERSION, name): Action(
            service=APIGATEWAY,
            version=APIGATEWAY_VERSION,
            name=name,
            summary="Not to be had.",
            request=Nothing,
            answer=Nothing,
            unsupported=f"Action {name}: Huidu's gateway does not have it; "
            "see 'huidu api --help' for those that it has",
        )
        for name in sorted(set(SDK.split()) - set(there_are))
    }
