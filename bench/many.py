"""Many: what a server takes with thousands of functions that nobody calls, beside one with one.

Servers over catalogs of several sizes are up at once, and every question is put to each of them in
turn. What a question costs is time of a processor in the server, over many of them: waiting, which
depends on who else uses the machine, is not in it.
"""

from __future__ import annotations

import argparse
import base64
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import OK, SEE_OTHER, HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from rich.console import Console
from rich.table import Table

from bench.filled import HANDLER, Filled, fill, zipped
from bench.functions import PYTHON_NAME
from bench.processes import cpu_s, pss_bytes
from bench.serving import PAIR, Served, over
from bench.shown import table
from huidu.actions.action import HUIDU, SCF
from huidu.actions.table import ACTIONS

SIZES = (1, 100, 10_000)
ROUNDS, TURNS = 3, 40  #: Each question is put so often, in so many rounds.
STARTS = 3  #: Of each size, one after another.
SETTLED_S = 3.0  #: What a server does once it is up, such as tidying, is over.
MOST_FUNCTIONS = ("--set", "max_functions=100000")
BY_NAME = {action.name: action for action in ACTIONS if action.service in (SCF, HUIDU)}
TRIGGER = {"TriggerName": "bench", "Type": "http"}
CODE = base64.b64encode(zipped(HANDLER)).decode()
MADE = {"Handler": "index.main_handler", "Runtime": PYTHON_NAME}
KB = 1000


@dataclass(frozen=True, slots=True)
class Stand:
    """A server over a catalog of some size, and what it took to start."""

    served: Served
    filled: Filled
    cookie: str

    def call(self, name: str, **parameters: object) -> dict[str, Any]:
        """Ask for an action."""
        return self.served.client.call(BY_NAME[name], parameters)

    def see(self, path: str) -> None:
        """Ask for a page, as somebody who is signed in."""
        _page(self.served.client.endpoint, path, self.cookie)

    def ls(self) -> None:
        """Have `huidu ls` list all there is."""
        subprocess.run(
            [sys.executable, "-m", "huidu", "ls"],
            check=True,
            stdout=subprocess.DEVNULL,
            env={
                **os.environ,
                "HUIDU_ENDPOINT": self.served.client.endpoint,
                "TENCENTCLOUD_SECRET_ID": PAIR.secret_id,
                "TENCENTCLOUD_SECRET_KEY": PAIR.secret_key,
            },
        )


Ask = Callable[[Stand, int], object]


def _first(stand: Stand) -> dict[str, object]:
    return {"FunctionName": stand.filled.names[0]}


def _trigger(stand: Stand, _: int) -> None:
    asked = {**_first(stand), **TRIGGER}
    stand.call("CreateTrigger", TriggerDesc='{"AuthType":"NONE"}', **asked)
    stand.call("DeleteTrigger", **asked)


def _function(stand: Stand, turn: int) -> None:
    name = f"made-{turn}"
    stand.call("CreateFunction", FunctionName=name, Code={"ZipFile": CODE}, **MADE)
    stand.call("DeleteFunction", FunctionName=name)


def _list(name: str, **more: object) -> Ask:
    return lambda stand, _: stand.call(name, **_first(stand), Limit=20, **more)


#: What is asked of each server, and how often in a turn.
QUESTIONS: Mapping[str, tuple[Ask, int]] = {
    "UpdateAlias": (
        lambda stand, turn: stand.call(
            "UpdateAlias", **_first(stand), Name="production", FunctionVersion=str(7 + turn % 2)
        ),
        TURNS,
    ),
    "CreateTrigger and DeleteTrigger": (_trigger, TURNS),
    "CreateFunction and DeleteFunction": (_function, TURNS),
    "PublishVersion": (lambda stand, _: stand.call("PublishVersion", **_first(stand)), TURNS),
    "GetFunction": (lambda stand, _: stand.call("GetFunction", **_first(stand)), TURNS),
    "ListFunctions, first page": (lambda stand, _: stand.call("ListFunctions", Limit=20), TURNS),
    "ListFunctions, last page": (
        lambda stand, _: stand.call(
            "ListFunctions", Limit=20, Offset=max(0, len(stand.filled.names) - 20)
        ),
        TURNS,
    ),
    "ListVersionByFunction": (_list("ListVersionByFunction"), TURNS),
    "ListAliases": (_list("ListAliases"), TURNS),
    "ListTriggers": (_list("ListTriggers"), TURNS),
    "GetTraffic": (lambda stand, _: stand.call("GetTraffic"), TURNS),
    "console: first page": (lambda stand, _: stand.see("/console/"), TURNS),
    "console: functions": (lambda stand, _: stand.see("/console/functions"), TURNS),
    "/metrics": (lambda stand, _: stand.see("/metrics"), 3),
    "huidu ls": (lambda stand, _: stand.ls(), 1),
}


