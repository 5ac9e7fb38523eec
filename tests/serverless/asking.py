"""Asks the platform as `sls` does, without its being there."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tencentcloud.common import credential
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.platform import REGION, SECRET_ID, SECRET_KEY, Platform, until, zipped

#: Comes along in every request for a run, and is to be nowhere afterwards.
SECRET = "sls-secret-that-nobody-keeps"
SLS_JS = "module.exports = (request, response) => response.end('{}');\n"
MAIN = "def main_handler(event, context):\n    return '{}'\n"


def express(version: str) -> bytes:
    """Return a package whose application answers with a version."""
    return base64.b64decode(zipped({"sls.js": SLS_JS.format(version)}))


def event(version: str) -> bytes:
    """Return a package with a function that answers events."""
    return base64.b64decode(zipped({"index.py": MAIN.format(version)}))


@dataclass
class Sls:
    """The command line, for one component."""

    platform: Platform
    name: str
    kind: str = "express"
    org: str = "org"

    @property
    def named(self) -> dict[str, str]:
        return {
            "orgName": self.org,
            "appName": "shop",
            "stageName": "dev",
            "instanceName": self.name,
        }

    def ask(self, action: str, body: object) -> dict[str, Any]:
        """Return what is in the answer to an action."""
        pair = credential.Credential(SECRET_ID, SECRET_KEY)
        client = CommonClient("sls", "2020-02-05", pair, REGION, self.platform.profile())
        text = body if isinstance(body, str) else json.dumps(body)
        answer = json.loads(client.call_json(action, {"Body": text})["Response"]["Body"])
        assert answer["statusCode"] == 200
        return dict(json.loads(answer["body"]))

    def refusal(self, action: str, body: object) -> TencentCloudSDKException:
        """Return the refusal of what must be refused."""
        try:
            answer = self.ask(action, body)
        except TencentCloudSDKException as error:
            return error
        raise AssertionError(f"{action} was not refused: {answer}")

    def run(self, method: str, inputs: Mapping[str, object]) -> dict[str, Any]:
        return {
            "instance": {
                **self.named,
                "componentName": self.kind,
                "componentVersion": "",
                "inputs": inputs,
            },
            "method": method,
            "credentials": {"tencent": {"SecretId": "AKID", "SecretKey": SECRET}},
            "options": {"debug": False, "timeout": 600000, "interval": 500},
        }

    def upload(self, code: bytes, address: str) -> int:
        """Put code where it was told to be put, by way of the API's listener."""
        parts = urlsplit(address)
        asking = http.client.HTTPConnection(urlsplit(self.platform.api).netloc)
        headers = {"Host": parts.netloc, "Content-Length": str(len(code))}
        asking.request("PUT", f"{parts.path}?{parts.query}", code, headers)
        status = asking.getresponse().status
        asking.close()
        return status

    def begin(self, **inputs: object) -> str:
        """Begin to deploy, and return where the code is awaited: it comes after the request."""
        urls = self.ask("GetUploadUrls", {"orgUid": self.org, "orgName": self.org})
        self.ask("RunComponent", self.run("deploy", {"src": urls["download"], **inputs}))
        return str(urls["upload"])

    def deploy(self, code: bytes, **inputs: object) -> dict[str, Any]:
        """Deploy, and return the component once something has come of it."""
        usual: dict[str, object] = {"region": REGION}
        if self.kind == "express":
            usual["runtime"] = "Nodejs18.15"
        assert self.upload(code, self.begin(**usual | inputs)) == 200
        return self.ended()

    def remove(self) -> dict[str, Any]:
        self.ask("RunComponent", self.run("remove", {}))
        return self.ended()

    def get(self) -> dict[str, Any] | None:
        """Return the component as it stands."""
        found: dict[str, Any] | None = self.ask("GetInstance", self.named)["instance"]
        return found

    def ended(self) -> dict[str, Any]:
        """Wait for what is under way, and return the component."""

        def found() -> dict[str, Any] | None:
            now = self.get()
            busy = now is None or now["instanceStatus"] in {"deploying", "removing"}
            return None if busy else now

        return dict(until(found, 20))
