"""Who may call an API, from the official SDK to a signed request over a socket."""

from __future__ import annotations

import http.client
import json
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests import gatewaying
from tests.gateway.signing import signed
from tests.platform import Platform, until

KEY, SECRET = "bobs_key", "bobs_secret_0123"


class Shop:
    """A service with one API of AuthType SECRET in `release`, and Bob, who has a key."""

    def __init__(self, platform: Platform, **plan: Any) -> None:
        self.platform = platform
        self.call = platform.gateway_call
        platform.make("shop")
        self.service = gatewaying.service(platform, "shop")
        self.api = gatewaying.api(
            platform,
            self.service,
            "shop",
            AuthType="SECRET",
            ServiceScfIsIntegratedResponse=False,
        )
        gatewaying.release(platform, self.service)
        self.call(
            "CreateApiKey",
            SecretName="bob",
            AccessKeyType="manual",
            AccessKeyId=KEY,
            AccessKeySecret=SECRET,
        )
        made = self.call("CreateUsagePlan", UsagePlanName="gold", **plan)
        self.plan = made["Result"]["UsagePlanId"]
        self.call("BindSecretIds", UsagePlanId=self.plan, AccessKeyIds=[KEY])

    def bind(self, action: str = "BindEnvironment", environment: str = "release") -> None:
        self.call(
            action,
            UsagePlanIds=[self.plan],
            BindType="SERVICE",
            ServiceId=self.service,
            Environment=environment,
        )

    def ask(
        self, at: float | None = None, environment: str = "release", secret: str = SECRET
    ) -> tuple[int, dict[str, str], Any]:
        """Send a signed request; return status, headers in lower case, and the JSON of the body."""
        host = self.platform.gateway.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        headers = dict(signed(KEY, secret, time.time() if at is None else at))
        connection.request("GET", f"/{self.service}/{environment}/", headers=headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        return answer.status, {n.lower(): v for n, v in answer.getheaders()}, body


@pytest.fixture
def shop(start: Callable[..., Platform]) -> Shop:
    return Shop(start("--set", "tier=none"), MaxRequestNum=1000)


@pytest.mark.timeout(90)
def test_a_key_opens_an_api_where_its_plan_is_bound_and_at_once(shop: Shop) -> None:
    assert shop.ask()[0::2] == (403, {"message": "Found no validate usage plan"})
    shop.bind()  # after the release, and without another
    status, headers, body = shop.ask()
    assert status == 200
    assert body["event"]["requestContext"]["identity"] == {"secretId": KEY}
    assert headers["x-usageplan-quota"] == "999/1000"
    assert headers["x-service-ratelimit"] == "unlimited"
    assert shop.ask(at=time.time() - 1000)[0] == 401
    assert shop.ask(secret="another_secret")[2] == {"message": "HMAC signature does not match"}

    gatewaying.release(shop.platform, shop.service, "test")
    assert shop.ask(environment="test")[0] == 403  # another environment's key
    assert shop.ask()[0] == 200
    shop.call("DisableApiKey", AccessKeyId=KEY)
    assert shop.ask()[2] == {"message": "HMAC apikey is invalid for API"}
    shop.call("EnableApiKey", AccessKeyId=KEY)
    assert shop.ask()[0] == 200
    shop.bind("UnBindEnvironment")
    assert shop.ask()[0] == 403
    denied = shop.platform.metrics("huidu_gateway_denied_total", reason="plan")
    assert denied == {("", ""): 3}


@pytest.mark.timeout(90)
def test_limits_and_addresses_hold_at_once(shop: Shop) -> None:
    shop.bind()
    limit = {"ServiceId": shop.service, "EnvironmentNames": ["release"]}
    shop.call("ModifyServiceEnvironmentStrategy", **limit, Strategy=1)
    answers = [shop.ask() for _ in range(4)]
    assert {status for status, _, _ in answers} == {200, 429}
    late = next(answer for answer in answers if answer[0] == 429)
    assert late[1]["retry-after"] == "1"
    assert late[2] == {"message": "API rate limit exceeded"}
    shop.call("ModifyServiceEnvironmentStrategy", **limit, Strategy=-1)
    assert [shop.ask()[0] for _ in range(4)] == [200] * 4

    made = shop.call(
        "CreateIPStrategy",
        ServiceId=shop.service,
        StrategyName="nobody here",
        StrategyType="BLACK",
        StrategyData="127.0.0.0/8",
    )
    place = {
        "ServiceId": shop.service,
        "StrategyId": made["Result"]["StrategyId"],
        "EnvironmentName": "release",
    }
    shop.call("BindIPStrategy", **place, BindApiIds=[shop.api])
    assert shop.ask()[0::2] == (403, {"message": "Your IP address is not allowed"})
    shop.call("UnBindIPStrategy", **place, UnBindApiIds=[shop.api])
    assert shop.ask()[0] == 200


@pytest.mark.timeout(90)
def test_a_quota_goes_on_after_a_kill(start: Callable[..., Platform]) -> None:
    first = start("--set", "tier=none")
    shop = Shop(first, MaxRequestNum=10)
    shop.bind()
    for _ in range(6):
        assert shop.ask()[0] == 200

    def used() -> int:
        told = first.gateway_call("DescribeServiceUsagePlan", ServiceId=shop.service)
        return int(told["Result"]["ServiceUsagePlanList"][0]["InUseRequestNum"])

    until(lambda: used() == 6)
    first.stop(signal.SIGKILL)
    shop.platform = start("--set", "tier=none", data=first.data)
    assert [shop.ask()[0] for _ in range(5)] == [200] * 4 + [429]
    assert shop.ask()[2] == {"message": "API quota exceeded"}


@pytest.mark.timeout(90)
def test_what_is_bound_is_known_by_name_and_goes_with_its_service(shop: Shop) -> None:
    shop.bind()
    listed = shop.call("DescribeServiceUsagePlan", ServiceId=shop.service)["Result"]
    assert listed["ServiceUsagePlanList"][0]["ServiceName"] == "shop"
    for refused, code in (
        ({"ServiceId": "service-nobodys1"}, "ResourceNotFound.InvalidService"),
        ({"BindType": "API", "ApiIds": ["api-nobodys1"]}, "ResourceNotFound.InvalidApi"),
    ):
        place = {"ServiceId": shop.service, "Environment": "test", "BindType": "SERVICE"}
        asked = {"UsagePlanIds": [shop.plan]} | place | refused
        assert shop.platform.gateway_refusal("BindEnvironment", **asked).code == code

    # An API that is deleted is still there where it is released, and still guarded.
    shop.call("DeleteApi", ServiceId=shop.service, ApiId=shop.api)
    assert shop.ask()[0] == 200
    assert shop.ask(secret="another_secret")[0] == 401
    shop.call("UnReleaseService", ServiceId=shop.service, EnvironmentName="release")
    assert (
        shop.platform.gateway_refusal("DeleteUsagePlan", UsagePlanId=shop.plan).code
        == "UnsupportedOperation.UsagePlanInUse"
    )
    shop.call("DeleteService", ServiceId=shop.service)
    assert shop.call("DeleteUsagePlan", UsagePlanId=shop.plan)["Result"] is True
