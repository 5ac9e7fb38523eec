"""A terminal in which a command runs."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.cli.running import environment
from tests.platform import Platform, until

#: What the terminal is told before the next picture is drawn over the last.
OVER = re.compile(r"\r\x1b\[2K(?:\x1b\[1A\x1b\[2K)*|\x1b\[H")
COLOUR = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A terminal of so many columns in which a command runs."""

    def __init__(self, server: Platform, columns: int, *words: str, **more: str) -> None:
        self._here, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "huidu", *words],
            stdin=there,
            stdout=there,
            stderr=there,
            env=environment(server) | more,
        )
        os.close(there)
        self._written = b""

    def written(self) -> str:
        """Return all that was written so far."""
        with suppress(OSError):
            while select.select([self._here], [], [], 0)[0]:
                self._written += os.read(self._here, 65536)
        return self._written.decode(errors="ignore").replace("\r\n", "\n")

    def seen(self) -> str:
        """Return what stands on the screen, without colours."""
        return COLOUR.sub("", OVER.split(self.written())[-1])

    def type(self, text: str) -> None:
        os.write(self._here, text.encode())

    def wait(self) -> int:
        until(lambda: (self.written(), self.process.poll() is not None)[1], 30)
        return self.process.wait()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._here)


@contextmanager
def terminal(server: Platform, columns: int, *words: str, **more: str) -> Iterator[Terminal]:
    opened = Terminal(server, columns, *words, **more)
    try:
        yield opened
    finally:
        opened.close()
