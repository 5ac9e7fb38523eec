"""Reads zip archives that nobody vouches for: what is in them, and whether all of it is harmless.

Pure: bytes in, values out. `zipfile` is not used, because it reads the whole directory before
anything can be said about it, and because what it forgives differs between Python versions.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from struct import Struct, iter_unpack
from typing import NamedTuple

from huidu.store.archive import (
    DEFAULT,
    Entry,
    Kind,
    Limits,
    Listing,
    check_links,
    kind_of,
    path_of,
    plant,
    refusal,
    target_of,
)

END = Struct("<4s4H2LH")  # signature; disk, disk of directory, entries here, all; size, start; note
LOCATOR = Struct("<4s4xQ4x")  # signature; place of the zip64 end record
END64 = Struct("<4sQ4x2L4Q")  # signature; its own size; then as in END
# Signature, system of the packer; flags, method; CRC, sizes; lengths; mode, place of the entry.
CENTRAL = Struct("<4sxB2x2H4x3L3H4x2L")
LOCAL = Struct("<4s2x2H16x2H")  # signature; flags, method; lengths of name and extra
EXTRA = Struct("<2H")
UNSET16, UNSET32 = 0xFFFF, 0xFFFFFFFF
ZIP64 = 1
LONGEST_NOTE = 0xFFFF
END64_SIZE_COUNTS_FROM = 12
UNREADABLE = 0x2061  # the flags of encrypted, patched and masked entries
WITH_MODES = (3, 19)  # the systems Unix and macOS
STORED, DEFLATED = 0, 8
CHUNK = 1 << 18
MOST_EXTRAS = 64  # extra fields that are looked through for the zip64 one
DAMAGED = "is damaged or cut short; pack and upload it again"


def check(zip_bytes: bytes, limits: Limits = DEFAULT) -> Listing:
    """Read an archive to its last byte, and refuse it if it cannot be unpacked without harm.

    Holds no more in memory than the listing and a chunk of one file.
    """
    found = listing(zip_bytes, limits)
    for entry in found.entries:
        for _ in inflate(zip_bytes, entry):
            pass
    return found


def listing(zip_bytes: bytes, limits: Limits = DEFAULT) -> Listing:
    """Read what an archive says of itself, and refuse it if that is unsafe; inflate only links."""
    if len(zip_bytes) > limits.zip_bytes:
        raise refusal(f"{len(zip_bytes)} bytes; a package has at most {limits.zip_bytes}")
    found = tuple(entry for entry in _entries(zip_bytes, limits) if entry.path)
    size = sum(entry.size for entry in found)
    if size > limits.unpacked_bytes:
        raise refusal(f"{size} bytes unpacked; a package has at most {limits.unpacked_bytes}")
    if all(entry.kind is Kind.DIRECTORY for entry in found):
        raise refusal("holds no file; pack at least the file of the handler")
    _check_apart(found)
    tree = plant(found, limits)
    links = (entry for entry in found if entry.kind is Kind.LINK)
    targets = {link.path: _target(zip_bytes, link, limits) for link in links}
    check_links(found, tree, targets)
    return Listing(found, targets, size)


def inflate(zip_bytes: bytes, entry: Entry) -> Iterator[bytes]:
    """Yield what an entry holds, in chunks; refuse it when it is not what the archive claims.

    Stops as soon as there is more than was claimed, so that a lie costs one chunk.
    """
    packed = memoryview(zip_bytes)[entry.start : entry.end]
    size = crc = 0
    try:
        for chunk in _deflated(packed) if entry.deflated else _stored(packed):
            size += len(chunk)
            if size > entry.size:
                break
            crc = zlib.crc32(chunk, crc)
            yield chunk
    except (zlib.error, EOFError) as broken:
        raise refusal(f"{DAMAGED} ({broken})", entry.path) from None
    if size != entry.size:
        holds = "more" if size > entry.size else f"{size}"
        raise refusal(f"claims {entry.size} bytes and holds {holds}; pack it again", entry.path)
    if crc != entry.crc:
        raise refusal(f"{DAMAGED} (its CRC-32 is not that of its bytes)", entry.path)


def _stored(packed: memoryview) -> Iterator[bytes]:
    for at in range(0, len(packed), CHUNK):
        yield bytes(packed[at : at + CHUNK])


def _deflated(packed: memoryview) -> Iterator[bytes]:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    rest = _stored(packed)
    while not engine.eof:
        feed = engine.unconsumed_tail or next(rest, b"")
        chunk = engine.decompress(feed, CHUNK)
        if not feed and not chunk:
            raise EOFError("the compressed bytes end too early")
        yield chunk
    if engine.unused_data or next(rest, b""):
        raise EOFError("bytes follow the compressed ones")


class _End(NamedTuple):
    """What the record at the end says: how many entries, and where their directory lies."""

    entries: int
    start: int
    end: int


def _end(zip_bytes: bytes) -> _End:
    at = _place_of_end(zip_bytes)
    _, *seen, _ = END.unpack_from(zip_bytes, at)
    locator = at - LOCATOR.size
    if locator >= 0 and zip_bytes.startswith(b"PK\6\7", locator):
        at, seen = _end64(zip_bytes, locator, seen)
    disk, directory_disk, here, count, size, start = seen
    if disk or directory_disk or here != count:
        raise refusal("is one part of several; a package is one zip file")
    if start + size != at:
        raise refusal("lacks bytes, or has others before or within; pack it again")
    return _End(count, start, at)


def _place_of_end(zip_bytes: bytes) -> int:
    first = max(0, len(zip_bytes) - END.size - LONGEST_NOTE)
    at = len(zip_bytes) - END.size + 1
    while (at := zip_bytes.rfind(b"PK\5\6", first, max(0, at + 3))) >= 0:
        *_, note = END.unpack_from(zip_bytes, at)
        if at + END.size + note == len(zip_bytes):
            return at
    raise refusal("is not a zip archive, or was cut short; upload the whole file")


def _end64(zip_bytes: bytes, locator: int, seen: list[int]) -> tuple[int, list[int]]:
    """Return where the zip64 record lies and what it says; the older record must not differ."""
    _, at = LOCATOR.unpack_from(zip_bytes, locator)
    if at + END64.size > locator:
        raise refusal(DAMAGED)
    signature, size, *true = END64.unpack_from(zip_bytes, at)
    unset = [UNSET16] * 4 + [UNSET32] * 2
    agreed = all(a in (b, none) for a, b, none in zip(seen, true, unset, strict=True))
    whole = signature == b"PK\6\6" and at + END64_SIZE_COUNTS_FROM + size == locator
    if not (whole and agreed):
        raise refusal(DAMAGED)
    return at, true


def _entries(zip_bytes: bytes, limits: Limits) -> Iterator[Entry]:
    count, start, end = _end(zip_bytes)
    if count > limits.entries:
        raise refusal(f"{count} entries; a package has at most {limits.entries}")
    at = start
    for _ in range(count):
        if at + CENTRAL.size > end:
            raise refusal(DAMAGED)
        row = _Row._make(CENTRAL.unpack_from(zip_bytes, at))
        name_at = at + CENTRAL.size
        extra_at = name_at + row.name_size
        at = extra_at + row.extra_size + row.note_size
        if row.signature != b"PK\1\2" or at > end:
            raise refusal(DAMAGED)
        name = zip_bytes[name_at:extra_at]
        if UNSET32 in (row.size, row.packed, row.head):
            row = _widened(row, zip_bytes[extra_at : extra_at + row.extra_size], name)
        yield _entry(zip_bytes, row, name, start, limits)
    if at != end:
        raise refusal("its directory holds more than it counts; pack it again")


class _Row(NamedTuple):
    """What the directory says of one entry."""

    signature: bytes
    system: int
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    name_size: int
    extra_size: int
    note_size: int
    attributes: int
    head: int

    @property
    def mode(self) -> int:
        """The Unix mode; 0 from packers that know none, whatever they put in its place."""
        mode = self.attributes >> 16
        # Maven's, on Unix, puts -1 for the directories that it makes up.
        return mode if self.system in WITH_MODES and mode != UNSET16 else 0


def _widened(row: _Row, extra: bytes, name: bytes) -> _Row:
    """Return the row with the numbers that are too large for it, which zip64 keeps aside."""
    at = 0
    for _ in range(MOST_EXTRAS):
        if at + EXTRA.size > len(extra):
            break
        field, length = EXTRA.unpack_from(extra, at)
        at += EXTRA.size
        if field == ZIP64:
            kept = extra[at : at + length]
            numbers = (number for (number,) in iter_unpack("<Q", kept[: len(kept) // 8 * 8]))
            size, packed, head = (
                next(numbers, UNSET32) if part == UNSET32 else part
                for part in (row.size, row.packed, row.head)
            )
            return row._replace(size=size, packed=packed, head=head)
        at += length
    raise refusal(DAMAGED, name)


def _entry(zip_bytes: bytes, row: _Row, name: bytes, most: int, limits: Limits) -> Entry:
    path, kind = path_of(name, limits), kind_of(name, row.mode)
    if row.flags & UNREADABLE:
        raise refusal("is encrypted; pack it without a password", name)
    if row.method not in (STORED, DEFLATED):
        raise refusal(f"compression method {row.method}; use deflate (8) or none (0)", name)
    if kind is Kind.DIRECTORY and row.size:
        raise refusal("is a directory that holds bytes; pack it again", name)
    start = _start(zip_bytes, row, name, most)
    return Entry(
        path=path,
        kind=kind,
        executable=bool(row.mode & 0o111),
        size=row.size,
        crc=row.crc,
        deflated=row.method == DEFLATED,
        head=row.head,
        start=start,
        end=start + row.packed,
    )


def _start(zip_bytes: bytes, row: _Row, name: bytes, most: int) -> int:
    """Return where the bytes of an entry begin; its own header must agree with the directory."""
    if row.head + LOCAL.size > most:
        raise refusal("lies outside the archive; pack it again", name)
    signature, flags, method, name_size, extra_size = LOCAL.unpack_from(zip_bytes, row.head)
    name_at = row.head + LOCAL.size
    agreed = (b"PK\3\4", row.method, name) == (
        signature,
        method,
        zip_bytes[name_at : name_at + name_size],
    )
    if not agreed or flags & UNREADABLE:
        raise refusal("its own header says other than the directory; pack it again", name)
    start: int = name_at + name_size + extra_size
    if start + row.packed > most:
        raise refusal("lies outside the archive; pack it again", name)
    return start


def _check_apart(entries: Sequence[Entry]) -> None:
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.head):
        if entry.head < end:
            raise refusal("shares bytes with another entry; pack it again", entry.path)
        end = entry.end


def _target(zip_bytes: bytes, link: Entry, limits: Limits) -> str:
    if link.size > limits.path_bytes:
        raise refusal(f"a link of {link.size} bytes; at most {limits.path_bytes}", link.path)
    return target_of(link, b"".join(inflate(zip_bytes, link)))
