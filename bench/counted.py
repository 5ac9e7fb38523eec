"""Counted: calls with failures among them and a restart in the middle; is every number right?

`make count CALLS=100000`. What the callers saw is held, number by number, against the series of
all resolutions, the metrics of both servers, and the records.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import sqlite3
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import uvloop
from prometheus_client.parser import text_string_to_metric_families

from bench.serving import Served, over
from huidu.actions.table import BY_NAME
from huidu.model.rollup import HOUR, MINUTE, SECOND, Selection
from huidu.observe.counters import Counters
from huidu.observe.series import Series
from huidu.store.database import Database
from huidu.store.series import Series as KeptSeries

SCF = "2018-04-16"
CONNECTIONS = 16
NAME, ALIAS = "counted", "release"
#: Does what its caller says; but only version 2 fails.
CODE = """
import time

def main_handler(event, context):
    said = event["body"]
    if said == "sleep":
        time.sleep(60)
    if said == "eat":
        return len(b"x" * (200 << 20))
    if said == "raise" and context["function_version"] == "2":
        raise ValueError("as told")
    return "fine"
"""
#: Every so many calls, from the n-th on, one does this.
EVERY = ((50, 7, "raise"), (1000, 500, "sleep"), (1000, 750, "eat"))

#: What callers and counters agree on, or not: calls by version and status.
Calls = Counter[tuple[str, int]]


def words(calls: int) -> Iterator[str]:
    """Yield what each call is to do."""
    for n in range(calls):
        yield next((word for every, at, word in EVERY if n % every == at), "fine")


class Caller(asyncio.Protocol):
    """One connection with one request at a time, which counts who answered, and how."""

    def __init__(self, path: str, host: str, said: Iterator[str], seen: Calls) -> None:
        self._head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: "
        self._said = said
        self._seen = seen
        self._answer = bytearray()
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport
        self._send()

    def _send(self) -> None:
        word = next(self._said, None)
        if word is None:
            self.done.set_result(None)
            return
        request = f"{self._head}{len(word)}\r\n\r\n{word}".encode()
        self._transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Count an answer once it is whole."""
        self._answer += data
        head, found, body = bytes(self._answer).partition(b"\r\n\r\n")
        if not found:
            return
        first, *lines = head.decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        if len(body) < int(headers["content-length"]):
            return
        self._answer.clear()
        self._seen[headers.get("x-scf-version", ""), int(first.split()[1])] += 1
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        """No connection may be lost."""
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("lost"))


async def _call(address: str, path: str, said: Iterator[str], seen: Calls) -> None:
    at = urlsplit(address)
    loop = asyncio.get_running_loop()
    callers = [
        await loop.create_connection(
            lambda: Caller(path, at.netloc, said, seen), at.hostname or "", at.port or 0
        )
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(caller.done for _, caller in callers))
    for transport, _ in callers:
        transport.close()


def prepare(served: Served) -> str:
    """Make the function, its versions, its alias and its URL; return the path of that."""

    def call(action: str, **parameters: object) -> Mapping[str, object]:
        return served.client.call(BY_NAME[SCF, action], {"FunctionName": NAME, **parameters})

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("index.py", CODE)
    code = {"ZipFile": base64.b64encode(out.getvalue()).decode()}
    call("CreateFunction", Code=code, Timeout=1, MemorySize=64)
    for _ in range(2):
        call("PublishVersion")
    shares = {"AdditionalVersionWeights": [{"Version": "2", "Weight": 0.5}]}
    call("CreateAlias", Name=ALIAS, FunctionVersion="1", RoutingConfig=shares)
    info = call("CreateTrigger", TriggerName="url", Type="http", Qualifier=ALIAS)["TriggerInfo"]
    return f"/url/{info['ResourceId']}/" if isinstance(info, dict) else ""


def told(served: Served) -> Calls:
    """Return what the metrics of a server say."""
    with urlopen(f"{served.client.endpoint}/metrics") as page:  # noqa: S310 - our own server
        families = text_string_to_metric_families(page.read().decode())
    return Counter(
        {
            (sample.labels["version"], int(sample.labels["status"])): int(sample.value)
            for family in families
            for sample in family.samples
            if sample.name == "huidu_invocations_total" and sample.labels["alias"] == ALIAS
        }
    )


async def kept(data: Path, period_s: int) -> Calls:
    """Return what the series of a server that has ended say, in periods of one length."""
    database = Database(data / "series.db", durable=False)
    await database.open("series")
    series = Series(Counters(time.time), KeptSeries(database), time.time)
    await series.open()
    with closing(sqlite3.connect(data / "huidu.db")) as catalog:
        (function_id,) = catalog.execute(
            "SELECT id FROM function WHERE name = ?", (NAME,)
        ).fetchone()
    now = int(time.time())
    asked = Selection(
        function_id=function_id, alias=ALIAS, since=now - 800, until=now + 1, period_s=period_s
    )
    found = await series.by_version(asked)
    await database.close()
    return sum(
        (
            Counter({(version, status): count for status, count in point.tally.statuses})
            for version, points in found.items()
            for point in points
        ),
        Counter(),
    )


def recorded(data: Path) -> Calls:
    """Return what the records of a server that has ended say."""
    asked = (
        "SELECT version, status, count(*) FROM record GROUP BY version, status",
        "SELECT version, 200, sum(count) FROM pack GROUP BY version",
    )
    found = Calls()
    with closing(sqlite3.connect(data / "journal.db")) as journal:
        for question in asked:
            for version, status, count in journal.execute(question):
                found[version, status] += count
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What callers saw, and what each place where calls are counted says."""

    seen: Calls
    said: Mapping[str, Calls]
    seconds: float

    @property
    def wrong(self) -> list[str]:
        """The places that say anything else than the callers."""
        return [place for place, said in self.said.items() if said != self.seen]


def count(calls: int, folder: Path, *options: str) -> Found:
    """Call, restart the server, call again, end it; and read what was counted everywhere."""
    seen, metrics, path = Calls(), Calls(), ""
    said, began = words(calls), time.monotonic()
    for half in (calls // 2, calls - calls // 2):
        with over(folder, "--set", "log_level=error", *options) as served:
            path = path or prepare(served)
            some = iter([next(said) for _ in range(half)])
            uvloop.run(_call(served.gateway, path, some, seen))
            metrics += told(served)
            data = served.data
    took = time.monotonic() - began
    series = {
        f"series, {period_s} s": asyncio.run(kept(data, period_s))
        for period_s in (SECOND, MINUTE, HOUR)
    }
    places = {"metrics": metrics, **series, "records": recorded(data)}
    return Found(seen=seen, said=places, seconds=took)


def main() -> int:
    """Call and compare; the exit code is 1 where a number is wrong."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--calls", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="huidu-count-") as folder:
        found = count(arguments.calls, Path(folder))
    print(f"{found.seen.total()} calls in {found.seconds:.0f} s; version, status: calls")
    for (version, status), calls in sorted(found.seen.items()):
        print(f"  {version} {status}: {calls}")
    for place, said in found.said.items():
        print(f"{place}: {'the same' if said == found.seen else f'NOT THE SAME: {said}'}")
    return bool(found.wrong)


if __name__ == "__main__":
    sys.exit(main())
