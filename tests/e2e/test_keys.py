"""Keys, usage plans, limits and lists of addresses, by the official SDK of the gateway."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tencentcloud.apigateway.v20180808 import models
from tencentcloud.apigateway.v20180808.apigateway_client import ApigatewayClient
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests import gatewaying
from tests.platform import REGION, SECRET_ID, SECRET_KEY, Platform

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Gateway:
    """The official client: requests and answers are the SDK's own classes."""

    def __init__(self, platform: Platform, sign: str, method: str) -> None:
        pair = credential.Credential(SECRET_ID, SECRET_KEY)
        self._client = ApigatewayClient(pair, REGION, platform.profile(sign, method))

    def __call__(self, action: str, /, **parameters: Any) -> Any:
        request = getattr(models, f"{action}Request")()
        request._deserialize(parameters)
        return getattr(self._client, action)(request).Result

    def code(self, action: str, /, **parameters: Any) -> str:
        with pytest.raises(TencentCloudSDKException) as refused:
            self(action, **parameters)
        return str(refused.value.code)

    def key(self, name: str = "bob") -> str:
        return str(self("CreateApiKey", SecretName=name).AccessKeyId)

    def plan(self, name: str = "gold", **more: Any) -> str:
        return str(self("CreateUsagePlan", UsagePlanName=name, **more).UsagePlanId)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    running = Platform.start(tmp_path_factory.mktemp("keys") / "data", "--set", "tier=none")
    yield running
    assert running.stop() == 0


@pytest.fixture(
    params=[("TC3-HMAC-SHA256", "POST"), ("HmacSHA256", "POST"), ("HmacSHA1", "GET")],
    ids=["TC3", "v1", "v1 by GET"],
)
def gateway(server: Platform, request: pytest.FixtureRequest) -> Gateway:
    return Gateway(server, *request.param)


@dataclass(frozen=True)
class Home:
    """A service and two APIs of it."""

    service: str
    one: str
    two: str


@pytest.fixture
def home(server: Platform, name: str) -> Home:
    server.make(name)
    made = gatewaying.service(server)
    one, two = sorted(gatewaying.api(server, made, name, path) for path in ("/a", "/b"))
    return Home(made, one, two)


def test_a_key_from_its_making_to_its_end(gateway: Gateway) -> None:
    made = gateway("CreateApiKey", SecretName="bob")
    assert re.fullmatch(r"AKID[0-9a-f]{32}", made.AccessKeyId)
    assert re.fullmatch(r"[0-9a-f]{40}", made.AccessKeySecret)
    assert (made.AccessKeyType, made.SecretName, made.Status) == ("auto", "bob", 1)
    assert TIME.fullmatch(made.CreatedTime)
    assert TIME.fullmatch(made.ModifiedTime)

    shown = gateway("DescribeApiKey", AccessKeyId=made.AccessKeyId)
    assert shown._serialize() == made._serialize()
    assert gateway("DisableApiKey", AccessKeyId=made.AccessKeyId) is True
    assert gateway("DescribeApiKey", AccessKeyId=made.AccessKeyId).Status == 0
    assert gateway("EnableApiKey", AccessKeyId=made.AccessKeyId) is True
    assert gateway("DescribeApiKey", AccessKeyId=made.AccessKeyId).Status == 1
    renewed = gateway("UpdateApiKey", AccessKeyId=made.AccessKeyId)
    assert renewed.AccessKeySecret != made.AccessKeySecret

    delete = {"AccessKeyId": made.AccessKeyId}
    assert gateway.code("DeleteApiKey", **delete) == "UnsupportedOperation.InvalidStatus"
    gateway("DisableApiKey", **delete)
    plan = gateway.plan()
    gateway("BindSecretIds", UsagePlanId=plan, AccessKeyIds=[made.AccessKeyId])
    assert gateway.code("DeleteApiKey", **delete) == "UnsupportedOperation.ResourceIsInUse"
    gateway("UnBindSecretIds", UsagePlanId=plan, AccessKeyIds=[made.AccessKeyId])
    assert gateway("DeleteApiKey", **delete) is True
    for action in ("DescribeApiKey", "UpdateApiKey", "EnableApiKey", "DeleteApiKey"):
        assert gateway.code(action, **delete) == "ResourceNotFound.InvalidAccessKeyId"
    assert gateway("DeleteUsagePlan", UsagePlanId=plan) is True


