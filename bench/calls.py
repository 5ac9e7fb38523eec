"""Calls: what Huidu adds to a function, beside the function called directly.

Every way is measured in each of several rounds, so that a slow moment of the machine hits all of
them; the table shows medians over the rounds, and ratios to the first line of its group. Compare
lines of one run, never runs.
"""

from __future__ import annotations

import base64
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.serving import PAIR, server
from demo.load import Caller
from huidu.actions.table import BY_NAME
from huidu.cli.client import Client

CODE = "def main_handler(event, context):\n    return {'ok': True}\n"
EVENT = json.dumps({"path": "/hello", "httpMethod": "GET", "body": "x" * 1000})
SCF = "2018-04-16"


@dataclass
class Way:
    """One way to the handler, and what each round measured."""

    name: str
    connections: int
    measure: Callable[[], dict[str, float]]
    rounds: list[dict[str, float]] = field(default_factory=list)

    def median(self, of: str) -> float:
        return statistics.median(measured[of] for measured in self.rounds)


def prepare(client: Client) -> str:
    """Make the function, two versions and two aliases; return the path of its URL."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("index.py", CODE)

    def call(action: str, **parameters: object) -> dict[str, object]:
        return client.call(BY_NAME[SCF, action], {"FunctionName": "bench", **parameters})

    call("CreateFunction", Code={"ZipFile": base64.b64encode(out.getvalue()).decode()})
    for _ in range(2):
        call("PublishVersion")
    call("CreateAlias", Name="whole", FunctionVersion="1")
    shares = {"AdditionalVersionWeights": [{"Version": "2", "Weight": 0.1}]}
    call("CreateAlias", Name="split", FunctionVersion="1", RoutingConfig=shares)
    made = call("CreateTrigger", TriggerName="url", Type="http", Qualifier="whole")
    info = made["TriggerInfo"]
    return f"/url/{info['ResourceId']}/hello" if isinstance(info, dict) else ""


def directly() -> dict[str, float]:
    """The handler in a loop, with the event decoded and the result encoded."""
    scope: dict[str, Callable[[object, object], object]] = {}
    exec(CODE, scope)  # noqa: S102 - it is our own text, above
    handler, times_us, until = scope["main_handler"], [], time.perf_counter() + 0.5
    began = time.perf_counter()
    while (start := time.perf_counter()) < until:
        json.dumps(handler(json.loads(EVENT), {}))
        times_us.append((time.perf_counter() - start) * 1e6)
    took = time.perf_counter() - began
    times_us.sort()
    return {
        "calls_a_second": len(times_us) / took,
        "p50_us": times_us[len(times_us) // 2],
        "p99_us": times_us[int(len(times_us) * 0.99)],
        "failed": 0,
    }


def signed(client: Client, qualifier: str) -> bytes:
    """A signed `InvokeFunction` as it goes over the wire; good for five minutes."""
    caller = Caller(
        endpoint=client.endpoint,
        secret_id=PAIR.secret_id,
        secret_key=PAIR.secret_key,
        function="bench",
        qualifier=qualifier,
    )
    headers, body = caller.request(time.time(), EVENT)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


def over_http(
    endpoint: str, request: Callable[[], bytes], connections: int, seconds: float
) -> Callable[[], dict[str, float]]:
    """A measurement by the load generator, in a process of its own."""

    def measure() -> dict[str, float]:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "bench.wire_load", str(urlsplit(endpoint).port)),
                *("--connections", str(connections), "--seconds", str(seconds)),
            ],
            input=request(),
            stdout=subprocess.PIPE,
            check=True,
        )
        return dict(json.loads(done.stdout))

    return measure


def ways(client: Client, gateway: str, path: str, seconds: float) -> list[Way]:
    """Every way that is measured."""
    body = EVENT.encode()
    head = f"POST {path} HTTP/1.1\r\nhost: {urlsplit(gateway).netloc}\r\n"
    plain = f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    health = f"GET /healthz HTTP/1.1\r\nhost: {urlsplit(gateway).netloc}\r\n\r\n".encode()
    found = [Way("called directly", 0, directly)]
    for connections in (1, 64):
        for name, endpoint, request in (
            ("HTTP alone", gateway, lambda: health),
            ("function URL", gateway, lambda: plain + body),
            ("InvokeFunction", client.endpoint, lambda: signed(client, "whole")),
            ("InvokeFunction 90/10", client.endpoint, lambda: signed(client, "split")),
        ):
            measure = over_http(endpoint, request, connections, seconds)
            found.append(Way(name, connections, measure))
    return found


def table(measured: list[Way]) -> Table:
    """The result: medians, and ratios to the first way with as many connections."""
    title = "A trivial Python handler, an event of 1 kB"
    shown = Table(
        title=title, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True
    )
    shown.add_column("way", no_wrap=True)
    for heading in ("conns", "calls/s", "ratio", "p50 µs", "p99 µs", "added", "failed"):
        shown.add_column(heading, justify="right", no_wrap=True)
    bare = measured[0].median("p50_us")
    first: dict[int, float] = {}
    for way in measured:
        rate = way.median("calls_a_second")
        base = first.setdefault(way.connections, rate)
        shown.add_row(
            way.name,
            str(way.connections or "-"),
            f"{rate:,.0f}",
            f"{rate / base:.2f}",
            f"{way.median('p50_us'):,.0f}",
            f"{way.median('p99_us'):,.0f}",
            f"{way.median('p50_us') - bare:,.0f}",
            f"{sum(measured['failed'] for measured in way.rounds):.0f}",
        )
    return shown


def measure(rounds: int, seconds: float, console: Console) -> list[Way]:
    """Measure every way in each round, for so many seconds each."""
    with server("--set", "log_level=error") as served:
        path = prepare(served.client)
        measured = ways(served.client, served.gateway, path, seconds)
        for way in measured[1:]:
            way.measure()  # once for warmth, not counted
        with Progress(console=console, transient=True) as progress:
            for way in progress.track(measured * rounds, description="measuring"):
                way.rounds.append(way.measure())
    return measured


def show(measured: list[Way], rounds: int, console: Console) -> None:
    """Print the table."""
    console.print(table(measured))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    console.print(f"{machine}; load generator on the same cores; medians of {rounds}.")
