"""What `bench.taken_back` measured, as a picture: a dot for each release, beside the oracle."""

from __future__ import annotations

import math
import statistics
from html import escape

from bench.taken_back import Row, Taken

WIDTH, LEFT, RIGHT, LINE, TOP = 720, 130, 30, 44, 64
MOST = 100
OURS, ORACLE, INK, GREY, FAINT = "#0e8a6a", "#3b4a63", "#1f2937", "#667085", "#e4e7ec"


def _x(failed: float) -> float:
    share = math.log(max(1.0, min(failed, MOST))) / math.log(MOST)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _known(one: Taken) -> int:
    return one.failed if one.oracle is None else one.oracle


def picture(rows: list[Row]) -> str:
    """Return an SVG; the axis is logarithmic."""
    height = TOP + LINE * len(rows) + 30
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            'aria-label="Calls that failed before a bad version was gone, release by release" '
            'font-family="system-ui, sans-serif" font-size="13">'
        ),
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        (
            f'<text x="16" y="24" font-size="15" font-weight="600" fill="{INK}">'
            "Calls that failed before a bad version was gone</text>"
        ),
        (
            f'<circle cx="{LEFT}" cy="44" r="4.5" fill="{OURS}" fill-opacity=".75"/>'
            f'<text x="{LEFT + 10}" y="48" fill="{GREY}">a release</text>'
            f'<path d="M{LEFT + 90} 38v12" stroke="{ORACLE}" stroke-width="3"/>'
            f'<text x="{LEFT + 98}" y="48" fill="{GREY}">'
            "the test that knows both failure rates, in the middle</text>"
        ),
    ]
    for mark in (1, 2, 5, 10, 20, 50, 100):
        at = _x(mark)
        parts.append(
            f'<path d="M{at:.1f} {TOP}V{height - 24}" stroke="{FAINT}"/>'
            f'<text x="{at:.1f}" y="{height - 8}" fill="{GREY}" text-anchor="middle">{mark}</text>'
        )
    for number, row in enumerate(rows):
        parts += _line(row, TOP + LINE * number + LINE / 2)
    return "\n".join([*parts, "</svg>", ""])


def _line(row: Row, y: float) -> list[str]:
    """Draw the releases with one fault; those that lost as many calls stand one over the other."""
    name = escape(row.fault.name)
    parts = [f'<text x="16" y="{y + 4:.1f}" fill="{INK}">{name}</text>']
    seen: dict[int, int] = {}
    for one in row.releases:
        above = seen.get(one.failed, 0)
        seen[one.failed] = above + 1
        at = y - 7 * (above % 3) + 7
        parts.append(
            f'<circle cx="{_x(one.failed):.1f}" cy="{at:.1f}" r="4.5" fill="{OURS}" '
            'fill-opacity=".75"/>'
        )
    known = _x(statistics.median(map(_known, row.releases)))
    parts.append(f'<path d="M{known:.1f} {y - 14:.1f}v28" stroke="{ORACLE}" stroke-width="3"/>')
    return parts
