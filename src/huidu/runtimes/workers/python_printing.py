"""Python printing: what a Python function prints says which call printed it."""

from __future__ import annotations

import io
import os
import sys

STREAMS = ((1, "stdout"), (2, "stderr"))
MARK = b"\0call%08x\0"  #: What a call prints begins with it, but for the first call's.


class Turn:
    """Which call it is that prints, and whether that was said."""

    __slots__ = ("begun", "said")

    def __init__(self) -> None:
        self.begun = self.said = 0


turn = Turn()


class Printed(io.FileIO):
    """Where a function prints: the first words of a call come with its mark.

    What a call that was sent ahead prints can be in the pipe before the answer of the one before
    it was read; so the platform tells them apart.
    """

    def write(self, data: bytes) -> int | None:  # type: ignore[override]
        if turn.said == turn.begun:
            return super().write(data)
        mark = MARK % turn.begun
        written = super().write(mark + bytes(data))
        if written is None or written < len(mark):  # A child made the pipe one that does not wait.
            return None
        turn.said = turn.begun
        return written - len(mark)


def mark_prints() -> None:
    """Have what is printed say which call it belongs to."""
    for fd, name in STREAMS:
        old = getattr(sys, name)
        raw = Printed(fd, "w", closefd=False)
        raw.name = f"<{name}>"
        buffer = io.BufferedWriter(raw, os.fstat(fd).st_blksize)  # type: ignore[type-var]
        how = {"encoding": old.encoding, "errors": old.errors, "line_buffering": True}
        stream = io.TextIOWrapper(buffer, **how)
        stream.mode = "w"  # type: ignore[misc]
        sys.__dict__.update({name: stream, f"__{name}__": stream})


def flush() -> None:
    """Let everything that was printed go out before the reply does."""
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - suppress() takes longer than the flush
            stream.flush()
        except Exception:  # noqa: BLE001, S110 - it may be closed, or the user's own
            pass
