"""Operator: whoever releases function B, with the official SDK and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.scf.v20180416 import models
from tencentcloud.scf.v20180416.scf_client import ScfClient

from demo.texts import zipped
from huidu.cloudapi.keys import Pair

REGION = "ap-guangzhou"
MOMENT = "%Y-%m-%d %H:%M:%S"


class Operator:
    """One function and one client; each method is one action of the API."""

    def __init__(self, endpoint: str, pair: Pair, function: str) -> None:
        host = endpoint.removeprefix("http://")
        profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=host))
        credential = Credential(pair.secret_id, pair.secret_key)
        self.function = function
        self._scf = ScfClient(credential, REGION, profile)
        self._huidu = CommonClient("huidu", "2026-11-01", credential, REGION, profile)

    def create(self, code: str, environment: Mapping[str, str]) -> None:
        """Create the function."""
        request = models.CreateFunctionRequest()
        request.FunctionName = self.function
        request.Runtime = "Python3.10"
        request.Handler = "index.main_handler"
        request.Code = models.Code()
        request.Code.ZipFile = zipped(code)
        request.Environment = models.Environment()
        request.Environment.Variables = []
        for key, value in environment.items():
            variable = models.Variable()
            variable.Key, variable.Value = key, value
            request.Environment.Variables.append(variable)
        self._scf.CreateFunction(request)

    def console(self) -> str:
        """Return where a link leads that signs in to the console, once."""
        made = self._huidu.call_json("CreateConsoleLink", {})
        return str(made["Response"]["Path"])

    def delete(self) -> bool:
        """Delete the function; tell whether there was one."""
        request = models.DeleteFunctionRequest()
        request.FunctionName = self.function
        try:
            self._scf.DeleteFunction(request)
        except TencentCloudSDKException as error:
            if error.get_code() != "ResourceNotFound.FunctionName":
                raise
            return False
        return True

    def edit(self, code: str) -> None:
        """Replace the code of `$LATEST`."""
        request = models.UpdateFunctionCodeRequest()
        request.FunctionName = self.function
        request.ZipFile = zipped(code)
        self._scf.UpdateFunctionCode(request)

    def publish(self) -> str:
        """Freeze `$LATEST`; return the number."""
        request = models.PublishVersionRequest()
        request.FunctionName = self.function
        return str(self._scf.PublishVersion(request).FunctionVersion)

    def create_alias(self, name: str, version: str) -> None:
        """Create an alias."""
        request = models.CreateAliasRequest()
        request.FunctionName, request.Name, request.FunctionVersion = self.function, name, version
        self._scf.CreateAlias(request)

    def point(self, name: str, version: str, weights: Mapping[str, float] | None = None) -> None:
        """Move an alias: all calls to one version, or shares of them to others."""
        request = models.UpdateAliasRequest()
        request.FunctionName, request.Name, request.FunctionVersion = self.function, name, version
        request.RoutingConfig = models.RoutingConfig()
        request.RoutingConfig.AdditionalVersionWeights = []
        for other, weight in (weights or {}).items():
            share = models.VersionWeight()
            share.Version, share.Weight = other, weight
            request.RoutingConfig.AdditionalVersionWeights.append(share)
        self._scf.UpdateAlias(request)

    def rule(self, name: str, version: str, key: str, value: str, other: str) -> None:
        """Move an alias: calls that show this value under this key go to another version."""
        request = models.UpdateAliasRequest()
        request.FunctionName, request.Name, request.FunctionVersion = self.function, name, version
        match = models.VersionMatch()
        match.Version, match.Key, match.Method, match.Expression = other, key, "exact", value
        request.RoutingConfig = models.RoutingConfig()
        request.RoutingConfig.AddtionVersionMatchs = [match]
        self._scf.UpdateAlias(request)

    def aliases(self) -> dict[str, str]:
        """Return where each alias points."""
        request = models.ListAliasesRequest()
        request.FunctionName = self.function
        return {a.Name: a.FunctionVersion for a in self._scf.ListAliases(request).Aliases}

    def share(self, name: str, version: str) -> float:
        """Return the share of the calls of an alias that a version should get."""
        request = models.GetAliasRequest()
        request.FunctionName, request.Name = self.function, name
        alias = self._scf.GetAlias(request)
        weights = {w.Version: w.Weight for w in alias.RoutingConfig.AdditionalVersionWeights}
        rest = 1.0 - sum(weights.values())
        return float(weights.get(version, rest if alias.FunctionVersion == version else 0.0))

    def digests(self) -> dict[str, str]:
        """Return the digest of each version."""
        answer = self._scf.call_json("ListVersionByFunction", {"FunctionName": self.function})
        return {line["Version"]: line["Digest"] for line in answer["Response"]["Versions"]}

    def call(self, qualifier: str = "", **routing_key: str) -> dict[str, str]:
        """Call the function; return what it says."""
        request = models.InvokeFunctionRequest()
        request.FunctionName = self.function
        request.Qualifier = qualifier or None
        request.RoutingKey = json.dumps(routing_key) if routing_key else None
        answer: dict[str, str] = json.loads(self._scf.InvokeFunction(request).Result.RetMsg)
        return answer

    def failures(self, version: str, since: datetime) -> tuple[int, str]:
        """Return how many calls of a version the log has as failed, and the id of the newest."""
        request = models.GetFunctionLogsRequest()
        request.FunctionName, request.Qualifier, request.Limit = self.function, version, 1
        request.StartTime = since.strftime(MOMENT)
        request.EndTime = (since + timedelta(hours=1)).strftime(MOMENT)
        request.Filter = models.LogFilter()
        request.Filter.RetCode = "not0"
        logs = self._scf.GetFunctionLogs(request)
        return int(logs.TotalCount), logs.Data[0].RequestId if logs.Data else ""

    def history(self, name: str) -> list[dict[str, Any]]:
        """Return the changes of an alias, the newest first."""
        asked = {"FunctionName": self.function, "Name": name}
        changes: list[dict[str, Any]]
        changes = self._huidu.call_json("ListAliasHistory", asked)["Response"]["Changes"]
        return changes

    def roll_out(self, name: str, version: str) -> str:
        """Have a version take over an alias by itself; return the id of the rollout."""
        asked = {"FunctionName": self.function, "Name": name, "FunctionVersion": version}
        begun = self._huidu.call_json("StartRollout", asked)["Response"]
        return str(begun["RolloutId"])

    def rollout(self, rollout_id: str) -> dict[str, Any]:
        """Return how a rollout stands."""
        asked = {"RolloutId": rollout_id}
        answer: dict[str, Any] = self._huidu.call_json("GetRollout", asked)["Response"]
        return answer

    def explain(self, request_id: str) -> dict[str, Any]:
        """Return why a call went where it went."""
        asked = {"FunctionName": self.function, "RequestId": request_id}
        answer: dict[str, Any] = self._huidu.call_json("ExplainRoute", asked)["Response"]
        return answer
