"""Official clients, unmodified, each a way to ask for an action of `scf`."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.scf.v20180416 import models
from tencentcloud.scf.v20180416.scf_client import ScfClient

from tests.platform import REGION, SECRET_ID, SECRET_KEY, Platform

TESTS = Path(__file__).parents[1]
NPM, PYPI = TESTS / "npm", TESTS / "pypi"
NODE_SDK = NPM / "node_modules" / "tencentcloud-sdk-nodejs"
TCCLI = PYPI / ".venv" / "bin" / "tccli"
END_S = 10.0
#: How `tccli` writes a refusal.
REFUSAL = re.compile(r"\[TencentCloudSDKException\] code:(\S+) message:(.*) requestId:", re.DOTALL)


class Refused(Exception):
    """The server's no, as every client tells it in its own way."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Client(Protocol):
    """Whoever can ask for an action."""

    def ask(self, action: str, /, **parameters: Any) -> Mapping[str, Any]:
        """Return the answer as the client shows it, or raise `Refused`."""
        ...


class PythonSdk:
    """`tencentcloud-sdk-python`, by the classes that it has for each request."""

    def __init__(self, client: ScfClient) -> None:
        self._client = client

    def ask(self, action: str, /, **parameters: Any) -> Mapping[str, Any]:
        request = getattr(models, f"{action}Request")()
        request.from_json_string(json.dumps(parameters))
        try:
            answer = getattr(self._client, action)(request)
        except TencentCloudSDKException as error:
            raise Refused(error.get_code(), error.get_message()) from error
        return dict(json.loads(answer.to_json_string()))


class Lines:
    """A program that answers each line of JSON with another."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, line: object) -> Any:
        """Return what the program answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def lines(command: Sequence[str], environment: Mapping[str, str] = {}) -> Iterator[Lines]:
    """Start such a program, and end it."""
    pipe = subprocess.PIPE
    env = {**os.environ, **environment}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env) as process:
        yield Lines(process)
        process.communicate(timeout=END_S)
        assert process.returncode == 0


class NodeSdk:
    """`tencentcloud-sdk-nodejs`."""

    def __init__(self, program: Lines) -> None:
        self._program = program

    def ask(self, action: str, /, **parameters: Any) -> Mapping[str, Any]:
        told = self._program.ask({"action": action, "parameters": parameters})
        if "answer" not in told:
            raise Refused(told["code"], told["message"])
        return dict(told["answer"])


class Tccli:
    """`tccli`: each field is an option, and what is nested is JSON."""

    def __init__(self, program: Lines, api: str) -> None:
        self._program = program
        self._api = api

    def ask(self, action: str, /, **parameters: Any) -> Mapping[str, Any]:
        words = ["scf", action, "--endpoint", self._api]
        for name, value in parameters.items():
            words += [f"--{name}", value if isinstance(value, str) else json.dumps(value)]
        told = self._program.ask(words)
        if "refused" in told:
            found = REFUSAL.search(told["refused"])
            assert found, told
            raise Refused(*found.groups())
        return dict(json.loads(told["said"]))


@contextmanager
def node_sdk(platform: Platform) -> Iterator[Client]:
    """Start the SDK for Node.js."""
    endpoint = platform.api.removeprefix("http://")
    script = str(NPM / "sdk.js")
    with lines(["node", script, endpoint, SECRET_ID, SECRET_KEY, REGION]) as program:
        yield NodeSdk(program)


def of_tccli(home: Path) -> dict[str, str]:
    """Return all that `tccli` is told beside its options; its notes go where a test may write."""
    return {
        "HOME": str(home),
        "TENCENTCLOUD_SECRET_ID": SECRET_ID,
        "TENCENTCLOUD_SECRET_KEY": SECRET_KEY,
        "TENCENTCLOUD_REGION": REGION,
    }


@contextmanager
def tccli(platform: Platform, home: Path) -> Iterator[Client]:
    """Start `tccli`."""
    python = str(TCCLI.with_name("python"))
    with lines([python, str(PYPI / "tccli_lines.py")], of_tccli(home)) as program:
        yield Tccli(program, platform.api)
