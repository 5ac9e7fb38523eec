"""Top: `huidu top`, the calls of each version as they come."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import INTERRUPTED, Desk, print_json
from huidu.cli.daily.names import aliases
from huidu.cli.daily.tables import show
from huidu.cli.daily.top_view import WHOLE, lines, picture
from huidu.cli.harmless import json_text
from huidu.model.names import DEFAULT_NAMESPACE

ANSWER_S = 10.0
LOOK_S = 1.0
WINDOW_S = 10
OnlyAlias = Annotated[
    str,
    typer.Argument(
        help="One of its aliases. [all]",
        metavar="[ALIAS]",
        autocompletion=aliases,
        show_default=False,
    ),
]
Once = Annotated[bool, typer.Option("--once", help="Show it once, and leave.")]
Window = Annotated[
    int, typer.Option("--window", "-w", min=1, max=300, help="Of the last so many seconds.")
]


def command(connect: Callable[[], Client]) -> Callable[..., None]:
    """Return the command; it finds in its context how to connect."""
    return top


def top(
    context: typer.Context,
    function: opt.MaybeFunction = "",
    alias: OnlyAlias = "",
    *,
    once: Once = False,
    window: Window = WINDOW_S,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Watch calls, errors and durations of each version, live, until Ctrl-C.

    Where there is no terminal, a table is printed once, and with --json an object each second.
    """
    desk = Desk(client=context.obj(), function=function, namespace=namespace)
    asked = {"Alias": alias, "Window": window}
    found = desk.insist("GetTraffic", **asked)
    console = Console(highlight=False)
    live = console.is_terminal and not console.is_dumb_terminal
    if once or not (live or as_json):
        _print(desk, found, as_json=as_json)
        return
    try:
        if as_json:
            _stream(desk, asked, found)
        else:
            _watch(desk, asked, found, console)
    except Refused as error:
        raise desk.refuse(error) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _print(desk: Desk, found: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        show(*lines(found, _title(desk)))


def _title(desk: Desk) -> str:
    return desk.named if desk.function else f"{WHOLE}{desk.namespace}"


def _stream(desk: Desk, asked: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Print an object a line, until whoever reads has enough."""
    while True:
        try:
            print(json_text(found), flush=True)  # noqa: T201 - it is a command
        except BrokenPipeError:
            sys.stderr.close()  # Python's last flush would say so once more.
            raise typer.Exit(0) from None
        found = _next(desk, asked, found, lambda text: typer.echo(f"huidu: {text}", err=True))


def _watch(
    desk: Desk, asked: Mapping[str, Any], found: Mapping[str, Any], console: Console
) -> None:
    """Draw it anew all the while; a server that is gone is waited for."""
    note = Text()

    def say(text: str) -> None:
        note.plain = f"{text}; trying again" if text else ""
        note.style = "yellow"
        draw()

    def draw() -> None:
        size = console.size
        live.update(picture(found, _title(desk), size.width, size.height, note), refresh=True)

    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            draw()
            found = _next(desk, asked, found, say)


def _next(
    desk: Desk, asked: Mapping[str, Any], found: Mapping[str, Any], say: Callable[[str], None]
) -> Mapping[str, Any]:
    """Return what there is to see a second later, however long the server takes to be back."""
    gone = False
    while True:
        time.sleep(LOOK_S)
        try:
            found = desk.ask("GetTraffic", ANSWER_S, **asked)
        except Unreachable as error:
            if not gone:
                say(error.args[0].split(";")[0])
            gone = True
            continue
        if gone:
            say("")
        return found
