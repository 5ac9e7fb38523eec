"""What the official component (tencent-component-toolkit 2.27.6) asks, call by call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.platform import Platform

#: As it deploys an API. It sends every value as a text, and modifies what it has just made.
DEFINITION = {
    "Protocol": "HTTP",
    "ApiName": "index",
    "ApiType": "NORMAL",
    "AuthType": "NONE",
    "ApiBusinessType": "NORMAL",
    "ServiceType": "SCF",
    "ServiceTimeout": "15",
    "ResponseType": "HTML",
    "EnableCORS": "false",
    "IsBase64Encoded": "false",
    "ServiceScfFunctionNamespace": "default",
    "ServiceScfIsIntegratedResponse": "true",
    "ServiceScfFunctionQualifier": "$DEFAULT",
}


class Component:
    """Asks as the component does: by HmacSHA1, every parameter flat."""

    def __init__(self, platform: Platform) -> None:
        self.gateway = platform.gateway_client("HmacSHA1", "POST")
        self.functions = platform.client("HmacSHA1", "POST")

    def ask(self, action: str, **parameters: Any) -> dict[str, Any]:
        answer = dict(self.gateway.call_json(action, parameters)["Response"])
        answer.pop("RequestId")
        return dict(answer.get("Result", answer)) if answer.get("Result") is not True else answer

    def triggers(self, function: str, **more: Any) -> list[dict[str, Any]]:
        asked = {"FunctionName": function, "Namespace": "default", "Limit": "100"} | more
        return list(self.functions.call_json("ListTriggers", asked)["Response"]["Triggers"])

    def deploy(self, service_id: str, function: str, path: str, method: str, where: str) -> str:
        """Make an API and release it; return its id."""
        mine = {"Name": "ApiPath", "Values": [path]}
        there = self.ask(
            "DescribeApisStatus", ServiceId=service_id, Offset="0", Limit="100", Filters=[mine]
        )
        assert there == {"TotalCount": 0, "ApiIdStatusSet": []}
        asked = {
            **DEFINITION,
            "ServiceId": service_id,
            "ServiceScfFunctionName": function,
            "RequestConfig": {"Path": path, "Method": method},
        }
        made = str(self.ask("CreateApi", **asked)["ApiId"])
        self.ask("ModifyApi", **asked, ApiId=made)
        self.release(service_id, where)
        return made

    def release(self, service_id: str, where: str) -> None:
        said = "Released by Serverless"
        answer = self.ask(
            "ReleaseService", ServiceId=service_id, EnvironmentName=where, ReleaseDesc=said
        )
        assert answer["ReleaseVersion"]
        assert self.ask("DescribeServiceSubDomains", ServiceId=service_id)["TotalCount"] == 0

    def remove(self, service_id: str, api_id: str, function: str, where: str) -> None:
        """Remove an API, its trigger and its service, as `sls remove` does."""
        assert self.ask("DescribeService", ServiceId=service_id)["ServiceId"] == service_id
        assert self.ask("DescribeApi", ServiceId=service_id, ApiId=api_id)["ApiId"] == api_id
        by_qualifier = [{"Name": "Qualifier", "Values": ["$DEFAULT"]}]
        mine = f"service/{service_id}/API/{api_id}"
        (trigger,) = [
            one
            for one in self.triggers(function, Filters=by_qualifier)
            if one["Type"] == "apigw" and mine in one["ResourceId"]
        ]
        named = {name: trigger[name] for name in ("TriggerName", "TriggerDesc", "Qualifier")}
        self.functions.call_json(
            "DeleteTrigger",
            {"Type": "apigw", "FunctionName": function, "Namespace": "default", **named},
        )
        for action, more in (
            ("DeleteApi", {"ApiId": api_id}),
            ("DescribeService", {}),
            ("UnReleaseService", {"EnvironmentName": where}),
            ("DeleteService", {}),
        ):
            try:
                self.ask(action, ServiceId=service_id, **more)
            except TencentCloudSDKException as error:  # the component passes over these
                gone = ("ResourceNotFound.InvalidApi", "InvalidParameterValue.InvalidEnvStatus")
                assert error.get_code() in gone  # noqa: PT017


@pytest.mark.parametrize("again", [1, 2])
def test_the_component_deploys_deploys_again_and_removes(
    platform: Platform, name: str, again: int
) -> None:
    component = Component(platform)
    platform.make(name)
    made = component.ask(
        "CreateService", ServiceName="serverless", ServiceDesc="d", Protocol="http&https"
    )
    home = str(made["ServiceId"])
    assert made["OuterSubDomain"].startswith(home)
    index = component.deploy(home, name, "/", "ANY", "release")
    for _ in range(again):
        component.ask("DescribeService", ServiceId=home)
        for plans in ("DescribeServiceUsagePlan", "DescribeApiUsagePlan"):
            assert component.ask(plans, ServiceId=home)["TotalCount"] == 0
        told = component.ask("DescribeApi", ServiceId=home, ApiId=index)
        assert told["ApiName"] == "index"
        component.ask(
            "ModifyApi",
            **DEFINITION,
            ServiceId=home,
            ApiId=index,
            ServiceScfFunctionName=name,
            RequestConfig={"Path": "/", "Method": "ANY"},
        )
        component.release(home, "release")

    component.remove(home, index, name, "release")
    with pytest.raises(TencentCloudSDKException) as gone:
        component.ask("DescribeService", ServiceId=home)
    assert gone.value.get_code() == "ResourceNotFound.InvalidService"
    assert component.triggers(name) == []


def test_the_component_deploys_a_function_with_an_event_of_the_gateway(
    platform: Platform, name: str
) -> None:
    component = Component(platform)
    platform.make(name)
    assert component.triggers(name, Offset="0") == []
    made = component.ask(
        "CreateService",
        ServiceName="ev",
        ServiceDesc="Created By Serverless",
        Protocol="http&https",
    )
    home = str(made["ServiceId"])
    index = component.deploy(home, name, "/ev", "GET", "test")

    (trigger,) = component.triggers(name)
    assert (trigger["Type"], trigger["Qualifier"], trigger["Enable"]) == ("apigw", "$DEFAULT", 1)
    assert trigger["ResourceId"] == f"service/{home}/API/{index}"
    told = json.loads(trigger["TriggerDesc"])  # the component finds it again by these three
    assert told["api"]["requestConfig"] == {"path": "/ev", "method": "GET"}
    assert told["release"]["environmentName"] == "test"
    assert told["service"]["subDomain"] == f"{platform.gateway}/{home}/test/ev"
    platform.call("DeleteFunction", FunctionName=name)
