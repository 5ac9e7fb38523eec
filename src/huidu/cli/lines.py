"""Lines: how a line of the log looks in a terminal, and where it goes into a pipe."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from rich.cells import cell_len, chop_cells

#: Neighbouring versions have different colours, and none that also means something is wrong.
VERSIONS = ("36", "35", "32", "34", "96", "95")
DIM, RED, YELLOW, BOLD_RED = "2", "31", "33", "1;31"
LEVELS = {"ERROR": RED, "FATAL": BOLD_RED, "WARN": YELLOW, "DEBUG": DIM, "TRACE": DIM}
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
REPORTED = re.compile(r"Duration:(\d+)ms Memory:\d+MB MemUsage:([\d.]+)MB")
#: What is shown only where it is asked for: that a call began, what it returned, that it ended.
HIDDEN = frozenset({"start", "response", "end"})
SHORT_ID = 8
NARROW = 64  #: Columns below which milliseconds and request ids make room for the text.
LEAST_TEXT = 24  #: Columns below which a text goes on below the time, not below itself.
HANG = 2
GOOD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What lines are shown on."""

    columns: int | None  #: None for a pipe: nothing is wrapped and every line has its date.
    colours: bool
    functions: bool  #: Whether each line says of which function it is.
    whole: bool  #: Whether the platform's own lines are shown as they are.


def look_of(out: TextIO, environment: Mapping[str, str], *, functions: bool, whole: bool) -> Look:
    """Return how to show lines on a stream."""
    terminal = out.isatty()
    plain = bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb"
    return Look(
        columns=shutil.get_terminal_size(os.terminal_size((80, 24))).columns if terminal else None,
        colours=terminal and not plain,
        functions=functions,
        whole=whole,
    )


def seen(line: Mapping[str, Any], look: Look) -> bool:
    """Tell whether a line is shown at all."""
    return look.whole or line["Kind"] not in HIDDEN


def shown(line: Mapping[str, Any], look: Look, least: int = 0) -> str:
    """Return a line as it is printed, with so many columns at least for who printed it."""
    narrow = look.columns is not None and look.columns < NARROW
    parts = [
        (_time(line["Time"], look, narrow=narrow), DIM),
        (f"{who(line, look):<{least}}", _colour(line["FunctionVersion"])),
        *([] if narrow else [(line["RequestId"][:SHORT_ID], DIM)]),
    ]
    width = sum(cell_len(text) + 1 for text, _ in parts)
    prefix = " ".join(_painted(_safe(text), colour, look) for text, colour in parts)
    text, colour = _said(line, look)
    return f"{prefix} " + _wrapped(text, colour, width, look)


def day_of(line: Mapping[str, Any], look: Look) -> str:
    """Return a line that says which day it is, for where lines have only their time."""
    return _painted(_safe(f"-- {line['Time'][:10]}"), DIM, look)


def _time(time: str, look: Look, *, narrow: bool) -> str:
    if look.columns is None:
        return time
    return time[11:19] if narrow else time[11:]


def who(line: Mapping[str, Any], look: Look) -> str:
    """Return which version a line is of, and through which alias it was called."""
    version, alias = line["FunctionVersion"] or "-", line["Alias"]
    named = f"v{version}" if version.isdigit() else version
    called = f"{named}@{alias}" if alias and not alias.startswith("$") else named
    return f"{line['FunctionName']} {called}" if look.functions else called


def _colour(version: str) -> str:
    return VERSIONS[int(version) % len(VERSIONS)] if version.isdigit() else ""


def _said(line: Mapping[str, Any], look: Look) -> tuple[str, str]:
    """Return what a line says, and in which colour."""
    text, kind = line["Text"], line["Kind"]
    if look.whole or kind not in ("error", "report"):
        own = DIM if kind not in ("printed", "error") else ""
        return _safe(text).expandtabs(4), LEVELS.get(line["Level"], own)
    safe = CONTROL.sub(" ", text)
    if kind == "error":
        return f"failed: {safe.partition(' Result:')[2]}", RED
    good = line["StatusCode"] == GOOD
    told = REPORTED.search(safe)
    took = f" in {told[1]} ms, {float(told[2]):.0f} MB" if told else ""
    return f"{'ok' if good else 'ended'} {line['StatusCode']}{took}", DIM if good else RED


def _safe(text: str) -> str:
    """Return a text with what a terminal would obey written out."""
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def _painted(text: str, colour: str, look: Look) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and look.colours else text


def _wrapped(text: str, colour: str, indent: int, look: Look) -> str:
    """Return a text that goes on below its beginning where it is too long for one row."""
    if look.columns is None or cell_len(text) <= look.columns - indent:
        return _painted(text, colour, look)
    hang = indent if look.columns - indent >= LEAST_TEXT else HANG
    first = chop_cells(text, max(2, look.columns - indent))[0]
    rows = [first, *chop_cells(text[len(first) :], max(2, look.columns - hang))]
    return ("\n" + " " * hang).join(_painted(row, colour, look) for row in rows)
