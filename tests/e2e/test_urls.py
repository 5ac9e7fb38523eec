"""Function URLs in full: who may call them, from which pages, at which address; their changes."""

from __future__ import annotations

import json
import os
from http.client import HTTPConnection
from typing import Any

import pytest
from tencentcloud.scf.v20180416 import models

from tests.e2e.serving import publish
from tests.platform import ECHO, Platform

SHOP = "https://shop.example"
PAGES = {
    "Enable": True,
    "Origins": [SHOP],
    "Methods": ["GET", "PUT"],
    "Headers": ["X-Token"],
    "ExposeHeaders": ["X-Total"],
    "MaxAge": 60,
    "Credentials": True,
}
DRESSED = """
def main_handler(event, context):
    return {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*", "X-Total": "7"},
            "body": event["path"]}
"""
#: A web function that says the same with its own server.
WEB = """
import http.server
class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
http.server.HTTPServer(("0.0.0.0", 9000), Shop).serve_forever()
"""


def visit(
    platform: Platform, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection(platform.gateway.removeprefix("http://"), timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=named)
    answer = connection.getresponse()
    said = {name.lower(): value for name, value in answer.getheaders()}
    body = answer.read()
    connection.close()
    return answer.status, said, body


def bind(platform: Platform, name: str, desc: object = "", **more: Any) -> dict[str, Any]:
    text = desc if isinstance(desc, str) else json.dumps(desc)
    known = {"TriggerName": "web", "Type": "http", "TriggerDesc": text}
    made = platform.call("CreateTrigger", FunctionName=name, **known | more)
    return dict(made["TriggerInfo"])


@pytest.fixture
def shop(platform: Platform, name: str) -> str:
    return platform.make(name, DRESSED)


def test_a_browser_is_answered_by_the_gateway_and_told_what_the_url_allows(
    platform: Platform, shop: str
) -> None:
    path = f"/url/{bind(platform, shop, {'CorsConfig': PAGES})['ResourceId']}/a"
    asks = {"Origin": SHOP, "Access_Control_Request_Method": "PUT"}

    status, said, body = visit(platform, path, "OPTIONS", **asks)
    assert (status, body) == (204, b"")
    assert said["access-control-allow-origin"] == SHOP
    assert said["access-control-allow-methods"] == "PUT"
    assert said["access-control-max-age"] == "60"
    assert "x-scf-version" not in said  # no function was asked

    status, said, body = visit(platform, path, Origin=SHOP)
    assert (status, body) == (200, b"/a")
    assert said["access-control-allow-origin"] == SHOP
    assert said["access-control-allow-credentials"] == "true"
    assert said["access-control-expose-headers"] == "X-Total"

    _, said, _ = visit(platform, path, Origin="https://evil.example")
    assert "access-control-allow-origin" not in said
    assert said["x-total"] == "7"


def test_without_a_cors_configuration_the_function_speaks_for_itself(
    platform: Platform, shop: str
) -> None:
    path = f"/url/{bind(platform, shop)['ResourceId']}/"
    asks = {"Origin": SHOP, "Access_Control_Request_Method": "PUT"}

    assert visit(platform, path, "OPTIONS", **asks)[1]["access-control-allow-origin"] == "*"


@pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own takes root here")
def test_a_web_function_is_held_to_the_same(platform: Platform, name: str) -> None:
    publish(platform, name, WEB)
    path = f"/url/{bind(platform, name, {'CorsConfig': PAGES})['ResourceId']}/"

    status, said, body = visit(platform, path, Origin=SHOP)
    assert (status, body) == (200, b"ok")
    assert said["access-control-allow-origin"] == SHOP


@pytest.mark.parametrize(
    ("closed", "status"), [("EnableIntranet", 403), ("EnableExtranet", 200), ("", 200)]
)
def test_a_url_may_be_closed_to_private_networks_or_to_all_others(
    platform: Platform, shop: str, closed: str, status: int
) -> None:
    made = bind(platform, shop, {"NetConfig": {closed: False}} if closed else "")

    got, _, body = visit(platform, f"/url/{made['ResourceId']}/")
    assert got == status
    assert got == 200 or b"EnableIntranet" in body
    shown = json.loads(made["TriggerDesc"])["NetConfig"]
    assert ("IntranetUrl" in shown) is (closed != "EnableIntranet")
    assert ("ExtranetUrl" in shown) is (closed != "EnableExtranet")


@pytest.mark.parametrize(
    "host",
    [
        "1250000000-{}.ap-guangzhou.tencentscf.com",
        "0-{}.localhost",
        "0-{}.LOCALHOST:9001",
    ],
)
def test_a_url_has_a_host_of_its_own_as_well(platform: Platform, shop: str, host: str) -> None:
    made = bind(platform, shop)

    status, said, body = visit(platform, "/healthz", Host=host.format(made["ResourceId"]))
    assert (status, body) == (200, b"/healthz")
    assert said["x-scf-version"] == "$LATEST"


@pytest.mark.parametrize("host", ["{}.localhost", "x-{}.localhost", "0-{}", "0-{}x.localhost"])
def test_other_hosts_lead_nowhere(platform: Platform, shop: str, host: str) -> None:
    made = bind(platform, shop)

    assert visit(platform, "/", Host=host.format(made["ResourceId"]))[0] == 404


def test_a_url_is_closed_and_opened_and_told_where_it_is_that_already(
    platform: Platform, shop: str
) -> None:
    path = f"/url/{bind(platform, shop)['ResourceId']}/"
    request = models.UpdateTriggerStatusRequest()
    request.FunctionName, request.TriggerName, request.Type = shop, "web", "http"
    for enable, status in (("CLOSE", 404), ("OPEN", 200)):
        request.Enable = enable
        platform.client().UpdateTriggerStatus(request)
        assert visit(platform, path)[0] == status

    named = {"FunctionName": shop, "TriggerName": "web", "Type": "http"}
    refused = platform.refusal("UpdateTriggerStatus", **named, Enable="OPEN")
    assert refused.code == "FailedOperation.UpdateTriggerStatus"
    refused = platform.refusal("UpdateTriggerStatus", **named | {"Type": "timer"}, Enable="OPEN")
    assert refused.code == "ResourceNotFound.Trigger"


def test_an_update_changes_what_it_names_and_leaves_the_rest(platform: Platform, name: str) -> None:
    platform.make(name, ECHO)
    platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    made = bind(platform, name, {"CorsConfig": PAGES}, Description="first")
    request = models.UpdateTriggerRequest()
    request.FunctionName, request.TriggerName, request.Type = name, "web", "http"
    request.TriggerDesc = json.dumps({"NetConfig": {"EnableIntranet": False}})
    platform.client().UpdateTrigger(request)

    path = f"/url/{made['ResourceId']}/"
    assert visit(platform, path)[0] == 403
    named = {"FunctionName": name, "TriggerName": "web", "Type": "http"}
    platform.call("UpdateTrigger", **named, TriggerDesc="", NewQualifier="release")
    status, said, _ = visit(platform, path)
    assert (status, said["x-scf-version"], said["x-scf-alias"]) == (200, "1", "release")
    (kept,) = platform.call("ListTriggers", FunctionName=name)["Triggers"]
    assert (kept["Description"], kept["Qualifier"]) == ("first", "release")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"TriggerName": "other"}, "ResourceNotFound.Trigger"),
        ({"Qualifier": "9"}, "ResourceNotFound.Trigger"),
        ({"Type": "cos"}, "InvalidParameterValue.Type"),
        ({"Enable": "MAYBE"}, "InvalidParameterValue.Enable"),
        ({"TriggerDesc": "["}, "InvalidParameterValue.TriggerDesc"),
        ({"NewQualifier": "nowhere"}, "ResourceNotFound.Qualifier"),
        ({"CustomArgument": "x" * 5000}, "InvalidParameterValue.CustomArgument"),
    ],
)
def test_an_update_that_cannot_be_is_refused(
    platform: Platform, shop: str, more: dict[str, str], code: str
) -> None:
    bind(platform, shop)
    named = {"FunctionName": shop, "TriggerName": "web", "Type": "http"}

    assert platform.refusal("UpdateTrigger", **named | more).code == code
