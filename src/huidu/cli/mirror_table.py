"""What a mirror found, as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from huidu.cli.drawn import draw

Facts = Mapping[str, Any]
MOST_PLACES = 20
NOTHING = "nothing to say of it yet: no call was run by both"


def show(found: Facts) -> None:
    """Print what a mirror found to standard output."""
    draw(lambda console: _tell(console, found))


def _tell(console: Console, found: Facts) -> None:
    console.print(Text(head(found)))
    console.print(_counts(found))
    for title, rows, heads in (
        ("Differences", _differences(found), ("at", "calls", "of users", "of the candidate")),
        ("The candidate failed", _failures(found), ("status", "calls", "by", "for example")),
        ("Not copied", _skipped(found), ("why", "calls")),
    ):
        if rows:
            console.print(f"\n{title}", style="bold")
            console.print(_table(heads, rows))
    hidden = len(found["Differences"]) - MOST_PLACES
    if hidden > 0 or found["OtherDifferences"]:
        console.print(f"  and {max(0, hidden)} places more; see --json")
    latency = found["Latency"]
    if latency["Pairs"]:
        console.print("\nHow long it took, in ms", style="bold")
        console.print(_latency(latency))


def head(found: Facts) -> str:
    """Return what is mirrored, and whether it still is."""
    what = f"{found['FunctionName']}:{found['Name']} to version {found['FunctionVersion']}"
    if found["State"] != "ended":
        return f"{what}: mirroring, until {found['Until']} or {found['MaxCalls']} calls"
    return f"{what}: ended {found['EndTime']}, {found['EndReason']}"


def _counts(found: Facts) -> Text:
    if not found["Mirrored"]:
        return Text(f"{found['Seen']} calls seen; {NOTHING}")
    unread = f", {found['Unread']} too large to compare" if found["Unread"] else ""
    return Text(
        f"{found['Seen']} calls seen, {found['Mirrored']} mirrored: {found['Same']} the same, "
        f"{found['Different']} different{unread}"
    )


def _differences(found: Facts) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for place in found["Differences"][:MOST_PLACES]:
        path, count = place["Path"], str(place["Count"])
        for sample in place["Samples"]:
            rows.append((path, count, sample["Live"], sample["Candidate"]))
            path = count = ""
    return rows


def _failures(found: Facts) -> list[Sequence[str]]:
    return [
        (str(one["StatusCode"]), str(one["Count"]), one["Fault"], one["RequestIds"][0])
        for one in found["Failures"]
    ]


def _skipped(found: Facts) -> list[Sequence[str]]:
    return [(one["Reason"], str(one["Count"])) for one in found["Skipped"]]


def _latency(latency: Facts) -> Table:
    slower = f"{latency['CandidateSlower']} of {latency['Pairs']}"
    rows = [
        (who, f"{latency[f'{key}P50']:.1f}", f"{latency[f'{key}P99']:.1f}", more)
        for who, key, more in (("users", "Live", ""), ("candidate", "Candidate", slower))
    ]
    return _table(("", "p50", "p99", "slower"), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in heads:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    return table


def clean(words: str) -> str:
    """Return words without what would move a terminal's cursor: answers are anybody's text."""
    return "".join(one if one.isprintable() else " " for one in words)
