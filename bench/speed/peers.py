"""Peers: what else serves functions and can be installed here, each run as its documents say.

Each answers `ok`. Versions are those of `bench/npm` and `bench/pypi`; `bench/needs` installs them.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.speed.places import Opener, Place, Program, await_answer, free_port
from bench.speed.wrk import Ask, Unusable

BENCH = Path(__file__).parents[1]
NPM, PYPI = BENCH / "npm" / "node_modules", BENCH / "pypi" / ".venv"
KEPT_S = 3600  #: How long serverless-offline keeps what it has started: it is not to start anew.
WORKERD = {"x86_64": "64", "aarch64": "arm64"}
WORKERD_AT = NPM / f"@cloudflare/workerd-linux-{WORKERD.get(platform.machine(), '64')}"

FRAMEWORK = """
import functions_framework

@functions_framework.http
def hello(request):
    return "ok"
"""
FRAMEWORK_ASGI = """
import functions_framework.aio

@functions_framework.aio.http
async def hello(request):
    return "ok"
"""
FRAMEWORK_NODE = 'exports.hello = (request, response) => response.send("ok");\n'
FLASK = """
from flask import Flask

app = Flask(__name__)

@app.get("/")
def hello():
    return "ok"
"""
OFFLINE_PYTHON = """
def hello(event, context):
    return {"statusCode": 200, "body": "ok"}
"""
OFFLINE_NODE = 'exports.hello = async () => ({statusCode: 200, body: "ok"});\n'
ISOLATE = 'export default { async fetch(request) { return new Response("ok"); } };\n'
ISOLATE_CONFIG = """
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .hello)],
  sockets = [(name = "http", address = "127.0.0.1:{port}", http = (), service = "main")]
);
const hello :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "hello.js")], compatibilityDate = "2026-01-01"
);
"""
OFFLINE = """
service: bench
frameworkVersion: "3"
provider: {{name: aws, runtime: {runtime}}}
plugins: [{plugin}]
functions:
  hello: {{handler: {handler}.hello, events: [{{httpApi: "GET /hello"}}]}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What one needs to be up."""

    program: Path  #: Without which there is nothing to measure.
    files: Mapping[str, str]
    command: Callable[[int], Sequence[str | Path]]  #: On which port of 127.0.0.1.
    environment: Mapping[str, str] = field(default_factory=dict)
    path: str = "/"


@contextmanager
def up(name: str, peer: Peer, folder: Path) -> Iterator[Place]:
    """Have a peer up."""
    if not peer.program.exists():
        raise Unusable(f"{peer.program.name} is not there; bench/needs installs it")
    port = free_port()
    for file, text in peer.files.items():
        (folder / file).write_text(text.replace("{port}", str(port)))
    program = Program(command=peer.command(port), folder=folder, environment=dict(peer.environment))
    with program.running() as pid:
        ask = Ask(url=f"http://127.0.0.1:{port}{peer.path}")
        await_answer(ask)
        yield Place(pids=[pid], asks={name: lambda: ask})


def _framework(*options: str, code: str = FRAMEWORK, workers: int = 1) -> Peer:
    """As its documents have it run: the command of the package, which brings gunicorn."""
    program = PYPI / "bin" / "functions-framework"
    return Peer(
        program=program,
        files={"main.py": code},
        command=lambda port: (
            *(program, "--target", "hello", "--host", "127.0.0.1", "--port", str(port)),
            *options,
        ),
        environment={"WORKERS": str(workers)},
    )


def _flask() -> Peer:
    """As one writes it by hand: two processes, with threads, so that connections are kept."""
    program = PYPI / "bin" / "gunicorn"
    how = ("--workers", "2", "--worker-class", "gthread", "--threads", "4")
    return Peer(
        program=program,
        files={"app.py": FLASK},
        command=lambda port: (program, *how, "--bind", f"127.0.0.1:{port}", "app:app"),
    )


def _framework_node() -> Peer:
    program = NPM / "@google-cloud" / "functions-framework" / "build" / "src" / "main.js"
    return Peer(
        program=program,
        files={"index.js": FRAMEWORK_NODE},
        command=lambda port: ("node", program, "--target=hello", f"--port={port}"),
    )


def _offline(runtime: str, file: str, code: str) -> Peer:
    """`serverless offline`, which wants a way to hear of its end, and asks nobody anything."""
    program = NPM / "serverless" / "bin" / "serverless.js"
    plugin = NPM / "serverless-offline"
    handler = file.split(".", 1)[0]
    config = OFFLINE.format(runtime=runtime, plugin=plugin, handler=handler)
    return Peer(
        program=program,
        files={"serverless.yml": config, file: code},
        command=lambda port: (
            *("node", program, "offline", "start", "--host", "127.0.0.1"),
            *("--httpPort", str(port), "--lambdaPort", str(free_port()), "--noTimeout"),
            *("--terminateIdleLambdaTime", str(KEPT_S)),
        ),
        environment={
            "CI": "1",
            "SLS_TELEMETRY_DISABLED": "1",
            "SLS_NOTIFICATIONS_MODE": "off",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
        },
        path="/hello",
    )


def _isolate() -> Peer:
    program = WORKERD_AT / "bin" / "workerd"
    return Peer(
        program=program,
        files={"hello.js": ISOLATE, "hello.capnp": ISOLATE_CONFIG},
        command=lambda port: (program, "serve", "hello.capnp"),
    )


#: By the name of the way.
PEERS: Mapping[str, Opener] = {
    name: partial(up, name, peer)
    for name, peer in {
        "framework": _framework(),
        "framework-two": _framework(workers=2),
        "framework-asgi": _framework("--asgi", code=FRAMEWORK_ASGI),
        "flask": _flask(),
        "offline": _offline("python3.11", "served.py", OFFLINE_PYTHON),
        "framework-node": _framework_node(),
        "offline-node": _offline("nodejs20.x", "served.js", OFFLINE_NODE),
        "workerd": _isolate(),
    }.items()
}


def versions() -> Mapping[str, str]:
    """Return which version of each is there, by its package's name."""
    found = {}
    for package in ("@google-cloud/functions-framework", "serverless", "serverless-offline"):
        found[package] = _said(NPM / package / "package.json")
    found["workerd"] = _said(WORKERD_AT / "package.json")
    for info in PYPI.glob("lib/python*/site-packages/*.dist-info"):
        name, _, version = info.name.removesuffix(".dist-info").partition("-")
        if name in {"functions_framework", "flask", "gunicorn", "uvicorn", "httptools", "uvloop"}:
            found[name.replace("_", "-")] = version
    return {name: version for name, version in sorted(found.items()) if version}


def _said(package: Path) -> str:
    return str(json.loads(package.read_text())["version"]) if package.exists() else ""
