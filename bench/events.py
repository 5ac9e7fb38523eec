"""Events: how many are accepted and completed in a second, beside huey on SQLite.

Both do the same work in the same run, and both sync each acknowledged event to the disk. Ours comes
over HTTP, signed, is routed through an alias, runs in an instance and is recorded; huey is put to
in its producer's own process, and runs a function in a process of the consumer's.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench import rival_queue
from bench.lossless import zipped
from bench.serving import server
from huidu.actions.action import SCF_VERSION
from huidu.actions.table import BY_NAME
from huidu.cli.client import Client

NAME, ALIAS = "bench", "release"
SENDERS = 16
WORKERS = 2  #: Of huey: processes, one for each core of the machine that it was tried on.
ALONE = 20  #: Events that are sent one by one, to see how soon each begins.
DONE_S = 120.0
EVENT = {"body": "x" * 1000}
CODE = (
    "import time\n\ndef main_handler(event, context):\n    return {'ok': True, 'at': time.time()}\n"
)


@dataclass
class Way:
    """One queue, and what each round measured."""

    name: str
    accepted: list[float] = field(default_factory=list)  #: A second.
    completed: list[float] = field(default_factory=list)
    began_ms: list[float] = field(default_factory=list)  #: After it was sent, one by one.


@dataclass(frozen=True, slots=True)
class Ours:
    """A server with a function."""

    client: Client

    def prepare(self) -> None:
        """Make the function and its alias."""
        self.call("CreateFunction", Code={"ZipFile": zipped(CODE)})
        self.call("PublishVersion")
        self.call("CreateAlias", Name=ALIAS, FunctionVersion="1")

    def call(self, action: str, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - of many kinds
        return self.client.call(BY_NAME[SCF_VERSION, action], {"FunctionName": NAME, **asked})

    def send(self) -> str:
        """Send one event; return its id."""
        asked = {"InvocationType": "Event", "Qualifier": ALIAS, "ClientContext": json.dumps(EVENT)}
        return str(self.call("Invoke", **asked)["Result"]["FunctionRequestId"])

    def began(self, request_id: str) -> float:
        """Return when the function began with an event."""
        while True:
            rows = self.call("GetRequestStatus", FunctionRequestId=request_id)["Data"]
            with suppress(ValueError, IndexError):
                return float(json.loads(rows[0]["RetMsg"])["at"])
            time.sleep(0.02)

    async def flood(self, events: int) -> None:
        """Send so many from several connections."""
        row = BY_NAME[SCF_VERSION, "Invoke"]
        asked = {"FunctionName": NAME, "InvocationType": "Event", "Qualifier": ALIAS}
        asked |= {"ClientContext": json.dumps(EVENT)}
        headers, body = self.client.signed(row, asked)  # the same bytes, good for five minutes
        left = iter(range(events))

        async def one(session: aiohttp.ClientSession) -> None:
            for _ in left:
                async with session.post(self.client.endpoint, data=body, headers=headers) as got:
                    if b'"Error"' in await got.read():
                        raise RuntimeError("an event was refused")

        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(one(session) for _ in range(SENDERS)))

    def finished(self) -> int:
        """Return how many events have been run to their end."""
        with urlopen(f"{self.client.endpoint}/metrics") as page:  # noqa: S310 - it is our own server
            told = text_string_to_metric_families(page.read().decode())
        return int(
            sum(
                sample.value
                for family in told
                for sample in family.samples
                if sample.name == "huidu_event_attempts_total"
            )
        )


def ours(way: Way, house: Ours, events: int) -> None:
    """Measure one round of ours."""
    before, began = house.finished(), time.perf_counter()
    asyncio.run(house.flood(events))
    way.accepted.append(events / (time.perf_counter() - began))
    _until(lambda: house.finished() - before >= events)
    way.completed.append(events / (time.perf_counter() - began))


def alone(way: Way, house: Ours) -> None:
    """Send events one by one to a machine that has nothing else to do."""
    for _ in range(ALONE):
        time.sleep(0.1)
        sent = time.time()
        way.began_ms.append((house.began(house.send()) - sent) * 1000)


@contextmanager
def consumer(file: Path) -> Iterator[Any]:
    """Run huey's consumer over a file; yield the task."""
    os.environ[rival_queue.FILE] = str(file)
    rival = importlib.reload(rival_queue)
    with file.with_suffix(".log").open("w") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "huey.bin.huey_consumer", "bench.rival_queue.huey"),
                *("-w", str(WORKERS), "-k", "process", "-q"),
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield rival
    finally:
        process.terminate()
        process.wait(30)


def theirs(way: Way, rival: Any, events: int) -> None:  # noqa: ANN401 - it has no types
    """Measure one round of huey's."""
    began = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as senders:
        results = list(senders.map(lambda _: rival.handle(EVENT), range(events)))
    way.accepted.append(events / (time.perf_counter() - began))
    _until(lambda: rival.huey.pending_count() == 0 and results[-1].is_ready())
    way.completed.append(events / (time.perf_counter() - began))


def alone_theirs(way: Way, rival: Any) -> None:  # noqa: ANN401 - as above
    """Send events one by one."""
    for _ in range(ALONE):
        time.sleep(0.1)
        sent = time.time()
        way.began_ms.append((rival.handle(EVENT).get(blocking=True)["at"] - sent) * 1000)


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + DONE_S
    while not done():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


def measure(rounds: int, events: int, console: Console) -> list[Way]:
    """Measure both in each round."""
    mine, rivals = Way("Huidu"), Way("huey, SQLite")
    with (
        console.status("measuring"),
        tempfile.TemporaryDirectory(prefix="huidu-huey-") as folder,
        server("--set", "log_level=error") as served,
        consumer(Path(folder) / "huey.db") as rival,
    ):
        house = Ours(served.client)
        house.prepare()
        ours(Way("warm"), house, 100)
        theirs(Way("warm"), rival, 100)
        alone(mine, house)
        alone_theirs(rivals, rival)
        for _ in range(rounds):
            ours(mine, house, events)
            theirs(rivals, rival, events)
    return [mine, rivals]


def show(measured: list[Way], rounds: int, console: Console) -> None:
    """Print the table: medians over the rounds."""
    table = Table(title="Events of 1 kB, a trivial handler", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("queue", no_wrap=True)
    for heading in ("accepted/s", "ratio", "completed/s", "ratio", "begins after ms", "p90"):
        table.add_column(heading, justify="right", no_wrap=True)
    base = measured[-1]
    for way in measured:
        accepted, completed = map(statistics.median, (way.accepted, way.completed))
        table.add_row(
            way.name,
            f"{accepted:,.0f}",
            f"{accepted / statistics.median(base.accepted):.2f}",
            f"{completed:,.0f}",
            f"{completed / statistics.median(base.completed):.2f}",
            f"{statistics.median(way.began_ms):.1f}",
            f"{statistics.quantiles(way.began_ms, n=10)[-1]:.1f}",
        )
    console.print(table)
    console.print(
        f"{os.cpu_count()} cores, {SENDERS} senders, medians of {rounds}; huey has {WORKERS} "
        "processes, is put to without HTTP, and syncs as ours does"
    )
