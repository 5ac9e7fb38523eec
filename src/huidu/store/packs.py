"""Packs: many records of silent calls as one value, column by column.

A row for each call costs more than the call's share of all else that is done for it, most of all
its places in the indexes. So calls that took one way, succeeded and printed nothing are put away
by the hundred, and one row says what is to be found among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

from huidu.model.function import FunctionName
from huidu.model.invocation import Record
from huidu.model.sheet import ID, ROOT, WAY, Columns, Sheet, records

LEAST = 8  #: Fewer than this are rows: nothing would be saved.
MOST = 512  #: So that nobody waits long while one is made, and little is read to find one call.
#: What is the same in all records of a pack, or said by others.
IMPLIED = frozenset(("function", "log", "silent", "streamed", "sequence"))
FIELDS = tuple((n, name) for n, name in enumerate(Record._fields) if name not in IMPLIED)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


@dataclass(frozen=True, slots=True)
class Pack:
    """Records in the order in which their calls ended, and the ends of what they say."""

    count: int
    function_id: str
    function: FunctionName
    version: str
    alias: str
    low_started: float
    high_started: float
    low_duration: float
    high_duration: float
    low_memory: int
    high_memory: int
    body: bytes


def divided(records: Sequence[Record]) -> tuple[Sequence[Record], list[list[Record]]]:
    """Return which records are to be kept one by one, and which together."""
    if len(records) < LEAST:
        return records, []
    single: list[Record] = []
    lanes: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        if record.silent:
            lane = (record.function_id, record.alias, record.version)
            if lane in lanes:
                lanes[lane].append(record)
            else:
                lanes[lane] = [record]
        else:
            single.append(record)
    few = [some for some in lanes.values() if len(some) < LEAST]
    if few:
        alone = set(map(id, chain(single, *few)))
        single = [record for record in records if id(record) in alone]  # in order
    many = (some for some in lanes.values() if len(some) >= LEAST)
    return single, [some[n : n + MOST] for some in many for n in range(0, len(some), MOST)]


def packs_of(sheet: Sheet) -> Iterator[Pack]:
    """Yield what is kept of a sheet, piece by piece."""
    for start in range(0, sheet.count, MOST):
        columns = sheet.part(start, start + MOST)
        way = {name: (value,) for name, value in zip(WAY, sheet.way, strict=True)}
        yield _packed(sheet.function, columns | way)


def pack(some: Sequence[Record]) -> Pack:
    """Put records of one lane together, of which each is silent."""
    columns = list(zip(*some, strict=True))
    said = {name: columns[n] for n, name in FIELDS}
    if said[ROOT] == said[ID]:
        del said[ROOT]
    return _packed(some[0].function, said)


def unpack(body: bytes, first: int) -> list[Record]:
    """Return the records of a pack, of which the first has this sequence."""
    said: Columns = _decode(body)
    count = len(said[ID])
    said["sequence"] = range(first, first + count)
    return list(records(said, FunctionName(*said["function"]), count))


def _packed(function: FunctionName, columns: Columns) -> Pack:
    said: dict[str, object] = {"function": (function.namespace, function.name)}
    for name, column in columns.items():
        value = column[0]
        same = value == column[-1] and column.count(value) == len(column)
        said[name] = (value,) if same and name != ID else column
    return Pack(
        len(columns[ID]),
        columns["function_id"][0],
        function,
        columns["version"][0],
        columns["alias"][0],
        *_ends(columns["started_at"]),
        *_ends(columns["duration_ms"]),
        *_ends(columns["memory_bytes"]),
        _encode(said),
    )


def _ends(column: Sequence[Any]) -> tuple[Any, Any]:
    return min(column), max(column)
