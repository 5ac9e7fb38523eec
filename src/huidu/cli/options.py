"""Options: what `huidu logs` can be asked on the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from huidu.cli import logs
from huidu.cli.client import Client
from huidu.cli.lines import Look, look_of

USUAL = 100  #: Lines, where nothing else is asked for.

Function = Annotated[
    str | None, typer.Argument(help="The name of a function. [all of the namespace]")
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")]
Alias = Annotated[str | None, typer.Option(help="Of calls through this alias.", metavar="NAME")]
Version = Annotated[str | None, typer.Option(help="Of calls of this version.", metavar="NUMBER")]
Errors = Annotated[
    bool, typer.Option("--errors", help="Of calls that failed, and lines at ERROR or above.")
]
Level = Annotated[
    str | None, typer.Option(help="At this level or above, as in WARN.", metavar="LEVEL")
]
Status = Annotated[
    str | None, typer.Option(help="ok, failed, or codes as in 432,433.", metavar="STATUS")
]
RequestId = Annotated[
    str | None, typer.Option(help="Of one call; the beginning of its id is enough.", metavar="ID")
]
Since = Annotated[
    str | None, typer.Option(help="How long ago, as in 10m, or a time.", metavar="AGO")
]
Until = Annotated[str | None, typer.Option(help="The same, for the end.", metavar="AGO")]
Grep = Annotated[str | None, typer.Option(help="With this text in the line.", metavar="TEXT")]
Fields = Annotated[
    list[str] | None,
    typer.Option(help="JSON lines with this field, as NAME=VALUE.", metavar="NAME=VALUE"),
]
Lines = Annotated[
    int | None,
    typer.Option(
        "--lines", "-n", min=1, help="The newest so many. [100; with --since all]", metavar="COUNT"
    ),
]
Namespace = Annotated[str | None, typer.Option(help="The namespace. [default]", metavar="NAME")]
Whole = Annotated[bool, typer.Option("--all", help="START to Report as well, as they are.")]
AsJson = Annotated[bool, typer.Option("--json", help="Each line as JSON, for programs.")]


def command(connect: Callable[[], Client]) -> Callable[..., None]:
    """Return the command, which finds in its context how to connect."""
    return show_logs


def show_logs(
    context: typer.Context,
    function: Function = None,
    *,
    follow: Follow = False,
    alias: Alias = None,
    version: Version = None,
    errors: Errors = False,
    level: Level = None,
    status: Status = None,
    request: RequestId = None,
    since: Since = None,
    until: Until = None,
    grep: Grep = None,
    field: Fields = None,
    lines: Lines = None,
    namespace: Namespace = None,
    whole: Whole = False,
    as_json: AsJson = False,
) -> None:
    """Show what functions print, and how their calls ended; -f follows.

    In a terminal each version has its colour; NO_COLOR takes the colours away.
    """
    asked = {
        "FunctionName": function,
        "Namespace": namespace,
        "RequestId": request,
        "Alias": alias,
        "FunctionVersion": version,
        "Status": status,
        "Level": level,
        "Errors": errors or None,
        "Text": grep,
        "Since": since,
        "Until": until,
        "Fields": [_field(text) for text in field or ()] or None,
    }
    shown = logs.Printer(None if as_json else _look(function, whole=whole))
    most = lines if lines is not None or since else USUAL
    given = {name: value for name, value in asked.items() if value is not None}
    logs.run(context.obj(), given, most, shown, follow=follow)


def _look(function: str | None, *, whole: bool) -> Look:
    return look_of(sys.stdout, os.environ, functions=function is None, whole=whole)


def _field(text: str) -> str:
    """Return a field as the API takes it; `=` and `:` both stand between name and value."""
    name, equals, value = text.partition("=")
    if not equals and ":" not in text:
        raise typer.BadParameter(f"--field {text}: must read NAME=VALUE, as in orderId=7")
    return f"{name}:{value}" if equals and ":" not in name else text
