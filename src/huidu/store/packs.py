"""Packs: many records of silent calls as one value, column by column.

A row for each call costs more than the call's share of all else that is done for it, most of all
its places in the indexes. So calls that took one way, succeeded and printed nothing are put away
by the hundred, and one row says what is to be found among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import msgspec

from huidu.model.function import FunctionName
from huidu.model.invocation import Record
from huidu.model.sheet import ID, ROOT, WAY, Columns, Way, folded, records

LEAST = 8  #: Fewer than this are rows: nothing would be saved.
MOST = 512  #: So that nobody waits long while one is made, and little is read to find one call.
#: What is the same in all records of a pack, or said by others.
IMPLIED = frozenset(("function", "log", "silent", "streamed", "sequence"))
FIELDS = tuple((n, name) for n, name in enumerate(Record._fields) if name not in IMPLIED)

FIELD_OF = {name: n for n, name in FIELDS}
MARK_CHARS = 8  #: Of an id of ours it takes four thousand million to have two that begin alike.
ENDS = ("started_at", "duration_ms", "memory_bytes")
#: How a list of less than 65,536 begins, before its length.
#: https://github.com/msgpack/msgpack/blob/master/spec.md#array-format-family
LIST = b"\xdc"

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
    marks: bytes  #: How the ids begin.


class Part(NamedTuple):
    """Some calls of a pack, and the ends of what they say."""

    calls: int
    low_started: float
    high_started: float
    low_duration: float
    high_duration: float
    low_memory: int
    high_memory: int
    body: bytes
    marks: str


def divided(
    records: Sequence[Record], fit: Iterable[bool] | None = None
) -> tuple[Sequence[Record], list[list[Record]]]:
    """Return which records are to be kept one by one, and which together.

    Of those that may be together each leaves what `frame_of` says of it, and no more: silent ones
    do, and others that `fit`.
    """
    if len(records) < LEAST:
        return records, []
    single: list[Record] = []
    lanes: dict[tuple[str, str, str], list[Record]] = {}
    silent = (record.silent for record in records) if fit is None else fit
    for record, together in zip(records, silent, strict=True):
        if together:
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


class Sheet:
    """Calls of one way that wait to be kept, as bytes."""

    def __init__(self, way: Way, function: FunctionName) -> None:
        self._way = way
        self._function = function
        self._parts: list[Part] = []

    def add(self, some: Columns) -> None:
        """Take calls, which have ended after all that are here."""
        self._parts.append(_part(some))

    def drop(self) -> int:
        """Forget the newest calls; return how many that were, and 0 where none is left."""
        return self._parts.pop().calls if self._parts else 0

    def packs(self) -> Iterator[Pack]:
        """Yield what is kept of them, piece by piece."""
        some: list[Part] = []
        for part in self._parts:
            some.append(part)
            if sum(one.calls for one in some) >= MOST:
                yield _pack(self._way, self._function, some)
                some = []
        if some:
            yield _pack(self._way, self._function, some)


def pack(some: Sequence[Record]) -> Pack:
    """Put records of one lane together, of which each leaves what `frame_of` says."""
    first, columns = some[0], list(zip(*some, strict=True))
    said = {name: folded(columns[n]) if name != ID else columns[n] for n, name in FIELDS}
    if columns[FIELD_OF[ROOT]] == columns[FIELD_OF[ID]]:
        del said[ROOT]
    ends = {name: columns[FIELD_OF[name]] for name in ENDS}
    way = first.function_id, first.alias, first.version
    return _pack(way, first.function, [_part(said | ends)])


def unpack(body: bytes, first: int) -> list[Record]:
    """Return the records of a pack, of which the first has this sequence."""
    told: list[Columns] | Columns = _decode(body)
    all_say, parts = (told[0], told[1:]) if isinstance(told, list) else ({}, [told])
    found: list[Record] = []
    for part in parts:
        said = {**all_say, **part}
        count, sequence = len(said[ID]), first + len(found)
        said["sequence"] = range(sequence, sequence + count)
        found += records(said, FunctionName(*said["function"]), count)
    return found


def mark_of(request_id: str) -> bytes:
    """Return what a pack with such a call has among its marks; others may have it as well."""
    return request_id[:MARK_CHARS].encode()


def _part(some: Columns) -> Part:
    started, duration, memory = (some[name] for name in ENDS)
    return Part(
        len(some[ID]),
        *(min(started), max(started)),
        *(min(duration), max(duration)),
        *(min(memory), max(memory)),
        _encode(some),
        "".join([one[:MARK_CHARS] for one in some[ID]]),
    )


def _pack(way: Way, function: FunctionName, parts: Sequence[Part]) -> Pack:
    """Put parts together; their bytes are those of a list, which begins with what all say."""
    function_id, alias, version = way
    all_say: dict[str, object] = {"function": (function.namespace, function.name)}
    all_say |= {name: (value,) for name, value in zip(WAY, way, strict=True)}
    counts, low_s, high_s, low_d, high_d, low_m, high_m, bodies, marks = zip(*parts, strict=True)
    return Pack(
        sum(counts),
        function_id,
        function,
        version,
        alias,
        *(min(low_s), max(high_s)),
        *(min(low_d), max(high_d)),
        *(min(low_m), max(high_m)),
        b"".join((LIST, (len(parts) + 1).to_bytes(2, "big"), _encode(all_say), *bodies)),
        "".join(marks).encode(),
    )