def test_a_key_that_somebody_chose(gateway: Gateway) -> None:
    chosen = {
        "SecretName": "mine",
        "AccessKeyType": "manual",
        "AccessKeyId": "my_own_id",
        "AccessKeySecret": "my_own_secret",
    }
    made = gateway("CreateApiKey", **chosen)
    assert (made.AccessKeyId, made.AccessKeySecret) == ("my_own_id", "my_own_secret")
    assert made.AccessKeyType == "manual"
    assert gateway.code("CreateApiKey", **chosen) == "FailedOperation.AccessKeyExist"
    assert gateway.code("UpdateApiKey", AccessKeyId="my_own_id") == "MissingParameter"
    again = gateway("UpdateApiKey", AccessKeyId="my_own_id", AccessKeySecret="another_secret")
    assert again.AccessKeySecret == "another_secret"
    gateway("DisableApiKey", AccessKeyId="my_own_id")
    gateway("DeleteApiKey", AccessKeyId="my_own_id")

    for wrong, code in (
        ({"AccessKeyId": ""}, "MissingParameter"),
        ({"AccessKeySecret": ""}, "MissingParameter"),
        ({"AccessKeyId": "no spaces"}, "InvalidParameterValue.InvalidAccessKeyIds"),
        ({"AccessKeySecret": "short"}, "InvalidParameterValue"),
        ({"AccessKeyType": "magic"}, "InvalidParameterValue.NotInOptions"),
        ({"SecretName": "n" * 51}, "InvalidParameterValue.LengthExceeded"),
    ):
        assert gateway.code("CreateApiKey", **chosen | wrong) == code


def test_keys_are_listed_in_pages_and_by_filters(gateway: Gateway) -> None:
    ids = [gateway.key(f"page{n}") for n in range(5)]
    plan = gateway.plan()
    gateway("BindSecretIds", UsagePlanId=plan, AccessKeyIds=ids[:2])
    gateway("DisableApiKey", AccessKeyId=ids[4])

    def found(*filters: tuple[str, *tuple[str, ...]], **more: Any) -> tuple[int, set[str]]:
        given = [{"Name": name, "Values": values} for name, *values in filters]
        page = gateway("DescribeApiKeysStatus", Filters=given, **more)
        return page.TotalCount, {key.AccessKeyId for key in page.ApiKeySet}

    mine = ("KeyWord", "page")
    assert found(mine) == (5, set(ids))
    first, second = found(mine, Limit=3), found(mine, Limit=3, Offset=3)
    assert (first[0], second[0]) == (5, 5)
    assert (len(first[1]), len(second[1])) == (3, 2)
    assert first[1] | second[1] == set(ids)
    assert found(("SecretName", "page1", "page3"))[1] == {ids[1], ids[3]}
    assert found(("AccessKeyId", ids[2]))[1] == {ids[2]}
    secret = gateway("DescribeApiKey", AccessKeyId=ids[3]).AccessKeySecret
    assert found(("AccessKeySecret", secret))[1] == {ids[3]}
    assert found(mine, ("Status", "0"))[1] == {ids[4]}
    assert found(mine, ("NotUsagePlanId", plan))[1] == set(ids[2:])
    assert (
        gateway.code("DescribeApiKeysStatus", Filters=[{"Name": "Colour", "Values": ["red"]}])
        == "InvalidParameterValue.InvalidFilterNotSupportedName"
    )
    gateway("DeleteUsagePlan", UsagePlanId=plan)
    for key_id in ids:
        gateway("DisableApiKey", AccessKeyId=key_id)
        gateway("DeleteApiKey", AccessKeyId=key_id)


