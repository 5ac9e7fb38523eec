"""The command: `make bench ARGS="speed …"`, from what is asked for to what is printed."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.speed import paged, sheets
from bench.speed.found import Found
from bench.speed.measured import BESIDE, QUICK, Extent, measure, turns
from bench.speed.ways import BY_NAME, WAYS
from bench.speed.words import ENGLISH

NAME = "speed"
WIDTH = 120  #: Of what is printed into a file.


def options(parser: argparse.ArgumentParser) -> None:
    """Say what can be asked for."""
    parser.add_argument("--quick", action="store_true", help="whether it works, in a minute")
    parser.add_argument("--only", default="", help="ways by their names: url,nginx-worker")
    parser.add_argument("--functions", type=int, help="on the largest server")
    parser.add_argument("--from", dest="read", type=Path, help="measure nothing; read such a file")
    parser.add_argument("--page", action="store_true", help="write docs/benchmarks.md anew")


def run(given: argparse.Namespace, console: Console) -> object:
    """Measure, or read, print, and write; return what is kept as JSON."""
    found = _read(given.read) if given.read else _measured(given, console)
    if given.markdown:
        console.out(paged.part(found, ENGLISH), highlight=False)
    else:
        show(found, console)
    if given.page:
        paged.write(found)
    return msgspec.to_builtins(found)


def _read(file: Path) -> Found:
    return msgspec.convert(json.loads(file.read_text())[NAME], Found)


def named(only: str) -> Sequence[str]:
    """Return the ways that are asked for, or raise `SystemExit` for one that is not there."""
    names = [name for name in only.split(",") if name]
    for name in names:
        if name not in BY_NAME and name not in BESIDE:
            raise SystemExit(f"--only {name}: there are {', '.join((*BY_NAME, *BESIDE))}")
    return names


def extent(given: argparse.Namespace) -> Extent:
    """Return how much is asked for."""
    wanted = {
        "rounds": given.rounds,
        "seconds": given.seconds,
        "functions": given.functions,
        "starts": given.starts,
    }
    told = {name: value for name, value in wanted.items() if value is not None}
    return replace(QUICK if given.quick else Extent(), **told)


def _measured(given: argparse.Namespace, console: Console) -> Found:
    only, much = named(given.only), extent(given)
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not there; bench/needs installs it")
    ways = [way for way in WAYS if not only or way.name in only]
    steps = sum(len(list(turns(ways, number))) for number in range(much.rounds))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=steps)
        return measure(
            much,
            only,
            tell=lambda what: progress.update(task, description=what),
            step=lambda what: progress.update(task, description=what, advance=1),
        )


def show(found: Found, console: Console) -> None:
    """Print tables, and what was promised."""
    if not console.is_terminal:
        console.width = WIDTH
    beside = sheets.figures(found, ENGLISH)
    for sheet in (*sheets.ways(found, ENGLISH), *([beside] if beside.rows else [])):
        console.print(sheet.shown())
    console.print(sheets.promises(found, ENGLISH).shown())
    for line in sheets.notes(found, ENGLISH):
        console.print(line, highlight=False, markup=False)
