"""`make bench`: calls beside peers and ceilings; `make bench ARGS=cold` is another part.

What is not named is not done: `make bench ARGS=rollouts` plays releases for ten minutes.

Compare lines of one run, never runs.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path

from rich.console import Console

from bench import (
    calls,
    cold,
    drawn,
    events,
    many,
    page,
    recording,
    rollouts,
    shown,
    taken_back,
    taken_drawn,
)
from bench.path import command as stages
from bench.speed import command as speed

#: How long each part goes on that does not know better itself.
LENGTH: Mapping[str, float] = {"rounds": 3, "seconds": 3.0}
EXTENT = [field.name for field in fields(cold.Extent)]


def _calls(arguments: argparse.Namespace, console: Console) -> object:
    measured = calls.measure(arguments.rounds, arguments.seconds, console)
    calls.show(measured, arguments.rounds, console)
    return {way.name: way.rounds for way in measured}


def _cold(arguments: argparse.Namespace, console: Console) -> object:
    with console.status("measuring") as status:
        given = {name: getattr(arguments, name) for name in EXTENT}
        extent = cold.Extent(**{name: most for name, most in given.items() if most is not None})
        found = cold.measure(extent, status.update)
    for made in (shown.starts, shown.calls, shown.memory, shown.imports):
        console.print(made(found, markdown=arguments.markdown))
        console.print()
    for line in (*shown.promises(found), *shown.notes(found)):
        console.print(line)
    return shown.plainly(found)


def _recording(arguments: argparse.Namespace, console: Console) -> object:
    pairs = recording.measure(arguments.rounds, arguments.seconds, console)
    recording.show(pairs, console)
    told = page.measure(arguments.rounds)
    page.show(told, console)
    names = ("without", "with")
    ways = {
        f"{way.name}, {name} recording": {"calls/s": way.calls_a_second, "cpu_us": way.cpu_us}
        for pair in pairs
        for name, way in zip(names, pair, strict=True)
    }
    return {**ways, "page": asdict(told)}


def _events(arguments: argparse.Namespace, console: Console) -> object:
    measured = events.measure(arguments.rounds, arguments.events, console)
    events.show(measured, arguments.rounds, console)
    return {way.name: asdict(way) for way in measured}


def _taken_back(arguments: argparse.Namespace, console: Console) -> object:
    rows = taken_back.measure(console)
    console.print(taken_back.table(rows))
    if arguments.drawn:
        arguments.drawn.write_text(taken_drawn.picture(rows))
    return taken_back.plainly(rows)


def _rollouts(arguments: argparse.Namespace, console: Console) -> object:
    with console.status("simulating") as status:
        rows = rollouts.measure(arguments.healthy, arguments.faulty, arguments.jobs, status.update)
    console.print(drawn.healthy(rows, markdown=arguments.markdown))
    console.print()
    console.print(drawn.faulty(rows, markdown=arguments.markdown))
    if arguments.picture:
        arguments.picture.write_text(drawn.picture(rows), encoding="utf-8")
    return rollouts.plainly(rows)


Part = Callable[[argparse.Namespace, Console], object]
#: What can be measured; the first is what `make bench` does.
PARTS: Mapping[str, Part] = {
    speed.NAME: speed.run,
    "calls": _calls,
    "cold": _cold,
    "recording": _recording,
    "events": _events,
    "rollouts": _rollouts,
    "taken-back": _taken_back,
    "many": many.run,
    stages.NAME: stages.run,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=main.__doc__)
    names = f"{', '.join(PARTS)}; {speed.NAME} if none is named"
    parser.add_argument("parts", nargs="*", help=names)
    parser.add_argument("--rounds", type=int, help="in which all ways take turns")
    parser.add_argument("--seconds", type=float, help="of calls, a way and round")
    parser.add_argument("--events", type=int, default=2000, help="asynchronous, a queue and round")
    parser.add_argument("--starts", type=int, help="cold ones, of each way")
    parser.add_argument("--calls", type=int, help="warm ones, of each way")
    parser.add_argument("--burst", type=int, help="started at once")
    parser.add_argument("--crowd", type=int, help="at once, to be weighed")
    parser.add_argument("--python-crowd", type=int, help="at once, where they are Python's")
    parser.add_argument("--healthy", type=int, default=10_000, help="simulated releases in all")
    parser.add_argument("--faulty", type=int, default=100, help="the same, of each fault")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="that simulate")
    parser.add_argument("--picture", type=Path, help="a file to draw simulated releases in")
    parser.add_argument("--drawn", type=Path, help="the same, of what was taken back")
    parser.add_argument("--markdown", action="store_true", help="tables for a page")
    parser.add_argument("--json", type=Path, help="a file to write every measurement to")
    speed.options(parser)
    stages.options(parser)
    return parser


def main() -> None:
    """Measure, and print tables."""
    parser = _parser()
    arguments = parser.parse_args()
    named = arguments.parts or [speed.NAME]
    wrong = [part for part in named if part not in PARTS]
    if wrong:
        parser.error(f"{wrong[0]}: there are {', '.join(PARTS)}")
    console = Console(width=160 if arguments.markdown else None)
    wanted = {name: value for name, value in vars(arguments).items() if value is not None}
    filled = argparse.Namespace(**{**vars(arguments), **LENGTH, **wanted})
    given = {speed.NAME: arguments, stages.NAME: arguments}
    made = {p: PARTS[p](given.get(p, filled), console) for p in PARTS if p in named}
    if arguments.json:
        arguments.json.write_text(json.dumps(made, indent=1))


if __name__ == "__main__":
    main()