def test_a_plan_from_its_making_to_its_end(gateway: Gateway, home: Home) -> None:
    made = gateway(
        "CreateUsagePlan",
        UsagePlanName="gold",
        UsagePlanDesc="for friends",
        MaxRequestNum=1000,
        MaxRequestNumPreSec=5,
    )
    assert re.fullmatch(r"usagePlan-[0-9a-z]{8}", made.UsagePlanId)
    assert (made.MaxRequestNum, made.MaxRequestNumPreSec) == (1000, 5)
    assert (made.BindSecretIdTotalCount, made.BindEnvironmentTotalCount) == (0, 0)
    named = {"UsagePlanId": made.UsagePlanId}
    changed = gateway("ModifyUsagePlan", **named, MaxRequestNum=-1)
    assert (changed.MaxRequestNum, changed.MaxRequestNumPreSec) == (-1, 5)
    assert (changed.UsagePlanName, changed.UsagePlanDesc) == ("gold", "for friends")

    keys = [gateway.key(), gateway.key()]
    gateway("BindSecretIds", **named, AccessKeyIds=keys)
    gateway("BindSecretIds", **named, AccessKeyIds=keys[:1])  # again is no error
    place = {"UsagePlanIds": [made.UsagePlanId], "ServiceId": home.service, "Environment": "prepub"}
    assert gateway("BindEnvironment", **place, BindType="SERVICE") is True
    assert gateway("BindEnvironment", **place, BindType="SERVICE") is True
    shown = gateway("DescribeUsagePlan", **named)
    assert shown.BindSecretIds == sorted(keys)
    assert shown.BindSecretIdTotalCount == 2
    (bound,) = shown.BindEnvironments
    assert (bound.ServiceId, bound.EnvironmentName) == (home.service, "prepub")
    first = gateway("DescribeUsagePlanSecretIds", **named, Limit=1)
    assert first.TotalCount == 2
    (one,) = first.AccessKeyList
    assert (one.AccessKeyId in keys, one.SecretName, one.Status) == (True, "bob", 1)

    assert gateway.code("DeleteUsagePlan", **named) == "UnsupportedOperation.UsagePlanInUse"
    assert gateway("UnBindEnvironment", **place, BindType="SERVICE") is True
    again = gateway.code("UnBindEnvironment", **place, BindType="SERVICE")
    assert again == "UnsupportedOperation.NoUsagePlanEnv"
    assert gateway("DeleteUsagePlan", **named) is True
    assert gateway.code("DescribeUsagePlan", **named) == "ResourceNotFound.InvalidUsagePlan"
    for wrong, code in (
        ({"MaxRequestNum": 0}, "InvalidParameterValue.InvalidMaxRequestNum"),
        ({"MaxRequestNumPreSec": 2001}, "InvalidParameterValue.RangeExceeded"),
        ({"UsagePlanName": ""}, "InvalidParameterValue"),
    ):
        assert gateway.code("CreateUsagePlan", **{"UsagePlanName": "a", **wrong}) == code


