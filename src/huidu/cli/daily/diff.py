"""Diff: `huidu diff`, what differs between two versions."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated

import typer
from rich.text import Text
from typer.core import TyperCommand

from huidu.cli.client import Client
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import Desk, Facts, print_json
from huidu.cli.daily.names import functions
from huidu.cli.daily.tables import clean_text, show_lines
from huidu.cli.projects import options as project
from huidu.cli.projects.comparing import compare
from huidu.cli.projects.options import with_inputs
from huidu.cli.rollout.words import clean
from huidu.model.names import DEFAULT_NAMESPACE

DIFFERS = 4
#: A text of more lines that differ is not compared line by line: it would take minutes.
MOST_LINES = 5000
COLOURS = {"+": "green", "-": "red", "@": "cyan"}
NOT_THERE = "/dev/null"
NO_NEWLINE = "\\ No newline at end of file"
Function = Annotated[
    str,
    typer.Argument(
        help="The name of a function. [the project of the folder]",
        metavar="FUNCTION",
        autocompletion=functions,
        show_default=False,
    ),
]
Stat = Annotated[bool, typer.Option("--stat", help="Only which files and fields, not their lines.")]
Code = Annotated[
    bool, typer.Option("--exit-code", help=f"Leave with {DIFFERS} where something differs.")
]
Context = Annotated[int, typer.Option("--unified", "-U", min=0, help="Lines around a change.")]


def command(connect: Callable[[], Client]) -> TyperCommand:
    """Return the command; it finds in its context how to connect."""
    return with_inputs("diff", diff)


def diff(
    context: typer.Context,
    function: Function = "",
    before: opt.Version = "",
    after: opt.Version = "",
    *,
    folder: project.Folder = project.HERE,
    stage: project.Stage = "",
    inputs: project.Inputs = None,
    stat: Stat = False,
    unified: Context = 3,
    exit_code: Code = False,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Compare two versions, or a project with what is deployed.

    `huidu diff shop 1 2` compares files and configuration; an alias stands for its main version.
    Alone, in a project's folder, it says what huidu deploy would change.
    """
    if not function:
        line = project.line("deploy", *project.spelled(stage, inputs, folder))
        asked = project.read_inputs(inputs)
        if compare(context.obj, folder, stage, asked, line, as_json=as_json) and exit_code:
            raise typer.Exit(DIFFERS)
        return
    if not after:
        raise typer.BadParameter(f"name two versions, as in huidu diff {function} 1 2")
    desk = Desk(client=context.obj(), function=function, namespace=namespace)
    versions = {"FromVersion": before, "ToVersion": after, "ShowText": "FALSE" if stat else "TRUE"}
    found = desk.insist("CompareVersions", **versions)
    if as_json:
        print_json(found)
    else:
        _tell(desk, found, unified, stat=stat)
    if exit_code and (found["Files"] or found["Configuration"]):
        raise typer.Exit(DIFFERS)


def _tell(desk: Desk, found: Facts, unified: int, *, stat: bool) -> None:
    ends = f"{desk.named}: version {found['FromVersion']} -> {found['ToVersion']}"
    lines = [Text(f"{ends}: {_counted(found)}", "bold")]
    for field in found["Configuration"]:
        lines += map(_coloured, _field(field, stat=stat))
    for file in found["Files"]:
        lines.append(_title(file))
        if not stat:
            lines += [_coloured(clean_text(line)) for line in unified_diff(file, found, unified)]
    if found["OtherFiles"]:
        lines.append(Text(f"and {found['OtherFiles']} files more", "dim"))
    show_lines(lines)


def _counted(found: Facts) -> str:
    files = len(found["Files"]) + found["OtherFiles"]
    fields = len(found["Configuration"])
    if not files and not fields:
        return "the same code and the same configuration"
    told = [
        f"{count} {what}{'' if count == 1 else 's'}"
        for count, what in ((files, "file"), (fields, "field"))
        if count
    ]
    return f"{' and '.join(told)} of the configuration" if fields else told[0]


def _field(field: Facts, *, stat: bool) -> Iterator[str]:
    """Yield what a field was and is; of a variable of the environment, only its name in short."""
    name = clean(field["Name"])
    if stat:
        yield f"  field {name}"
        return
    for sign, value in (("-", field["Before"]), ("+", field["After"])):
        if value:
            yield clean(f"{sign}{name}: {_plain(value)}")


def _plain(value: str) -> str:
    """Return a value as it is read: a text without the quotes that JSON has."""
    told = json.loads(value)
    return told if isinstance(told, str) and told else value


def _title(file: Facts) -> Text:
    path, change = clean(file["Path"]), file["Change"]
    sizes = (file["BeforeSize"], file["AfterSize"])
    match change:
        case "added":
            told = f"{sizes[1]} bytes"
        case "removed":
            told = f"{sizes[0]} bytes"
        case "mode":
            told = f"{file['BeforeMode']} -> {file['AfterMode']}"
        case _:
            told = f"{sizes[0]} -> {sizes[1]} bytes"
    return Text(f"  {change} {path} ({told})", "bold")


def unified_diff(file: Facts, found: Facts, around: int) -> Iterator[str]:
    """Yield the lines of a unified diff, as `patch` reads it."""
    if not file["Text"]:
        if file["Change"] != "mode":
            yield "  (not a text, or too long to be shown)"
        return
    before, after = (_lines(file[side]) for side in ("Before", "After"))
    if max(len(before), len(after)) > MOST_LINES:
        yield f"  (more than {MOST_LINES} lines; compare the files themselves)"
        return
    there = (file["Change"] != "added", file["Change"] != "removed")
    had, has = (
        f"{letter}/{clean(file['Path'])}" if is_there else NOT_THERE
        for letter, is_there in zip("ab", there, strict=True)
    )
    dates = (f"version {found['FromVersion']}", f"version {found['ToVersion']}")
    for line in difflib.unified_diff(before, after, had, has, *dates, around, lineterm=""):
        yield line.removesuffix("\n")
        if line[:1] in "+- " and not line.startswith(("---", "+++")) and not line.endswith("\n"):
            yield NO_NEWLINE


def _lines(text: str) -> Sequence[str]:
    return text.splitlines(keepends=True) if "\n" in text else [text] if text else []


def _coloured(line: str) -> Text:
    if line.startswith(("---", "+++")):
        return Text(line, "bold")
    return Text(line, COLOURS.get(line[:1], ""))
