"""Drawn: what `bench.rollouts` measured, as tables for a page and as a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

from rich.table import Table

from bench.rollouts import OURS, RULES, Cell, Row
from bench.shown import table

COLOURS: Mapping[str, str] = {
    OURS: "#0e8a6a",
    "Flagger": "#c2410c",
    "Fission": "#6d5bd0",
    "CodeDeploy": "#3b4a63",
}
#: Cases as a reader knows them.
SAID: Mapping[str, str] = {
    "healthy": "nothing wrong",
    "one-percent": "both fail 1 %",
    "cold": "cold at first",
    "noise": "8 % slower or faster",
    "crashes": "crashes take 20 calls",
    "one-to-two": "1 % → 2 % fail",
    "one-to-five": "1 % → 5 % fail",
    "to-five": "0.1 % → 5 % fail",
    "one-to-twenty": "1 % → 20 % fail",
    "total": "all calls fail",
    "slow": "twice as slow",
    "p99-doubled": "p99 doubled",
    "late": "+2 % after 5 min",
}
WIDTH, LEFT, LINE, TOP = 760, 205, 29, 74
DOT, APART = 4.5, 4.0  #: Of a row, rules stand one below the other, so that none hides another.
MOST_HARM = 100_000
INK, GREY, FAINT = "#1f2937", "#667085", "#e4e7ec"


def said(row: Row) -> str:
    """Return what a case is called."""
    name = SAID[row.case.fault]
    return name if row.case.traffic == "steady" else f"{name}, {row.case.traffic}"


def healthy(rows: Sequence[Row], *, markdown: bool) -> Table:
    """False rollbacks."""
    title = "Healthy releases that were taken back, of all; seconds to all calls, in the middle"
    shown = table(title, ("traffic",), ("calls/s", "releases", *RULES), markdown=markdown)
    for row in rows:
        if row.case.trial.fault.is_harmless:
            name = row.case.traffic if row.case.fault == "healthy" else SAID[row.case.fault]
            count = f"{row.case.releases:,}"
            shown.add_row(name, f"{row.case.calls_per_s:g}", count, *map(_false, row.cells))
    return shown


def _false(cell: Cell) -> str:
    share = 100 * cell.back / cell.releases
    percent = "0 %" if not cell.back else f"{share:.2g} %" if share < 1 else f"{share:.0f} %"
    return percent + (f" · {cell.finish_s:.0f} s" if cell.finish_s is not None else "")


def faulty(rows: Sequence[Row], *, markdown: bool) -> Table:
    """Detection and harm."""
    title = "Bad releases: share taken back · seconds from the fault to that · calls harmed"
    shown = table(title, ("fault",), RULES, markdown=markdown)
    for row in rows:
        if not row.case.trial.fault.is_harmless:
            shown.add_row(said(row), *map(_found, row.cells))
    return shown


def _found(cell: Cell) -> str:
    share = f"{100 * cell.back / cell.releases:.0f} %"
    soon = "-" if cell.detected_s is None else f"{cell.detected_s:.0f} s"
    return f"{share} · {soon} · {cell.harmed:,.0f}"


def picture(rows: Sequence[Row]) -> str:
    """Return an SVG: what faults cost under each rule, and who is taken back for nothing."""
    bad = [row for row in rows if not row.case.trial.fault.is_harmless]
    good = [row for row in rows if row.case.trial.fault.is_harmless]
    middle = TOP + LINE * len(bad) + 72
    height = middle + LINE * len(good) + 34
    fonts = "-apple-system, 'Segoe UI', 'Noto Sans', 'Helvetica Neue', Arial, sans-serif"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"',
        f'  aria-labelledby="t d" font-family="{fonts}" font-size="13">',
        '  <title id="t">What faults cost, and who is taken back for nothing, by rule</title>',
        f'  <desc id="d">{escape(_told(rows))}</desc>',
        f'  <rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10"',
        '    fill="#ffffff" stroke="#d8dce2"/>',
        *_legend(),
        *_panel("calls harmed by a bad version (in the middle)", bad, TOP, _harm, _HARMS),
        *_panel("healthy releases taken back", good, middle, _alarms, _ALARMS),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _harm(cell: Cell) -> float:
    return math.log10(max(cell.harmed, 1)) / math.log10(MOST_HARM)


def _alarms(cell: Cell) -> float:
    return cell.back / cell.releases


_HARMS = tuple((number / 5, f"{10**number:,}") for number in range(6))
_ALARMS = tuple((share / 100, f"{share} %") for share in (0, 25, 50, 75, 100))


def _told(rows: Sequence[Row]) -> str:
    """Return in words what the picture shows."""
    parts = []
    for row in rows:
        harmless = row.case.trial.fault.is_harmless
        figures = ", ".join(
            f"{cell.rule} " + (_false(cell) if harmless else f"{cell.harmed:,.0f} calls")
            for cell in row.cells
        )
        parts.append(f"{said(row)}, {row.case.calls_per_s:g} calls/s: {figures}.")
    return " ".join(parts)


def _legend() -> list[str]:
    lines, x = [], LEFT
    for rule in RULES:
        lines.append(f'  <circle cx="{x}" cy="24" r="5.5" fill="{COLOURS[rule]}"/>')
        lines.append(f'  <text x="{x + 11}" y="28.5" fill="{INK}">{rule}</text>')
        x += 42 + 8 * len(rule)
    return lines


def _panel(
    title: str,
    rows: Sequence[Row],
    top: int,
    place: Callable[[Cell], float],
    ticks: Sequence[tuple[float, str]],
) -> list[str]:
    """Return one panel: a line for each case, a dot for each rule."""
    right, bottom = WIDTH - 44, top + LINE * len(rows)
    lines = [f'  <text x="20" y="{top - 12}" fill="{INK}" font-weight="600">{title}</text>']
    for at, text in ticks:
        x = LEFT + at * (right - LEFT)
        lines.append(f'  <path d="M{x:.1f} {top}V{bottom}" stroke="{FAINT}"/>')
        lines.append(
            f'  <text x="{x:.1f}" y="{bottom + 16}" fill="{GREY}" font-size="11" '
            f'text-anchor="middle">{text}</text>'
        )
    for number, row in enumerate(rows):
        y = top + LINE * number + LINE / 2
        rate = f", {row.case.calls_per_s:g}/s" if row.case.trial.fault.is_harmless else ""
        name = row.case.traffic if row.case.fault == "healthy" else said(row)
        lines.append(f'  <text x="20" y="{y + 4.5}" fill="{INK}">{escape(name + rate)}</text>')
        lines.append(f'  <path d="M{LEFT} {y}H{right}" stroke="{FAINT}"/>')
        for place_of, cell in enumerate(row.cells):
            x = LEFT + place(cell) * (right - LEFT)
            down = y + (place_of - (len(row.cells) - 1) / 2) * APART
            lines.append(
                f'  <circle cx="{x:.1f}" cy="{down:.1f}" r="{DOT}" fill="{COLOURS[cell.rule]}" '
                'stroke="#ffffff" stroke-width="0.8"/>'
            )
    return lines