def test_where_plans_are_bound_is_listed_from_both_sides(
    server: Platform, gateway: Gateway, home: Home
) -> None:
    service = home.service
    gold, silver = gateway.plan("gold", MaxRequestNum=7), gateway.plan("silver")
    whole = {"ServiceId": service, "Environment": "release", "BindType": "SERVICE"}
    gateway("BindEnvironment", UsagePlanIds=[gold, silver], **whole)
    by_api = {
        "ServiceId": service,
        "Environment": "test",
        "BindType": "API",
        "ApiIds": [home.one, home.two],
    }
    gateway("BindEnvironment", UsagePlanIds=[gold], **by_api)

    of_service = gateway("DescribeServiceUsagePlan", ServiceId=service, Limit=1)
    assert of_service.TotalCount == 2
    assert len(of_service.ServiceUsagePlanList) == 1
    of_apis = gateway("DescribeApiUsagePlan", ServiceId=service)
    assert of_apis.TotalCount == 2
    assert {
        (one.ApiId, one.UsagePlanId, one.Environment, one.MaxRequestNum, one.InUseRequestNum)
        for one in of_apis.ApiUsagePlanList
    } == {(home.one, gold, "test", 7, 0), (home.two, gold, "test", 7, 0)}
    of_plan = gateway("DescribeUsagePlanEnvironments", UsagePlanId=gold)
    assert [(one.ServiceId, one.Environment) for one in of_plan.EnvironmentList] == [
        (service, "release")
    ]
    of_plan = gateway("DescribeUsagePlanEnvironments", UsagePlanId=gold, BindType="API")
    assert {one.ApiId for one in of_plan.EnvironmentList} == {home.one, home.two}

    told = server.gateway_call("DescribeService", ServiceId=service)
    assert told["UsagePlanTotalCount"] == 3  # an environment and a plan, through whichever API
    assert {(one["Environment"], one["UsagePlanId"]) for one in told["UsagePlanList"]} == {
        ("release", gold),
        ("release", silver),
        ("test", gold),
    }

    def found(name: str, value: str) -> set[str]:
        given = [{"Name": name, "Values": [value]}]
        page = gateway("DescribeUsagePlansStatus", Filters=given)
        return {one.UsagePlanId for one in page.UsagePlanStatusSet} & {gold, silver}

    assert found("UsagePlanId", gold) == {gold}
    assert found("UsagePlanName", "silver") == {silver}
    assert found("Environment", "test") == {gold}
    assert found("NotApiId", home.one) == {silver}
    assert found("NotServiceId", service) == set()
    gateway("UnBindEnvironment", UsagePlanIds=[gold, silver], **whole)
    gateway("UnBindEnvironment", UsagePlanIds=[gold], **by_api)
    for plan in (gold, silver):
        gateway("DeleteUsagePlan", UsagePlanId=plan)


def test_bindings_that_contradict_each_other_are_refused(gateway: Gateway, home: Home) -> None:
    service, key = home.service, gateway.key()
    gold, silver = gateway.plan("gold"), gateway.plan("silver")
    for plan in (gold, silver):
        gateway("BindSecretIds", UsagePlanId=plan, AccessKeyIds=[key])
    place = {"ServiceId": service, "Environment": "release", "BindType": "SERVICE"}
    gateway("BindEnvironment", UsagePlanIds=[gold], **place)

    assert (
        gateway.code("BindEnvironment", UsagePlanIds=[silver], **place)
        == "UnsupportedOperation.AlreadyBindUsagePlan"
    )
    by_api = place | {"BindType": "API", "ApiIds": [home.one]}
    assert (
        gateway.code("BindEnvironment", UsagePlanIds=[silver], **by_api)
        == "UnsupportedOperation.UnsupportedBindEnvironment"
    )
    gateway("UnBindSecretIds", UsagePlanId=silver, AccessKeyIds=[key])
    gateway("BindEnvironment", UsagePlanIds=[silver], **place)
    assert (
        gateway.code("BindSecretIds", UsagePlanId=silver, AccessKeyIds=[key])
        == "UnsupportedOperation.AlreadyBindUsagePlan"
    )
    for wrong, code in (
        ({"Environment": "dev"}, "InvalidParameterValue.InvalidEnv"),
        ({"BindType": "HOST"}, "InvalidParameterValue.NotInOptions"),
        ({"BindType": "API"}, "MissingParameter"),
        ({"UsagePlanIds": ["usagePlan-nobody"]}, "ResourceNotFound.InvalidUsagePlan"),
        ({"UsagePlanIds": []}, "MissingParameter"),
    ):
        assert gateway.code("BindEnvironment", **{"UsagePlanIds": [gold], **place, **wrong}) == code
    assert (
        gateway.code("BindSecretIds", UsagePlanId=gold, AccessKeyIds=["AKIDnobody"])
        == "ResourceNotFound.InvalidAccessKeyId"
    )
    assert (
        gateway.code("BindSecretIds", UsagePlanId=gold, AccessKeyIds=[])
        in ("InvalidParameterValue.InvalidAccessKeyIds", "MissingParameter")  # a form has no []
    )
    gateway("UnBindEnvironment", UsagePlanIds=[gold, silver], **place)
    for plan in (gold, silver):
        gateway("DeleteUsagePlan", UsagePlanId=plan)


