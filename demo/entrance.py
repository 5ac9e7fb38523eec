"""Entrance: service A of the API gateway, configured once with the official SDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tencentcloud.apigateway.v20180808 import models
from tencentcloud.apigateway.v20180808.apigateway_client import ApigatewayClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from huidu.cloudapi.keys import Pair

REGION = "ap-guangzhou"
SERVICE, PATH = "service-A", "/b"
#: Each environment, and the alias that it is bound to for good.
ENVIRONMENTS: Mapping[str, str] = {"release": "release", "prepub": "prepub", "test": "$DEFAULT"}


class Entrance:
    """One service with one API; each method is one action of the API."""

    def __init__(self, endpoint: str, pair: Pair, function: str) -> None:
        host = endpoint.removeprefix("http://")
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=host))
        self._client = ApigatewayClient(
            Credential(pair.secret_id, pair.secret_key), REGION, profile
        )
        self._function = function
        self.service = ""
        self._api = ""

    def delete(self) -> None:
        """Take down what an earlier demo has left."""
        listed = models.DescribeServicesStatusRequest()
        for service in self._client.DescribeServicesStatus(listed).Result.ServiceSet:
            if service.ServiceName == SERVICE:
                self._delete(service.ServiceId, service.AvailableEnvironments)

    def _delete(self, service: str, online: Sequence[str]) -> None:
        for environment in online:
            off = models.UnReleaseServiceRequest()
            off.ServiceId, off.EnvironmentName = service, environment
            self._client.UnReleaseService(off)
        there = models.DescribeApisStatusRequest()
        there.ServiceId = service
        for api in self._client.DescribeApisStatus(there).Result.ApiIdStatusSet:
            gone = models.DeleteApiRequest()
            gone.ServiceId, gone.ApiId = service, api.ApiId
            self._client.DeleteApi(gone)
        last = models.DeleteServiceRequest()
        last.ServiceId = service
        self._client.DeleteService(last)

    def create(self) -> None:
        """Create service A."""
        request = models.CreateServiceRequest()
        request.ServiceName, request.Protocol = SERVICE, "http&https"
        self.service = str(self._client.CreateService(request).ServiceId)

    def add(self, qualifier: str) -> None:
        """Create the API, which calls the function through an alias."""
        request = models.CreateApiRequest()
        request.ApiName = "b"
        self._define(request, qualifier)
        self._api = str(self._client.CreateApi(request).Result.ApiId)

    def edit(self, qualifier: str) -> None:
        """Have the API call the function through another alias, once it is released again."""
        request = models.ModifyApiRequest()
        request.ApiId, request.ApiName = self._api, "b"
        self._define(request, qualifier)
        self._client.ModifyApi(request)

    def _define(
        self, request: models.CreateApiRequest | models.ModifyApiRequest, qualifier: str
    ) -> None:
        request.ServiceId, request.ServiceType, request.ServiceTimeout = self.service, "SCF", 15
        request.Protocol, request.AuthType = "HTTP", "NONE"
        request.RequestConfig = models.ApiRequestConfig()
        request.RequestConfig.Path, request.RequestConfig.Method = PATH, "ANY"
        request.ServiceScfFunctionName = self._function
        request.ServiceScfFunctionNamespace = "default"
        request.ServiceScfFunctionQualifier = qualifier

    def release(self, environment: str) -> None:
        """Freeze the APIs of the service, and serve them in an environment."""
        request = models.ReleaseServiceRequest()
        request.ServiceId, request.EnvironmentName = self.service, environment
        request.ReleaseDesc = f"the {environment} of B"
        self._client.ReleaseService(request)

    def released(self) -> dict[str, str]:
        """Return the released version of each environment."""
        request = models.DescribeServiceEnvironmentListRequest()
        request.ServiceId = self.service
        found = self._client.DescribeServiceEnvironmentList(request).Result.EnvironmentList
        return {one.EnvironmentName: one.VersionName for one in found}

    def path(self, environment: str) -> str:
        """Return where callers of an environment find the API on the gateway."""
        return f"/{self.service}/{environment}{PATH}"
