"""Top view: the calls of the last seconds, as a picture in a terminal of any size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from huidu.cli.rollout.words import clean
from huidu.model.amount import percent

Traffic = Mapping[str, Any]
Lane = Mapping[str, Any]
SPARKS = " ▁▂▃▄▅▆▇█"
WIDEST_BAR, LEAST_BAR = 24, 6
#: Columns below which the curve, then cold starts, then bars and medians make room.
WIDE, NARROW, SMALL = 100, 76, 60
NUMBERS = frozenset({"share", "calls/s", "failed", "5xx", "p50", "p99", "cold"})
ROWS_BESIDE = 6  #: Of the picture, beside those of lanes.
COLOURS = ("cyan", "magenta", "yellow", "blue", "green")
BAD = 0.05  #: Share of failures from which on it is red, not yellow.
NOTHING = "no call in this time; make one: huidu invoke FUNCTION"
WHOLE = "namespace "  #: How the title begins where all functions are shown.


def picture(
    found: Traffic, title: str, width: int, height: int, note: RenderableType
) -> RenderableType:
    """Return the calls of the last seconds, as many rows of them as there is room for."""
    room = max(1, height - ROWS_BESIDE)
    lanes = sorted(found["Lanes"], key=_order)
    busiest = sorted(lanes, key=lambda lane: -int(lane["Calls"]))[:room]
    kept = [lane for lane in lanes if any(lane is one for one in busiest)]
    parts: list[RenderableType] = [_head(found, title), Text(), _table(found, title, kept, width)]
    if len(lanes) > len(kept):
        parts.append(Text(f"  and {len(lanes) - len(kept)} with fewer calls", "dim"))
    if not lanes:
        parts.append(Text(f"  {NOTHING}", "dim"))
    return Group(*parts, Text(), Text("Ctrl-C leaves", "dim"), note)


def lines(found: Traffic, title: str) -> Sequence[RenderableType]:
    """Return the same for where nothing moves."""
    lanes = sorted(found["Lanes"], key=_order)
    if not lanes:
        return [_head(found, title), Text(f"  {NOTHING}", "dim")]
    return [_head(found, title), Text(), _table(found, title, lanes, WIDE)]


def _order(lane: Lane) -> tuple[str, str, int, str]:
    version = lane["FunctionVersion"]
    return lane["FunctionName"], lane["Alias"], int(version) if version.isdigit() else 0, version


def _head(found: Traffic, title: str) -> Text:
    calls = sum(lane["Calls"] for lane in found["Lanes"])
    errors = sum(lane["Errors"] for lane in found["Lanes"])
    answered = sum(map(_answered_5xx, found["Lanes"]))
    return Text.assemble(
        (clean(title), "bold"),
        f"  {rate(calls, found['Window'])} calls/s",
        (f"  {errors} failed", "red" if errors else "dim"),
        (f"  {answered} answered 5xx" if answered else "", "red"),
        (f"  last {found['Window']} s, {found['Time']}", "dim"),
    )


def rate(calls: int, window_s: int) -> str:
    """Return so many calls by second, with as many digits as they are worth."""
    each = calls / window_s
    return f"{each:.0f}" if each >= 100 or each == 0 else f"{each:.1f}"  # noqa: PLR2004 - three digits


def _table(found: Traffic, title: str, lanes: Sequence[Lane], width: int) -> Table:
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    heads = {
        "function": title.startswith(WHOLE),  # Of one function the title says it.
        "alias": True,
        "version": True,
        "share": width >= SMALL,
        "calls/s": True,
        "": width >= SMALL,
        "failed": True,
        "5xx": any(map(_answered_5xx, lanes)),
        "p50": width >= SMALL,
        "p99": True,
        "cold": width >= NARROW,
        "calls": width >= WIDE,
    }
    for head in (head for head, shown in heads.items() if shown):
        justify: JustifyMethod = "right" if head in NUMBERS else "left"
        made.add_column(head, justify=justify, no_wrap=True, overflow="ellipsis")
    most = max((lane["Calls"] for lane in lanes), default=0)
    bar = max(LEAST_BAR, min(WIDEST_BAR, width - NARROW))
    for lane in lanes:
        cells = _cells(lane, found["Window"], most, bar)
        made.add_row(*(cells[head] for head, shown in heads.items() if shown))
    return made


def _cells(lane: Lane, window_s: int, most: int, bar: int) -> Mapping[str, Text]:
    version = lane["FunctionVersion"] or "none"
    colour = COLOURS[int(version) % len(COLOURS)] if version.isdigit() else ""
    return {
        "function": Text(clean(lane["FunctionName"])),
        "alias": Text(clean(lane["Alias"]) or "-", "" if lane["Alias"] else "dim"),
        "version": Text(clean(version), f"bold {colour}"),
        "share": Text("" if lane["Weight"] is None else percent(lane["Weight"]), "dim"),
        "calls/s": Text(rate(lane["Calls"], window_s)),
        "": _bar(lane["Calls"], most, bar, colour),
        "failed": _failed(lane),
        "5xx": _shared(_answered_5xx(lane), lane["Calls"]),
        "p50": Text(_ms(lane["DurationP50"])),
        "p99": Text(_ms(lane["DurationP99"])),
        "cold": Text(str(lane["Cold"] or ""), "dim"),
        "calls": Text(sparks(lane["BySecond"]), colour),
    }


def _bar(calls: int, most: int, width: int, colour: str) -> Text:
    """Return how many calls there are beside the busiest row's; one at least is seen."""
    full = max(1, round(calls / most * width)) if calls else 0
    return Text.assemble(("━" * full, colour), ("─" * (width - full), "dim"))


def _failed(lane: Lane) -> Text:
    calls, bad = lane["Calls"], lane["Errors"]
    throttled = f" +{lane['Throttled']} throttled" if lane["Throttled"] else ""
    if not bad:
        return Text(throttled.strip(), "yellow")
    return _shared(bad, calls).append(throttled)


def _answered_5xx(lane: Lane) -> int:
    """Return how many calls succeeded and answered so; servers before this one do not tell."""
    return int(lane.get("Answered5xx", 0))


def _shared(bad: int, calls: int) -> Text:
    if not bad:
        return Text()
    share = bad / calls
    return Text(f"{bad} ({percent(round(share, 4))})", "red" if share >= BAD else "yellow")


def _ms(duration: float | None) -> str:
    if duration is None:
        return ""
    return f"{duration / 1000:.2f} s" if duration >= 1000 else f"{duration:.3g} ms"  # noqa: PLR2004


def sparks(counts: Sequence[int], width: int = 20) -> str:
    """Return counts as a line of so many columns at most; of many, their most is shown."""
    columns = min(width, len(counts))
    most = max(counts, default=0)
    parts = [
        max(counts[at * len(counts) // columns : (at + 1) * len(counts) // columns])
        for at in range(columns)
    ]
    top = len(SPARKS) - 1
    return "".join(SPARKS[-(-one * top // most) if most else 0] for one in parts)
