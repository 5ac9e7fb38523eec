"""From a client's socket through the gateway to real functions, by rule, weight and time."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.serving import publish
from tests.gateway.wire import Behind, Heard, Wire
from tests.platform import Platform

ROOT = os.geteuid() == 0
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]

CODE = """
import json, os, time

ME = os.urandom(8).hex()

def main_handler(event, context):
    if event["queryString"].get("sleep"):
        time.sleep(float(event["queryString"]["sleep"]))
    said = {"version": context["function_version"], "path": event["path"], "instance": ME}
    return {"isBase64Encoded": False, "statusCode": 201, "headers": {}, "body": json.dumps(said)}
"""

WEB = """
import json, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.headers.get("Upgrade"):
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            self.wfile.write(bytes([0x81, len(self.path)]) + self.path.encode())
            self.rfile.read(1)
            self.close_connection = True
            return
        if self.path.endswith("slow"):
            time.sleep(15)
        headers = {name.lower(): value for name, value in self.headers.items()}
        said = json.dumps({"path": self.path, "headers": headers}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

ThreadingHTTPServer(("0.0.0.0", 9000), Handler).serve_forever()
"""


class Site:
    """A real server, and a service on it whose APIs are released with the official SDK."""

    def __init__(self, cloud: Platform, wire: Wire) -> None:
        self.cloud = cloud
        self.wire = wire
        made = cloud.gateway_call("CreateService", ServiceName="site", Protocol="http&https")
        self.service = made["ServiceId"]
        self._there: list[str] = []

    def _serve(self, path: str, function: str, qualifier: str, more: dict[str, Any]) -> None:
        for api in self._there:
            self.cloud.gateway_call("DeleteApi", ServiceId=self.service, ApiId=api)
        made = self.cloud.gateway_call(
            "CreateApi",
            ServiceId=self.service,
            ServiceType="SCF",
            Protocol="HTTP",
            RequestConfig={"Path": path, "Method": "ANY"},
            ServiceScfFunctionName=function,
            ServiceScfFunctionQualifier=qualifier,
            **({"ServiceTimeout": 15, "ServiceScfIsIntegratedResponse": True} | more),
        )
        self._there = [made["Result"]["ApiId"]]
        named = {"ServiceId": self.service, "EnvironmentName": "release", "ReleaseDesc": "site"}
        self.cloud.gateway_call("ReleaseService", **named)

    async def serve(self, path: str, function: str, qualifier: str, **more: Any) -> None:
        """Release one API, and none beside it, to the environment `release`."""
        await asyncio.to_thread(self._serve, path, function, qualifier, more)

    async def call(self, action: str, **parameters: Any) -> dict[str, Any]:
        return await asyncio.to_thread(self.cloud.call, action, **parameters)

    async def make(self, name: str) -> None:
        """Make a function with versions 1 and 2."""
        await asyncio.to_thread(self.cloud.make, name, CODE, Timeout=20)
        for _ in range(2):
            await asyncio.to_thread(self.cloud.publish, name)

    async def get(self, path: str, *headers: str) -> Heard:
        return await self.wire.get(f"/{self.service}/release{path}", *headers)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    tier, network = ("best", "none") if ROOT else ("none", "host")
    options = ("--set", f"tier={tier}", "--set", f"network={network}")
    cloud = Platform.start(tmp_path_factory.mktemp("gateway") / "data", *options)
    yield Site(cloud, Wire(Behind(), int(cloud.gateway.rpartition(":")[2])))
    assert cloud.stop() == 0


async def test_callers_reach_the_version_that_the_alias_has_for_them(site: Site, name: str) -> None:
    await site.make(name)
    rule = {"Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob", "Version": "2"}
    routing = {"AddtionVersionMatchs": [rule]}
    alias = {"FunctionName": name, "Name": "prepub"}
    await site.call("CreateAlias", **alias, FunctionVersion="1", RoutingConfig=routing)
    await site.serve("/user/{id}", name, "prepub", EnableCORS=True)

    async def version(*headers: str) -> str:
        heard = await site.get("/user/7%2F8", *headers)
        assert (heard.status, heard.headers["x-scf-alias"]) == (201, "prepub")
        assert heard.said["path"] == "/user/7%2F8"
        assert heard.said["version"] == heard.headers["x-scf-version"]
        return str(heard.said["version"])

    assert [await version(f"{one}: Bob") for one in ("User", "user", "USER")] == ["2"] * 3
    assert [await version(one) for one in ("User: bob", "User: Bobby", "Other: Bob")] == ["1"] * 3
    assert await version("User: Ann", 'X-Scf-Routing-Key: {"User":"Bob"}') == "2"
    await site.call("UpdateAlias", **alias, FunctionVersion="2", RoutingConfig={})
    assert await version() == "2"  # the gateway was not touched


async def test_callers_stick_to_their_version(site: Site, name: str) -> None:
    await site.make(name)
    weights = {"AdditionalVersionWeights": [{"Version": "2", "Weight": 0.5}]}
    await site.call(
        "CreateAlias",
        FunctionName=name,
        Name="release",
        FunctionVersion="1",
        RoutingConfig=weights,
        Sticky="invoke.cookies.sid",
    )
    await site.serve("/", name, "release")

    by_caller = {
        sid: {(await site.get("/", f"Cookie: sid={sid}")).said["version"] for _ in range(3)}
        for sid in range(12)
    }
    assert all(len(versions) == 1 for versions in by_caller.values())
    assert set.union(*by_caller.values()) == {"1", "2"}


async def test_a_call_that_outlasts_its_api_leaves_nothing_stuck(site: Site, name: str) -> None:
    await site.make(name)
    await site.serve("/", name, "1", ServiceTimeout=1)

    before = (await site.get("/")).said["instance"]
    heard = await site.get("/?sleep=15")
    assert (heard.status, heard.said) == (504, {"message": "Gateway Time-out"})
    after = (await site.get("/")).said["instance"]
    assert after != before  # nobody can tell what the call left behind in the other
    record = await site.call(
        "GetFunctionLogs", FunctionName=name, FunctionRequestId=heard.headers["x-api-requestid"]
    )
    assert json.dumps(record).count(heard.headers["x-api-requestid"]) >= 1


async def test_a_function_that_is_gone_is_435(site: Site, name: str) -> None:
    await site.make(name)
    await site.serve("/", name, "1")
    await site.call("DeleteFunction", FunctionName=name)

    heard = await site.get("/")
    assert (heard.status, heard.headers["x-api-status"]) == (435, "435")


@pytest.mark.skipif(not ROOT, reason="a network of its own takes root here")
async def test_a_web_function_answers_at_an_api(site: Site, name: str) -> None:
    await asyncio.to_thread(publish, site.cloud, name, WEB)
    web = {"ServiceScfFunctionType": "HTTP"}
    await site.serve("/shop", name, "$LATEST", ServiceTimeout=20, **web)

    heard = await site.get("/shop/a%2Fb?c=%20", "User: Bob", "X-Scf-Name: forged")
    assert (heard.status, heard.headers["x-scf-version"]) == (200, "$LATEST")
    assert heard.said["path"] == "/shop/a%2Fb?c=%20"
    assert heard.said["headers"]["user"] == "Bob"
    assert heard.said["headers"]["x-scf-name"] == name
    assert (await site.get("/other")).status == 404
    await site.serve("/shop", name, "$LATEST", ServiceTimeout=1, **web)
    assert (await site.get("/shop/slow")).status == 504
    assert (await site.get("/shop/again")).status == 200


@pytest.mark.skipif(not ROOT, reason="a network of its own takes root here")
async def test_a_websocket_reaches_a_web_function_through_an_api(site: Site, name: str) -> None:
    socket = {"WSParams": {"IdleTimeOut": 15}}
    await asyncio.to_thread(
        publish, site.cloud, name, WEB, ProtocolType="WS", ProtocolParams=socket
    )
    await site.serve("/", name, "$LATEST", ServiceScfFunctionType="HTTP")

    reader, writer = await asyncio.open_connection("127.0.0.1", site.wire.port)
    lines = (
        *(f"GET /{site.service}/release/chat HTTP/1.1", "Host: h", "Connection: Upgrade"),
        *("Upgrade: websocket", "Sec-WebSocket-Key: a", "Sec-WebSocket-Version: 13", "", ""),
    )
    writer.write("\r\n".join(lines).encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    assert await reader.readexactly(len(b"\x81\x05/chat")) == b"\x81\x05/chat"
    writer.close()
    await writer.wait_closed()