def test_limits_of_services_and_apis(gateway: Gateway, home: Home) -> None:
    of_service = {"ServiceId": home.service}
    assert gateway(
        "ModifyServiceEnvironmentStrategy",
        **of_service,
        Strategy=100,
        EnvironmentNames=["release", "test"],
    )
    shown = gateway("DescribeServiceEnvironmentStrategy", **of_service)
    assert shown.TotalCount == 3
    assert [(one.EnvironmentName, one.Strategy) for one in shown.EnvironmentList] == [
        ("test", 100),
        ("prepub", -1),
        ("release", 100),
    ]
    assert shown.EnvironmentList[0].MaxStrategy == 1_000_000
    gateway(
        "ModifyServiceEnvironmentStrategy",
        **of_service,
        Strategy=-1,
        EnvironmentNames=["release", "test"],
    )
    shown = gateway("DescribeServiceEnvironmentStrategy", **of_service, Limit=1)
    assert [one.Strategy for one in shown.EnvironmentList] == [-1]

    limit = {**of_service, "EnvironmentName": "test", "ApiIds": [home.one, home.two]}
    assert gateway("ModifyApiEnvironmentStrategy", **limit, Strategy=9) is True
    names = {"EnvironmentNames": ["test", "release"]}
    every = gateway("DescribeApiEnvironmentStrategy", **of_service, **names)
    assert [one.ApiId for one in every.ApiEnvironmentStrategySet] == [home.one, home.two]
    only = gateway("DescribeApiEnvironmentStrategy", **of_service, **names, ApiId=home.two)
    (one,) = only.ApiEnvironmentStrategySet
    assert [(at.EnvironmentName, at.Quota) for at in one.EnvironmentStrategySet] == [
        ("test", 9),
        ("release", -1),
    ]
    for wrong, code in (
        ({"Strategy": 0}, "InvalidParameterValue.RangeExceeded"),
        ({"EnvironmentName": "dev"}, "InvalidParameterValue.InvalidEnv"),
        ({"ApiIds": []}, "MissingParameter"),
    ):
        given = {"Strategy": 1, **limit, **wrong}
        assert gateway.code("ModifyApiEnvironmentStrategy", **given) == code
    gateway("ModifyApiEnvironmentStrategy", **limit, Strategy=-1)


