"""Completing: `huidu completion`, what has a shell complete the words of `huidu`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer
from typer._completion_shared import get_completion_script

from huidu.cli.client import Client
from huidu.cli.daily.names import ASKING


class Shell(StrEnum):
    """A shell that can be told to."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


Which = Annotated[Shell, typer.Argument(help="bash, zsh or fish.", metavar="SHELL")]


def command(connect: Callable[[], Client]) -> Callable[..., None]:
    """Return the command; the words themselves are asked for later, by the shell."""
    return completion


def completion(shell: Which) -> None:
    """Print what has a shell complete the words of huidu.

    In bash and zsh: eval "$(huidu completion bash)". In fish: huidu completion fish | source.
    `huidu --install-completion` does it for good.
    """
    typer.echo(get_completion_script(prog_name="huidu", complete_var=ASKING, shell=shell.value))
