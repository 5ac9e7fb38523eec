"""A real server in a process of its own, and the real official SDK to speak to it."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from tencentcloud.apigateway.v20180808.apigateway_client import ApigatewayClient
from tencentcloud.common import credential
from tencentcloud.common.abstract_client import AbstractClient
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.scf.v20180416.scf_client import ScfClient

from tests.forked import Forked, mother

ROOT_ASKED = "root (API)"  #: Who asked, as histories and events have it.
SECRET_ID, SECRET_KEY, REGION = "AKIDtests", "tests-secret", "ap-guangzhou"
START_S = 30.0

#: Answers with the version that runs it, so that a caller can see where a call went.
ECHO = """
import json, os

def main_handler(event, context):
    return {"version": context["function_version"], "event": event, "pid": os.getpid()}
"""


@dataclass
class Platform:
    """A server that is up."""

    process: Forked
    api: str
    gateway: str
    data: Path
    log: Path
    options: tuple[str, ...] = ()
    clients: dict[str, AbstractClient] = field(default_factory=dict)

    @classmethod
    def start(cls, data: Path, *options: str, environment: Mapping[str, str] = {}) -> Platform:
        """Start a server over a data directory, on free ports."""
        log = data.with_suffix(".log")
        words = ["serve", "--data", str(data), "--api", "127.0.0.1:0", "--gateway", "127.0.0.1:0"]
        keys = {"TENCENTCLOUD_SECRET_ID": SECRET_ID, "TENCENTCLOUD_SECRET_KEY": SECRET_KEY}
        reading, writing = os.pipe()
        with log.open("a") as errors, os.fdopen(writing, "w"):
            told = {**os.environ, **keys, **environment}
            process = mother().fork([*words, *options], told, writing, errors.fileno())
        process.stdout = os.fdopen(reading)
        line = process.stdout.readline()
        if not line.startswith("huidu ready "):
            process.kill()
            process.wait()
            process.stdout.close()
            raise AssertionError(f"{line!r}\n{log.read_text()}")
        said = dict(word.split("=", 1) for word in line.split()[2:])
        return cls(process, said["api"], said["gateway"], data, log, options)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the server and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(START_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def again(self) -> Platform:
        """Start a server over the same data directory."""
        return Platform.start(self.data, *self.options)

    def metrics(self, metric: str, **labels: str) -> dict[tuple[str, str], float]:
        """Return the values of a metric with these labels, by version and state."""
        with urlopen(f"{self.api}/metrics") as page:  # noqa: S310 - it is our own server
            told = text_string_to_metric_families(page.read().decode())
        samples = (sample for family in told for sample in family.samples)
        return {
            (one.labels.get("version", ""), one.labels.get("state", "")): one.value
            for one in samples
            if one.name == metric and labels.items() <= one.labels.items()
        }

    def profile(self, sign: str = "TC3-HMAC-SHA256", method: str = "POST") -> ClientProfile:
        """Return the SDK's settings for this server: only the endpoint differs from the cloud's."""
        http = HttpProfile(
            protocol="http", endpoint=self.api.removeprefix("http://"), reqMethod=method
        )
        return ClientProfile(signMethod=sign, httpProfile=http)

    def client(self, sign: str = "TC3-HMAC-SHA256", method: str = "POST") -> ScfClient:
        """Return an official client."""
        key = f"{sign} {method}"
        if key not in self.clients:
            pair = credential.Credential(SECRET_ID, SECRET_KEY)
            self.clients[key] = ScfClient(pair, REGION, self.profile(sign, method))
        return self.clients[key]

    def call(self, action: str, /, **parameters: Any) -> dict[str, Any]:
        """Call an action through the official client, and return the answer."""
        answer = self.client().call_json(action, parameters)
        return dict(answer["Response"])

    def gateway_client(
        self, sign: str = "TC3-HMAC-SHA256", method: str = "POST"
    ) -> ApigatewayClient:
        """Return an official client of the API gateway."""
        key = f"apigateway {sign} {method}"
        if key not in self.clients:
            pair = credential.Credential(SECRET_ID, SECRET_KEY)
            self.clients[key] = ApigatewayClient(pair, REGION, self.profile(sign, method))
        return self.clients[key]

    def gateway_call(self, action: str, /, **parameters: Any) -> dict[str, Any]:
        """Call an action of the API gateway, and return the answer."""
        answer = self.gateway_client().call_json(action, parameters)
        return dict(answer["Response"])

    def gateway_refusal(self, action: str, /, **parameters: Any) -> TencentCloudSDKException:
        """Call an action of the API gateway that must be refused, and return the refusal."""
        try:
            answer = self.gateway_call(action, **parameters)
        except TencentCloudSDKException as error:
            return error
        raise AssertionError(f"{action} was not refused: {answer}")

    def ours(self, action: str, /, **parameters: Any) -> dict[str, Any]:
        """Call an action of the service `huidu` through the SDK's common client."""
        pair = credential.Credential(SECRET_ID, SECRET_KEY)
        client = CommonClient("huidu", "2026-11-01", pair, REGION, self.profile())
        return dict(client.call_json(action, parameters)["Response"])

    def refusal(self, action: str, /, **parameters: Any) -> TencentCloudSDKException:
        """Call an action that must be refused, and return the refusal."""
        try:
            answer = self.call(action, **parameters)
        except TencentCloudSDKException as error:
            return error
        raise AssertionError(f"{action} was not refused: {answer}")

    def make(self, name: str, code: str = ECHO, **more: Any) -> str:
        """Create a function from the text of its `index.py`; return its name."""
        usual = {
            "Runtime": "Python3.10",
            "Handler": "index.main_handler",
            "Code": {"ZipFile": zipped(code)},
        }
        self.call("CreateFunction", FunctionName=name, **usual | more)
        return name

    def publish(self, name: str) -> str:
        """Publish `$LATEST`; return the number."""
        return str(self.call("PublishVersion", FunctionName=name)["FunctionVersion"])

    def invoke(self, name: str, event: object = None, **more: Any) -> dict[str, Any]:
        """Call a function; return the result."""
        sent = {} if event is None else {"Event": json.dumps(event)}
        answer = self.call("InvokeFunction", FunctionName=name, **sent, **more)
        return dict(answer["Result"])


def zipped(code: str | Mapping[str, str | bytes]) -> str:
    """Return a zip file in base64, from `index.py` or from several files."""
    files = {"index.py": code} if isinstance(code, str) else code
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return base64.b64encode(out.getvalue()).decode()


def until(condition: Any, within_s: float = 10.0) -> Any:
    """Wait for a condition and return what it became."""
    end = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError("it did not come about in time")
        time.sleep(0.02)
    return value
