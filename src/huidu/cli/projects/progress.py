"""Progress: how far something is that takes a while, as a bar in a terminal and else as lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

MB = 1 << 20
LARGE_BYTES = 8 * MB  #: From here on packing takes a while.
QUARTERS = 4
Tell = Callable[[int, int], None]


@contextmanager
def bar(title: str, least_bytes: int = MB) -> Iterator[Tell]:
    """Lend what is told how many bytes of how many are done; of few of them nothing is shown."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(title, least_bytes).tell
        return
    columns = (TextColumn("{task.description}"), BarColumn(24), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(title, visible=False)

        def tell(done: int, whole: int) -> None:
            shown.update(task, completed=done, total=whole, visible=whole >= least_bytes)

        yield tell


class _Lines:
    """A line for each quarter."""

    def __init__(self, title: str, least_bytes: int) -> None:
        self._title = title
        self._least_bytes = least_bytes
        self._told = 0

    def tell(self, done: int, whole: int) -> None:
        quarter = done * QUARTERS // max(whole, 1)
        if whole >= self._least_bytes and quarter > self._told:
            self._told = quarter
            typer.echo(f"{self._title}: {size(done)} of {size(whole)}", err=True)


def size(count: int) -> str:
    """Return a number of bytes for a person."""
    if count < 1000:  # noqa: PLR2004 - below it there is no other word
        return f"{count} bytes"
    return f"{count / 1000:.1f} KB" if count < MB else f"{count / MB:.1f} MB"
