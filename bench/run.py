"""`make bench`: what calls, cold starts and recording take; `make bench ARGS=cold` is one part.

Compare lines of one run, never runs.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, fields
from pathlib import Path

from rich.console import Console

from bench import calls, cold, page, recording, shown, taken_back, taken_drawn

PARTS = ("calls", "cold", "recording", "taken-back")
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


def _taken_back(arguments: argparse.Namespace, console: Console) -> object:
    rows = taken_back.measure(console)
    console.print(taken_back.table(rows))
    if arguments.drawn:
        arguments.drawn.write_text(taken_drawn.picture(rows))
    return taken_back.plainly(rows)


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("parts", nargs="*", help=f"{' or '.join(PARTS)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=3, help="in which all ways take turns")
    parser.add_argument("--seconds", type=float, default=3.0, help="of calls, a way and round")
    parser.add_argument("--starts", type=int, help="cold ones, of each way")
    parser.add_argument("--calls", type=int, help="warm ones, of each way")
    parser.add_argument("--burst", type=int, help="started at once")
    parser.add_argument("--crowd", type=int, help="at once, to be weighed")
    parser.add_argument("--python-crowd", type=int, help="at once, where they are Python's")
    parser.add_argument("--markdown", action="store_true", help="tables of cold starts for a page")
    parser.add_argument("--drawn", type=Path, help="a file for a picture of what was taken back")
    parser.add_argument("--json", type=Path, help="a file to write every measurement to")
    arguments = parser.parse_args()
    wrong = [part for part in arguments.parts if part not in PARTS]
    if wrong:
        parser.error(f"{wrong[0]}: there are {' and '.join(PARTS)}")
    console = Console(width=120 if arguments.markdown else None)
    made = {}
    if "calls" in (arguments.parts or PARTS):
        made["calls"] = _calls(arguments, console)
    if "cold" in (arguments.parts or PARTS):
        made["cold"] = _cold(arguments, console)
    if "recording" in (arguments.parts or PARTS):
        made["recording"] = _recording(arguments, console)
    if "taken-back" in (arguments.parts or PARTS):
        made["taken-back"] = _taken_back(arguments, console)
    if arguments.json:
        arguments.json.write_text(json.dumps(made, indent=1))


if __name__ == "__main__":
    main()
