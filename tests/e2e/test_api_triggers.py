"""Triggers of type apigw and APIs: one thing, seen from two sides."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.serving import publish
from tests.gatewaying import api, definition, online, release, service
from tests.platform import Platform

#: As document 583/39901 has it.
DESCRIPTION = {
    "api": {
        "authRequired": "FALSE",
        "requestConfig": {"method": "ANY"},
        "isIntegratedResponse": "TRUE",
        "IsBase64Encoded": "FALSE",
    },
    "service": {"serviceName": "SCF_API_SERVICE"},
    "release": {"environmentName": "release"},
}


def bind(
    platform: Platform, function: str, trigger: str = "web", *, to: str = "release", **more: Any
) -> dict[str, Any]:
    """Create a trigger; return what is told of it, its description read."""
    description = DESCRIPTION | {"release": {"environmentName": to}} | more.pop("desc", {})
    asked = {"Qualifier": "$DEFAULT", "TriggerDesc": json.dumps(description)} | more
    made = platform.call(
        "CreateTrigger", FunctionName=function, TriggerName=trigger, Type="apigw", **asked
    )
    return dict(made["TriggerInfo"]) | {
        "TriggerDesc": json.loads(made["TriggerInfo"]["TriggerDesc"])
    }


def listed(platform: Platform, function: str, **more: Any) -> list[str]:
    told = platform.call("ListTriggers", FunctionName=function, **more)
    assert told["TotalCount"] == len(told["Triggers"])
    return [one["TriggerName"] for one in told["Triggers"]]


@pytest.fixture
def home(platform: Platform, name: str) -> dict[str, str]:
    """A service of the test's own, as a description names it."""
    return {"serviceId": service(platform, name)}


def test_a_trigger_makes_a_service_an_api_and_a_release(platform: Platform, name: str) -> None:
    platform.make(name)
    made = bind(platform, name, desc={"service": {"serviceName": f"of-{name}"}})

    desc = made["TriggerDesc"]
    home, made_api = desc["service"]["serviceId"], desc["api"]["apiId"]
    assert (made["Type"], made["Qualifier"], made["Enable"]) == ("apigw", "$DEFAULT", 1)
    assert made["ResourceId"] == f"service/{home}/API/{made_api}"
    assert desc["service"]["serviceName"] == f"of-{name}"
    assert desc["service"]["subDomain"] == f"{platform.gateway}/{home}/release/{name}"
    assert desc["api"]["requestConfig"] == {"path": f"/{name}", "method": "ANY"}
    assert desc["api"]["isIntegratedResponse"] == "TRUE"
    told = platform.gateway_call("DescribeApi", ServiceId=home, ApiId=made_api)["Result"]
    assert told["ServiceScfFunctionName"] == name
    assert (told["ServiceScfFunctionQualifier"], told["AuthType"]) == ("$DEFAULT", "NONE")
    assert (told["ServiceScfIsIntegratedResponse"], told["IsBase64Encoded"]) == (True, False)
    assert told["Environments"] == ["release"]
    assert listed(platform, name) == ["web"]
    shown = platform.call("GetFunction", FunctionName=name)["Triggers"]
    assert [one["TriggerName"] for one in shown] == ["web"]

    platform.make(f"{name}-2")  # the service of that name is found again
    other = bind(platform, f"{name}-2", desc={"service": {"serviceName": f"of-{name}"}})
    assert other["TriggerDesc"]["service"]["serviceId"] == home
    assert platform.gateway_call("DescribeService", ServiceId=home)["ApiTotalCount"] == 2


def test_a_trigger_is_told_everything_that_a_description_may_say(
    platform: Platform, name: str, home: dict[str, str]
) -> None:
    platform.make(name)
    platform.publish(name)
    made = bind(
        platform,
        name,
        to="test",
        Qualifier="1",
        Description="said",
        desc={
            "service": home,
            "api": {
                "authRequired": "TRUE",
                "requestConfig": {"method": "GET", "path": "/p"},
                "isIntegratedResponse": False,
                "isBase64Encoded": True,
            },
        },
    )
    told = platform.gateway_call(
        "DescribeApi", ServiceId=home["serviceId"], ApiId=made["TriggerDesc"]["api"]["apiId"]
    )["Result"]
    assert told["RequestConfig"] == {"Path": "/p", "Method": "GET"}
    assert (told["AuthType"], told["ApiDesc"]) == ("SECRET", "said")
    assert (told["ServiceScfIsIntegratedResponse"], told["IsBase64Encoded"]) == (False, True)
    assert (told["ServiceScfFunctionQualifier"], told["Environments"]) == ("1", ["test"])
    assert (made["Description"], made["TriggerDesc"]["api"]["authRequired"]) == ("said", "TRUE")


def test_a_trigger_that_is_closed_is_not_released(
    platform: Platform, name: str, home: dict[str, str]
) -> None:
    platform.make(name)
    made = bind(platform, name, Enable="CLOSE", desc={"service": home})

    assert made["Enable"] == 0
    assert online(platform, home["serviceId"]) == {}
    release(platform, home["serviceId"], "prepub")
    (told,) = platform.call("ListTriggers", FunctionName=name)["Triggers"]
    assert told["Enable"] == 1
    assert json.loads(told["TriggerDesc"])["release"]["environmentName"] == "prepub"


def test_a_web_function_is_told_apart_without_being_asked(
    platform: Platform, name: str, home: dict[str, str]
) -> None:
    publish(platform, name)
    made = bind(platform, name, desc={"service": home})
    told = platform.gateway_call(
        "DescribeApi", ServiceId=home["serviceId"], ApiId=made["TriggerDesc"]["api"]["apiId"]
    )["Result"]

    assert told["ServiceScfFunctionType"] == "HTTP"


