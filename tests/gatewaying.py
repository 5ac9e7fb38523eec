"""Services of the gateway on a server: how the tests make them and ask for them."""

from __future__ import annotations

from typing import Any

from tests.platform import Platform

ENVIRONMENTS = ("test", "prepub", "release")


def service(platform: Platform, name: str = "tests", **more: Any) -> str:
    """Create a service; return its id."""
    asked = {"ServiceName": name, "Protocol": "http&https"} | more
    return str(platform.gateway_call("CreateService", **asked)["ServiceId"])


def definition(service_id: str, function: str, path: str = "/", **more: Any) -> dict[str, Any]:
    """Return what `CreateApi` is asked for an API that calls a function."""
    asked = {
        "ServiceId": service_id,
        "ServiceType": "SCF",
        "ServiceTimeout": 15,
        "Protocol": "HTTP",
        "RequestConfig": {"Path": path, "Method": "ANY"},
        "ServiceScfFunctionName": function,
        "ServiceScfFunctionQualifier": "$DEFAULT",
        "ServiceScfIsIntegratedResponse": True,
    }
    return {key: value for key, value in (asked | more).items() if value is not None}


def api(platform: Platform, service_id: str, function: str, path: str = "/", **more: Any) -> str:
    """Add an API that calls a function; return its id."""
    asked = definition(service_id, function, path, **more)
    return str(platform.gateway_call("CreateApi", **asked)["Result"]["ApiId"])


def release(platform: Platform, service_id: str, environment: str = "release", **more: Any) -> str:
    """Release a service; return the name of the version."""
    asked = {"ServiceId": service_id, "EnvironmentName": environment, "ReleaseDesc": "tests"}
    made = platform.gateway_call("ReleaseService", **(asked | more))
    return str(made["Result"]["ReleaseVersion"])


def online(platform: Platform, service_id: str) -> dict[str, str]:
    """Return what is online, by environment."""
    told = platform.gateway_call("DescribeServiceEnvironmentList", ServiceId=service_id)
    lines = told["Result"]["EnvironmentList"]
    return {line["EnvironmentName"]: line["VersionName"] for line in lines if line["Status"]}