def test_a_list_of_addresses_from_its_making_to_its_end(gateway: Gateway, home: Home) -> None:
    service = {"ServiceId": home.service}
    data = {"StrategyType": "WHITE", "StrategyData": "10.0.0.0/8\n::1"}
    made = gateway("CreateIPStrategy", **service, StrategyName="office", **data)
    assert re.fullmatch(r"IPStrategy-[0-9a-z]{8}", made.StrategyId)
    assert (made.StrategyName, made.StrategyType) == ("office", "WHITE")
    assert made.StrategyData == "10.0.0.0/8\n::1"
    named = {**service, "StrategyId": made.StrategyId}
    bound = {**named, "EnvironmentName": "release"}
    assert gateway("BindIPStrategy", **bound, BindApiIds=[home.one, home.two]) is True
    assert gateway("BindIPStrategy", **bound, BindApiIds=[home.one]) is True
    assert gateway("ModifyIPStrategy", **named, StrategyData="192.168.0.1") is True
    shown = gateway("DescribeIPStrategy", **bound)
    assert (shown.StrategyData, shown.BindApiTotalCount) == ("192.168.0.1", 2)
    assert [one.ApiId for one in shown.BindApis] == [home.one, home.two]
    assert gateway("DescribeIPStrategy", **bound | {"EnvironmentName": "test"}).BindApis == []
    other = gateway("CreateIPStrategy", **service, StrategyName="others", **data).StrategyId
    assert (
        gateway.code("BindIPStrategy", **bound | {"StrategyId": other}, BindApiIds=[home.two])
        == "UnsupportedOperation.ResourceAssociated"
    )
    listed = gateway("DescribeIPStrategysStatus", **service)
    assert {one.StrategyName for one in listed.StrategySet} == {"office", "others"}
    by_name = [{"Name": "StrategyName", "Values": ["others"]}]
    listed = gateway("DescribeIPStrategysStatus", **service, Filters=by_name)
    assert [one.StrategyId for one in listed.StrategySet] == [other]

    assert gateway.code("DeleteIPStrategy", **named) == "UnsupportedOperation.ResourceAssociated"
    assert gateway("UnBindIPStrategy", **bound, UnBindApiIds=[home.one, home.two]) is True
    assert gateway("DeleteIPStrategy", **named) is True
    assert gateway("DeleteIPStrategy", **named | {"StrategyId": other}) is True
    assert gateway.code("DescribeIPStrategy", **bound) == "ResourceNotFound.InvalidIPStrategy"
    for wrong, code in (
        ({"StrategyType": "GREY"}, "InvalidParameterValue.NotInOptions"),
        ({"StrategyData": "everybody"}, "InvalidParameterValue"),
        ({"StrategyData": ""}, "InvalidParameterValue.RangeExceeded"),
    ):
        given = {**service, "StrategyName": "office", **data, **wrong}
        assert gateway.code("CreateIPStrategy", **given) == code
    assert gateway.code("BindIPStrategy", **bound, BindApiIds=[]) == "MissingParameter"


def test_there_are_bounds_to_what_one_server_keeps(server: Platform) -> None:
    gateway = Gateway(server, "TC3-HMAC-SHA256", "POST")
    keys = [gateway.key() for _ in range(51)]
    plan = gateway.plan()
    bind = {"UsagePlanId": plan, "AccessKeyIds": keys}
    assert (
        gateway.code("BindSecretIds", **bind)
        == "LimitExceeded.AccessKeyCountInUsagePlanLimitExceeded"
    )
    assert gateway("DescribeUsagePlan", UsagePlanId=plan).BindSecretIds == []
    plans = [gateway.plan() for _ in range(11)]
    for one in plans[:10]:
        gateway("BindSecretIds", UsagePlanId=one, AccessKeyIds=keys[:1])
    assert (
        gateway.code("BindSecretIds", UsagePlanId=plans[10], AccessKeyIds=keys[:1])
        == "LimitExceeded.UsagePlanLimitExceeded"
    )


@pytest.mark.timeout(60)
def test_what_was_acknowledged_is_there_after_a_kill(start: Callable[..., Platform]) -> None:
    first = start("--set", "tier=none")
    gateway = Gateway(first, "TC3-HMAC-SHA256", "POST")
    service = gatewaying.service(first)
    key, plan = gateway.key(), gateway.plan(MaxRequestNum=5)
    gateway("BindSecretIds", UsagePlanId=plan, AccessKeyIds=[key])
    place = {"ServiceId": service, "Environment": "release", "BindType": "SERVICE"}
    gateway("BindEnvironment", UsagePlanIds=[plan], **place)
    first.stop(signal.SIGKILL)

    again = Gateway(start("--set", "tier=none", data=first.data), "TC3-HMAC-SHA256", "POST")
    shown = again("DescribeUsagePlan", UsagePlanId=plan)
    assert (shown.BindSecretIds, shown.MaxRequestNum) == ([key], 5)
    assert again("DescribeServiceUsagePlan", ServiceId=service).TotalCount == 1
