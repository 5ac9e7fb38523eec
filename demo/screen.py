"""Screen: what a step did, what was expected and what was seen; calm, and 80 columns wide."""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WIDEST = 80
BAR = 12
ROOM_FOR_BARS = 76  #: Columns of the table with them, and of its indent.
INDENT = (0, 0, 0, 4)
MARGIN = 15  #: Where the texts of a step begin.
GOOD, BAD = "✓", "✗"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A row of the table: who answered while version 2 was given a share of the calls."""

    expected: float
    calls: tuple[int, int]  #: Answered by version 1, by version 2.
    errors: tuple[int, int]
    lost: int  #: Calls that nobody answered.
    others: int  #: Calls that other versions answered.
    ok: bool | None = None  #: None where it is not judged, or not yet.

    @property
    def total(self) -> int:
        """How many calls were answered."""
        return sum(self.calls)

    @property
    def share(self) -> float:
        """The share of version 2 that was seen."""
        return self.calls[1] / max(self.total, 1)

    @property
    def off(self) -> float:
        """By how many calls version 2 got more or less than its share."""
        return abs(self.calls[1] - self.total * self.expected)

    @property
    def flawless(self) -> bool:
        """Whether calls came in and each was answered well."""
        return self.total > 0 and not self.lost and not self.others and not sum(self.errors)


class Screen:
    """Prints, and remembers whether every check held."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        self.console = Console(highlight=False)
        self.console.width = min(self.console.width, WIDEST)
        self.checks: list[bool] = []
        self._steps = 0

    def title(self, text: str, below: str) -> None:
        """Print the head of the page."""
        self.console.print(Text(f"\n{text}", style="bold"))
        self.console.print(Text(below, style="dim"))

    def step(self, title: str, did: str, expected: str) -> None:
        """Begin a step."""
        self._steps += 1
        self.console.print()
        self.console.print(Text.assemble((f"{self._steps:>2}  ", "dim"), (title, "bold")))
        self._line("did", did)
        self._line("expected", expected)

    def seen(self, text: str, *, ok: bool) -> None:
        """Add what was seen, with a check."""
        self.checks.append(ok)
        self._line("seen", text, _mark(ok=ok))

    def note(self, label: str, text: str) -> None:
        """Add something that is worth knowing and is no check."""
        self._line(label, text)

    def _line(self, label: str, text: str, mark: Text | None = None) -> None:
        room = self.console.width - MARGIN
        first, *more = textwrap.wrap(text, room) or [""]
        below = "".join(f"\n{'':{MARGIN}}{rest}" for rest in more)
        self.console.print(
            Text.assemble((f"    {label:<8} ", "dim"), mark or " ", f" {first}", below)
        )

    def say(self, *lines: tuple[str, str]) -> None:
        """Print texts in their styles, each after an empty line, and fit to be copied."""
        for text, style in lines:
            self.console.print()
            self.console.print(Text(textwrap.indent(text, " " * 4), style), soft_wrap=True)

    @contextmanager
    def live(self, phases: Sequence[Phase]) -> Iterator[Callable[[], None]]:
        """Show a table of phases, drawn anew by what this yields; its last state stays.

        Without a terminal it is printed once, at the end of the block.
        """

        def table() -> RenderableType:
            drawn = _table(phases, bars=self.console.width >= ROOM_FOR_BARS)
            return Group("", Padding(drawn, INDENT, expand=False), "")

        if not self.console.is_terminal:
            yield lambda: None
            self.console.print(table())
            return
        with Live(console=self.console, auto_refresh=False) as live:
            try:
                yield lambda: live.update(table(), refresh=True)
            finally:
                live.update(table(), refresh=True)

    def end(self, seconds: float) -> bool:
        """Print how many checks held, and tell whether all did."""
        ok = all(self.checks)
        said = f" {sum(self.checks)} of {len(self.checks)} checks hold, after {seconds:.0f} s"
        self.console.print()
        self.console.print(Text("    ") + _mark(ok=ok) + Text(said, "bold"))
        return ok


def _mark(*, ok: bool) -> Text:
    return Text(GOOD, "bold green") if ok else Text(BAD, "bold red")


def _table(phases: Sequence[Phase], *, bars: bool) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    table.add_column("calls to\n1", justify="right", no_wrap=True)
    table.add_column("calls to\n2", justify="right", no_wrap=True)
    table.add_column("share of\n2: due", justify="right", no_wrap=True)
    table.add_column("\nseen", justify="right", width=7)
    if bars:
        table.add_column("", width=BAR)
    table.add_column("errors\nof 1", justify="right", no_wrap=True)
    table.add_column("errors\nof 2", justify="right", no_wrap=True)
    table.add_column("\nlost", justify="right", no_wrap=True)
    table.add_column("", width=1)
    for phase in phases:
        table.add_row(
            *map(spaced, phase.calls),
            percent(phase.expected),
            percent(phase.share, 1),
            *([bar(phase.share)] if bars else []),
            *map(_trouble, (*phase.errors, phase.lost)),
            "" if phase.ok is None else _mark(ok=phase.ok),
        )
    others = sum(phase.others for phase in phases)
    if others:
        table.caption = f"and {spaced(others)} calls to other versions"
    return table


def spaced(count: int) -> str:
    """Return a number as people write it, by thousands."""
    return f"{count:,}".replace(",", " ")


def _trouble(count: int) -> Text:
    return Text(spaced(count), "bold red" if count else "dim")


def percent(share: float, digits: int = 0) -> str:
    """Return a share in percent."""
    return f"{share * 100:.{digits}f} %"


def bar(share: float, width: int = BAR) -> Text:
    """Return a bar that is so full."""
    full, half = divmod(round(share * width * 2), 2)
    rest = width - full - half
    return Text("━" * full + "╸" * half) + Text("─" * rest, "dim")
