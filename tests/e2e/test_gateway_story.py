"""The seed's first story: a gateway that is configured once, and aliases that move."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from tencentcloud.apigateway.v20180808 import models
from tencentcloud.apigateway.v20180808.apigateway_client import ApigatewayClient
from tencentcloud.common import credential

from tests.e2e.calling import SUCCESS, Answer, Callers, ask
from tests.platform import REGION, SECRET_ID, SECRET_KEY, Platform, zipped

#: Says twice which version it is, so that an answer of two halves would show.
CODE = """
def main_handler(event, context):
    version = context["function_version"]
    said = event["requestContext"]["stage"] + " " + version
    headers = {"X-Says": version}
    return {"isBase64Encoded": False, "statusCode": 200, "headers": headers, "body": said}
"""
ENVIRONMENTS = {"release": "release", "prepub": "prepub", "test": "$DEFAULT"}
CALLERS, MANY, CALLS, SWITCHES = 8, 64, 200, 50


class Operator:
    """Whoever configures service A, with the official SDK."""

    def __init__(self, platform: Platform, function: str) -> None:
        pair = credential.Credential(SECRET_ID, SECRET_KEY)
        self._client = ApigatewayClient(pair, REGION, platform.profile())
        self.function = function
        self.service = self.do(
            "CreateService", ServiceName=f"A-{function}", Protocol="http&https"
        ).ServiceId
        self.api = self.do("CreateApi", **self._definition("release")).Result.ApiId

    def do(self, action: str, /, **parameters: Any) -> Any:
        """Carry out one action and return the SDK's answer."""
        request = getattr(models, f"{action}Request")()
        request.from_json_string(json.dumps(parameters))
        return getattr(self._client, action)(request)

    def edit(self, qualifier: str, **more: Any) -> None:
        """Have the API point at another alias; callers see nothing of it before a release."""
        self.do("ModifyApi", ApiId=self.api, **self._definition(qualifier), **more)

    def _definition(self, qualifier: str) -> dict[str, Any]:
        return {
            "ServiceId": self.service,
            "ServiceType": "SCF",
            "ServiceTimeout": 15,
            "Protocol": "HTTP",
            "ApiName": "b",
            "AuthType": "NONE",
            "RequestConfig": {"Path": "/b", "Method": "ANY"},
            "ServiceScfFunctionName": self.function,
            "ServiceScfFunctionNamespace": "default",
            "ServiceScfFunctionQualifier": qualifier,
            "ServiceScfIsIntegratedResponse": True,
        }

    def release(self, environment: str) -> str:
        """Release the service as it is now; return the name of the released version."""
        done = self.do(
            "ReleaseService",
            ServiceId=self.service,
            EnvironmentName=environment,
            ReleaseDesc=f"for {environment}",
        )
        return str(done.Result.ReleaseVersion)

    def switch(self, environment: str, version: str) -> None:
        """Have an environment go on with an earlier released version."""
        self.do(
            "UpdateService",
            ServiceId=self.service,
            EnvironmentName=environment,
            VersionName=version,
            UpdateDesc="switch",
        )

    def released(self) -> dict[str, str]:
        """Return what is released in each environment."""
        listed = self.do("DescribeServiceEnvironmentList", ServiceId=self.service).Result
        return {one.EnvironmentName: one.VersionName for one in listed.EnvironmentList}


@pytest.fixture
def operator(platform: Platform, name: str) -> Operator:
    """Function B with two aliases at `$LATEST`, and service A, released three times."""
    platform.make(name, CODE)
    for alias in ("release", "prepub"):
        platform.call("CreateAlias", FunctionName=name, Name=alias, FunctionVersion="$LATEST")
    made = Operator(platform, name)
    for environment, qualifier in ENVIRONMENTS.items():
        made.edit(qualifier)
        made.release(environment)
    return made


def publish(platform: Platform, name: str, numbers: str) -> None:
    """Publish versions with code that differs."""
    for number in numbers:
        code = zipped(f"{CODE}# {number}\n")
        platform.call("UpdateFunctionCode", FunctionName=name, ZipFile=code)
        assert platform.publish(name) == number


