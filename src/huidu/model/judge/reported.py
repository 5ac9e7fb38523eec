"""Reported: the numbers that a call says of itself, in its record, in its log or in its answer.

A function reports a number by printing a line that is one JSON object, or by returning one; what it
prints comes first, and of several lines the last that has the number. `a.b` is `b` inside `a`, or a
name with a dot in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from huidu.model.invocation import Record
from huidu.model.judge.measure import INIT, MEMORY, Measure

MOST_LINES = 20  #: So many lines of JSON are read of one call, from its last on.
MOST_LINE = 8192  #: Longer ones are no report.

Said = Sequence[Mapping[str, object]]


def _memory(record: Record) -> float | None:
    return float(record.memory_bytes) if record.ran and record.memory_bytes else None


def _init(record: Record) -> float | None:
    return record.init_ms if record.cold else None


#: What is a number of the record itself: one row for each name of `measure.OF_RECORD`.
READERS: Mapping[str, Callable[[Record], float | None]] = {MEMORY: _memory, INIT: _init}


class Reports:
    """Reads what some measures ask for. Where they ask for no field, no line is looked at."""

    __slots__ = ("_fields", "_measures", "_needles")

    def __init__(self, measures: Sequence[Measure]) -> None:
        self._measures = tuple(measures)
        self._fields = {m.field: m.field.split(".") for m in measures if m.field}
        #: What a text has in it that says one of the fields: no other is worth reading.
        self._needles = sorted({f'"{names[-1]}"' for names in self._fields.values()})
        self._needles += sorted(
            {f'"{field}"' for field in self._fields if "." in field and field not in self._needles}
        )

    def of(self, record: Record) -> tuple[float | None, ...]:
        """Return what a call says of each measure, in their order."""
        if not self._measures:
            return ()
        said = tuple(self._said(record)) if self._fields else ()
        return tuple(
            self._field(said, measure.field) if measure.field else READERS[measure.name](record)
            for measure in self._measures
        )

    def _said(self, record: Record) -> Iterator[Mapping[str, object]]:
        """Yield the objects that may hold a field, those that count more before the others."""
        left = MOST_LINES
        if any(needle in record.log for needle in self._needles):
            for line in reversed(record.log.split("\n")):
                if left and line.startswith("{") and self._speaks(line):
                    left -= 1
                    yield from _read(line)
        if record.result.startswith("{") and self._speaks(record.result):
            yield from _read(record.result)

    def _speaks(self, text: str) -> bool:
        return len(text) <= MOST_LINE and any(needle in text for needle in self._needles)

    def _field(self, said: Said, field: str) -> float | None:
        for one in said:
            value = one.get(field)
            if value is None:
                value = one
                for name in self._fields[field]:
                    value = value.get(name) if isinstance(value, dict) else None
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return _finite(value)
        return None


def _finite(value: float) -> float | None:
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # a whole number of hundreds of digits
        return None


def _read(text: str) -> Iterator[Mapping[str, object]]:
    """Yield what a text that begins with a brace says: an object, or nothing."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield read