def test_an_api_is_a_trigger_of_the_function_that_it_calls_now(
    platform: Platform, name: str, home: dict[str, str]
) -> None:
    for function in (name, f"{name}-2"):
        platform.make(function)
    made = api(platform, home["serviceId"], name)
    assert (listed(platform, name), listed(platform, f"{name}-2")) == ([made], [])
    by_latest = [{"Name": "Qualifier", "Values": ["$LATEST"]}]
    assert listed(platform, name, Filters=by_latest) == []

    moved = definition(home["serviceId"], f"{name}-2", ApiId=made)
    platform.gateway_call("ModifyApi", **moved)
    assert (listed(platform, name), listed(platform, f"{name}-2")) == ([], [made])
    platform.gateway_call("DeleteApi", ServiceId=home["serviceId"], ApiId=made)
    assert listed(platform, f"{name}-2") == []


def test_deleting_a_trigger_takes_its_api_out_of_what_is_online_and_nothing_else(
    platform: Platform, name: str, home: dict[str, str]
) -> None:
    platform.make(name)
    mine = home["serviceId"]
    stays = api(platform, mine, name, "/stays")
    made = bind(platform, name, desc={"service": home})["TriggerDesc"]["api"]["apiId"]
    before = online(platform, mine)["release"]
    release(platform, mine, "prepub")
    later = api(platform, mine, name, "/later")  # is edited, and must not be released by this

    platform.call("DeleteTrigger", FunctionName=name, TriggerName="web", Type="apigw")
    now = online(platform, mine)
    assert now.keys() == {"release", "prepub"}
    assert now["release"] != before
    live = {
        one: platform.gateway_call("DescribeApi", ServiceId=mine, ApiId=one)["Result"][
            "Environments"
        ]
        for one in (stays, later)
    }
    assert live == {stays: ["prepub", "release"], later: []}
    gone = platform.gateway_refusal("DescribeApi", ServiceId=mine, ApiId=made)
    assert gone.get_code() == "ResourceNotFound.InvalidApi"
    assert set(listed(platform, name)) == {stays, later}

    platform.call("DeleteTrigger", FunctionName=name, TriggerName=stays, Type="apigw")
    assert online(platform, mine) == {}  # nothing was left
    refused = platform.refusal("DeleteTrigger", FunctionName=name, TriggerName="web", Type="apigw")
    assert refused.get_code() == "ResourceNotFound.Trigger"
    refused = platform.refusal(
        "DeleteTrigger", FunctionName=name, TriggerName=later, Type="apigw", Qualifier="7"
    )
    assert refused.get_code() == "ResourceNotFound.Trigger"


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"TriggerName": "web"}, "ResourceInUse.TriggerName", "web"),
    ({"TriggerDesc": "{"}, "InvalidParameterValue.TriggerDesc", "JSON"),
    ({"TriggerDesc": "[]"}, "InvalidParameterValue.TriggerDesc", "JSON"),
    ({"desc": {"release": {"environmentName": "dev"}}}, "InvalidParameterValue.TriggerDesc", "dev"),
    (
        {"desc": {"service": {"serviceId": "service-0"}}},
        "ResourceNotFound.InvalidService",
        "vice-0",
    ),
    ({"Qualifier": "nobody"}, "InvalidParameterValue.InvalidScfConfig", "nobody"),
    ({}, "InvalidParameterValue.InvalidApiRequestConfig", "already"),
    ({"FunctionName": "nobody"}, "ResourceNotFound.FunctionName", "nobody"),
    ({"Enable": "AJAR"}, "InvalidParameterValue.Enable", "AJAR"),
]


@pytest.mark.parametrize(("more", "code", "named"), WRONG)
def test_a_wrong_trigger_is_refused_by_its_code_and_makes_nothing(
    platform: Platform, name: str, home: dict[str, str], more: dict[str, Any], code: str, named: str
) -> None:
    platform.make(name)
    bind(platform, name, desc={"service": home})
    before = online(platform, home["serviceId"])
    description = DESCRIPTION | {"service": home} | more.get("desc", {})
    asked = {
        "FunctionName": name,
        "TriggerName": "second",
        "Type": "apigw",
        "TriggerDesc": json.dumps(description),
        **{key: value for key, value in more.items() if key != "desc"},
    }
    refused = platform.refusal("CreateTrigger", **asked)

    assert (refused.get_code(), named in refused.get_message()) == (code, True), refused
    assert online(platform, home["serviceId"]) == before
    assert listed(platform, name) == ["web"]


def test_a_trigger_that_cannot_be_released_leaves_no_service_behind(
    start: Callable[..., Platform],
) -> None:
    platform = start("--set", "max_services=1")
    platform.make("fn")
    for qualifier in ("nobody", "$DEFAULT"):
        asked = {"FunctionName": "fn", "TriggerName": "web", "Type": "apigw"}
        if qualifier == "nobody":
            platform.refusal("CreateTrigger", **asked, Qualifier=qualifier)
            told = platform.gateway_call("DescribeServicesStatus")["Result"]
            assert told["TotalCount"] == 0
        else:
            platform.call("CreateTrigger", **asked, Qualifier=qualifier)
    second = platform.refusal(
        "CreateTrigger",
        FunctionName="fn",
        TriggerName="second",
        Type="apigw",
        TriggerDesc=json.dumps(DESCRIPTION | {"service": {"serviceName": "other"}}),
    )
    assert second.get_code() == "LimitExceeded.ServiceCountLimitExceeded"
