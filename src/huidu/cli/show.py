"""Show: what a doctor found, as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from huidu.cli.drawn import draw
from huidu.cli.trials import Trial

Tell = Callable[[str], None]


class Comparison(Protocol):
    """What is shown."""

    @property
    def tier(self) -> str: ...
    @property
    def tiers(self) -> Sequence[Trial]: ...
    @property
    def settings(self) -> Mapping[str, str]: ...
    @property
    def runtimes(self) -> Mapping[str, Sequence[str]]: ...
    @property
    def kernel(self) -> str: ...
    @property
    def landlock(self) -> int: ...
    @property
    def cgroups(self) -> str: ...
    @property
    def server(self) -> str: ...
    @property
    def ports(self) -> Mapping[str, str]: ...
    @property
    def disk_free_bytes(self) -> int: ...
    @property
    def concerns(self) -> Sequence[str]: ...


@contextmanager
def progress() -> Iterator[Tell]:
    """Lend a function that says what is being done, where somebody watches."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("looking") as status:
        yield lambda what: status.update(f"trying {what}")


def report(found: Comparison) -> None:
    """Print everything to standard output."""
    draw(lambda console: _tell(console, found))


def _tell(console: Console, found: Comparison) -> None:
    console.print(_tiers(found.tiers))
    chosen = next(trial for trial in found.tiers if trial.name == found.tier)
    _list(console, f"\ntier = best gives {found.tier} here. In it a tenant could", chosen.allows)
    _list(console, "\nMissing in it", chosen.missing)
    console.print("\nThis machine", style="bold")
    console.print(_machine(found))
    _list(console, "\nTo look at", found.concerns)


def _tiers(trials: Sequence[Trial]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("tier", "works", "cold start"):
        table.add_column(title, no_wrap=True)
    table.add_column("what is missing for it", overflow="fold")
    for trial in trials:
        works = Text("yes", "green") if trial.works else Text("no", "red")
        took = "" if trial.cold_start_ms is None else f"{trial.cold_start_ms:.1f} ms"
        why = [trial.why_not, *(f"try: {way}" for way in trial.mend)] if trial.why_not else []
        if trial.works and not trial.by_itself:
            why = [f"only by its name: tier = {trial.name}"]
        table.add_row(trial.name, works, took, Text("\n".join(why)))
    return table


def _machine(found: Comparison) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "kernel": f"{found.kernel}, Landlock {found.landlock or 'none'}, cgroups {found.cgroups}",
        **{name: ", ".join(those) or "not found" for name, those in found.runtimes.items()},
        "network": _network(found),
        "data": f"{found.settings['data']}, {found.disk_free_bytes / (1 << 30):.1f} GB free",
        "server": found.server or "none runs on this data directory",
        **found.ports,
    }
    for name, text in rows.items():
        table.add_row(name, Text(text))
    return table


def _network(found: Comparison) -> str:
    """Return what functions would reach, and the setting that it comes from."""
    given = next(trial.network for trial in found.tiers if trial.name == found.tier)
    return f"{given} (network = {found.settings['network']})"


def _list(console: Console, title: str, lines: Sequence[str]) -> None:
    if lines:
        console.print(title, style="bold", markup=False)
        for line in lines:
            item = Table.grid(padding=(0, 1))
            item.add_column(no_wrap=True)
            item.add_column(overflow="fold")
            item.add_row("-", Text(line))
            console.print(Padding(item, (0, 0, 0, 2), expand=False))