@dataclass(slots=True)
class Size:
    """What was measured of one size."""

    functions: int
    start_s: list[float] = field(default_factory=list)  #: From the order to the first line.
    start_cpu_s: list[float] = field(default_factory=list)
    pss_bytes: int = 0
    cpu_ms: dict[str, list[float]] = field(default_factory=dict)  #: By question.


def measure(
    sizes: Sequence[int] = SIZES,
    rounds: int = ROUNDS,
    say: Callable[[str], None] = lambda _: None,
) -> Sequence[Size]:
    """Fill a catalog of each size, start a server over each, and ask them all in turn."""
    found = [Size(functions) for functions in sizes]
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="huidu-bench-")))
        written = []
        for size in found:
            say(f"filling {size.functions}")
            written.append(fill(home / str(size.functions) / "data", size.functions))
        for number in range(STARTS):
            say(f"starts, {number + 1} of {STARTS}")
            for size in found:
                with _started(home, size):
                    pass
        stands = [
            Stand(served, filled, _cookie(served))
            for size, filled in zip(found, written, strict=True)
            for served in [stack.enter_context(_started(home, size))]
        ]
        time.sleep(SETTLED_S)
        for size, stand in zip(found, stands, strict=True):
            size.pss_bytes = pss_bytes([stand.served.pid])
        for number in range(rounds):
            for name in QUESTIONS:
                say(f"round {number + 1} of {rounds}: {name}")
                for size, stand in zip(found, stands, strict=True):
                    size.cpu_ms.setdefault(name, []).append(_cost_ms(stand, name, number))
    return found


@contextmanager
def _started(home: Path, size: Size) -> Iterator[Served]:
    began = time.monotonic()
    with over(home / str(size.functions), *MOST_FUNCTIONS) as served:
        size.start_s.append(time.monotonic() - began)
        size.start_cpu_s.append(cpu_s(served.pid))
        yield served


def _cost_ms(stand: Stand, name: str, number: int) -> float:
    """Return what a question costs the server, in time of a processor; once is for warmth."""
    ask, turns = QUESTIONS[name]
    first = number * (turns + 1)
    ask(stand, first)
    before = cpu_s(stand.served.pid)
    for turn in range(first + 1, first + 1 + turns):
        ask(stand, turn)
    return (cpu_s(stand.served.pid) - before) / turns * 1000


def _cookie(served: Served) -> str:
    """Sign in to the console; return what a browser would hold."""
    form = urlencode({"secret_id": PAIR.secret_id, "secret_key": PAIR.secret_key})
    return _page(served.client.endpoint, "/console/sign-in", "", form)[1].partition(";")[0]


def _page(endpoint: str, path: str, cookie: str, form: str = "") -> tuple[str, str]:
    """Return a page as it came, and what it gave the browser to hold."""
    connection = HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    try:
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST" if form else "GET", path, form or None, headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        if answer.status != (SEE_OTHER if form else OK):
            raise RuntimeError(f"{path}: {answer.status}")
        return body, answer.getheader("set-cookie", "")
    finally:
        connection.close()


def show(found: Sequence[Size], console: Console, *, markdown: bool = False) -> None:
    """Print what was measured."""
    console.print(shown(found, markdown=markdown))


def shown(found: Sequence[Size], *, markdown: bool = False) -> Table:
    """Return a table: a column for each size."""
    title = "Idle functions, each with 10 versions, 5 aliases and a URL"
    heads = [f"{size.functions:,} functions" for size in found]
    made = table(title, ("what",), heads, markdown=markdown)
    least = found[0]
    middle = statistics.median
    made.add_row("start, s", *(f"{middle(size.start_s):.1f}" for size in found))
    made.add_row("start, s of a processor", *(f"{middle(size.start_cpu_s):.1f}" for size in found))
    made.add_row("memory, MB", *(f"{size.pss_bytes / 1e6:.0f}" for size in found))
    made.add_row("memory of a function, kB", *(_each(size, least) for size in found))
    for name in least.cpu_ms:
        made.add_row(f"{name}, ms", *(f"{middle(size.cpu_ms[name]):.1f}" for size in found))
    return made


def _each(size: Size, least: Size) -> str:
    """Return what a function takes, beside what a server with next to none does."""
    more = size.functions - least.functions
    return f"{(size.pss_bytes - least.pss_bytes) / more / KB:.1f}" if more > 1000 else "-"  # noqa: PLR2004


def plainly(found: Sequence[Size]) -> object:
    """Return every measurement."""
    return {
        str(size.functions): {
            "start_s": size.start_s,
            "start_cpu_s": size.start_cpu_s,
            "pss_bytes": size.pss_bytes,
            "cpu_ms": size.cpu_ms,
        }
        for size in found
    }


def run(arguments: argparse.Namespace, console: Console) -> object:
    """Measure as the command line asks, and print."""
    with console.status("measuring") as status:
        found = measure(rounds=int(arguments.rounds), say=status.update)
    show(found, console, markdown=arguments.markdown)
    return plainly(found)


if __name__ == "__main__":
    run(argparse.Namespace(rounds=ROUNDS, markdown=False), Console())
