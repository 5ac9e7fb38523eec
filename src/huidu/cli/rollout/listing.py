"""Listing: rollouts, a row for each."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from huidu.actions.rollouts import RolloutFacts, RolloutLine, Rollouts
from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.harmless import json_text
from huidu.cli.rollout import view, words
from huidu.cli.rollout.asking import ask, refuse
from huidu.model import amount
from huidu.model.rollout import OWNING

PAGE = 25
ROOM_FOR_IDS, ROOM_FOR_TIMES = 132, 76
NO_TERMINAL = 100  #: Columns of a picture where there is no terminal that has its own.
FAILED_CALLS = 20
#: Lines of a log that say what is told here already.
OF_THE_PLATFORM = re.compile(r"(?:START|ERROR|Response|END|Report) RequestId: ")


def show_list(client: Client, asked: Mapping[str, Any], limit: int, *, as_json: bool) -> None:
    """Print rollouts, the latest first."""
    try:
        found, total = _pages(client, asked, limit)
    except (Refused, Unreachable) as error:
        raise refuse(client, asked, error) from None
    if as_json:
        for _, came in found:
            typer.echo(json_text(came))
        return
    if not found:
        typer.echo(f"huidu: {_nothing(asked)}", err=True)
        return
    lines = [line for line, _ in found]
    if sys.stdout.isatty():
        console = Console(highlight=False)
        console.print(table(lines, console.width))
    else:
        for line in lines:
            typer.echo(plain(line))
    if total > len(found):
        typer.echo(f"huidu: {total - len(found)} more before; see them: -n {total}", err=True)


def _pages(
    client: Client, asked: Mapping[str, Any], limit: int
) -> tuple[list[tuple[RolloutLine, Mapping[str, Any]]], int]:
    found: list[tuple[RolloutLine, Mapping[str, Any]]] = []
    while True:
        page = {"Offset": len(found), "Limit": min(PAGE, limit - len(found))}
        answer, came = ask(client, "ListRollouts", {**asked, **page}, Rollouts)
        found += zip(answer.rollouts, came["Rollouts"], strict=True)
        if not answer.rollouts or len(found) >= min(limit, answer.total_count):
            return found, answer.total_count


def _nothing(asked: Mapping[str, Any]) -> str:
    """Return what to do where there is none."""
    if any(asked.values()):
        return "no rollout is like that; look at all of them: huidu rollout list"
    return "there is no rollout yet; begin one: huidu rollout start FUNCTION ALIAS VERSION"


def _named(line: RolloutLine) -> str:
    return f"{line.namespace}/{line.function_name}:{line.name}"


def _state(line: RolloutLine) -> str:
    share = f" {amount.percent(line.weight)}" if line.state in OWNING else ""
    return f"{line.state}{share}"


def plain(line: RolloutLine) -> str:
    """Return a rollout in one line, with its id."""
    versions = f"version {line.from_version} -> {line.to_version}"
    parts = (line.begin_time, line.rollout_id, _named(line), versions, _state(line), line.said)
    return "  ".join(words.clean(part) for part in parts if part)


def table(lines: Sequence[RolloutLine], width: int) -> Table:
    """Return rollouts in a table that leaves out what there is no room for."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    if width >= ROOM_FOR_TIMES:
        made.add_column("begun", style="dim", no_wrap=True)
    made.add_column("alias", overflow="fold", min_width=12)
    made.add_column("version", no_wrap=True)
    made.add_column("state", no_wrap=True)
    made.add_column("because", overflow="ellipsis", no_wrap=True, ratio=1)
    if width >= ROOM_FOR_IDS:
        made.add_column("id", style="dim", no_wrap=True)
    for line in lines:
        made.add_row(
            *([line.begin_time] if width >= ROOM_FOR_TIMES else []),
            Text(_named(line).removeprefix("default/"), "bold"),
            f"{line.from_version} → {line.to_version}",
            Text(_state(line), view.COLOURS.get(line.state, "")),
            Text(words.clean(line.said), "dim"),
            *([line.rollout_id] if width >= ROOM_FOR_IDS else []),
        )
    return made


def show_one(facts: RolloutFacts, steps: int) -> None:
    """Print how a rollout stands, with the calls that failed, and why it was taken back."""
    console = Console(highlight=False)
    width = console.width if console.is_terminal else NO_TERMINAL
    console = Console(highlight=False, width=width)
    with console.capture() as captured:  # Tables fill their rows with blanks, to no use here.
        console.print(view.picture(facts, width, steps))
        for text in _details(facts):
            console.print(text, soft_wrap=True)
    for row in captured.get().splitlines():
        typer.echo(row.rstrip())


def _details(facts: RolloutFacts) -> Iterator[Text]:
    yield Text()
    yield Text(f"  {facts.rollout_id}  begun {facts.begin_time}", "dim")
    if facts.undo_until:
        yield Text(f"  version {facts.from_version} is kept warm until {facts.undo_until}", "dim")
    report = json.loads(facts.report) if facts.report else {}
    for call in report.get("FailedCalls", ())[:FAILED_CALLS]:
        yield from _failed(call)
    yield Text()
    here = words.command(facts, "show")
    for line in words.aligned([one for one in words.next_commands(facts) if one[1] != here]):
        yield Text(line)


def _failed(call: Mapping[str, Any]) -> Iterator[Text]:
    """Yield a call that failed; of the first ones, also where, and what they printed."""
    said = f"  {call['Status']} {words.first_line(call['Error'])}"
    log = call.get("Log")
    if log is not None:
        yield Text()
    yield Text.assemble((f"  {call['RequestId']}", "bold"), said)
    if log is None:
        return
    printed = [line for line in log.splitlines() if not OF_THE_PLATFORM.match(line)]
    for line in (*call["Error"].splitlines()[1:], *printed):
        yield Text(f"    {words.clean(line)}", "dim")
