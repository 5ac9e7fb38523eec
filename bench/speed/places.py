"""Places: what is up while it is measured, each one process with what it has started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from bench import processes
from bench.speed.wrk import Ask, Unusable

START_S, END_S = 60.0, 10.0
OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Somewhere to send requests to."""

    pids: Sequence[int]  #: Processes whose time counts, and that of all below them; nobody else's.
    asks: Mapping[str, Callable[[], Ask]]  #: By the name of the way; made when it is to be sent.

    def cpu_s(self) -> float:
        """Return how long its processes have had a processor, those that ended included."""
        found = processes.every()
        every = {pid for root in self.pids for pid in (root, *processes.below(root, found))}
        return sum(map(_spent_s, every))


def _spent_s(pid: int) -> float:
    """Return what a process had, and those that it started and has buried."""
    with suppress(OSError, IndexError):
        after = (processes.PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return sum(map(int, after[processes.USER : processes.USER + 4])) / processes.TICKS_A_SECOND
    return 0.0


#: Has a place up over a folder of its own, or raises `Unusable`.
Opener = Callable[[Path], AbstractContextManager[Place]]


@dataclass(kw_only=True)
class Program:
    """A program that serves HTTP, as a process in a group of its own."""

    command: Sequence[str | Path]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[int]:
        """Have it run, and all that it starts; lend its number."""
        log = self.folder / "log"
        with log.open("ab") as said:
            process = subprocess.Popen(
                [str(word) for word in self.command],
                cwd=self.folder,
                stdin=subprocess.PIPE,  # serverless ends where it has none
                stdout=said,
                stderr=said,
                env={**os.environ, "HOME": str(self.folder), **self.environment},
                start_new_session=True,
            )
        try:
            yield process.pid
        except Unusable as error:
            told = " ".join(log.read_text(errors="replace").split())[-200:]
            raise Unusable(f"{error}; it said: {told or 'nothing'}") from error
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_S)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody has, just now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def await_answer(ask: Ask) -> None:
    """Wait until it answers as it should, or raise `Unusable`."""
    until, last = time.monotonic() + START_S, ""
    while time.monotonic() < until:
        try:
            with urlopen(ask.url, timeout=START_S) as answer:  # noqa: S310 - our own, on 127.0.0.1
                last = answer.read().decode(errors="replace")
                if answer.status == OK and ask.good in last:
                    return
        except HTTPError as error:
            last = f"status {error.code}"
        except (URLError, OSError) as error:
            last = str(error)
        time.sleep(0.1)
    raise Unusable(f"no answer as there should be: {last[:200]}")


def await_file(file: Path) -> None:
    """Wait until a file is there, or raise `Unusable`."""
    until = time.monotonic() + START_S
    while not file.exists():
        if time.monotonic() > until:
            raise Unusable(f"there is no {file.name}")
        time.sleep(0.01)
