"""Keeps a second server away from a data directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self


class Held(Exception):
    """Another process serves from this directory; the message says which."""


class Lock:
    """Holds a directory until it is closed or the process dies, however it dies."""

    def __init__(self, directory: Path) -> None:
        """Take the directory, or raise `Held`."""
        self._file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise Held(
                f"{directory} is in use by process {holder}; stop that one, or choose another "
                "directory with --data"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
