"""The seed's story as acceptance (spec section 12.3), by the official clients, each in its ways."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from shutil import which

import pytest

from tests.e2e.official import (
    NODE_SDK,
    TCCLI,
    Client,
    PythonSdk,
    Refused,
    node_sdk,
    of_tccli,
    tccli,
)
from tests.platform import Platform, zipped

WAYS = [
    (sign, method)
    for sign in ("TC3-HMAC-SHA256", "HmacSHA256", "HmacSHA1")
    for method in ("POST", "GET")
]
needs_tccli = pytest.mark.skipif(not TCCLI.exists(), reason="tests/needs has not installed it")


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

    def __init__(self, client: Client, function: str) -> None:
        self.client = client
        self.function = function

    def create(self, label: str) -> None:
        self.client.ask(
            "CreateFunction",
            FunctionName=self.function,
            Handler="index.main_handler",
            Runtime="Python3.7",
            Code={"ZipFile": zipped(code(label))},
        )

    def edit(self, label: str) -> None:
        asked = {"FunctionName": self.function, "ZipFile": zipped(code(label))}
        self.client.ask("UpdateFunctionCode", **asked)

    def publish(self) -> str:
        answer = self.client.ask("PublishVersion", FunctionName=self.function)
        return str(answer["FunctionVersion"])

    def alias(self, action: str, name: str, version: str, **routing: object) -> None:
        asked = {"FunctionName": self.function, "Name": name, "FunctionVersion": version}
        more = {"RoutingConfig": routing} if routing else {}
        self.client.ask(action, **asked, **more)

    def aliases(self) -> dict[str, str]:
        asked = {"FunctionName": self.function, "Offset": "0", "Limit": "20"}
        answer = self.client.ask("ListAliases", **asked)
        return {alias["Name"]: alias["FunctionVersion"] for alias in answer["Aliases"]}

    def answer(self, qualifier: str = "", event: object = None, key: object = None) -> str:
        more = {"Qualifier": qualifier} if qualifier else {}
        more |= {} if key is None else {"RoutingKey": json.dumps(key)}
        asked = {"FunctionName": self.function, "Event": json.dumps(event or {})}
        result = self.client.ask("InvokeFunction", **asked, **more)["Result"]
        assert result["InvokeResult"] == 0, result["ErrMsg"]
        return str(json.loads(result["RetMsg"]))

    def errors(self, qualifier: str) -> int:
        asked = {"FunctionName": self.function, "Qualifier": qualifier}
        answer = self.client.ask("GetFunctionLogs", **asked, Filter={"RetCode": "not0"})
        return int(answer["TotalCount"])

    def play(self) -> None:
        """Tell it from the first line to the last."""
        self.begin()
        self.publish_four()
        self.send_bob_ahead()
        self.release()
        self.roll_back()

    def begin(self) -> None:
        """1. A new function has $DEFAULT at $LATEST; release and prepub join it there."""
        self.create("first")
        assert self.aliases() == {"$DEFAULT": "$LATEST"}
        for alias in ("release", "prepub"):
            self.alias("CreateAlias", alias, "$LATEST")
        assert set(self.aliases().values()) == {"$LATEST"}

    def publish_four(self) -> None:
        """3. Versions 1 to 4 stay as they were published; $DEFAULT follows $LATEST."""
        for number in ("1", "2", "3", "4"):
            self.edit(f"v{number}")
            assert self.publish() == number
        self.edit("work in progress")
        assert self.answer() == "work in progress/$LATEST"
        assert [self.answer(n) for n in "1234"] == ["v1/1", "v2/2", "v3/3", "v4/4"]

    def send_bob_ahead(self) -> None:
        """4. prepub to version 3. 5. Bob to version 4, everybody else stays at 3."""
        self.alias("UpdateAlias", "prepub", "3")
        assert {self.answer("prepub") for _ in range(5)} == {"v3/3"}

        bob = {"Version": "4", "Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob"}
        self.alias("UpdateAlias", "prepub", "3", AddtionVersionMatchs=[bob])
        assert self.answer("prepub", key={"User": "Bob"}) == "v4/4"
        assert self.answer("prepub", key={"User": "Alice"}) == "v3/3"
        assert self.answer("prepub") == "v3/3"

    def release(self) -> None:
        """6. release from 1 to 2 by 10, 30, 50, 100 %. 7. Errors are seen by version and alias."""
        for weight in (0.1, 0.3, 0.5, 1):
            shared = [{"Version": "2", "Weight": weight}]
            self.alias("UpdateAlias", "release", "1", AdditionalVersionWeights=shared)
            counts = Counter(self.answer("release") for _ in range(20))
            assert counts["v2/2"] == round(20 * weight)
            assert counts["v1/1"] == 20 - round(20 * weight)
        self.alias("UpdateAlias", "release", "2")

        for _ in range(3):
            with pytest.raises(AssertionError, match="told to fail"):
                self.answer("release", event={"fail": True})
        assert self.errors("2") == self.errors("release") == 3
        assert self.errors("1") == 0

    def roll_back(self) -> None:
        """8. The next request answers from version 1. 9. Which cannot be deleted meanwhile."""
        self.alias("UpdateAlias", "release", "1")
        assert {self.answer("release") for _ in range(10)} == {"v1/1"}

        with pytest.raises(Refused) as refused:
            self.client.ask("DeleteFunctionVersion", FunctionName=self.function, Qualifier="1")
        assert refused.value.code == "UnsupportedOperation.AliasBind"
        assert "release" in refused.value.message


@pytest.mark.parametrize(("sign", "method"), WAYS)
def test_the_story_of_the_seed(platform: Platform, name: str, sign: str, method: str) -> None:
    Story(PythonSdk(platform.client(sign, method)), name).play()


@pytest.mark.skipif(which("node") is None, reason="there is no node")
@pytest.mark.skipif(not NODE_SDK.is_dir(), reason="tests/needs has not installed the SDK")
def test_the_story_by_the_sdk_for_nodejs(platform: Platform, name: str) -> None:
    with node_sdk(platform) as client:
        Story(client, name).play()


@needs_tccli
def test_the_story_by_tccli(platform: Platform, name: str, tmp_path: Path) -> None:
    with tccli(platform, tmp_path) as client:
        Story(client, name).play()


@needs_tccli
def test_tccli_is_told_an_endpoint_and_variables_and_knows_the_cloud_only(
    platform: Platform, name: str, tmp_path: Path
) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(TCCLI), *words, "--endpoint", platform.api]
        env = os.environ | of_tccli(tmp_path)
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    platform.make(name)
    shown = run("scf", "GetFunction", "--FunctionName", name)
    unknown = run("huidu", "ListRollouts")

    assert json.loads(shown.stdout)["FunctionName"] == name
    assert unknown.returncode != 0
    assert "command or option is not found" in unknown.stderr
