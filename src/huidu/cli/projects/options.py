"""Options: what commands for projects can be told; `--inputs.KEY=VALUE` wins over the file."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

OPTION = "--inputs"
Folder = Annotated[
    Path,
    typer.Option("--folder", "-C", help="Where the project is.", metavar="FOLDER"),
]
Stage = Annotated[
    str,
    typer.Option(help="The stage, as in prod. [what the file says]", metavar="STAGE"),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        OPTION,
        help="For this time: traffic=0.1, or as one word: --inputs.traffic=0.1.",
        metavar="KEY=VALUE",
    ),
]
HERE = Path()


class WithInputs(TyperCommand):
    """A command that also reads `--inputs.KEY=VALUE`, as the official command line does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own
        """Read the words of a command line."""
        return super().parse_args(ctx, [*_plain(args)])


def _plain(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if word.startswith(f"{OPTION}."):
            yield OPTION
            yield word.removeprefix(f"{OPTION}.")
        else:
            yield word


def with_inputs(name: str, made: Callable[..., None]) -> TyperCommand:
    """Return a command that reads them."""
    alone = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    alone.command(name, cls=WithInputs)(made)
    command = get_command(alone)
    assert isinstance(command, TyperCommand)  # noqa: S101 - it has no others beside it
    return command


def read_inputs(given: Sequence[str] | None) -> Mapping[str, str]:
    """Return what was given by the path below inputs; a key alone means true."""
    found = {}
    for text in given or ():
        key, _, value = text.partition("=")
        if not all(key.split(".")):
            raise typer.BadParameter(
                f"{OPTION} {text}: must read KEY=VALUE, as in --inputs.traffic=0.1"
            )
        found[key] = value
    return found


def line(verb: str, *words: str) -> str:
    """Return what to type."""
    return f"huidu {shlex.join((verb, *words))}"


def spelled(stage: str, inputs: Sequence[str] | None, folder: Path) -> Sequence[str]:
    """Return the words by which another command means the same project."""
    where = () if folder == HERE else ("--folder", str(folder))
    staged = ("--stage", stage) if stage else ()
    return (*where, *staged, *(f"{OPTION}.{text}" for text in inputs or ()))
