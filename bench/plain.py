"""Plain: the same interpreter, started as any program is, with a loop that answers; no platform.

What every other way is held against: nothing could answer sooner that starts a process.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

REQUEST = b'{"path": "/hello"}\n'
PYTHON_LOOP = """
import json, os
{imports}
while line := os.read({fd}, 65536):
    os.write({fd}, json.dumps(json.loads(line)).encode() + b"\\n")
"""
NODE_LOOP = """
const socket = new (require("net").Socket)({{fd: {fd}}});
socket.on("data", (line) => socket.write(JSON.stringify(JSON.parse(line)) + "\\n"));
"""
#: Its own root with what a runtime needs, its own processes and network; no way out.
BWRAP = (
    *("--unshare-all", "--die-with-parent", "--new-session", "--clearenv"),
    *("--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib"),
    *("--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin"),
    *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),  # noqa: S108 - its own
)
READ_ONLY = ("--remount-ro", "/", "--")


def bwrap() -> str:
    """Return where bubblewrap is; nothing where it is not."""
    return shutil.which("bwrap") or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A way to start an interpreter that answers, between walls of bubblewrap or none."""

    language: str
    interpreter: Path
    imports: str = ""
    wrapped: bool = False

    def command(self, fd: int) -> Sequence[str]:
        """Return the program, which speaks over a descriptor."""
        python = self.language == "Python"
        imports = f"import {', '.join(self.imports.split())}" if self.imports else ""
        loop = (PYTHON_LOOP if python else NODE_LOOP).format(imports=imports, fd=fd)
        flags = ("-I", "-S", "-X", "utf8", "-c") if python else ("-e",)
        walls = tuple[str, ...]()
        if self.wrapped:
            prefix = str(self.interpreter.resolve().parents[1])
            shown = () if prefix.startswith("/usr") else ("--ro-bind", prefix, prefix)
            walls = (bwrap(), *BWRAP, *shown, *READ_ONLY)
        return (*walls, str(self.interpreter), *flags, loop)

    def cold_ms(self) -> float:
        """Start one, have it answer once, end it; return how long the first two took."""
        began = time.perf_counter()
        one = Started(self)
        one.answer()
        took_ms = (time.perf_counter() - began) * 1e3
        one.end()
        return took_ms

    def burst_s(self, count: int) -> float:
        """Start so many at once; return how long it took until all had answered."""
        began = time.perf_counter()
        every = [Started(self) for _ in range(count)]
        for one in every:
            one.answer()
        took_s = time.perf_counter() - began
        for one in every:
            one.end()
        return took_s

    def warm_us(self, calls: int) -> list[float]:
        """Return how long each of so many calls to one of them took."""
        one = Started(self)
        one.answer()
        taken = []
        for _ in range(calls):
            began = time.perf_counter()
            one.ask()
            one.answer()
            taken.append((time.perf_counter() - began) * 1e6)
        one.end()
        return taken


class Started:
    """An interpreter that was started, and asked."""

    def __init__(self, plain: Plain) -> None:
        self._end, far = socket.socketpair()
        with far:
            self._process = subprocess.Popen(
                plain.command(far.fileno()),
                pass_fds=(far.fileno(),),
                stdin=subprocess.DEVNULL,
                env={"PATH": os.defpath},
                start_new_session=True,
            )
        self.ask()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def ask(self) -> None:
        """Send a request."""
        self._end.sendall(REQUEST)

    def answer(self) -> None:
        """Wait for the answer."""
        if not self._end.recv(65536):
            raise RuntimeError(f"it ended with status {self._process.wait()}, and did not answer")

    def end(self) -> None:
        """End it."""
        self._end.close()
        self._process.kill()
        self._process.wait()
