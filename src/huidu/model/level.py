"""Level: how serious a printed line is, and which fields it has where it is JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any


class Level(IntEnum):
    """How serious a line is; the numbers are those of Python's `logging`."""

    TRACE = 5
    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50


#: How libraries spell them, in any case.
SPELLINGS: Mapping[str, Level] = {
    "trace": Level.TRACE,
    "verbose": Level.TRACE,
    "debug": Level.DEBUG,
    "info": Level.INFO,
    "notice": Level.INFO,
    "warn": Level.WARN,
    "warning": Level.WARN,
    "error": Level.ERROR,
    "err": Level.ERROR,
    "exception": Level.ERROR,
    "fatal": Level.FATAL,
    "critical": Level.FATAL,
    "alert": Level.FATAL,
    "emergency": Level.FATAL,
    "panic": Level.FATAL,
}
#: Numbers of pino and bunyan (10 for trace to 60 for fatal), by the tens.
NUMBERS = (
    (60, Level.FATAL),
    (50, Level.ERROR),
    (40, Level.WARN),
    (30, Level.INFO),
    (20, Level.DEBUG),
    (0, Level.TRACE),
)
KEYS = ("level", "severity", "levelname", "lvl", "log.level")
LOOK_AT = 160  #: Characters at the beginning of a line where a level may stand.
MOST_FIELDS = 64
MOST_DEPTH = 4
MOST_VALUE = 256

WORDS = "|".join(sorted(SPELLINGS, key=len, reverse=True))
#: `[ERROR] ...`, `[warning  ] ...`, `<info> ...`: in brackets, in any case.
BRACKETED = re.compile(rf"[\[<(]\s{{0,9}}({WORDS})\s{{0,9}}[\])>]", re.IGNORECASE)
#: `ERROR ...`, `Warning: ...`, `ERROR:root:...` at the very beginning.
LEADING = re.compile(rf"\s{{0,9}}({WORDS})\b\s{{0,9}}[:\-|]", re.IGNORECASE)
#: `ERROR` in capitals, at the beginning or anywhere behind a date or a time.
CAPITALS = re.compile(rf"(?<![\w-])({WORDS.upper()})(?![\w-])")
DATED = re.compile(r"[\[(]?\d{2,4}[-/:.]\d{2}[-/:.]\d{2}")
#: The first and the last line of what Python and Node.js print of an exception.
THROWN = re.compile(r"Traceback \(most recent call last\)|(?:\w{1,80}\.){0,9}\w{0,80}Error: ")


def level_of(line: str, fields: Mapping[str, str] | None = None) -> Level:
    """Return how serious a line is: by its field, by its usual place, or else `INFO`."""
    if fields:
        said = next((fields[key] for key in KEYS if key in fields), "")
        return _named(said)
    start = line[:LOOK_AT]
    found = LEADING.match(start) or BRACKETED.search(start)
    if found is None:
        capitals = CAPITALS.search(start)
        if capitals and (capitals.start() == 0 or DATED.match(start)):
            found = capitals
    if found is not None:
        return SPELLINGS[found[1].lower()]
    return Level.ERROR if THROWN.match(start) else Level.INFO


def _named(said: str) -> Level:
    if said.isascii() and said.isdigit():
        return next(level for least, level in NUMBERS if int(said[:9]) >= least)
    return SPELLINGS.get(said.strip().lower(), Level.INFO)


def fields_of(line: str) -> Mapping[str, str]:
    """Return the fields of a line that is one JSON object, inner ones as `outer.inner`."""
    text = line.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return {}
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    found: dict[str, str] = {}
    for name, value in _flat(read, "", MOST_DEPTH):
        if len(found) == MOST_FIELDS:
            break
        found[name] = value
    return found


def _flat(read: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, value in read.items():
        if isinstance(value, dict):
            if depth > 1:
                yield from _flat(value, f"{prefix}{name}.", depth - 1)
        elif isinstance(value, str):
            yield prefix + name, value[:MOST_VALUE]
        elif not isinstance(value, list):
            yield prefix + name, json.dumps(value)[:MOST_VALUE]
