"""`huidu`, forked from a process that has imported all it needs: that is most of a start."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile, mkdtemp
from threading import Lock
from typing import TextIO

END_S = 10.0
EXIT = 255  #: What cannot be read of a process that is gone.


class Forked:
    """A process that was forked for us, to be held as a `Popen` is."""

    def __init__(self, pid: int, ended: socket.socket) -> None:
        self.pid = pid
        self.stdout: TextIO | None = (
            None  #: What it writes to, where whoever asked has a pipe there.
        )
        self.returncode: int | None = None
        self._ended = ended

    def poll(self) -> int | None:
        """Return how it ended, or None while it has not."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended and return how, or raise `TimeoutExpired`."""
        if (code := self._look(timeout)) is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def _look(self, within_s: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], within_s)[0]:
            self.returncode = int(self._ended.recv(64) or EXIT)
            self._ended.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # It has ended just now.
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


#: A `huidu` for shells: it has the mother run what it was asked, on its own files.
COMMAND = """#!{python} -IS
import json, os, signal, socket, sys
asking = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
asking.connect({door!r})
order = {{"words": sys.argv[1:], "environment": dict(os.environ), "cwd": os.getcwd()}}
socket.send_fds(asking, [json.dumps(order).encode()], [0, 1, 2])
process = int(asking.recv(64))
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, _: os.kill(process, number))
for file in (0, 1, 2):
    os.close(file)
code = int(asking.recv(64) or {exit})
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""


class Mother:
    """Has imported what `huidu` may need, and becomes one for whoever asks.

    In `folder` is a command `huidu` that asks it, for the PATH of a shell.
    """

    def __init__(self) -> None:
        self.folder = Path(mkdtemp(prefix="huidu-tests-"))
        door, command = str(self.folder / "door"), self.folder / "huidu"
        command.write_text(COMMAND.format(python=sys.executable, door=door, exit=EXIT))
        command.chmod(0o755)
        self._asking, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
            listening.bind(door)
            listening.listen()
            handed = [theirs.fileno(), listening.fileno()]
            self._process = subprocess.Popen(
                # The last word is for whoever looks at what a server was started by.
                [sys.executable, "-m", "tests.mother", *map(str, handed), "huidu.cli.serve"],
                pass_fds=handed,
                stdin=subprocess.DEVNULL,
            )
        self._lock = Lock()
        atexit.register(self.close)

    def fork(
        self, words: Sequence[str], env: Mapping[str, str], *files: int, cwd: Path | None = None
    ) -> Forked:
        """Start `huidu` with these words; the files are its standard output and errors."""
        order = {"words": words, "environment": dict(env), "cwd": str(cwd or Path.cwd())}
        ended, ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with self._lock, ends:
            handed = [*files, ends.fileno()]
            socket.send_fds(self._asking, [json.dumps(order).encode()], handed)
            pid = int(self._asking.recv(64))
        return Forked(pid, ended)

    def run(
        self, *words: str, env: Mapping[str, str], timeout: float, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `huidu` with these words to its end, as `subprocess.run` does."""
        with TemporaryFile("w+") as out, TemporaryFile("w+") as errors:
            process = self.fork(words, env, out.fileno(), errors.fileno(), cwd=cwd)
            try:
                code = process.wait(timeout)
            finally:
                process.kill()
            out.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(["huidu", *words], code, out.read(), errors.read())

    def close(self) -> None:
        """Let it end."""
        self._asking.close()
        self._process.wait(END_S)
        rmtree(self.folder)


@cache
def mother() -> Mother:
    """Return the one of this process."""
    return Mother()
