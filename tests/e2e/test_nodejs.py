"""Functions of Node.js as a whole: created, published, released and called by the official SDK."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tencentcloud.scf.v20180416 import models
from tencentcloud.scf.v20180416.scf_client import ScfClient

from tests.instances.making import NODES, is_running, needs_node, soon
from tests.platform import Platform, zipped

pytestmark = needs_node


def code(label: str) -> str:
    """The code of one version: it says its name and, where it is told to, fails."""
    return (
        "const { suffix } = require('./lib/suffix');\n"
        "exports.main_handler = async (event, context) => {\n"
        "  console.log('asked', context.function_version);\n"
        f"  if (event.fail) throw new RangeError('{label} is told to fail');\n"
        f"  return '{label}' + suffix + context.function_version;\n"
        "};\n"
    )


def package(label: str) -> str:
    return zipped({"index.js": code(label), "lib/suffix.js": "exports.suffix = '/';\n"})


def create(client: ScfClient, name: str) -> None:
    request = models.CreateFunctionRequest()
    request.FunctionName, request.Handler = name, "index.main_handler"
    request.Runtime = "Nodejs18.15"
    request.Code = models.Code()
    request.Code.ZipFile = package("v1")
    client.CreateFunction(request)


def publish(client: ScfClient, name: str) -> str:
    request = models.PublishVersionRequest()
    request.FunctionName = name
    return str(client.PublishVersion(request).FunctionVersion)


def invoke(client: ScfClient, name: str, qualifier: str, event: object) -> models.Result:
    request = models.InvokeFunctionRequest()
    request.FunctionName, request.Qualifier = name, qualifier
    request.Event, request.LogType = json.dumps(event), "Tail"
    return client.InvokeFunction(request).Result


def test_a_function_of_nodejs_is_released_by_a_tenth(platform: Platform, name: str) -> None:
    client = platform.client()
    create(client, name)
    assert publish(client, name) == "1"
    edit = models.UpdateFunctionCodeRequest()
    edit.FunctionName, edit.ZipFile = name, package("v2")
    client.UpdateFunctionCode(edit)
    assert publish(client, name) == "2"
    alias = models.CreateAliasRequest()
    alias.from_json_string(
        json.dumps(
            {
                "FunctionName": name,
                "Name": "release",
                "FunctionVersion": "1",
                "RoutingConfig": {"AdditionalVersionWeights": [{"Version": "2", "Weight": 0.1}]},
            }
        )
    )
    client.CreateAlias(alias)

    counts = Counter(invoke(client, name, "release", {}).RetMsg for _ in range(30))
    assert counts == {'"v1/1"': 27, '"v2/2"': 3}

    failed = invoke(client, name, "2", {"fail": True})
    told = json.loads(failed.RetMsg)
    assert (failed.InvokeResult, told["statusCode"]) == (-1, 443)
    assert told["errorMessage"] == "RangeError: v2 is told to fail"
    assert "index.js:4" in told["stackTrace"]
    assert "\tasked 2\n" in failed.Log


def test_another_major_version_is_told(platform: Platform, name: str) -> None:
    platform.make(name, Runtime="Nodejs6.10", Code={"ZipFile": package("v1")})

    told = platform.call("GetFunction", FunctionName=name)["StatusDesc"]

    assert told == f"Nodejs6.10 is not on this machine; runs on Node.js {NODES[0]}"


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root")
def test_a_killed_server_leaves_no_blank(start: Callable[..., Platform]) -> None:
    server = start("--set", "tier=best", "--set", "require_tier=sandbox")
    source = "exports.main_handler = async () => [process.pid, process.cwd()];"
    server.make("blank", Runtime="Nodejs18.15", Code={"ZipFile": zipped({"index.js": source})})
    for number in ("$LATEST", server.publish("blank")):
        result = server.invoke("blank", Qualifier=number)
        assert json.loads(result["RetMsg"]) == [1, "/var/user"], result
    assert soon(lambda: sum(map(is_node, descendants(server.process.pid))) >= 3)
    of_server = descendants(server.process.pid)

    server.stop(9)

    assert soon(lambda: not any(map(is_running, of_server)))


def test_a_function_that_spins_ends_with_a_killed_server(
    start: Callable[..., Platform], tmp_path: Path
) -> None:
    server, mark = start("--set", "tier=none"), tmp_path / "pid"
    source = (
        "exports.main_handler = async () => {"
        f"require('fs').writeFileSync('{mark}', `${{process.pid}} `); for (;;); }};"
    )
    code = {"ZipFile": zipped({"index.js": source})}
    server.make("spin", Runtime="Nodejs18.15", Code=code, Timeout=60)
    server.call("Invoke", FunctionName="spin", InvocationType="Event")
    assert soon(lambda: mark.exists() and " " in mark.read_text(), 20)
    pid = int(mark.read_text())
    assert is_running(pid)

    server.stop(9)

    assert soon(lambda: not is_running(pid))


def descendants(pid: int) -> list[int]:
    """Return the processes below a process."""
    try:
        text = "".join(
            (task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()
        )
    except OSError:
        return []
    children = [int(child) for child in text.split()]
    return children + [below for child in children for below in descendants(child)]


def is_node(pid: int) -> bool:
    try:
        return b"node_worker.js" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
