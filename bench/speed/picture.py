"""A picture of calls a second: a bar for each way, from the least turn to the most a line."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.speed.found import Found
from bench.speed.ways import BY_NAME, CEILING, OURS, PEER, Way
from bench.speed.words import ENGLISH, named

#: What a reader compares, from the top down. nginx's own answer would make all else short.
SHOWN = (
    *("nginx-worker", "nginx-workers", "url", "url-one", "invoke", "node"),
    *("framework-asgi", "workerd", "flask", "framework-node", "framework-two", "framework"),
    *("offline", "offline-node"),
)
COLOURS = {OURS: "#0e8a6a", PEER: "#6d5bd0", CEILING: "#98a2b3"}
INK, GREY, FAINT = "#1f2937", "#667085", "#e4e7ec"
WIDTH, LEFT, RIGHT, LINE, TOP, BAR = 760, 268, 74, 27, 74, 15
STEPS = (1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000)
MOST_TICKS = 6
LEGEND = ((OURS, "Huidu"), (PEER, "others"), (CEILING, "nginx before a minimal worker"))


def drawn(found: Found) -> Sequence[tuple[Way, Sequence[float]]]:
    """Return the ways that are drawn, with what each turn measured, the least first."""
    every = ((BY_NAME[name], found.turns(name, BY_NAME[name].most)) for name in SHOWN)
    return [
        (way, sorted(one.calls_a_second for one in turns))
        for way, turns in every
        if turns and not found.errors(way.name, way.most)
    ]


def step(most: float) -> int:
    """Return how far apart the lines of the axis are."""
    return next((one for one in STEPS if most / one <= MOST_TICKS), STEPS[-1])


def picture(found: Found) -> str:
    """Return an SVG, on a ground of its own, so that it reads alike on light and dark pages."""
    rows = drawn(found)
    apart = step(max((rates[-1] for _, rates in rows), default=1.0))
    ticks = int(max((rates[-1] for _, rates in rows), default=1.0) // apart) + 1
    height = TOP + LINE * len(rows) + 34
    fonts = "-apple-system, 'Segoe UI', 'Noto Sans', 'Helvetica Neue', Arial, sans-serif"
    told = "; ".join(f"{_name(way, found)}: {_middle(rates):,.0f} calls/s" for way, rates in rows)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"',
        f'  aria-labelledby="t d" font-family="{fonts}" font-size="13">',
        '  <title id="t">Calls a second of a trivial handler, in one run</title>',
        f'  <desc id="d">{escape(told)}</desc>',
        f'  <rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10"',
        '    fill="#ffffff" stroke="#d8dce2"/>',
        f'  <text x="20" y="29" fill="{INK}" font-weight="600">',
        "    Calls a second, trivial handler, 64 connections; the line: from the least to the most",
        "  </text>",
        *_legend(),
        *_axis(apart, ticks, height - 34),
    ]
    for place, (way, rates) in enumerate(rows):
        lines += _bar(_name(way, found), way.group, rates, TOP + LINE * place, apart * ticks)
    return "\n".join([*lines, "</svg>", ""])


def _name(way: Way, found: Found) -> str:
    return named(way, ENGLISH, found.functions).replace("`", "")


def _middle(rates: Sequence[float]) -> float:
    half = len(rates) // 2
    return rates[half] if len(rates) % 2 else (rates[half - 1] + rates[half]) / 2


def _x(rate: float, most: float) -> float:
    return LEFT + rate / most * (WIDTH - LEFT - RIGHT)


def _legend() -> list[str]:
    lines, x = [], 20
    for group, said in LEGEND:
        lines.append(
            f'  <rect x="{x}" y="43" width="11" height="11" rx="2" fill="{COLOURS[group]}"/>'
        )
        lines.append(f'  <text x="{x + 17}" y="53" fill="{GREY}">{said}</text>')
        x += 50 + 7 * len(said)
    return lines


def _axis(apart: int, ticks: int, bottom: int) -> list[str]:
    lines = []
    for tick in range(ticks + 1):
        x = _x(tick, ticks)
        lines.append(f'  <path d="M{x:.1f} {TOP - 4}V{bottom}" stroke="{FAINT}"/>')
        lines.append(
            f'  <text x="{x:.1f}" y="{bottom + 18}" fill="{GREY}" font-size="11" '
            f'text-anchor="middle">{tick * apart:,}</text>'
        )
    return lines


def _bar(name: str, group: str, rates: Sequence[float], top: int, most: float) -> list[str]:
    middle, y = _middle(rates), top + LINE / 2
    end, least, highest = (_x(rate, most) for rate in (middle, rates[0], rates[-1]))
    weight = ' font-weight="600"' if group == OURS else ""
    return [
        f'  <text x="20" y="{y + 4.5}" fill="{INK}"{weight}>{escape(name)}</text>',
        (
            f'  <rect x="{LEFT}" y="{y - BAR / 2}" width="{max(1.5, end - LEFT):.1f}" '
            f'height="{BAR}" rx="2" fill="{COLOURS[group]}"/>'
        ),
        f'  <path d="M{least:.1f} {y}H{highest:.1f}" stroke="{INK}" stroke-opacity="0.55"/>',
        (
            f'  <text x="{max(end, highest) + 7:.1f}" y="{y + 4.5}" fill="{GREY}" '
            f'font-size="12">{middle:,.0f}</text>'
        ),
    ]
