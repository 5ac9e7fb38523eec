"""Tables: rows for people, in a terminal of any width or in a pipe."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from huidu.cli.harmless import in_lines

WIDTH = 10_000  #: Where there is no terminal: a row is a line, for `grep` and `cut`.
Cell = str | Text


def table(
    heads: Sequence[str], rows: Sequence[Sequence[Cell]], right: Collection[str] = ()
) -> Table:
    """Return rows as a table; the columns of `right` have numbers."""
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in heads:
        made.add_column(
            title,
            overflow="fold",
            justify="right" if title in right else "left",
            no_wrap=title in right,
        )
    for row in rows:
        made.add_row(*(harmless(Text(cell) if isinstance(cell, str) else cell) for cell in row))
    return made


def show(*parts: RenderableType) -> None:
    """Print them; where nobody looks on, without the blanks that tables fill their lines with."""
    parts = tuple(harmless(part) if isinstance(part, Text) else part for part in parts)
    console = Console(highlight=False)
    if console.is_terminal:
        for part in parts:
            console.print(part)
        return
    console = Console(highlight=False, width=WIDTH, color_system=None)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())


def show_lines(lines: Iterable[Text]) -> None:
    """Print lines as they are, tabs and blanks at their ends as well, with colours if they may."""
    console = Console(highlight=False)
    for line in map(harmless, lines):
        if console.is_terminal:
            console.print(line, soft_wrap=True)
        else:
            typer.echo(line.plain)


def harmless(text: Text) -> Text:
    """Return a text, and how it is coloured, without what would move a terminal's cursor."""
    made = text.copy()
    made.plain = in_lines(text.plain)
    return made


def clean_text(text: str) -> str:
    """Return a text of many lines without what would move a terminal's cursor."""
    return in_lines(text, "\ufffd")
