"""Screen: what a step did, what was expected and what was seen; calm, and 80 columns wide."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WIDEST = 80
BAR = 16
INDENT = (0, 0, 0, 4)
GOOD, BAD = "✓", "✗"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A row of the table of a release: who answered while the weight was so."""

    name: str
    calls: tuple[int, int]  #: Of version 1, of version 2.
    errors: tuple[int, int]
    expected: float  #: The share of version 2.
    ok: bool | None = None  #: None while the row is still counting.

    @property
    def share(self) -> float:
        """The share of version 2 that was seen."""
        return self.calls[1] / max(sum(self.calls), 1)


class Screen:
    """Prints, and remembers whether every check held."""

    def __init__(self) -> None:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")
        console = Console(highlight=False)
        self.console = Console(highlight=False, width=min(console.width, WIDEST))
        self.checks: list[bool] = []
        self._steps = 0

    def title(self, text: str, below: str) -> None:
        """Print the head of the page."""
        self.console.print(Text(f"\n{text}", style="bold"))
        self.console.print(Text(below, style="dim"))

    def step(self, title: str, did: str, expected: str) -> None:
        """Begin a step."""
        self._steps += 1
        heading = Text(f"\n{self._steps:>2}  ", style="dim").append(title, style="not dim bold")
        self.console.print(heading)
        self._line("did", did)
        self._line("expected", expected)

    def seen(self, text: str, *, ok: bool) -> None:
        """End a step, or a part of it, with a check."""
        self.checks.append(ok)
        self._line("seen", text, self._mark(ok=ok))

    def note(self, label: str, text: str) -> None:
        """Add something that is worth knowing and is no check."""
        self._line(label, text)

    def _line(self, label: str, text: str, mark: Text | None = None) -> None:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=8, style="dim")
        grid.add_column(width=1)
        grid.add_column(ratio=1, overflow="fold")
        grid.add_row(label, mark or "", Text(text))
        self.console.print(Padding(grid, INDENT))

    @staticmethod
    def _mark(*, ok: bool) -> Text:
        return Text(GOOD, style="bold green") if ok else Text(BAD, style="bold red")

    @contextmanager
    def live(self, rows: Callable[[], Sequence[Phase]]) -> Iterator[Callable[[], None]]:
        """Show a table of phases that is drawn anew by what this yields; without a terminal, once.

        The last state of the table stays on the screen.
        """

        def draw() -> RenderableType:
            return Group("", Padding(_table(rows()), INDENT))

        if not self.console.is_terminal:
            yield lambda: None
            self.console.print(draw())
            return
        with Live(console=self.console, auto_refresh=False, redirect_stderr=False) as live:
            yield lambda: live.update(draw(), refresh=True)
            live.update(draw(), refresh=True)

    def end(self, seconds: float) -> bool:
        """Print how many checks held, and tell whether all did."""
        held, ok = sum(self.checks), all(self.checks)
        mark = self._mark(ok=ok)
        said = Text("\n    ").append_text(mark)
        said.append(f" {held} of {len(self.checks)} checks hold, after {seconds:.0f} s", "bold")
        self.console.print(said)
        return ok


def _table(phases: Sequence[Phase]) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    table.add_column("version 2\ngets", justify="right")
    table.add_column("calls to\nversion 1", justify="right")
    table.add_column("calls to\nversion 2", justify="right")
    table.add_column("share of version 2\nseen", width=BAR + 7)
    table.add_column("\nexpected", justify="right")
    table.add_column("errors\nof 1", justify="right")
    table.add_column("errors\nof 2", justify="right")
    table.add_column("", width=1)
    for phase in phases:
        ok = "" if phase.ok is None else Screen._mark(ok=phase.ok)
        table.add_row(
            phase.name,
            f"{phase.calls[0]:,}".replace(",", " "),
            f"{phase.calls[1]:,}".replace(",", " "),
            bar(phase.share).append(f" {phase.share:6.1%}"),
            f"{phase.expected:.0%}",
            *(_errors(count) for count in phase.errors),
            ok,
        )
    return table


def _errors(count: int) -> Text:
    return Text(f"{count:,}".replace(",", " "), style="bold red" if count else "dim")


def bar(share: float, width: int = BAR) -> Text:
    """Return a bar that is so full."""
    halves = round(share * width * 2)
    full, half = divmod(halves, 2)
    text = Text("━" * full + "╸" * half)
    return text.append("─" * (width - full - half), style="dim")
