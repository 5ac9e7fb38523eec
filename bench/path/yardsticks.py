"""Yardsticks: what this machine takes for work that no change of ours makes quicker or slower.

A figure in µs holds on one machine, in one hour. A stage that takes so many times as long as a
fixed piece of work beside it does so on another machine too, as long as both are work of one kind:
Python's for what is Python, the kernel's for what is a way to another process and back.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.path.meter import Meter

STEPS = 4000
BYTES = 400  #: As many as a small call has.
#: The other end of a trip: says what it is told.
ECHO = (
    "import socket,sys\ns=socket.socket(fileno=int(sys.argv[1]))\nwhile d:=s.recv(4096):s.send(d)"
)
ENCODER = msgspec.json.Encoder()


class Walker:
    """Somebody who takes steps: as the hot path does, with small objects, dicts and text."""

    __slots__ = ("_known", "_taken", "name", "steps")

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps = 0
        self._known = {b"host": b"127.0.0.1", b"accept": b"*/*", b"user-agent": b"wrk"}
        self._taken: Footprint | None = None

    def step(self) -> bytes:
        """Take one."""
        self.steps += 1
        made = Footprint(self.name, self.steps, self._read())
        self._taken = made
        return b"".join((b"content-length: ", ENCODER.encode(made.seen), b"\r\n"))

    def _read(self) -> dict[str, str]:
        return {one.decode(): said.decode() for one, said in self._known.items()}


@dataclass(slots=True)
class Footprint:
    """What a step leaves."""

    name: str
    number: int
    seen: dict[str, str] = field(default_factory=dict)


def step(meter: Meter, steps: int = STEPS) -> None:
    """Measure steps of Python's."""
    walker = Walker("step")
    with meter.over(steps):
        for _ in range(steps):
            walker.step()


class Trips:
    """Trips to another process and back, which asks nothing and does nothing."""

    def __init__(self, end: socket.socket, pid: int) -> None:
        self._end = end
        self._pid = pid

    def measure(self, meter: Meter, trips: int) -> None:
        """Go so often; what it takes is that of both ends."""
        said = b"x" * BYTES
        began = cpu_ns(self._pid)
        with meter.over(trips):
            for _ in range(trips):
                self._end.send(said)
                self._end.recv(BYTES)
        meter.spent_ns += cpu_ns(self._pid) - began


@contextmanager
def travelling() -> Iterator[Trips]:
    """Have a process to go to."""
    end, far = socket.socketpair()
    with end, far:
        command = [sys.executable, "-I", "-S", "-c", ECHO, str(far.fileno())]
        with subprocess.Popen(command, pass_fds=[far.fileno()]) as other:
            far.close()
            end.send(b"x")  # once it answers it has started
            end.recv(1)
            yield Trips(end, other.pid)
            end.close()


def cpu_ns(pid: int) -> int:
    """Return what the kernel counts for all threads of a process."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((one / "schedstat").read_text().split()[0]) for one in tasks.iterdir())
