"""Services and APIs through the official SDK: every field it reads, every refusal by its code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.apigateway.v20180808 import models
from tencentcloud.apigateway.v20180808.apigateway_client import ApigatewayClient
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from huidu.actions import apis, releases, services
from huidu.actions.action import APIGATEWAY, COMMON_ERRORS
from huidu.actions.apigateway import SDK
from huidu.actions.table import ACTIONS, BY_NAME
from huidu.cli.api import kebab
from tests.e2e.serving import publish
from tests.gatewaying import api, definition, online, release, service
from tests.platform import REGION, SECRET_ID, SECRET_KEY, Platform

VALUE = "InvalidParameterValue"
SIGNATURES = [
    ("TC3-HMAC-SHA256", "POST"),
    ("TC3-HMAC-SHA256", "GET"),
    ("HmacSHA256", "POST"),
    ("HmacSHA1", "GET"),
]


@pytest.fixture(scope="module")
def echo(platform: Platform) -> str:
    """A function that APIs may call."""
    return platform.make("services-echo")


@pytest.fixture
def home(platform: Platform) -> str:
    return service(platform)


def asked(name: str, parameters: Mapping[str, Any]) -> Any:
    """Return a request of the official SDK, or fail where it does not know a field."""
    request = getattr(models, f"{name}Request")()
    request._deserialize(parameters)
    return request


@pytest.mark.parametrize(("sign", "method"), SIGNATURES)
def test_the_official_client_reads_all_that_there_is_of_a_service(
    platform: Platform, echo: str, sign: str, method: str
) -> None:
    client = platform.gateway_client(sign, method)
    named = {"ServiceName": "typed", "ServiceDesc": "said", "Protocol": "http&https"}
    made = client.CreateService(asked("CreateService", named))
    assert made.ServiceId.startswith("service-")
    assert made.OuterSubDomain == f"{made.ServiceId}-1250000000.gz.apigw.tencentcs.com"
    assert (made.ServiceName, made.ServiceDesc, made.NetTypes) == ("typed", "said", ["OUTER"])
    assert made.CreatedTime.endswith("Z")
    home = made.ServiceId

    sent = definition(
        home,
        echo,
        "/user/{id}",
        EnableCORS=True,
        AuthType="SECRET",
        ApiName="index",
        IsBase64Encoded=False,
        ResponseType="HTML",
        RequestParameters=[{"Name": "User", "Position": "HEADER", "Required": True}],
        ConstantParameters=[{"Name": "c", "Position": "QUERY", "DefaultValue": "1"}],
    )
    one = client.CreateApi(asked("CreateApi", sent)).Result
    assert (one.Path, one.Method) == ("/user/{id}", "ANY")

    told = client.DescribeApi(asked("DescribeApi", {"ServiceId": home, "ApiId": one.ApiId})).Result
    assert (told.ApiName, told.AuthType, told.Protocol) == ("index", "SECRET", "HTTP")
    assert (told.EnableCORS, told.IsBase64Encoded) == (True, False)
    assert told.ServiceScfIsIntegratedResponse is True
    assert (told.ServiceScfFunctionName, told.ServiceScfFunctionNamespace) == (echo, "default")
    assert told.ServiceScfFunctionQualifier == "$DEFAULT"
    assert (told.ServiceType, told.ServiceTimeout, told.ResponseType) == ("SCF", 15, "HTML")
    assert (told.RequestConfig.Path, told.RequestConfig.Method) == ("/user/{id}", "ANY")
    header, path = told.RequestParameters
    assert (header.Name, header.Position, header.Required) == ("User", "HEADER", True)
    assert (path.Name, path.Position, path.Required) == ("id", "PATH", True)
    assert told.ConstantParameters[0].DefaultValue == "1"
    assert told.Environments == []

    described = client.DescribeService(asked("DescribeService", {"ServiceId": home}))
    assert (described.ApiTotalCount, described.AvailableEnvironments) == (1, [])
    assert described.ApiIdStatusSet[0].ApiId == one.ApiId
    assert described.Protocol == "http&https"

    filters = {"Filters": [{"Name": "ApiPath", "Values": ["/user/{id}"]}]}
    listed = client.DescribeApisStatus(asked("DescribeApisStatus", {"ServiceId": home} | filters))
    assert listed.Result.TotalCount == 1
    assert listed.Result.ApiIdStatusSet[0].Path == "/user/{id}"
    mine = {"Filters": [{"Name": "ServiceId", "Values": [home]}]}
    there_are = client.DescribeServicesStatus(asked("DescribeServicesStatus", mine)).Result
    assert [one.ServiceId for one in there_are.ServiceSet] == [home]

    assert client.DeleteApi(asked("DeleteApi", {"ServiceId": home, "ApiId": one.ApiId})).Result
    assert client.DeleteService(asked("DeleteService", {"ServiceId": home})).Result


@pytest.mark.parametrize(("sign", "method"), SIGNATURES)
@pytest.mark.parametrize("yes", [True, "True", "true"])
def test_booleans_and_numbers_may_be_texts(
    platform: Platform, echo: str, home: str, sign: str, method: str, yes: object
) -> None:
    client = platform.gateway_client(sign, method)
    sent = definition(
        home, echo, ServiceTimeout="7", EnableCORS=yes, ServiceScfIsIntegratedResponse="false"
    )
    made = client.call_json("CreateApi", sent)["Response"]["Result"]["ApiId"]

    told = platform.gateway_call("DescribeApi", ServiceId=home, ApiId=made)["Result"]
    assert (told["ServiceTimeout"], told["EnableCORS"]) == (7, True)
    assert told["ServiceScfIsIntegratedResponse"] is False


def test_what_the_gateway_does_not_act_on_is_kept_and_given_back(
    platform: Platform, echo: str, home: str
) -> None:
    kept: dict[str, Any] = {
        "ResponseType": "JSON",
        "ResponseFailExample": "{}",
        "ServiceParameters": [{"Name": "x"}],
        "EIAMAppId": "app",
        "Owner": "me",
    }
    made = api(platform, home, echo, **kept)
    platform.gateway_call(
        "ModifyApi",
        ServiceId=home,
        ApiId=made,
        ServiceType="SCF",
        RequestConfig={"Path": "/", "Method": "GET"},
        Owner="you",
    )

    told = platform.gateway_call("DescribeApi", ServiceId=home, ApiId=made)["Result"]
    assert {name: told[name] for name in kept} == kept | {"Owner": "you"}


def test_an_api_that_is_modified_keeps_what_the_request_does_not_name(
    platform: Platform, echo: str, home: str
) -> None:
    rules = [{"Name": "Accept", "Value": ["image/png"]}]
    made = api(
        platform,
        home,
        echo,
        "/a/{id}",
        ApiName="one",
        ApiDesc="said",
        EnableCORS=True,
        IsBase64Encoded=True,
        Base64EncodedTriggerRules=rules,
        RequestParameters=[{"Name": "q"}],
        ConstantParameters=[{"Name": "c"}],
    )
    before = platform.gateway_call("DescribeApi", ServiceId=home, ApiId=made)["Result"]
    answer = platform.gateway_call(
        "ModifyApi",
        ServiceId=home,
        ApiId=made,
        ServiceType="SCF",
        RequestConfig={"Path": "/b", "Method": "post"},
    )
    assert set(answer) == {"RequestId"}

    told = platform.gateway_call("DescribeApi", ServiceId=home, ApiId=made)["Result"]
    changed = {name for name in told if told[name] != before[name]} - {"ModifiedTime"}
    assert changed == {"RequestConfig", "RequestParameters"}
    assert told["RequestConfig"] == {"Path": "/b", "Method": "POST"}
    assert [one["Name"] for one in told["RequestParameters"]] == ["q"]
    assert (told["IsBase64Trigger"], told["Base64EncodedTriggerRules"]) == (True, rules)

    platform.gateway_call(
        "ModifyApi",
        ServiceId=home,
        ApiId=made,
        ServiceType="SCF",
        RequestConfig={"Path": "/b", "Method": "POST"},
        IsBase64Trigger=False,
        IsBase64Encoded=False,
        EnableCORS=False,
        ServiceScfFunctionNamespace="",
        ServiceScfFunctionQualifier="$LATEST",
    )
    told = platform.gateway_call("DescribeApi", ServiceId=home, ApiId=made)["Result"]
    assert (told["IsBase64Trigger"], told["IsBase64Encoded"], told["EnableCORS"]) == (False,) * 3
    assert told["ServiceScfFunctionQualifier"] == "$LATEST"


def test_a_service_is_modified_as_far_as_the_request_says(platform: Platform, home: str) -> None:
    tags = [{"TagKey": "a", "TagValue": "b"}]
    tagged = service(platform, Tags=tags, NetTypes=["INNER", "OUTER"], UniqVpcId="vpc-1")
    changes: list[dict[str, Any]] = [
        {"ServiceName": "new"},
        {"ServiceDesc": "said"},
        {"Protocol": "https"},
        {"NetTypes": ["INNER"]},
    ]
    for change in changes:
        answer = platform.gateway_call("ModifyService", ServiceId=tagged, **change)
        assert set(answer) == {"RequestId"}
        told = platform.gateway_call("DescribeService", ServiceId=tagged)
        assert {name: told[name] for name in change} == change
    assert (told["Tags"], told["UniqVpcId"], told["ServiceName"]) == (tags, "vpc-1", "new")


def test_an_api_calls_an_event_function_or_a_web_function_and_says_which(
    platform: Platform, echo: str, home: str, name: str
) -> None:
    publish(platform, name)
    made = api(platform, home, name, "/web", ServiceScfFunctionType="HTTP")
    told = platform.gateway_call("DescribeApi", ServiceId=home, ApiId=made)["Result"]
    assert told["ServiceScfFunctionType"] == "HTTP"

    for function, kind in ((name, "EVENT"), (name, None), (echo, "HTTP")):
        refused = platform.gateway_refusal(
            "CreateApi", **definition(home, function, "/no", ServiceScfFunctionType=kind)
        )
        assert refused.get_code() == f"{VALUE}.InvalidScfConfig"
        assert "ServiceScfFunctionType must be" in refused.get_message()


def test_a_service_goes_once_it_is_offline_and_empty(platform: Platform, echo: str) -> None:
    home = service(platform)
    made = api(platform, home, echo)
    release(platform, home, "test")

    refused = platform.gateway_refusal("DeleteService", ServiceId=home)
    assert refused.get_code() == "UnsupportedOperation.ExistingOnlineEnvironment"
    assert "test" in refused.get_message()
    assert platform.gateway_call("UnReleaseService", ServiceId=home, EnvironmentName="test")[
        "Result"
    ]
    refused = platform.gateway_refusal("DeleteService", ServiceId=home)
    assert refused.get_code() == "UnsupportedOperation.ApiListNotEmpty"
    platform.gateway_call("DeleteApi", ServiceId=home, ApiId=made)
    platform.gateway_call("DeleteService", ServiceId=home)
    for action in ("DescribeService", "DeleteService", "DescribeServiceEnvironmentList"):
        gone = platform.gateway_refusal(action, ServiceId=home)
        assert gone.get_code() == "ResourceNotFound.InvalidService"
        assert home in gone.get_message()


#: Each: the action, what is asked of it (`...` for an id of this test's), the code, and what the
#: message names.
NAMED = {"ServiceName": "s", "Protocol": "http"}
API = {"Path": "/", "Method": "ANY"}
WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("CreateService", {"ServiceName": "s"}, "MissingParameter", "Protocol"),
    ("CreateService", NAMED | {"ServiceName": " "}, f"{VALUE}.LengthExceeded", "ServiceName"),
    ("CreateService", NAMED | {"ServiceName": "s" * 51}, f"{VALUE}.LengthExceeded", "50"),
    ("CreateService", NAMED | {"ServiceDesc": "s" * 1001}, f"{VALUE}.LengthExceeded", "1000"),
    ("CreateService", NAMED | {"Protocol": "ftp"}, f"{VALUE}.InvalidProcotol", "http&https"),
    ("CreateService", NAMED | {"NetTypes": ["MOON"]}, f"{VALUE}.NotInOptions", "OUTER"),
    ("ModifyService", {"ServiceId": ..., "Protocol": "x"}, f"{VALUE}.InvalidProcotol", "Protocol"),
    ("DescribeService", {"ServiceId": "service-0"}, "ResourceNotFound.InvalidService", "service-0"),
    (
        "DescribeServicesStatus",
        {"Filters": [{"Name": "Moon", "Values": ["1"]}]},
        f"{VALUE}.InvalidFilterNotSupportedName",
        "Moon",
    ),
    ("DescribeServicesStatus", {"Limit": -1}, f"{VALUE}.Limit", "Limit"),
    ("CreateApi", {"RequestConfig": {"Path": "/"}}, "MissingParameter", "RequestConfig.Method"),
    (
        "CreateApi",
        {"RequestConfig": API | {"Path": "user"}},
        f"{VALUE}.InvalidApiRequestConfig",
        "user",
    ),
    (
        "CreateApi",
        {"RequestConfig": API | {"Path": "/a b"}},
        f"{VALUE}.InvalidApiRequestConfig",
        "Path",
    ),
    (
        "CreateApi",
        {"RequestConfig": API | {"Path": "/a?b=1"}},
        f"{VALUE}.InvalidApiRequestConfig",
        "Path",
    ),
    (
        "CreateApi",
        {"RequestConfig": API | {"Path": "/{a"}},
        f"{VALUE}.InvalidApiRequestConfig",
        "{name}",
    ),
    (
        "CreateApi",
        {"RequestConfig": API | {"Path": "/{a}/{a}"}},
        f"{VALUE}.InvalidApiRequestConfig",
        "twice",
    ),
    ("CreateApi", {"RequestConfig": API | {"Method": "EAT"}}, f"{VALUE}.InvalidMethod", "EAT"),
    ("CreateApi", {"ServiceType": "MOCK"}, f"{VALUE}.InvalidServiceType", "MOCK"),
    ("CreateApi", {"ServiceType": "HTTP"}, f"{VALUE}.InvalidServiceType", "SCF"),
    ("CreateApi", {"Protocol": "WEBSOCKET"}, f"{VALUE}.InvalidProcotol", "WEBSOCKET"),
    ("CreateApi", {"ServiceTimeout": 0}, f"{VALUE}.RangeExceeded", "1800"),
    ("CreateApi", {"ServiceTimeout": "soon"}, "InvalidParameter", "ServiceTimeout"),
    ("CreateApi", {"EnableCORS": "maybe"}, "InvalidParameter", "EnableCORS"),
    ("CreateApi", {"AuthType": "OAUTH"}, f"{VALUE}.NotInOptions", "OAUTH"),
    ("CreateApi", {"ApiName": "n" * 61}, f"{VALUE}.LengthExceeded", "60"),
    (
        "CreateApi",
        {"ServiceScfFunctionName": ""},
        f"{VALUE}.InvalidScfConfig",
        "ServiceScfFunctionName",
    ),
    ("CreateApi", {"ServiceScfFunctionName": "nobody"}, f"{VALUE}.InvalidScfConfig", "nobody"),
    ("CreateApi", {"ServiceScfFunctionNamespace": "moon"}, f"{VALUE}.InvalidScfConfig", "moon"),
    ("CreateApi", {"ServiceScfFunctionQualifier": "none"}, f"{VALUE}.InvalidScfConfig", "none"),
    ("CreateApi", {"ServiceScfFunctionQualifier": "7"}, f"{VALUE}.InvalidScfConfig", "7"),
    ("CreateApi", {"ServiceScfFunctionType": "IMAGE"}, f"{VALUE}.InvalidScfConfig", "IMAGE"),
    ("CreateApi", {"ServiceScfEventIsAsyncCall": True}, f"{VALUE}.InvalidScfConfig", "Async"),
    (
        "CreateApi",
        {"RequestParameters": [{"Name": "x", "Position": "MOON"}]},
        f"{VALUE}.InvalidRequestParameters",
        "MOON",
    ),
    (
        "CreateApi",
        {"RequestParameters": [{"Name": "x", "Position": "PATH"}]},
        f"{VALUE}.InvalidRequestParameters",
        "{x}",
    ),
    (
        "CreateApi",
        {"RequestParameters": [{"Name": "x"}, {"Name": "x"}]},
        f"{VALUE}.InvalidRequestParameters",
        "twice",
    ),
    (
        "CreateApi",
        {"ConstantParameters": [{"Name": ""}]},
        f"{VALUE}.InvalidConstantParameters",
        "Name",
    ),
    (
        "CreateApi",
        {"ConstantParameters": [{"Name": "x: y", "Position": "HEADER"}]},
        f"{VALUE}.InvalidConstantParameters",
        "name of a header",
    ),
    (
        "CreateApi",
        {
            "ConstantParameters": [
                {"Name": "x", "Position": "HEADER", "DefaultValue": "1\r\nx-admin: 1"}
            ]
        },
        f"{VALUE}.InvalidConstantParameters",
        "control",
    ),
    (
        "CreateApi",
        {"Base64EncodedTriggerRules": [{"Name": "Moon", "Value": []}]},
        f"{VALUE}.NotInOptions",
        "Accept",
    ),
    (
        "CreateApi",
        {"Base64EncodedTriggerRules": [{"Name": "Accept", "Value": []}] * 11},
        f"{VALUE}.RangeExceeded",
        "10",
    ),
    ("CreateApi", {"ServiceId": "service-0"}, "ResourceNotFound.InvalidService", "service-0"),
    ("ModifyApi", {"ApiId": "api-0"}, "ResourceNotFound.InvalidApi", "api-0"),
    ("DescribeApi", {"ServiceId": ..., "ApiId": "api-0"}, "ResourceNotFound.InvalidApi", "api-0"),
    ("DeleteApi", {"ServiceId": ..., "ApiId": "api-0"}, "ResourceNotFound.InvalidApi", "api-0"),
    (
        "DescribeApisStatus",
        {"ServiceId": ..., "Filters": [{"Name": "Moon", "Values": []}]},
        f"{VALUE}.InvalidFilterNotSupportedName",
        "ApiPath",
    ),
]


@pytest.mark.parametrize(
    ("action", "parameters", "code", "named"),
    WRONG,
    ids=[f"{number}-{row[0]}-{row[2]}" for number, row in enumerate(WRONG)],
)
def test_a_wrong_request_is_refused_by_its_code_and_keeps_nothing(
    platform: Platform,
    echo: str,
    home: str,
    action: str,
    parameters: Mapping[str, Any],
    code: str,
    named: str,
) -> None:
    sent = definition(home, echo) if action in ("CreateApi", "ModifyApi") else {}
    sent |= {key: home if value is ... else value for key, value in parameters.items()}
    refused = platform.gateway_refusal(action, **sent)

    assert refused.get_code() == code, refused
    assert {code} <= {*BY_NAME["2018-08-08", action].errors, *COMMON_ERRORS, f"{VALUE}.Limit"}
    assert named in refused.get_message()
    assert platform.gateway_call("DescribeService", ServiceId=home)["ApiTotalCount"] == 0


def test_an_api_is_one_path_and_one_method_of_its_service(
    platform: Platform, echo: str, home: str
) -> None:
    first = api(platform, home, echo, "/same")
    second = api(platform, home, echo, "/same", RequestConfig={"Path": "/same", "Method": "GET"})
    code = f"{VALUE}.InvalidApiRequestConfig"

    refused = platform.gateway_refusal("CreateApi", **definition(home, echo, "/same"))
    assert (refused.get_code(), first in refused.get_message()) == (code, True)
    moved = definition(home, echo, "/same") | {"ApiId": second}
    assert platform.gateway_refusal("ModifyApi", **moved).get_code() == code
    stays = definition(home, echo, "/same") | {"ApiId": first}
    platform.gateway_call("ModifyApi", **stays)
    api(platform, service(platform), echo, "/same")  # in another service it is another


def test_there_are_only_so_many_services_and_apis(start: Callable[..., Platform]) -> None:
    platform = start("--set", "max_services=2", "--set", "max_apis=1")
    platform.make("fn")
    home = service(platform)
    service(platform)
    refused = platform.gateway_refusal("CreateService", ServiceName="s", Protocol="http")
    assert refused.get_code() == "LimitExceeded.ServiceCountLimitExceeded"
    api(platform, home, "fn")
    refused = platform.gateway_refusal("CreateApi", **definition(home, "fn", "/2"))
    assert refused.get_code() == "LimitExceeded.ApiCountLimitExceeded"


def test_a_list_is_cut_into_pages_that_hold_everything_once(platform: Platform, echo: str) -> None:
    home = service(platform, "pages")
    made = [api(platform, home, echo, f"/{number}", AuthType="SECRET") for number in range(25)]
    release(platform, home, "prepub")

    def page(**more: Any) -> tuple[int, list[str]]:
        told = platform.gateway_call("DescribeApisStatus", ServiceId=home, **more)["Result"]
        return told["TotalCount"], [line["ApiId"] for line in told["ApiIdStatusSet"]]

    assert page() == (25, made[:20])
    assert page(Offset=20, Limit=100) == (25, made[20:])
    assert page(Offset="30") == (25, [])
    by_name = {"Name": "Environment", "Values": ["prepub"]}
    assert page(Filters=[by_name], Limit=3) == (25, made[:3])
    assert page(Filters=[by_name | {"Values": ["release"]}]) == (0, [])
    for name, value in (("ApiId", made[3]), ("ApiPath", "/3")):
        assert page(Filters=[{"Name": name, "Values": [value]}]) == (1, [made[3]])
    for name, value in (("Method", "ANY"), ("AuthType", "SECRET"), ("ApiType", "NORMAL")):
        assert page(Filters=[{"Name": name, "Values": [value]}], Limit=1) == (25, made[:1])
    assert page(Filters=[{"Name": "ApiName", "Values": ["no"]}]) == (0, [])
    told = platform.gateway_call(
        "DescribeServicesStatus",
        Filters=[
            {"Name": "Environment", "Values": ["prepub"]},
            {"Name": "ServiceName", "Values": ["pages"]},
        ],
    )["Result"]
    assert [one["ServiceId"] for one in told["ServiceSet"]] == [home]
    assert online(platform, home).keys() == {"prepub"}


KNOWN = {action.name for action in ACTIONS if action.service == APIGATEWAY}


@pytest.mark.parametrize("action", sorted(set(SDK.split()) - KNOWN))
def test_an_action_that_we_do_not_have_is_refused_by_name(platform: Platform, action: str) -> None:
    refused = platform.gateway_refusal(action, Anything="goes")

    assert refused.get_code() == "UnsupportedOperation"
    assert action in refused.get_message()


def test_who_may_not_ask_is_not_told_what_there_is(platform: Platform) -> None:
    pair = credential.Credential("AKIDno", "no")
    stranger = ApigatewayClient(pair, REGION, platform.profile())
    with pytest.raises(TencentCloudSDKException) as refused:
        stranger.call_json("BindSubDomain", {})
    assert refused.value.get_code() == "AuthFailure.SecretIdNotFound"


def test_every_action_of_the_official_sdk_is_known_by_name() -> None:
    assert set(SDK.split()) == {name for name in vars(ApigatewayClient) if name[0].isupper()}


def test_no_two_commands_have_the_same_name() -> None:
    names = [kebab(action.name) for action in ACTIONS]

    assert len(set(names)) == len(names)


MINE = [a.name for a in (*services.ACTIONS, *apis.ACTIONS, *releases.ACTIONS)]


@pytest.mark.parametrize("action", MINE)
def test_every_action_is_asked_for_in_these_files(action: str) -> None:
    texts = [file.read_text("utf-8") for file in Path(__file__).parent.glob("test_*.py")]
    texts.append(Path(__file__).parents[1].joinpath("gatewaying.py").read_text("utf-8"))

    assert any(json.dumps(action) in text for text in texts)


def test_a_client_that_sends_its_endpoint_as_host_is_understood(platform: Platform) -> None:
    """`tccli --endpoint http://HOST:PORT` signs and sends that text as `Host`."""
    http = HttpProfile(endpoint=platform.api)
    pair = credential.Credential(SECRET_ID, SECRET_KEY)
    client = ApigatewayClient(pair, REGION, ClientProfile(httpProfile=http))

    answer = client.call_json("DescribeServicesStatus", {"Limit": 1})

    assert "ServiceSet" in answer["Response"]["Result"]
