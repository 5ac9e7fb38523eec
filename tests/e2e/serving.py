"""Web functions on a server: how the tests make them, and how they are called."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.platform import Platform

APP = Path(__file__).with_name("web_app.txt").read_text()
BOOTSTRAP = "#!/bin/bash\nexec /var/lang/python37/bin/python3 app.py\n"


def packed(files: Mapping[str, str | bytes], mode: int = 0o755) -> str:
    """Return a zip file in base64, each file with this mode."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o100000 | mode) << 16
            archive.writestr(info, text)
    return base64.b64encode(packed.getvalue()).decode()


def publish(
    platform: Platform,
    name: str,
    app: str = APP,
    bootstrap: str = BOOTSTRAP,
    concurrency: int = 1,
    mode: int = 0o755,
    beside: Mapping[str, bytes] = {},
    **more: Any,
) -> str:
    """Create a web function with a URL; return where the URL leads, without a slash at its end."""
    files: dict[str, str | bytes] = {"scf_bootstrap": bootstrap, "app.py": app, **beside}
    wanted = {
        "Runtime": "Python3.10",
        "Timeout": 30,
        "InstanceConcurrencyConfig": {"DynamicEnabled": "FALSE", "MaxConcurrency": concurrency},
    }
    platform.call(
        "CreateFunction",
        FunctionName=name,
        Type="HTTP",
        Code={"ZipFile": packed(files, mode)},
        **(wanted | more),
    )
    return url_of(platform, name)


def url_of(platform: Platform, name: str, qualifier: str = "$DEFAULT", trigger: str = "url") -> str:
    """Return the address of a new URL of a function."""
    made = platform.call(
        "CreateTrigger",
        FunctionName=name,
        TriggerName=trigger,
        Type="http",
        TriggerDesc='{"AuthType":"NONE"}',
        Qualifier=qualifier,
    )
    address = json.loads(made["TriggerInfo"]["TriggerDesc"])["ExtranetHTTPUrl"]
    return str(address).rstrip("/")


def vendored(*packages: str) -> dict[str, bytes]:
    """Return the files of installed packages, as a user puts them into the zip beside the code."""
    files = {}
    for package in packages:
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent
        for file in folder.rglob("*.py"):
            files[file.relative_to(folder.parent).as_posix()] = file.read_bytes()
    return files
