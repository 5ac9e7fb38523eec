"""Roles: the functions that are loaded for long, one of each kind, and their packages."""

from __future__ import annotations

import base64
import io
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.functions import BOOTSTRAP, PROGRAMS, PYTHON_NAME
from huidu.runtimes.table import TABLE

EVENT, HTTP, WEBSOCKET = "event", "HTTP", "WebSocket"
INSTALL_S = 180.0

#: What takes a while, so that a kill may hit a call.
SLOW_PYTHON = """
import time

def main_handler(event, context):
    time.sleep(0.03)
    return event
"""
SLOW_NODE = """
const wait = require("util").promisify(setTimeout);
exports.main_handler = async (event) => { await wait(30); return event; };
"""
EXPRESS = """
const app = require("express")();
app.get("/echo", (request, response) => response.json({n: request.query.n}));
app.listen(9000, "0.0.0.0");
"""
NODE_HTTP = """
require("http").createServer((request, response) => {
  const n = new URL(request.url, "http://localhost").searchParams.get("n");
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({n}));
}).listen(9000, "0.0.0.0");
"""
FLASK = """
from flask import Flask, request

app = Flask(__name__)


@app.get("/echo")
def echo():
    return {"n": request.args["n"]}


app.run("0.0.0.0", 9000, threaded=True)
"""
ECHO = """
import asyncio
from websockets.asyncio.server import serve


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def main():
    async with serve(echo, "0.0.0.0", 9000):
        await asyncio.Future()


asyncio.run(main())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One function: what it is made with, and what it is called over."""

    name: str
    kind: str
    parameters: Mapping[str, object]
    files: Mapping[str, str]
    folder: Path | None = None  #: More files, which an installer wrote.
    note: str = ""  #: Where it is not quite what it is meant to be.

    @property
    def function(self) -> str:
        """What the function is called."""
        return f"soak-{self.name.replace('.', '').lower()}"

    def zipped(self, release: int) -> str:
        """Return the package of a release, in base64; each differs from the others."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("release", str(release))
            for name, text in self.files.items():
                info = zipfile.ZipInfo(name)
                info.external_attr = (0o100755 if name in PROGRAMS else 0o100644) << 16
                archive.writestr(info, text, zipfile.ZIP_DEFLATED)
            for file in sorted(self.folder.rglob("*")) if self.folder else ():
                if file.is_file() and not file.is_symlink():
                    archive.write(file, file.relative_to(str(self.folder)))
        return base64.b64encode(out.getvalue()).decode()


def events() -> Iterator[Role]:
    """Yield a function of each language in the table that is called with events."""
    common = {"MemorySize": 256, "Timeout": 30}
    handled = {"Handler": "index.main_handler", **common}
    made = {
        "Python": ({**handled, "Runtime": PYTHON_NAME}, {"index.py": SLOW_PYTHON}),
        "Node.js": ({**handled, "Runtime": "Nodejs18.15"}, {"index.js": SLOW_NODE}),
        "custom": (
            {"Runtime": "CustomRuntime", "Handler": "main", **common},
            {"bootstrap": BOOTSTRAP},
        ),
    }
    for row in TABLE:
        if row.language in made:
            parameters, files = made[row.language]
            yield Role(name=row.language, kind=EVENT, parameters=parameters, files=files)


def servers(folder: Path) -> Iterator[Role | tuple[str, str]]:
    """Yield the web functions; of one whose parts cannot be had its name, and why."""
    for name, make in (("Express", _express), ("Flask", _flask), ("WebSocket", _websocket)):
        try:
            yield make(folder / name)
        except (OSError, subprocess.SubprocessError) as error:
            yield name, str(error)


def _web(runtime: str, program: str, **more: object) -> tuple[Mapping[str, object], str]:
    """Return parameters of a web function, and the file that starts it."""
    parameters = {"Type": "HTTP", "Runtime": runtime, "MemorySize": 256, "Timeout": 60, **more}
    return parameters, f"#!/bin/sh\ncd /var/user 2>/dev/null\nexec {program}\n"


def _express(folder: Path) -> Role:
    parameters, start = _web("Nodejs18.15", "node server.js")
    try:
        if shutil.which("npm") is None:
            raise FileNotFoundError("there is no npm")
        folder.mkdir()
        _run("npm", "install", "--silent", "--no-audit", "--no-fund", "express", at=folder)
    except (OSError, subprocess.SubprocessError) as error:
        note = f"plain node, Express cannot be installed: {error}"
        files = {"scf_bootstrap": start, "server.js": NODE_HTTP}
        return Role(name="Express", kind=HTTP, parameters=parameters, files=files, note=note)
    files = {"scf_bootstrap": start, "server.js": EXPRESS}
    return Role(name="Express", kind=HTTP, parameters=parameters, files=files, folder=folder)


def _flask(folder: Path) -> Role:
    _pip(folder, "flask")
    concurrency = {"InstanceConcurrencyConfig": {"DynamicEnabled": "FALSE", "MaxConcurrency": 4}}
    parameters, start = _web(PYTHON_NAME, "python3 server.py", **concurrency)
    files = {"scf_bootstrap": start, "server.py": FLASK}
    return Role(name="Flask", kind=HTTP, parameters=parameters, files=files, folder=folder)


def _websocket(folder: Path) -> Role:
    _pip(folder, "websockets")
    parameters, start = _web(
        PYTHON_NAME,
        "python3 server.py",
        ProtocolType="WS",
        ProtocolParams={"WSParams": {"IdleTimeOut": 60}},
    )
    files = {"scf_bootstrap": start, "server.py": ECHO}
    return Role(name="WebSocket", kind=WEBSOCKET, parameters=parameters, files=files, folder=folder)


def _pip(folder: Path, package: str) -> None:
    folder.mkdir()
    _run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-compile", "--target", str(folder), package),
        at=folder,
    )


def _run(*command: str, at: Path) -> None:
    done = subprocess.run(
        command, cwd=at, capture_output=True, text=True, timeout=INSTALL_S, check=False
    )
    if done.returncode:
        raise OSError(f"{command[0]}: {done.stderr.strip()[-200:]}")


#: By what is asked for: all, or some by their names.
Wanted = Callable[[str], bool]


def cast(folder: Path, wanted: Wanted) -> tuple[list[Role], dict[str, str]]:
    """Return the roles that are wanted, and which are not there with the reason."""
    found, missing = [role for role in events() if wanted(role.name)], dict[str, str]()
    if any(wanted(name) for name in ("Express", "Flask", "WebSocket")):
        for made in servers(folder):
            if isinstance(made, Role):
                found.append(made)
            else:
                missing[made[0]] = made[1]
    return [role for role in found if wanted(role.name)], missing
