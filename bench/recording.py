"""Recording: what it costs to count every call and to keep a record of it.

Two servers, one of which does neither, take turns second by second, so that a slow moment of the
machine hits both. What is compared is the same call of the same function.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import calls
from bench.serving import Served, server

CONNECTIONS = 64
QUIET = ("--set", "log_level=error")
OFF, ON = "neither counted nor recorded", "counted and recorded"

Measure = Callable[[], Mapping[str, float]]


def _ways(name: str, served: Served, seconds: float) -> Mapping[tuple[str, str], Measure]:
    path = calls.prepare(served.client)
    return {
        (way.name, name): way.measure
        for way in calls.ways(served.client, served.gateway, path, seconds)
        if way.connections == CONNECTIONS and way.name != "HTTP alone"
    }


def measure(rounds: int, seconds: float, console: Console) -> Mapping[tuple[str, str], list[float]]:
    """Return calls per second, by way and server, of each round."""
    with server(*QUIET, program="bench.unrecorded") as without, server(*QUIET) as recording:
        without_it, with_it = (
            _ways(OFF, without, seconds),
            _ways(ON, recording, seconds),
        )
        every = [
            pair
            for off, on in zip(without_it.items(), with_it.items(), strict=True)
            for pair in (off, on)
        ]
        for _, run in every:
            run()  # once for warmth, not counted
        found: dict[tuple[str, str], list[float]] = {name: [] for name, _ in every}
        with Progress(console=console, transient=True) as progress:
            for number in progress.track(range(rounds), description="measuring"):
                for name, run in every[:: -1 if number % 2 else 1]:
                    found[name].append(run()["calls_a_second"])
    return found


def show(found: Mapping[tuple[str, str], list[float]], console: Console) -> None:
    """Print the table: each round is a ratio of its own, and the median of those is told."""
    shown = Table(title="What recording costs", box=SIMPLE_HEAD, pad_edge=False)
    shown.add_column("way")
    for heading in ("off, calls/s", "on, calls/s", "on / off", "least", "most"):
        shown.add_column(heading, justify="right")
    for way in dict.fromkeys(name for name, _ in found):
        off, on = found[way, OFF], found[way, ON]
        ratios = [b / a for a, b in zip(off, on, strict=True)]
        shown.add_row(
            way,
            f"{statistics.median(off):,.0f}",
            f"{statistics.median(on):,.0f}",
            *(f"{of(ratios):.3f}" for of in (statistics.median, min, max)),
        )
    console.print(shown)
