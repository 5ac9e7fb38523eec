"""Drawn: tables on standard output, in a terminal and in a pipe."""

from __future__ import annotations

from collections.abc import Callable

import typer
from rich.console import Console

WIDTH = 100  #: Where there is no terminal that has one of its own.


def draw(tell: Callable[[Console], None]) -> None:
    """Print what `tell` prints; in a pipe no line ends with blanks."""
    console = Console(highlight=False)
    if console.is_terminal:
        tell(console)
        return
    console = Console(highlight=False, width=WIDTH)
    with console.capture() as captured:  # Tables fill their lines with blanks, to no use here.
        tell(console)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())
