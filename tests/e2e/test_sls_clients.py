"""`sls` and the official component, unmodified, through `huidu proxy`."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from tests.cli.running import running
from tests.platform import Platform, zipped
from tests.serverless.asking import Sls, express

NPM = Path(__file__).parents[1] / "npm"
SLS = NPM / "node_modules" / "@serverless" / "components" / "bin" / "bin"
NODE = shutil.which("node")
SIGN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LAST = "export TENCENT_SECRET_KEY="

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="there is no node"),
    pytest.mark.skipif(not SLS.is_file(), reason="tests/needs has not installed the clients"),
]


@pytest.fixture(scope="module")
def led(
    platform: Platform, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, str]]:
    """What `huidu proxy` prints for clients to have in their environment."""
    home = str(tmp_path_factory.mktemp("proxy"))
    told = ("proxy", "--port", "0", "--ca", home)
    with running(platform, *told, HUIDU_GATEWAY_URL=platform.gateway) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith(LAST):
            lines.append(process.stdout.readline())
        exported = (shlex.split(line)[1].partition("=") for line in lines)
        here = {"PATH": os.environ["PATH"], "HOME": home}
        yield here | {name: value for name, _, value in exported}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def ran(
    words: tuple[str, ...], folder: Path, led: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a client in JavaScript to its end."""
    return subprocess.run(
        [str(NODE), *words],
        cwd=folder,
        env=led,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.timeout(60)
def test_the_classes_of_the_component_play_a_release(
    platform: Platform, led: Mapping[str, str], name: str, tmp_path: Path
) -> None:
    answer = 'def main_handler(event, context): return {{"statusCode": 200, "body": "{}"}}\n'
    for version in ("one", "two"):
        code = base64.b64decode(zipped(answer.format(version)))
        (tmp_path / f"{version}.zip").write_bytes(code)
    files = (str(tmp_path / "one.zip"), str(tmp_path / "two.zip"))

    played = ran((str(NPM / "toolkit.js"), name, *files), tmp_path, led)
    assert played.returncode == 0, played.stderr
    said: dict[str, Any] = json.loads(played.stdout)
    assert said["first"] == ["1", 0, "1"]
    assert said["tenth"] == [0.1, "1"]
    assert said["calls"]["two"] in {1, 2, 3}
    assert (said["same"], said["whole"]) == (True, 1)
    assert said["shared"] == {"one": 4, "two": 4}
    assert said["back"] == {"one": 4}
    assert said.get("gone") is None
    assert platform.refusal("GetFunction", FunctionName=name).get_code() == (
        "ResourceNotFound.FunctionName"
    )


YML = """\
component: express
name: {name}
org: org
app: shop
stage: dev
inputs:
  src: {{src: ./, exclude: [.env]}}
  functionName: ${{name}}-${{stage}}-${{app}}-${{org}}
  region: ap-guangzhou
  runtime: Nodejs18.15
  apigatewayConf: {{protocols: [http, https], environment: release}}
"""
SLS_JS = """\
const app = require('express')();
app.get('/', (request, response) => response.send('{}'));
module.exports = app;
"""


NOT_RUN = shutil.ignore_patterns("*.md", "*.ts", "*.map", ".*", "test", "tests", "LICENSE*")


def install_express(folder: Path) -> None:
    """Put Express, and all that it needs, into a project."""
    packages = json.loads((NPM / "package-lock.json").read_text())["packages"]
    wanted, done, here = ["express"], set[str](), "node_modules/"
    while wanted:
        name = wanted.pop()
        if name not in done:
            done.add(name)
            shutil.copytree(NPM / here / name, folder / here / name, ignore=NOT_RUN)
            within = [one for at, one in packages.items() if f"{at}/".startswith(here + name + "/")]
            wanted += {need for one in within for need in one.get("dependencies", {})}


@dataclass
class Shop:
    """A project, and the command line in its folder."""

    folder: Path
    led: Mapping[str, str]
    ran: set[tuple[str, ...]] = field(default_factory=set)

    def write(self, version: str) -> None:
        (self.folder / "sls.js").write_text(SLS_JS.format(version))

    def sls(self, *words: str, code: int = 0) -> str:
        """Run the command line; return what a person reads."""
        self.ran.add(words)
        done = ran((str(SLS), *words), self.folder, self.led)
        told = SIGN.sub("", done.stdout)
        assert done.returncode == code, told + done.stderr
        return re.sub(r" +", " ", told)


def calls(platform: Platform, url: str, function: str) -> Counter[str]:
    """Call through the gateway and through the API, by turns; count what answers."""
    seen = Counter[str]()
    for _ in range(10):
        with urlopen(url) as answer:  # noqa: S310 - it is our own server
            seen[answer.read().decode()] += 1
        event = {"path": "/", "httpMethod": "GET", "headers": {}, "queryString": {}}
        told = platform.invoke(function, event, Qualifier="$DEFAULT")
        said = json.loads(told["RetMsg"])
        body = base64.b64decode(said["body"]) if said["isBase64Encoded"] else said["body"].encode()
        seen[body.decode()] += 1
    return seen


def over_tls(led: Mapping[str, str], host: str, path: str) -> bytes:
    """Ask one of the cloud's hosts through the proxy."""
    context = ssl.create_default_context(cafile=led["NODE_EXTRA_CA_CERTS"])
    proxy = urlsplit(led["HTTPS_PROXY"])
    asking = http.client.HTTPSConnection(str(proxy.hostname), proxy.port, context=context)
    asking.set_tunnel(host, 443)
    asking.request("GET", path)
    body = asking.getresponse().read()
    asking.close()
    return body


@pytest.mark.timeout(120)
def test_the_lines_of_the_readme_release_an_application(
    platform: Platform, led: Mapping[str, str], name: str, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, led)
    (tmp_path / "serverless.yml").write_text(YML.format(name=name))
    install_express(tmp_path)  # a megabyte, whose end comes later than the request for the run
    function = f"{name}-dev-shop-org"
    before = {"functionName": function, "apigatewayConf": {"protocols": ["http", "https"]}}
    Sls(platform, name).deploy(express("one"), publish=True, traffic=0, **before)

    shop.write("two")
    told = shop.sls("deploy", "--inputs.traffic=0.1")
    assert f"functionName: {function}" in told
    assert "lastVersion: 1\n traffic: 0.1\n configTrafficVersion: 1" in told
    url = re.findall(r"url: (\S+)", told)[0]
    host = re.findall(r"subDomain: (\S+)", told)[0]
    assert calls(platform, url, function)["two"] in {1, 2, 3}

    assert "traffic: 1\n" in shop.sls("deploy", "--inputs.traffic=1.0")
    assert calls(platform, url, function) == {"two": 20}

    told = shop.sls("deploy", "--inputs.publish", "--inputs.traffic=0")
    assert "lastVersion: 2\n traffic: 0\n configTrafficVersion: 2" in told
    assert calls(platform, url, function) == {"two": 20}
    assert over_tls(led, host, "/release/") == b"two"

    told = shop.sls("info")
    assert "Deployments: 4\n" in told
    assert "Status: active\n" in told
    assert "Success" in shop.sls("remove")
    page = (NPM.parents[1] / "docs" / "serverless-cli.md").read_text("utf-8")
    lines = re.findall(r"^sls (.*)$", page, re.MULTILINE)
    assert {*map(tuple, map(str.split, lines))} == shop.ran  # each line of the page, and no other
    assert platform.refusal("GetFunction", FunctionName=function).get_code() == (
        "ResourceNotFound.FunctionName"
    )
