"""The seed's story as acceptance (spec section 12.3), by the official SDK in each of its ways."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.scf.v20180416 import models
from tencentcloud.scf.v20180416.scf_client import ScfClient

from tests.platform import Platform, zipped

WAYS = [
    (sign, method)
    for sign in ("TC3-HMAC-SHA256", "HmacSHA256", "HmacSHA1")
    for method in ("POST", "GET")
]


def code(label: str) -> str:
    """The code of one version: it says its name and, where it is told to, fails."""
    return (
        "def main_handler(event, context):\n"
        "    if event.get('fail'):\n"
        f"        raise ValueError('{label} is told to fail')\n"
        f"    return '{label}/' + context['function_version']\n"
    )


class Story:
    """One function and one client, and the sentences of the story as calls."""

    def __init__(self, client: ScfClient, function: str) -> None:
        self.client = client
        self.function = function

    def create(self, label: str) -> None:
        request = models.CreateFunctionRequest()
        request.FunctionName = self.function
        request.Handler = "index.main_handler"
        request.Runtime = "Python3.7"
        request.Code = models.Code()
        request.Code.ZipFile = zipped(code(label))
        self.client.CreateFunction(request)

    def edit(self, label: str) -> None:
        request = models.UpdateFunctionCodeRequest()
        request.FunctionName = self.function
        request.ZipFile = zipped(code(label))
        self.client.UpdateFunctionCode(request)

    def publish(self) -> str:
        request = models.PublishVersionRequest()
        request.FunctionName = self.function
        return str(self.client.PublishVersion(request).FunctionVersion)

    def alias(self, action: str, name: str, version: str, routing: object = None) -> None:
        request = getattr(models, f"{action}Request")()
        body: dict[str, object] = {
            "FunctionName": self.function,
            "Name": name,
            "FunctionVersion": version,
        }
        if routing is not None:
            body["RoutingConfig"] = routing
        request.from_json_string(json.dumps(body))
        getattr(self.client, action)(request)

    def aliases(self) -> dict[str, str]:
        request = models.ListAliasesRequest()
        request.FunctionName = self.function
        request.Offset, request.Limit = "0", "20"
        return {a.Name: a.FunctionVersion for a in self.client.ListAliases(request).Aliases}

    def answer(self, qualifier: str = "", event: object = None, key: object = None) -> str:
        request = models.InvokeFunctionRequest()
        request.FunctionName = self.function
        request.Event = json.dumps(event or {})
        if qualifier:
            request.Qualifier = qualifier
        if key is not None:
            request.RoutingKey = json.dumps(key)
        result = self.client.InvokeFunction(request).Result
        assert result.InvokeResult == 0, result.ErrMsg
        return str(json.loads(result.RetMsg))

    def errors(self, qualifier: str) -> int:
        request = models.GetFunctionLogsRequest()
        request.FunctionName = self.function
        request.Qualifier = qualifier
        request.Filter = models.LogFilter()
        request.Filter.RetCode = "not0"
        return int(self.client.GetFunctionLogs(request).TotalCount)


@pytest.mark.parametrize(("sign", "method"), WAYS)
def test_the_story_of_the_seed(platform: Platform, name: str, sign: str, method: str) -> None:
    story = Story(platform.client(sign, method), name)

    # 1. A new function has $DEFAULT at $LATEST; release and prepub join it there.
    story.create("first")
    assert story.aliases() == {"$DEFAULT": "$LATEST"}
    for alias in ("release", "prepub"):
        story.alias("CreateAlias", alias, "$LATEST")
    assert set(story.aliases().values()) == {"$LATEST"}

    # 3. Versions 1 to 4 stay as they were published; $DEFAULT follows $LATEST.
    for number in ("1", "2", "3", "4"):
        story.edit(f"v{number}")
        assert story.publish() == number
    story.edit("work in progress")
    assert story.answer() == "work in progress/$LATEST"
    assert [story.answer(n) for n in "1234"] == ["v1/1", "v2/2", "v3/3", "v4/4"]

    # 4. prepub to version 3.
    story.alias("UpdateAlias", "prepub", "3")
    assert {story.answer("prepub") for _ in range(5)} == {"v3/3"}

    # 5. prepub: Bob to version 4, everybody else stays at 3.
    bob = {"Version": "4", "Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob"}
    story.alias("UpdateAlias", "prepub", "3", {"AddtionVersionMatchs": [bob]})
    assert story.answer("prepub", key={"User": "Bob"}) == "v4/4"
    assert story.answer("prepub", key={"User": "Alice"}) == "v3/3"
    assert story.answer("prepub") == "v3/3"

    # 6. release from 1 to 2 by 10, 30, 50, 100 %.
    for weight in (0.1, 0.3, 0.5, 1):
        shared = {"AdditionalVersionWeights": [{"Version": "2", "Weight": weight}]}
        story.alias("UpdateAlias", "release", "1", shared)
        counts = Counter(story.answer("release") for _ in range(20))
        assert counts["v2/2"] == round(20 * weight)
        assert counts["v1/1"] == 20 - round(20 * weight)
    story.alias("UpdateAlias", "release", "2")

    # 7. Errors are seen by version, and in total under the alias.
    for _ in range(3):
        with pytest.raises(AssertionError, match="told to fail"):
            story.answer("release", event={"fail": True})
    assert story.errors("2") == story.errors("release") == 3
    assert story.errors("1") == 0

    # 8. Roll back: the next request answers from version 1 already.
    story.alias("UpdateAlias", "release", "1")
    assert {story.answer("release") for _ in range(10)} == {"v1/1"}

    # 9. Version 1 cannot be deleted while release refers to it.
    request = models.DeleteFunctionVersionRequest()
    request.FunctionName, request.Qualifier = name, "1"
    with pytest.raises(TencentCloudSDKException) as refused:
        story.client.DeleteFunctionVersion(request)
    assert refused.value.get_code() == "UnsupportedOperation.AliasBind"
    assert "release" in refused.value.get_message()
