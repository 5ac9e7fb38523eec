"""Shipped: the files that pages need, each under a name that says what is in it."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

STATIC = Path(__file__).with_name("static")
TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
SMALLEST = 512  #: What is shorter is hardly shorter when compressed.


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is sent."""

    kind: str
    body: bytes
    packed: bytes  #: The same by gzip.
    tag: str


class Shipped:
    """The files, read once. A changed file has another name, so browsers may keep each for ever."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._named: dict[str, str] = {}
        self._files: dict[str, File] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix in TYPES:
                self._take(path)

    def _take(self, path: Path) -> None:
        body = path.read_bytes()
        tag = hashlib.sha256(body).hexdigest()[:12]
        name = f"{PurePath(path.name).stem}.{tag}{path.suffix}"
        self._named[path.name] = name
        self._files[name] = File(TYPES[path.suffix], body, packed(body), tag)

    def name(self, plain: str) -> str:
        """Return the name that a file is served under."""
        return self._named[plain]

    def find(self, name: str) -> File | None:
        """Return a file by the name that it is served under."""
        return self._files.get(name)


def packed(body: bytes, level: int = 9) -> bytes:
    """Return a body by gzip, the same every time."""
    return gzip.compress(body, level, mtime=0)
