"""An object as one file: its bytes, then what is known of it, then how long that is."""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack
from pathlib import Path
from struct import Struct
from typing import BinaryIO

import msgspec

from huidu.store.aside import Aside, sync

END = Struct(">I4s")  # how long the facts are, and a sign that this file is one of ours
SIGN = b"HDO1"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an object beside its bytes."""

    key: str
    size_bytes: int
    etag: str  #: The MD5 of its bytes; of one that came in parts, over those of its parts.
    modified_at: float
    headers: dict[str, str] = {}  #: Sent with it, and sent back: its type, and `x-cos-meta-`.


FACTS = msgspec.json.Decoder(Facts)


class Draft:
    """An object that is being written, under no name yet. All of it blocks."""

    def __init__(self, aside: Aside) -> None:
        self._held = ExitStack()
        self.place = self._held.enter_context(aside.lend()) / "draft"
        self._file = self._held.enter_context(self.place.open("wb"))
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.size_bytes = 0

    @property
    def md5(self) -> str:
        """The digest of what has been written."""
        return self._md5.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Add some bytes."""
        self._file.write(chunk)
        self._md5.update(chunk)
        self.size_bytes += len(chunk)

    def seal(self, facts: Facts | None = None) -> None:
        """Write what is known of it, and have all of it on the disk."""
        if facts is not None:
            text = msgspec.json.encode(facts)
            self._file.write(text + END.pack(len(text), SIGN))
        self._file.flush()
        os.fsync(self._file.fileno())

    def name(self, place: Path) -> None:
        """Put it in its place, whole and lasting, whatever was there."""
        self.place.rename(place)
        sync(place.parent)

    def close(self) -> None:
        """Lose what was not given a name."""
        self._held.close()


def facts_of(file: BinaryIO) -> Facts:
    """Return what is known of an object, and leave its file at the first byte of it.

    Raises `ValueError` for a file that is not one of ours.
    """
    whole = file.seek(0, os.SEEK_END)
    file.seek(max(0, whole - END.size))
    end = file.read(END.size)
    if len(end) < END.size:
        raise ValueError(file.name)
    length, sign = END.unpack(end)
    if sign != SIGN or length > whole - END.size:
        raise ValueError(file.name)
    file.seek(whole - END.size - length)
    facts = FACTS.decode(file.read(length))
    if facts.size_bytes != whole - END.size - length:
        raise ValueError(file.name)
    file.seek(0)
    return facts
