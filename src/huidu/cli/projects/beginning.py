"""Beginning: `huidu init`, which writes a project to begin with."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from huidu.cli.client import Client
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import print_json, say_next
from huidu.cli.daily.tables import show, table
from huidu.cli.projects.work import refuse
from huidu.project.flaw import Flaw
from huidu.project.templates import TEMPLATES, begin

HERE = Path()


def templates(incomplete: str) -> list[tuple[str, str]]:
    """Return the templates whose names begin so, for a shell."""
    return [(name, what) for name, what in TEMPLATES.items() if name.startswith(incomplete)]


Template = Annotated[
    str,
    typer.Argument(
        help="What to begin with; without one, what there is.",
        metavar="[TEMPLATE]",
        autocompletion=templates,
        show_default=False,
    ),
]
Folder = Annotated[
    Path,
    typer.Argument(
        help="Where; it is made if need be. [here]", metavar="[FOLDER]", show_default=False
    ),
]
Name = Annotated[str, typer.Option(help="What the project is called. [as the folder]")]


def command(connect: Callable[[], Client]) -> Callable[..., None]:
    """Return the command; it asks no server."""
    return init


def init(
    template: Template = "",
    folder: Folder = HERE,
    *,
    name: Name = "",
    as_json: opt.AsJson = False,
) -> None:
    """Begin a project in a folder. Nothing that is there is written over."""
    if not template:
        _list(as_json=as_json)
        return
    try:
        files = begin(template, folder, name)
    except Flaw as flaw:
        raise refuse(flaw) from None
    if as_json:
        print_json({"Template": template, "Folder": str(folder.resolve()), "Files": list(files)})
        return
    typer.echo(f"{template}: {TEMPLATES[template]}")
    for file in files:
        typer.echo(f"  + {folder / file}")
    there = [] if folder == HERE else [("go there", f"cd {shlex.quote(str(folder))}")]
    say_next(
        [
            *there,
            ("see what would be made of it", "huidu diff"),
            ("have it run", "huidu deploy"),
        ]
    )


def _list(*, as_json: bool) -> None:
    if as_json:
        print_json([{"Template": name, "What": what} for name, what in TEMPLATES.items()])
        return
    show(table(("template", "what"), list(TEMPLATES.items())))
    say_next([("begin with one", f"huidu init {next(iter(TEMPLATES))} my-project")])
