"""Custom runtimes through the official SDK: created, called, released gray; images are refused."""

from __future__ import annotations

import base64
import io
import json
import os
import zipfile
from collections.abc import Callable

import pytest

from tests.platform import Platform, zipped
from tests.runtimes.bootstraps import ECHO, SHELL, looping

PROGRAM = 0o100755 << 16  #: Where a zip file keeps the mode of a file.
CUSTOM = {"Runtime": "CustomRuntime", "Handler": "any.thing"}
VALUE = "InvalidParameterValue"


def packed(bootstrap: str, mode: int = PROGRAM) -> str:
    """Return a zip file with a bootstrap, in base64."""
    out, entry = io.BytesIO(), zipfile.ZipInfo("bootstrap")
    entry.external_attr = mode
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(entry, bootstrap)
    return base64.b64encode(out.getvalue()).decode()


def bring(server: Platform, name: str, code: str, **more: object) -> None:
    """Create a function of a custom runtime."""
    server.call("CreateFunction", FunctionName=name, Code={"ZipFile": code}, **CUSTOM, **more)


@pytest.fixture(params=["best", "none"])
def server(request: pytest.FixtureRequest, start: Callable[..., Platform]) -> Platform:
    if request.param == "best" and os.geteuid() != 0:
        pytest.skip("it takes root")
    return start("--set", f"tier={request.param}")


def test_a_function_may_bring_its_own_runtime(server: Platform) -> None:
    bash, python = packed(SHELL), packed(ECHO)
    bring(server, "own", bash)
    assert server.call("GetFunction", FunctionName="own")["Runtime"] == "CustomRuntime"

    told = server.invoke("own", {"n": 1}, LogType="Tail")
    assert json.loads(told["RetMsg"]) == {"shell": {"n": 1}}
    assert 'got {"n": 1}' in told["Log"]
    assert server.publish("own") == "1"
    server.call("UpdateFunctionCode", FunctionName="own", ZipFile=python, Handler="other")
    assert server.publish("own") == "2"
    for version, event in (("1", {"a": 1}), ("2", [2])):
        server.call("UpdateAlias", FunctionName="own", Name="$DEFAULT", FunctionVersion=version)
        answer = json.loads(server.invoke("own", event)["RetMsg"])
        if version == "1":
            assert answer == {"shell": event}
        else:
            echoed, headers = answer
            assert echoed == event
            assert (headers["alias"], headers["function_version"]) == ("$DEFAULT", "2")


def test_what_goes_wrong_in_a_bootstrap_has_its_status(server: Platform) -> None:
    source = looping(
        "kind = json.loads(event)",
        "if kind == 'exit': sys.exit(5)",
        "if kind == 'hang': time.sleep(600)",
        "ask('POST', 'invocation/error', json.dumps({'errorMessage': 'no', 'stackTrace': 'at x'}))",
    )
    bring(server, "fails", packed(source), Timeout=1)
    said = {kind: server.invoke("fails", kind) for kind in ("error", "exit", "hang")}

    assert {kind: one["StatusCode"] for kind, one in said.items()} == {
        "error": 443,
        "exit": 439,
        "hang": 433,
    }
    assert (
        json.loads(said["error"]["RetMsg"]).items()
        >= {
            "errorMessage": "no",
            "stackTrace": "at x",
            "statusCode": 443,
        }.items()
    )
    assert "exited with status 5" in said["exit"]["ErrMsg"]


def test_a_bootstrap_that_cannot_start_says_what_would_let_it(server: Platform) -> None:
    for number, (code, status, message) in enumerate(
        [
            (packed(SHELL, 0o100644 << 16), 437, "bootstrap is not executable; give it mode 755"),
            (packed(SHELL.replace("\n", "\r\n")), 437, "line ends of Windows"),
            (zipped("print(1)"), 437, "the package has no file bootstrap"),
            (packed("#!/bin/sh\nexit 9\n"), 445, "exited with status 9 before POST /runtime/init"),
        ]
    ):
        name = f"stuck{number}"
        bring(server, name, code)
        result = server.invoke(name)
        assert (result["StatusCode"], message in result["ErrMsg"]) == (status, True), result


IMAGE = {"ImageType": "personal", "ImageUri": "ccr.ccs.tencentyun.com/a/b:c@sha256:0"}


@pytest.mark.parametrize(
    ("code", "more", "refused", "message"),
    [
        ({"ImageConfig": IMAGE}, {}, "ImageType", "functions cannot be images here"),
        ({"ImageConfig": IMAGE}, {"Type": "HTTP"}, "ImageType", "CustomRuntime"),
        ({"ImageConfig": IMAGE}, {"Runtime": "CustomImage"}, "ImageType", "Code.ZipFile"),
        ({"ImageConfig": IMAGE, "ZipFile": zipped("")}, {}, "ImageType", "cannot be images"),
        ({"ZipFile": zipped("")}, {"CodeSource": "Image"}, "CodeSource", "must be one of"),
        ({"ZipFile": zipped("")}, {"CodeSource": "TempCos"}, "CodeSource", "Cos"),
        ({"CosBucketName": "b"}, {}, "CosObjectName", "with CosBucketName"),
        ({"ZipFile": zipped("")}, {"Runtime": "CustomImage"}, "Runtime", "CustomRuntime"),
        ({"ZipFile": zipped("")}, {**CUSTOM, "Handler": "x" * 200}, "Handler", "$_HANDLER"),
    ],
)
def test_functions_that_are_images_are_refused(
    platform: Platform,
    name: str,
    code: dict[str, object],
    more: dict[str, str],
    refused: str,
    message: str,
) -> None:
    runtime = {"Runtime": "Python3.10", "Handler": "index.main_handler"}
    error = platform.refusal("CreateFunction", FunctionName=name, Code=code, **runtime | more)

    assert (error.code, message in error.message) == (f"{VALUE}.{refused}", True), error
    assert platform.refusal("GetFunction", FunctionName=name).code.startswith("ResourceNotFound")


def test_a_function_does_not_become_an_image(platform: Platform, name: str) -> None:
    platform.make(name)
    for more in ({"Code": {"ImageConfig": IMAGE}}, {"CodeSource": "Image"}):
        error = platform.refusal("UpdateFunctionCode", FunctionName=name, **more)
        assert error.code in {f"{VALUE}.ImageType", f"{VALUE}.CodeSource"}

    assert platform.invoke(name, 1)["StatusCode"] == 200
