"""`huidu logs`: what functions print, searched and followed."""

from __future__ import annotations

import difflib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from huidu.actions.action import HUIDU_VERSION, SCF_VERSION
from huidu.actions.table import find
from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.harmless import json_text
from huidu.cli.lines import Look, day_of, seen, shown, who

SEARCH = find("SearchLogs", HUIDU_VERSION)
TAIL = find("TailLogs", HUIDU_VERSION)
LIST = find("ListFunctions", SCF_VERSION)
MOST_AT_ONCE = 1000
WAIT_S = 20
ANSWER_S = 60.0  #: When a server that says nothing, not even that there is nothing, is gone.
AGAIN_S, MOST_AGAIN_S = 0.5, 5.0
INTERRUPTED = 130

Line = Mapping[str, Any]


class Printer:
    """Prints lines, for people or for programs, and counts them."""

    def __init__(self, look: Look | None) -> None:
        self._look = look  #: None for JSON.
        self._day = time.strftime("%Y-%m-%d")
        self._width = 0  #: Of the widest name of a version so far.
        self.count = 0

    def show(self, line: Line) -> None:
        """Print a line, and before it the day where that is another one."""
        if not self.sees(line):
            return
        self.count += 1
        look = self._look
        if look is None:
            typer.echo(json_text(line))
            return
        if look.columns is not None:  # In a pipe columns are of no use.
            self._width = max(self._width, len(who(line, look)))
            if line["Time"][:10] != self._day:
                self._day = line["Time"][:10]
                typer.echo(day_of(line, look))
        typer.echo(shown(line, look, self._width))

    def sees(self, line: Line) -> bool:
        """Tell whether a line is shown at all."""
        return self._look is None or seen(line, self._look)


def run(
    client: Client, asked: Mapping[str, Any], most: int | None, show: Printer, *, follow: bool
) -> None:
    """Print the lines that are asked for; `most` of them, the newest, or all where it is None."""
    try:
        cursor = _search(client, asked, most, show)
        if follow:
            _follow(client, _without_window(asked), cursor, show)
        elif not show.count:
            typer.echo(f"huidu: {_nothing(asked)}", err=True)
    except (Refused, Unreachable) as error:
        typer.echo(f"huidu: {error}{_advice(client, asked, error)}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:  # `| head` has seen enough; Python would say so once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def _search(client: Client, asked: Mapping[str, Any], most: int | None, printer: Printer) -> str:
    """Show what is there, the oldest first; return from where to follow."""
    if most is None:
        tail = ""
        for page in _pages(client, asked, "ASC", MOST_AT_ONCE):
            tail = page["TailCursor"]
            for line in page["Lines"]:
                printer.show(line)
        return tail
    newest: list[Line] = []
    tail = ""
    for page in _pages(client, asked, "DESC", min(2 * most + 10, MOST_AT_ONCE)):
        tail = tail or page["TailCursor"]
        newest += filter(printer.sees, page["Lines"])
        if len(newest) >= most:
            break
    for line in reversed(newest[:most]):
        printer.show(line)
    return tail


def _pages(
    client: Client, asked: Mapping[str, Any], order: str, limit: int
) -> Iterator[Mapping[str, Any]]:
    cursor = ""
    while True:
        page = client.call(
            SEARCH, {**asked, "Order": order, "Limit": limit, "Cursor": cursor}, ANSWER_S
        )
        yield page
        cursor = page["Cursor"]
        if not cursor:
            return


def _follow(client: Client, asked: Mapping[str, Any], cursor: str, printer: Printer) -> None:
    """Show lines as they come, whatever becomes of the server meanwhile."""
    again_s = AGAIN_S
    while True:
        try:
            page = client.call(
                TAIL,
                {**asked, "Cursor": cursor, "WaitSeconds": WAIT_S, "Limit": MOST_AT_ONCE},
                ANSWER_S,
            )
        except Unreachable as gone:
            if again_s == AGAIN_S:
                typer.echo(f"huidu: {gone.args[0].split(';')[0]}; trying again", err=True)
            time.sleep(again_s)
            again_s = min(again_s * 2, MOST_AGAIN_S)
            continue
        if again_s > AGAIN_S:
            typer.echo("huidu: the server is back", err=True)
            again_s = AGAIN_S
        for line in page["Lines"]:
            printer.show(line)
        sys.stdout.flush()
        cursor = page["Cursor"]


def _without_window(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name not in ("Since", "Until")}


def _nothing(asked: Mapping[str, Any]) -> str:
    """Return what to do where nothing was found."""
    function = asked.get("FunctionName")
    if set(asked) - {"FunctionName", "Namespace"}:
        return "no line is like that; ask for less, or look at all of them: huidu logs " + (
            function or ""
        )
    if function:
        return f"{function} has left no lines yet; call it: huidu invoke {function}"
    return "no function has left a line yet; see 'huidu ls' for what there is"


def _advice(client: Client, asked: Mapping[str, Any], error: Exception) -> str:
    """Return which functions there are, for whoever named one that is not there."""
    if not isinstance(error, Refused) or error.code != "ResourceNotFound.FunctionName":
        return ""
    where = {"Namespace": asked["Namespace"]} if "Namespace" in asked else {}
    try:
        found = client.call(LIST, {**where, "Limit": 100})
    except (Refused, Unreachable):
        return ""
    names = [each["FunctionName"] for each in found["Functions"]]
    if not names:
        return "\nThere is no function yet: huidu api create-function --help"
    near = difflib.get_close_matches(asked["FunctionName"], names, 1)
    if near:
        return f"\nDid you mean {near[0]}? huidu logs {near[0]}"
    more = ", ..." if found["TotalCount"] > len(names) else ""
    return f"\nThere are: {', '.join(names)}{more}"
