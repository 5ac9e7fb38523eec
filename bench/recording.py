"""Recording: what it costs to count every call and to keep a record of it.

Two servers, one of which does neither and makes no record at all, take turns second by second, so
that a slow moment of the machine hits both. What is compared is the same call of the same function:
how many a second, which on a machine that others use as well says little, and how long the server
had a processor for one.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import calls
from bench.processes import cpu_s
from bench.serving import Served, server

CONNECTIONS = 64
QUIET = ("--set", "log_level=error")
UNCOMPARED = "HTTP alone"  #: Calls no function.


@dataclass
class Way:
    """One way to call a function of one server, and what each round measured."""

    name: str
    pid: int
    call: Callable[[], Mapping[str, float]]
    calls_a_second: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Call for a while."""
        began = cpu_s(self.pid)
        found = self.call()
        self.cpu_us.append((cpu_s(self.pid) - began) * 1e6 / found["calls"])
        self.calls_a_second.append(found["calls_a_second"])


Pair = tuple[Way, Way]  #: Without recording, and with it.


def _ways(served: Served, seconds: float) -> list[Way]:
    path = calls.prepare(served.client)
    return [
        Way(way.name, served.pid, way.measure)
        for way in calls.ways(served.client, served.gateway, path, seconds)
        if way.connections == CONNECTIONS and way.name != UNCOMPARED
    ]


def measure(rounds: int, seconds: float, console: Console) -> list[Pair]:
    """Measure each way in each round, with either server first by turns."""
    with server(*QUIET, program="bench.unrecorded") as without, server(*QUIET) as recording:
        pairs = list(zip(_ways(without, seconds), _ways(recording, seconds), strict=True))
        for pair in pairs:
            for way in pair:
                way.call()  # once for warmth, not counted
        with Progress(console=console, transient=True) as progress:
            for number in progress.track(range(rounds), description="measuring"):
                for pair in pairs:
                    for way in pair[:: -1 if number % 2 else 1]:
                        way.measure()
    return pairs


def _ratio(pair: Pair, of: Callable[[Way], list[float]]) -> str:
    off, on = (of(way) for way in pair)
    return f"{statistics.median(b / a for a, b in zip(off, on, strict=True)):.3f}"


def show(pairs: list[Pair], console: Console) -> None:
    """Print the table: each round is a ratio of its own, and the median of those is told."""
    shown = Table(title="Without recording, and with it", box=SIMPLE_HEAD, pad_edge=False)
    shown.add_column("way", no_wrap=True)
    for heading in ("calls/s", "with", "ratio", "CPU µs/call", "with", "ratio"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for pair in pairs:
        rates = [f"{statistics.median(way.calls_a_second):,.0f}" for way in pair]
        costs = [f"{statistics.median(way.cpu_us):,.0f}" for way in pair]
        shown.add_row(
            pair[0].name,
            *rates,
            _ratio(pair, lambda way: way.calls_a_second),
            *costs,
            _ratio(pair, lambda way: way.cpu_us),
        )
    console.print(shown)
