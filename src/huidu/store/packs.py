"""Packs: many records of silent calls as one value, column by column.

A row for each call costs more than the call's share of all else that is done for it, most of all
its places in the indexes. So calls that took one way, succeeded and printed nothing are put away
by the hundred, and one row says what is to be found among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import msgspec

from huidu.model.function import FunctionName
from huidu.model.invocation import Record

LEAST = 8  #: Fewer than this are rows: nothing would be saved.
MOST = 512  #: So that nobody waits long while one is made, and little is read to find one call.
#: What is the same in all records of a pack, or said by others.
IMPLIED = frozenset(("function", "log", "silent", "streamed", "sequence"))
ROOT = "root_request_id"  #: Left out where each call is its own.
FIELDS = tuple((n, name) for n, name in enumerate(Record._fields) if name not in IMPLIED)
DEFAULTS = Record._field_defaults | {"silent": True}

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


def pack(records: Sequence[Record]) -> Pack:
    """Put records of one lane together, of which each is silent."""
    first, columns = records[0], list(zip(*records, strict=True))
    ids = columns[0]
    said: dict[str, object] = {"function": (first.function.namespace, first.function.name)}
    for n, name in FIELDS:
        column = columns[n]
        value = column[0]
        if n and value == column[-1] and column.count(value) == len(column):
            said[name] = (value,)
        elif name != ROOT or column != ids:
            said[name] = column
    return Pack(
        len(records),
        first.function_id,
        first.function,
        first.version,
        first.alias,
        *_ends(columns, "started_at"),
        *_ends(columns, "duration_ms"),
        *_ends(columns, "memory_bytes"),
        _encode(said),
    )


def unpack(body: bytes, first: int) -> list[Record]:
    """Return the records of a pack, of which the first has this sequence."""
    said: dict[str, Any] = _decode(body)
    ids = said["request_id"]
    count = len(ids)
    known: dict[str, Any] = {
        "function": (FunctionName(*said["function"]),),
        "sequence": range(first, first + count),
        ROOT: said.get(ROOT, ids),
    }
    said |= known
    columns = [said.get(name) or (DEFAULTS[name],) for name in Record._fields]
    whole = [column if len(column) == count else repeat(column[0], count) for column in columns]
    return list(map(Record._make, zip(*whole, strict=True)))


def _ends(columns: Sequence[Sequence[Any]], name: str) -> tuple[Any, Any]:
    column = columns[Record._fields.index(name)]
    return min(column), max(column)
