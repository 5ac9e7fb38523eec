"""Telling: what is said while a folder is followed, for people as it happens."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rich.cells import cell_len, chop_cells

from huidu.cli.dev.blame import Blame, blamed
from huidu.cli.dev.hearing import Visit
from huidu.cli.dev.putting import Put, called
from huidu.cli.lines import CONTROL, DIM, RED, YELLOW, Look
from huidu.model.invocation import Record, Status
from huidu.model.log import chunk_of, whole
from huidu.model.names import DEFAULT_NAMESPACE
from huidu.project.flaw import Flaw

GREEN, BOLD, CYAN = "32", "1", "36"
INDENT = " " * 9  #: As wide as the time.
NARROW = 60
LEAST_PATH = 12
MOST_NAMES = 3
KEYS = "keys"
FAILED_FROM, LOST_FROM = 400, 500
#: What Node.js puts before each line, for who searches logs: when, of which request, how bad.
HEAD = re.compile(r"[0-9T:.-]+Z\s+[0-9a-f-]{36}\s+(?:(?P<level>[A-Z]+)\s+)?")


class Teller(Protocol):
    """Whoever is told what happens."""

    def ready(self, put: Put, at: At, took_ms: float) -> None: ...
    def where(self, put: Put, at: At) -> None: ...
    def reloaded(self, names: Iterable[str], put: Put, took_ms: float) -> None: ...
    def broken(self, names: Iterable[str], error: Exception) -> None: ...
    def failed(self, names: Iterable[str], put: Put, text: str) -> None: ...
    def call(self, visit: Visit | None, record: Record | None) -> None: ...
    def printed(self, lines: Sequence[str], version: str) -> None: ...
    def note(self, text: str) -> None: ...
    def ended(self) -> None: ...


class At:
    """Where the server is that follows a folder."""

    def __init__(self, gateway: str, api: str, folder: str, data: str, before: str) -> None:
        self.gateway, self.api, self.folder, self.data = gateway, api, folder, data
        self._before = before  #: What a command is to find in its environment, to ask here.

    def line(self, *words: str) -> str:
        """Return what to type."""
        return f"{self._before} {shlex.join(('huidu', *words))}"

    def root(self, put: Put) -> str:
        """Return the address that is short, and stays as it is."""
        return f"{self.gateway}/" if put.addresses else ""


def printed_of(record: Record) -> list[str]:
    """Return what a call printed that was not told while it ran."""
    return [plain(line) for line in whole(chunk_of(record)[0].printed)]


def plain(line: str) -> str:
    """Return a printed line as it was printed."""
    found = HEAD.match(line)
    if found is None:
        return line
    level = f"{found['level']} " if found["level"] else ""
    return level + line[found.end() :]


def named(names: Iterable[str]) -> str:
    """Return which files were saved, as many as anybody wants to read."""
    ordered = sorted(names)
    more = len(ordered) - MOST_NAMES
    shown = ", ".join(ordered[:MOST_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown


class Person:
    """Tells in lines, in a terminal or in a pipe."""

    def __init__(self, look: Look, write: Callable[[str], object]) -> None:
        self._look = look
        self._write = write
        self._last: Blame | None = None
        self._source: Path | None = None

    def ready(self, put: Put, at: At, took_ms: float) -> None:
        """Say that the project can be called, and where."""
        self.where(put, at)
        for note in put.notes:
            self._line("  ", (f"note: {note}", DIM))
        for number, place in put.stand_ins.items():
            text = f"version {number} is not here: version {place} stands in, which is this code "
            self._line("  ", (f"note: {text}as it was when it was first needed", DIM))
        self._now((f"ready in {_long(took_ms)}", GREEN), (f"; watching {at.folder}", ""))

    def where(self, put: Put, at: At) -> None:
        """Say where the project can be called."""
        self._source = put.project.source.folder
        function = put.project.function
        runtime = function.configuration.runtime
        self._line("", (called(put.project), BOLD), (f" {runtime}, stage {put.project.stage}", ""))
        rows = [row for row in _rows(put, at) if self._look.columns is not None or row[0] != KEYS]
        width = max(len(what) for what, _, _ in rows)
        for what, text, colour in rows:
            self._line("  ", (f"{what:<{width}}  ", DIM), (text, colour))

    def reloaded(self, names: Iterable[str], put: Put, took_ms: float) -> None:
        self._last = None
        spent = ", ".join(f"{what} {ms:.0f}" for what, ms in put.spent_ms.items())
        told = f"{named(names)}: " if names else ""
        self._now((told, ""), (f"reloaded in {_long(took_ms)}", GREEN), (f" ({spent} ms)", DIM))
        for step in put.steps:
            if step.action != "UpdateFunctionCode":
                self._line(INDENT, (f"{step.mark} {step.what}", DIM))

    def broken(self, names: Iterable[str], error: Exception) -> None:
        lines = str(error).splitlines() or [type(error).__name__]
        told = f"{named(names)}: " if names and not isinstance(error, Flaw) else ""
        self._now((f"{told}{lines[0]}", RED))
        for line in lines[1:]:
            self._line(INDENT, (line, RED))
        self._line(INDENT, ("not reloaded: what was there before goes on answering", DIM))

    def failed(self, names: Iterable[str], put: Put, text: str) -> None:
        blame = blamed(text, put.project.source.folder)
        place = f"{blame.place}: " if blame.place else ""
        self._now((f"{place}{blame.what}", RED))
        self._told(blame)
        self._line(INDENT, ("calls are answered with this error until it is put right", DIM))

    def _told(self, blame: Blame) -> None:
        """Say what led to an error; not again for each call that ends with the same one."""
        for line in blame.told if blame != self._last else ():
            self._line(INDENT, (line, DIM))
        self._last = blame

    def call(self, visit: Visit | None, record: Record | None) -> None:
        """Say what was called, and before that what it printed."""
        if record is not None:
            self.printed(printed_of(record), record.version)
        asked, status, ms = _asked(visit, record)
        lost = status >= LOST_FROM or (record is not None and record.status != Status.SUCCESS)
        colour = RED if lost else YELLOW if status >= FAILED_FROM else GREEN
        tail = f" {status} in {_long(ms)}"
        by = _by(visit, record)
        if self._look.columns is not None and self._look.columns < NARROW:
            by = ""
        self._now((self._cut(asked, len(tail) + len(by)), ""), (tail, colour), (by, DIM))
        if record is not None and record.error:
            blame = blamed(record.error, self._source)
            place = f"{blame.place}: " if blame.place else ""
            self._line(INDENT, (f"{place}{blame.what}", RED))
            self._told(blame)

    def printed(self, lines: Sequence[str], version: str) -> None:
        for line in lines:
            self._line(INDENT, ("| ", DIM), (line, ""))

    def note(self, text: str) -> None:
        self._now((text, ""))

    def ended(self) -> None:
        self._now(("ended", ""))

    def _cut(self, text: str, beside: int) -> str:
        """Return a text as far as there is room for it in one row."""
        if self._look.columns is None:
            return text
        room = max(LEAST_PATH, self._look.columns - len(INDENT) - beside)
        if cell_len(text) <= room:
            return text
        return f"{chop_cells(text, room - 3)[0]}..."

    def _now(self, *parts: tuple[str, str]) -> None:
        self._line("", (time.strftime("%H:%M:%S "), DIM), *parts)

    def _line(self, indent: str, *parts: tuple[str, str]) -> None:
        painted = (self._painted(text, colour) for text, colour in parts)
        self._write(f"{indent}{''.join(painted)}\n")

    def _painted(self, text: str, colour: str) -> str:
        safe = CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text).expandtabs(4)
        return f"\x1b[{colour}m{safe}\x1b[0m" if colour and safe and self._look.colours else safe


def _rows(put: Put, at: At) -> Iterable[tuple[str, str, str]]:
    """Yield what there is to know of a project, and in which colour."""
    for place, address in enumerate(put.addresses):
        if not place:
            yield "open", at.root(put), CYAN
        yield ("also at" if place else "in full"), at.gateway + address, ""
    if not put.addresses:
        yield "call it", at.line("invoke", *_named(put)), ""
    for alias in put.project.aliases:
        shares = [f"{v} {share:.2%}".replace(".00%", "%") for v, share in alias.weights]
        rules = [f"{one.expression} of {one.key} to {one.version}" for one in alias.rules]
        told = ", ".join((*shares, *rules))
        yield (
            f"alias {alias.name}",
            f"{told}, the rest to {alias.version}" if told else (f"all calls to {alias.version}"),
            "",
        )
    for timer in put.project.timers:
        yield f"timer {timer.name}", timer.cron if timer.enabled else f"{timer.cron} (off)", ""
    yield "more", at.line("ls", *_named(put)), ""
    yield KEYS, "r reloads, u says this again, q leaves; each with Enter", ""


def _named(put: Put) -> tuple[str, ...]:
    """Return the words that name a function on the command line."""
    function = put.project.function
    spaced = () if function.namespace == DEFAULT_NAMESPACE else ("--namespace", function.namespace)
    return function.name, *spaced


def _asked(visit: Visit | None, record: Record | None) -> tuple[str, int, float]:
    """Return what was called, what it ended with, and how long that took in ms."""
    if visit is not None:
        return f"{visit.method} {visit.path}", visit.status, visit.ms
    assert record is not None  # noqa: S101 - one of both is there
    taken = record.queue_ms + record.duration_ms
    return f"{record.trigger} {record.qualifier}", record.status, taken


def _by(visit: Visit | None, record: Record | None) -> str:
    version = (record.version if record else visit.version if visit else "") or ""
    alias = (record.alias if record else visit.alias if visit else "") or ""
    if not version:
        return ""
    through = f"@{alias}" if alias and not alias.startswith("$") else ""
    reason = ""
    if record is not None and record.reason and alias and record.reason.startswith("rule"):
        reason = f", {record.reason}"
    cold = ", cold" if record is not None and record.cold else ""
    return f" by {version}{through}{reason}{cold}"


def _long(ms: float) -> str:
    return f"{ms / 1000:.2f} s" if ms >= 1000 else f"{ms:.0f} ms"  # noqa: PLR2004 - a second


class Program:
    """Tells the same as JSON, an object a line."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def ready(self, put: Put, at: At, took_ms: float) -> None:
        self._where("ready", put, at, Ms=round(took_ms, 1))

    def where(self, put: Put, at: At) -> None:
        self._where("where", put, at)

    def _where(self, event: str, put: Put, at: At, **more: object) -> None:
        self._say(
            event,
            Function=put.project.function.name,
            Namespace=put.project.function.namespace,
            Stage=put.project.stage,
            Url=at.root(put),
            Urls=[at.gateway + one for one in put.addresses],
            Api=at.api,
            Data=at.data,
            **more,
        )

    def reloaded(self, names: Iterable[str], put: Put, took_ms: float) -> None:
        spent = {what: round(ms, 1) for what, ms in put.spent_ms.items()}
        steps = [f"{step.mark} {step.what}" for step in put.steps]
        self._say("reloaded", Files=sorted(names), Ms=round(took_ms, 1), SpentMs=spent, Steps=steps)

    def broken(self, names: Iterable[str], error: Exception) -> None:
        told: dict[str, Any] = {"Files": sorted(names), "Message": str(error)}
        if isinstance(error, Flaw):
            told |= {"File": error.file, "Line": error.line, "Key": error.key}
        self._say("refused", **told)

    def failed(self, names: Iterable[str], put: Put, text: str) -> None:
        blame = blamed(text, put.project.source.folder)
        told = {"Message": blame.what, "File": blame.file, "Line": blame.line}
        self._say("failed", Files=sorted(names), **told, Stack=list(blame.told))

    def call(self, visit: Visit | None, record: Record | None) -> None:
        asked, status, ms = _asked(visit, record)
        method, _, path = asked.partition(" ")
        told: dict[str, Any] = {"Status": status, "Ms": round(ms, 1)}
        if visit is not None:
            told |= {"Method": method, "Path": path, "RequestId": visit.request_id}
            told |= {"Version": visit.version, "Alias": visit.alias}
        if record is not None:
            told |= {"Trigger": record.trigger, "RequestId": record.request_id}
            told |= {"Version": record.version, "Alias": record.alias, "Reason": record.reason}
            told |= {"Cold": record.cold, "Error": record.error, "Printed": printed_of(record)}
        self._say("call", **told)

    def printed(self, lines: Sequence[str], version: str) -> None:
        self._say("printed", Version=version, Lines=list(lines))

    def note(self, text: str) -> None:
        self._say("note", Message=text)

    def ended(self) -> None:
        self._say("ended")

    def _say(self, event: str, /, **told: Any) -> None:  # noqa: ANN401 - it is JSON
        said: Mapping[str, Any] = {"Event": event, "Time": time.strftime("%FT%T%z"), **told}
        self._write(json.dumps(said, ensure_ascii=False) + "\n")
