"""The official component's class `Cos` and the official COS client against a server."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.platform import SECRET_ID, SECRET_KEY, Platform, zipped

NPM = Path(__file__).parents[1] / "npm"
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="there is no node"),
    pytest.mark.skipif(
        not (NPM / "node_modules" / "cos-nodejs-sdk-v5").is_dir(),
        reason="tests/needs has not installed the clients",
    ),
]


def play(platform: Platform, bucket: str, file: Path, *more: str) -> dict[str, Any]:
    """Have the script do all that it does, and return what it saw."""
    ran = subprocess.run(
        [str(NODE), "cos.js", platform.api, SECRET_ID, SECRET_KEY, bucket, str(file), *more],
        cwd=NPM,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


@pytest.mark.timeout(60)
def test_the_component_and_the_client_keep_code_where_functions_are_made_of_it(
    platform: Platform, name: str, tmp_path: Path
) -> None:
    bucket = f"sls-cloudfunction-{name}-code"
    (file := tmp_path / "code.zip").write_bytes(
        base64.b64decode(zipped("def main_handler(event, context): return 'from a bucket'"))
    )
    said = play(platform, f"{bucket}-1250000000", file)

    assert said["put"] == 200
    assert {"code.zip", "util.js"} <= set(said["listed"])
    assert (said["parts"], said["large"], said["code"]) == ("3", True, True)
    assert said["rules"] == ["10"]
    assert said["begun"] == ["begun"]
    assert said["refused"] == [
        *("NoSuchKey", "NoSuchBucket", "SignatureDoesNotMatch", "InvalidAccessKeyId"),
    ]
    # As the component does: without the account's number, and sometimes with a slash.
    code = {"CosBucketName": bucket, "CosObjectName": "/code.zip"}
    platform.make(name, Code=code)
    assert platform.invoke(name)["RetMsg"] == '"from a bucket"'
    assert play(platform, f"{bucket}-1250000000", file, "remove")["removed"] is True
