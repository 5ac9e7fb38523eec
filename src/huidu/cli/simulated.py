"""Simulated: what became of releases that were played, as a table in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from huidu.release.trial import Summary, Trial

WIDTH = 100  #: Where there is no terminal that has one of its own.
PLAIN, SECONDS = "{:,.0f}", "{:,.1f} s"


def shown(found: Summary, trial: Trial, order: Mapping[str, Any]) -> None:
    """Print what was simulated, and what came of it."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    for line in (
        f"{found.releases:,} releases, plan {trial.plan}, fault {order['fault']}",
        _traffic(trial, order),
        "",
        f"finished      {_part(found.finished, found)}",
        f"rolled back   {_part(found.rolled_back, found)}{_why(found)}",
        f"still open    {_part(found.open, found)}  after {_minutes(trial.most_s)}",
        "",
    ):
        console.print(line, markup=False)
    console.print(_table(found, trial))
    if found.false_alarms:
        console.print(
            f"{found.false_alarms:,} were taken back while nothing was wrong with them",
            markup=False,
        )


def _traffic(trial: Trial, order: Mapping[str, Any]) -> str:
    recorded = trial.recorded
    if recorded is None:
        return f"{trial.calls_per_s:g} calls/s, {trial.traffic}; seed {trial.seed}"
    through = f":{order['alias']}" if order["alias"] else ""
    spread = recorded.spread
    return (
        f"traffic of {order['from_records']}{through}: {recorded.calls:,.0f} calls in "
        f"{_minutes(recorded.seconds)}, {recorded.failed / recorded.calls:.2%} failed, "
        f"p50 {spread.p50_ms:.0f} ms, p99 {spread.p99_ms:.0f} ms; seed {trial.seed}"
    )


def _minutes(seconds: int) -> str:
    minutes = seconds // 60
    return f"{minutes:,} minute{'s' if minutes != 1 else ''}"


def _part(count: int, found: Summary) -> str:
    return f"{100 * count / found.releases:5.1f} %"


def _why(found: Summary) -> str:
    told = ", ".join(f"{count:,} for {reason}" for reason, count in found.reasons.items())
    return f"  {told}" if told else ""


def _table(found: Summary, trial: Trial) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for title in ("median", "90 %", "most"):
        table.add_column(title, justify="right", no_wrap=True)
    harm = "slowed" if trial.fault.slower > 1 else "failed"
    for title, span, form in (
        ("from the first call to all calls", found.finish_s, SECONDS),
        ("calls to the new version", found.calls, PLAIN),
        (f"of them {harm} before the rollback", found.harmed, PLAIN),
        ("from the fault to the rollback", found.detected_s, SECONDS),
    ):
        if span is not None:
            figures = (span.median, span.p90, span.most)
            table.add_row(title, *(form.format(figure) for figure in figures))
    return table
