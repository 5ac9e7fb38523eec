"""Pieces: which stretches of a package are in another one already; only the rest is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from struct import Struct

#: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.12 and 4.3.16
ENTRY = Struct("<4s4x2H4x3I3H8xI")
END = Struct("<4s6xH2I2x")
ENTRY_SIGN, END_SIGN = b"PK\x01\x02", b"PK\x05\x06"
LOCAL_BYTES = 30  #: Of what stands before each file, beside its name.
LEAST_COPY_BYTES = 64 << 10  #: What is less is sent: to ask for it would cost as much.
PART_BYTES = 4 << 20  #: What is sent at once, and sent again if it did not arrive.


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as it lies in a zip: what it is known by, and where."""

    known_by: tuple[bytes | int, ...]
    start: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a package; `source` is where it begins in the other one, None if it is new."""

    start: int
    size_bytes: int
    source: int | None = None


def directory_of(tail: bytes, whole_bytes: int) -> tuple[int, int] | None:
    """Return where the directory of a zip begins and how long it is, by the end of the zip.

    None where it is none, or one with a comment: nothing can be said of it then.
    """
    if len(tail) < END.size or tail[-END.size :][:4] != END_SIGN:
        return None
    _, _, size, start = END.unpack(tail[-END.size :])
    return (start, size) if start + size + END.size == whole_bytes else None


def entries(directory: bytes, start: int) -> Sequence[Entry]:
    """Return the files that a directory names, as they lie; nothing where it cannot be read.

    `start` is where the directory itself begins, which is where the last file ends.
    """
    found, at = [], 0
    while at + ENTRY.size <= len(directory):
        sign, flags, method, crc, packed, size, name, extra, comment, offset = ENTRY.unpack_from(
            directory, at
        )
        if sign != ENTRY_SIGN:
            return ()
        text = directory[at + ENTRY.size : at + ENTRY.size + name]
        found.append((offset, (text, flags, method, crc, packed, size)))
        at += ENTRY.size + name + extra + comment
    found.sort()
    ends = [offset for offset, _ in found[1:]] + [start]
    return tuple(
        Entry(known_by, offset, end - offset)
        for (offset, known_by), end in zip(found, ends, strict=True)
    )


def pieces(zip_bytes: bytes, base: Iterable[Entry]) -> Sequence[Piece]:
    """Return a package as pieces, in order, of which those with a source are in the base.

    They are there by all that its directory says of them (name, CRC-32, sizes): whoever copies one
    compares what came with what should have.
    """
    there = {(one.known_by, one.size_bytes): one.start for one in base}
    whole = directory_of(zip_bytes[-END.size :], len(zip_bytes))
    assert whole is not None, "a package is a zip without a comment"  # noqa: S101
    start, size = whole
    files = entries(zip_bytes[start : start + size], start)
    runs = _joined(
        Piece(one.start, one.size_bytes, there.get((one.known_by, one.size_bytes))) for one in files
    )
    worth = (
        one if one.size_bytes >= LEAST_COPY_BYTES else replace(one, source=None) for one in runs
    )
    rest = Piece(start, len(zip_bytes) - start)
    return tuple(part for one in _joined([*worth, rest]) for part in _cut(one))


def _joined(found: Iterable[Piece]) -> Sequence[Piece]:
    """Return pieces with those made one that follow each other here and there."""
    runs: list[Piece] = []
    for one in found:
        last = runs[-1] if runs else None
        if last is not None and _next(last) == one.source:
            runs[-1] = replace(last, size_bytes=last.size_bytes + one.size_bytes)
        else:
            runs.append(one)
    return runs


def _next(last: Piece) -> int | None:
    """Return what the piece after this one must have for a source, to be one with it."""
    return None if last.source is None else last.source + last.size_bytes


def _cut(piece: Piece) -> Iterator[Piece]:
    if piece.source is not None:
        yield piece
        return
    for begin in range(0, piece.size_bytes, PART_BYTES):
        yield Piece(piece.start + begin, min(PART_BYTES, piece.size_bytes - begin))
