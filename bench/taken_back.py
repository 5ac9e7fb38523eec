"""Taken back: how many calls fail before a bad version is gone, on a real server under load.

`make bench ARGS=taken-back`. Each release is a rollout by evidence from a version that fails with
one probability to one that fails with another. What is told is counted by the callers: from the
first failure of the new version to the last. Beside it stands the oracle: the sequential test that
knows both probabilities (Wald's, at the same level), on the same calls in the same order.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import math
import statistics
import time
import zipfile
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.serving import PAIR, Served, server
from demo.load import Called, Caller, run
from huidu.actions.table import BY_NAME

CODE = """
import random

def main_handler(event, context):
    if random.random() < {share}:
        raise RuntimeError("broken")
    return "fine"
"""
SCF, OURS = "2018-04-16", "2026-11-01"
CALLERS, PAUSE_S = 16, 0.05
BEFORE_S, MOST_S = 3.0, 180.0
LEVEL = 0.005  #: The judge's for errors: half of one in a hundred.


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What shares of the calls fail, of the version that was there and of the new one."""

    name: str
    before: float
    after: float
    releases: int


FAULTS = (
    Fault(name="total", before=0.0, after=1.0, releases=5),
    Fault(name="1 % to 20 %", before=0.01, after=0.2, releases=7),
    Fault(name="1 % to 5 %", before=0.01, after=0.05, releases=3),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One release, as its callers saw it."""

    state: str
    calls_per_s: float
    met: int  #: Calls that the new version answered, or failed to.
    failed: int  #: Calls of the new version that failed.
    oracle: int | None  #: How many would have, had the oracle decided; None where it had not yet.
    seconds: float  #: From the first of them to the last.
    switched_ms: float  #: From the one that decided to the last call that began at the new version.


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The releases with one fault."""

    fault: Fault
    releases: list[Taken]


def _ask(served: Served, version: str, action: str, **parameters: object) -> dict[str, Any]:
    return dict(served.client.call(BY_NAME[version, action], parameters))


def _zip(share: float) -> str:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("index.py", CODE.format(share=share))
    return base64.b64encode(out.getvalue()).decode()


def _prepare(served: Served, name: str, fault: Fault) -> None:
    code = {"ZipFile": _zip(fault.before)}
    _ask(served, SCF, "CreateFunction", FunctionName=name, Code=code)
    _ask(served, SCF, "PublishVersion", FunctionName=name)
    _ask(served, SCF, "CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    _ask(served, SCF, "UpdateFunctionCode", FunctionName=name, ZipFile=_zip(fault.after))
    _ask(served, SCF, "PublishVersion", FunctionName=name)


def oracle(calls: list[Called], fault: Fault) -> int | None:
    """Return how many calls have failed when the test that knows both shares has decided."""
    least = 1e-4  # nothing is known for certain, not even by an oracle
    good = min(max(fault.before, least), 1 - least)
    bad = min(max(fault.after, least), 1 - least)
    evidence, failed = 0.0, 0
    for call in calls:
        if call.status == 200:  # noqa: PLR2004 - as HTTP has it
            evidence += math.log((1 - bad) / (1 - good))
        else:
            failed += 1
            evidence += math.log(bad / good)
        if evidence >= -math.log(LEVEL):
            return failed
    return None


async def _release(served: Served, name: str, fault: Fault) -> Taken:
    heard: list[Called] = []
    caller = Caller(
        endpoint=served.client.endpoint,
        secret_id=PAIR.secret_id,
        secret_key=PAIR.secret_key,
        function=name,
        qualifier="release",
    )
    load = asyncio.create_task(run(caller, CALLERS, heard.append, PAUSE_S))
    try:
        await asyncio.sleep(BEFORE_S)
        began = time.monotonic()
        asked = {"FunctionName": name, "Name": "release"}
        await asyncio.to_thread(_ask, served, OURS, "StartRollout", FunctionVersion="2", **asked)
        state = "ramping"
        while state in ("ramping", "waiting") and time.monotonic() < began + MOST_S:
            await asyncio.sleep(0.2)
            seen = await asyncio.to_thread(_ask, served, OURS, "GetRollout", **asked)
            state = seen["State"]
        await asyncio.sleep(1.0)
    finally:
        load.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await load
    return _taken(heard, fault, state, began)


def _taken(heard: list[Called], fault: Fault, state: str, began: float) -> Taken:
    new = sorted((one for one in heard if one.version == "2"), key=lambda one: one.ended)
    bad = [one for one in new if one.status != 200]  # noqa: PLR2004 - as HTTP has it
    before = sum(1 for one in heard if began - 2 <= one.ended < began)
    last_began = max((one.began for one in new), default=0.0)
    return Taken(
        state=state,
        calls_per_s=before / 2,
        met=len(new),
        failed=len(bad),
        oracle=oracle(new, fault),
        seconds=bad[-1].ended - bad[0].ended if bad else 0.0,
        switched_ms=max(0.0, last_began - bad[-1].ended) * 1000 if bad else 0.0,
    )


def measure(console: Console) -> list[Row]:
    """Release versions with each fault, one after the other."""
    rows = []
    with server("--set", "log_level=error") as served, console.status("releasing") as status:
        for number, fault in enumerate(FAULTS):
            taken = []
            for turn in range(fault.releases):
                status.update(f"{fault.name}, release {turn + 1} of {fault.releases}")
                name = f"release-{number}-{turn}"
                _prepare(served, name, fault)
                taken.append(asyncio.run(_release(served, name, fault)))
            rows.append(Row(fault=fault, releases=taken))
    return rows


def table(rows: list[Row]) -> Table:
    """Return what is shown of them: medians, and the worst."""
    made = Table(box=SIMPLE_HEAD, title="Bad versions, taken back by a real server under load")
    for head in ("fault", "releases", "taken back", "calls/s", "failed calls", "most"):
        made.add_column(head, justify="left" if head == "fault" else "right")
    for head in ("oracle", "ratio", "first to last, s"):
        made.add_column(head, justify="right")
    for row in rows:
        of = row.releases
        failed = statistics.median(one.failed for one in of)
        known = statistics.median(one.failed if one.oracle is None else one.oracle for one in of)
        made.add_row(
            row.fault.name,
            str(len(of)),
            str(sum(one.state == "rolled back" for one in of)),
            f"{statistics.median(one.calls_per_s for one in of):.0f}",
            f"{failed:g}",
            str(max(one.failed for one in of)),
            f"{known:g}",
            f"{failed / known:.2f}" if known else "",
            f"{statistics.median(one.seconds for one in of):.1f}",
        )
    return made


def plainly(rows: list[Row]) -> object:
    """Return the same for programs."""
    return json.loads(json.dumps([asdict(row) for row in rows]))