def move(platform: Platform, name: str, alias: str, version: str, **routing: Any) -> None:
    """Move an alias, with the routing that is given, or none."""
    moved = {"FunctionName": name, "Name": alias, "FunctionVersion": version}
    platform.call("UpdateAlias", RoutingConfig=routing, **moved)


def versions(answers: Sequence[Answer]) -> Counter[str]:
    """Count answers by the version that gave them; each must be whole."""
    for answer in answers:
        assert answer.status == SUCCESS, answer
        assert answer.headers["X-Says"] == answer.headers["X-Scf-Version"] == answer.text.split()[1]
    return Counter(answer.headers["X-Scf-Version"] for answer in answers)


def test_the_gateway_is_configured_once_and_from_then_on_only_aliases_move(
    platform: Platform, operator: Operator
) -> None:
    name, base = operator.function, f"{platform.gateway}/{operator.service}"
    released = operator.released()
    assert len({*released.values()}) == len(ENVIRONMENTS)
    for environment in ENVIRONMENTS:
        assert ask(f"{base}/{environment}/b").text == f"{environment} $LATEST"

    publish(platform, name, "1234")
    move(platform, name, "release", "1")
    move(platform, name, "prepub", "3")
    assert versions([ask(f"{base}/release/b") for _ in range(5)]) == {"1": 5}
    assert versions([ask(f"{base}/prepub/b") for _ in range(5)]) == {"3": 5}
    assert ask(f"{base}/test/b").text == "test $LATEST"

    bob = {"Version": "4", "Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob"}
    move(platform, name, "prepub", "3", AddtionVersionMatchs=[bob])
    for spelling in ("User", "user", "USER"):
        assert ask(f"{base}/prepub/b", {spelling: "Bob"}).headers["X-Scf-Version"] == "4"
    for other in ({"User": "bob"}, {"User": "Bobby"}, {"X-User": "Bob"}, {}):
        assert ask(f"{base}/prepub/b", other).headers["X-Scf-Version"] == "3"
    assert ask(f"{base}/release/b", {"User": "Bob"}).headers["X-Scf-Version"] == "1"

    with Callers(f"{base}/release/b", CALLERS).calling() as callers:
        assert versions(callers.next(CALLS)) == {"1": CALLS}
        for weight in (0.1, 0.5):
            share = [{"Version": "2", "Weight": weight}]
            move(platform, name, "release", "1", AdditionalVersionWeights=share)
            seen = versions(callers.next(CALLS))
            assert abs(seen["2"] - weight * CALLS) <= 2 * CALLERS  # those that overtook others
        move(platform, name, "release", "2")
        assert versions(callers.next(CALLS)) == {"2": CALLS}
        move(platform, name, "release", "1")
        assert versions(callers.next(CALLS)) == {"1": CALLS}
    versions(callers.answers)

    assert operator.released() == released


def kind(answer: Answer) -> str:
    """Tell which released version an answer is wholly of; all its parts must say the same."""
    assert answer.status == SUCCESS, answer
    parts = (answer.headers["X-Scf-Version"], answer.headers.get("Access-Control-Allow-Origin"))
    known = {("1", None): "first", ("2", "*"): "second"}
    assert parts in known, parts
    assert answer.text.split()[1] == parts[0]
    return known[parts]


def test_switching_fifty_times_under_load_fails_nobody_and_mixes_nothing(
    platform: Platform, operator: Operator
) -> None:
    publish(platform, operator.function, "12")
    operator.edit("1", EnableCORS=False)
    first = operator.release("release")
    operator.edit("2", EnableCORS=True)
    second = operator.release("release")
    url = f"{platform.gateway}/{operator.service}/release/b"
    assert kind(ask(url)) == "second"

    with Callers(url, MANY).calling() as callers:
        for number in range(SWITCHES):
            name, expected = ((first, "first"), (second, "second"))[number % 2]
            operator.switch("release", name)
            # What starts after the answer is of the new one.
            assert kind(ask(url)) == expected
    seen = Counter(map(kind, callers.answers))

    assert seen["first"] > SWITCHES
    assert seen["second"] > SWITCHES
