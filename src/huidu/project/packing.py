"""Packing: from files to the bytes of a zip that are the same whenever the files are."""

from __future__ import annotations

import hashlib
import io
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from huidu.project.files import MOST_PACKED_BYTES, Item, too_large
from huidu.project.flaw import Flaw

WHEN = (1980, 1, 1, 0, 0, 0)  #: The first moment that a zip knows.
UNIX = 3
LEVEL = 6
FILE_MODE, PROGRAM_MODE, LINK_MODE = 0o644, 0o755, 0o777
CHUNK_BYTES = 1 << 20
#: A file that changed so shortly before may change again without its time showing it.
SETTLED_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a package is: of how many files, of how many bytes."""

    files: int
    of_files: int
    size_bytes: int
    of_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package as it is sent. `sha256` is what the server knows its code by."""

    zip_bytes: bytes
    sha256: str
    files: int
    unpacked_bytes: int


class Stamp(NamedTuple):
    """What a file shows of itself without being read; it has changed when any of it has."""

    name: str
    size_bytes: int
    executable: bool
    inode: int
    modified_ns: int


class Pressed(NamedTuple):
    """What a file was in a package."""

    packed: bytes
    crc: int


@dataclass(slots=True)
class Memory:
    """What was packed before: a file that has not changed since is not compressed again."""

    pressed: Mapping[Stamp, Pressed] = field(default_factory=dict)


def silent(_: Progress) -> None:
    """Tell nobody."""


def pack(
    items: Sequence[Item],
    tell: Callable[[Progress], None] = silent,
    memory: Memory | None = None,
) -> Package:
    """Return the package of these items, or raise `Flaw` where it is too large.

    Its bytes depend on names, contents, links and executable bits alone: not on times, owners,
    the order in which a folder is read, or who packs. (On another machine the compressor may be
    another one.) `tell` hears of each chunk. With `memory` the bytes are the same, only sooner.
    """
    whole = sum(item.size_bytes for item in items)
    held = io.BytesIO()
    done = 0
    settled_ns = time.time_ns() - SETTLED_NS
    before = memory.pressed if memory else {}
    pressed: dict[Stamp, Pressed] = {}
    with ZipFile(held, "w", ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for number, item in enumerate(items, 1):
            stamp = _stamp(item) if memory else None
            if stamp is not None and stamp in before:
                pressed[stamp] = before[stamp]
                done += _put_again(archive, item, before[stamp])
                tell(Progress(number, len(items), done, whole))
            else:
                with archive.open(_entry(item), "w") as entry:
                    for size in _put(item, entry):
                        done += size
                        tell(Progress(number, len(items), done, whole))
                if stamp is not None and stamp.modified_ns < settled_ns:
                    pressed[stamp] = _pressed(held, archive.infolist()[-1])
            if held.tell() > MOST_PACKED_BYTES:
                break
    if memory is not None:
        memory.pressed = pressed
    zip_bytes = held.getvalue()
    if len(zip_bytes) > MOST_PACKED_BYTES:
        raise too_large(len(zip_bytes), MOST_PACKED_BYTES, "or more packed", items)
    return Package(
        zip_bytes=zip_bytes,
        sha256=hashlib.sha256(zip_bytes).hexdigest(),
        files=len(items),
        unpacked_bytes=whole,
    )


def _stamp(item: Item) -> Stamp | None:
    """Return what shows whether a file has changed; None for what is no file."""
    if item.path is None or item.link:
        return None
    try:
        seen = item.path.stat()
    except OSError:
        return None
    return Stamp(item.name, seen.st_size, item.executable, seen.st_ino, seen.st_mtime_ns)


def _pressed(held: io.BytesIO, entry: ZipInfo) -> Pressed:
    """Return the entry that was written last as it lies in the archive."""
    end = held.tell()
    with held.getbuffer() as written:
        return Pressed(bytes(written[end - entry.compress_size : end]), entry.CRC)


def _put_again(archive: ZipFile, item: Item, pressed: Pressed) -> int:
    """Write an entry as it was before, as `ZipFile.open` would, and return its size."""
    entry = _entry(item)
    entry.CRC, entry.compress_size = pressed.crc, len(pressed.packed)
    out = archive.fp
    assert out is not None  # noqa: S101 - it is open
    entry.header_offset = out.tell()
    out.write(entry.FileHeader(zip64=False) + pressed.packed)
    archive.filelist.append(entry)
    archive.NameToInfo[entry.filename] = entry
    archive.start_dir = out.tell()
    return item.size_bytes


def _entry(item: Item) -> ZipInfo:
    entry = ZipInfo(item.name, WHEN)
    entry.create_system = UNIX
    entry.compress_type = ZIP_DEFLATED
    entry.file_size = item.size_bytes
    mode = stat.S_IFREG | (PROGRAM_MODE if item.executable else FILE_MODE)
    entry.external_attr = (stat.S_IFLNK | LINK_MODE if item.link else mode) << 16
    return entry


def _put(item: Item, entry: IO[bytes]) -> Iterator[int]:
    """Write what an item holds, and yield how much of it each time."""
    if item.path is None or item.link:
        yield entry.write(item.link.encode() if item.link else item.text)
        return
    try:
        with item.path.open("rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                yield entry.write(chunk)
    except OSError as wrong:
        raise Flaw(f"cannot be read: {wrong.strerror}", file=item.name) from None
