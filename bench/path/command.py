"""The command: `make bench ARGS=stages`; each stage by itself, beside what it may cost."""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import uvloop
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.path import yardsticks
from bench.path.budgets import BUDGETS, STEP, TRIP, WHOLE, over
from bench.path.ground import BATCH, Ground, prepared
from bench.path.meter import Meter
from bench.path.stages import STAGES

NAME = "stages"
ROUNDS, BATCHES = 7, 80
UNITS = {STEP: "steps", TRIP: "trips"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What each stage and each yardstick took, in µs a call, round by round."""

    yards: Mapping[str, list[float]] = field(default_factory=lambda: {STEP: [], TRIP: []})
    stages: Mapping[str, list[float]] = field(default_factory=lambda: {name: [] for name in STAGES})

    def ratio(self, stage: str) -> float:
        """Return how many of its yardsticks a stage costs: the median of what rounds say."""
        yards = self.yards[BUDGETS[stage].unit]
        took = self.stages[stage]
        return statistics.median(a / b for a, b in zip(took, yards, strict=True))

    def put_together(self) -> list[float]:
        """Return what the stages come to that `WHOLE` is made of."""
        parts = [self.stages[name] for name, budget in BUDGETS.items() if budget.whole]
        return [sum(each) for each in zip(*parts, strict=True)]


def options(parser: argparse.ArgumentParser) -> None:
    """Say what can be asked for."""
    parser.add_argument("--batches", type=int, default=BATCHES, help="of calls, a stage and round")
    parser.add_argument("--tier", default="best", help="the sandbox of the worker")


def run(given: argparse.Namespace, console: Console) -> object:
    """Measure, and print; return what is kept as JSON."""
    rounds = ROUNDS if given.rounds is None else given.rounds
    with console.status("measuring") as status:
        measured = measure(rounds, given.batches, given.tier, status.update)
    show(measured, console, markdown=given.markdown)
    return {"yardsticks": measured.yards, "stages": measured.stages}


def measure(
    rounds: int, batches: int, tier: str = "best", say: Callable[[str], object] = str
) -> Measured:
    """Measure all stages in turn, in each round, between yardsticks."""
    return uvloop.run(_measure(rounds, batches, tier, say))


async def _measure(rounds: int, batches: int, tier: str, say: Callable[[str], object]) -> Measured:
    measured = Measured()
    with ExitStack() as stack:
        trips = stack.enter_context(yardsticks.travelling())
        async with prepared(tier) as ground:
            await _round(ground, trips, Measured(), min(batches, 4))  # once for warmth
            for number in range(rounds):
                say(f"round {number + 1} of {rounds}")
                await _round(ground, trips, measured, batches)
    return measured


async def _round(ground: Ground, trips: yardsticks.Trips, measured: Measured, batches: int) -> None:
    """Measure everything once; a yardstick before and after, for the machine may change."""
    step, trip = Meter(), Meter()
    for name, stage in STAGES.items():
        meter = Meter()
        await stage(ground, meter, batches)
        measured.stages[name].append(meter.us)
        yardsticks.step(step, batches * BATCH // 4)
        trips.measure(trip, batches * BATCH // 8)
        await asyncio.sleep(0)
    measured.yards[STEP].append(step.us)
    measured.yards[TRIP].append(trip.us)


def show(measured: Measured, console: Console, *, markdown: bool = False) -> None:
    """Print the table, and what is over its budget."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title="CPU of each stage of a call")
    table.add_column("stage", no_wrap=True)
    for heading in ("best µs", "median µs", "in yardsticks", "budget", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows(measured):
        table.add_row(*row)
    if markdown:
        console.out("\n".join(f"| {' | '.join(row)} |" for row in rows(measured)), highlight=False)
    else:
        console.print(table)
    for unit, took in measured.yards.items():
        console.print(f"a {unit}: {min(took):.2f} µs at best, {statistics.median(took):.2f} median")
    for stage in STAGES:
        if over(stage, ratio := measured.ratio(stage)):
            most, unit = BUDGETS[stage].most, UNITS[BUDGETS[stage].unit]
            console.print(f"{stage}: {ratio:.2f} {unit}, over its budget of {most:g}")


def rows(measured: Measured) -> list[tuple[str, ...]]:
    """Return the rows of the table: the stages, and what those of the whole come to."""
    made: list[tuple[str, ...]] = []
    for stage, took in measured.stages.items():
        budget, ratio = BUDGETS[stage], measured.ratio(stage)
        unit = UNITS[budget.unit]
        said = "over" if over(stage, ratio) else ""
        made.append((stage, *_us(took), f"{ratio:.2f} {unit}", f"{budget.most:g} {unit}", said))
    made.append((f"{WHOLE}, as the sum", *_us(measured.put_together()), "", "", ""))
    return made


def _us(took: list[float]) -> tuple[str, str]:
    return f"{min(took):.2f}", f"{statistics.median(took):.2f}"
