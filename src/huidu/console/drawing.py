"""Drawing: lines and bars as SVG paths, for pages that are read before any script runs, or without.

Pure: numbers in, the attribute `d` of a path out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

Series = Mapping[str, Sequence[float]]
BEFORE, LEAST = 10, 120  #: So much of the silence before the first call, and so much at least.


class Segment(NamedTuple):
    """A part of a bar: whose, and from where on how wide, in hundredths of the bar."""

    version: str
    begin: float
    width: float


def segments(shares: Mapping[str, float]) -> Sequence[Segment]:
    """Lay shares end to end."""
    found, begin = [], 0.0
    for version, share in shares.items():
        if share > 0:
            found.append(Segment(version, round(begin * 100, 3), round(share * 100, 3)))
            begin += share
    return found


def line(values: Sequence[float], width: float, height: float, top: float = 0.0) -> str:
    """Return a line through values that are equally far apart; `top` is what the height stands for.

    Without `top` it is the largest of them.
    """
    most = top or max(values, default=0.0) or 1.0
    step = width / max(1, len(values) - 1)
    points = [
        f"{place * step:.1f},{height - min(value, most) / most * height:.1f}"
        for place, value in enumerate(values)
    ]
    return f"M{'L'.join(points)}" if points else ""


def area(values: Sequence[float], width: float, height: float) -> str:
    """Return what lies below such a line."""
    return f"{line(values, width, height)}L{width:g},{height:g}L0,{height:g}Z" if values else ""


def stacked(series: Series, width: float, height: float) -> Mapping[str, str]:
    """Return an area for each of some series, one upon the other; all have as many values."""
    floors: list[list[float]] = []
    below: list[float] = []
    for values in series.values():
        below = below or [0.0] * len(values)
        floors.append(below)
        below = [low + value for low, value in zip(below, values, strict=True)]
    floors.append(below)
    most = max(below, default=0.0) or 1.0
    found = {}
    for version, (low, high) in zip(series, pairwise(floors), strict=True):
        upper = line(high, width, height, most).removeprefix("M").split("L")
        lower = line(low, width, height, most).removeprefix("M").split("L")
        found[version] = f"M{'L'.join([*upper, *reversed(lower)])}Z"
    return found


def thinned(values: Sequence[float], most: int) -> Sequence[float]:
    """Return at most so many values: means of neighbours."""
    if len(values) <= most:
        return values
    cuts = [place * len(values) // most for place in range(most + 1)]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(cuts)]


def columns(series: Mapping[str, Any], what: str, most: int) -> Series:
    """Return what a series of the API says of each version, in so many columns at most.

    Where nobody called at first there is nothing to see, and that is left out but for its end.
    """
    rows = {one["FunctionVersion"]: one for one in series["Versions"]}
    firsts = [_first(one["Calls"]) for one in rows.values()]
    begin = max(0, min([*firsts, series["Points"]]) - BEFORE)
    begin = min(begin, max(0, series["Points"] - LEAST))
    return {version: thinned(one[what][begin:], most) for version, one in rows.items()}


def _first(values: Sequence[float]) -> int:
    return next((at for at, value in enumerate(values) if value), len(values))
