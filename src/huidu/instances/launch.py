"""Launch: starts a worker as a process of its own, and sees to it that nothing of it stays."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from huidu.instances.descriptors import STDERR, STDIN, STDOUT, keep_to_ourselves, spawn
from huidu.runtimes.table import WORKERS

PREFIX = "huidu-"
#: Where a worker finds its channel. Node.js keeps only low descriptors from its children.
CHANNEL = 3
#: Has the kernel end a program when the thread that started it ends; from util-linux.
DYING = "setpriv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to start, whoever starts it.

    A launcher that keeps zygotes forks the one of this interpreter, which becomes the `worker`;
    where there is none, or no zygote, the worker is a program: `command(channel, workers)`, with
    the number of the descriptor that it is to speak over, and the folder where workers lie.
    """

    command: Callable[[int, Path], Sequence[str]]
    environment: Mapping[str, str]
    worker: str = ""
    interpreter: Path = Path()
    code: Path = Path()
    layers: tuple[Path, ...] = ()
    memory_bytes: int = 0
    online: bool = True  #: Whether it is to reach what the server allows; else nothing.
    #: Whether the program can be started with `blank` behind its command, before anything else of
    #: the order is known; it says `READY` then, and waits to be told.
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """Where an instance finds itself: its code, its layers, and the parent it dies with."""

    code: Path
    layers: tuple[Path, ...]
    parent: int


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: its status, or less than zero the signal that killed it."""

    code: int
    why: str = ""  #: Where it ended because the walls around it could not be built.
    out_of_memory: bool = False
    peak_bytes: int = 0  #: What all its processes took at once, where that is what ended it.

    def __str__(self) -> str:
        if self.why:
            return f"could not be contained: {self.why}"
        if self.out_of_memory:
            return f"was killed since its memory was used up (peak {self.peak_bytes >> 20} MB)"
        if self.code >= 0:
            return f"exited with status {self.code}"
        return f"was killed by signal {-self.code} ({signal.strsignal(-self.code)})"


class Begun(Protocol):
    """What must be known of a process that was started."""

    @property
    def pid(self) -> int: ...

    def kill(self) -> None: ...

    async def wait(self) -> Exit: ...

    def peak_bytes(self) -> int: ...

    def starved(self) -> int:
        """Return how many processes were killed for want of memory since this was asked last."""
        ...

    async def tidy(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Launched:
    """A process, our end of its channel, and the end of the pipe that it prints into."""

    process: Begun
    end: socket.socket
    output: int


@dataclass(frozen=True, slots=True)
class Wires:
    """What joins a process to the platform: ours and its ends of a channel and of a pipe."""

    end: socket.socket
    far_end: socket.socket
    output: int
    printed: int

    def to(self, process: Begun) -> Launched:
        """Return the process together with our ends."""
        return Launched(process, self.end, self.output)


@contextmanager
def wired() -> Iterator[Wires]:
    """Lend wires: the far ends are closed after the block, ours only where it fails."""
    with ExitStack() as theirs, ExitStack() as ours:
        end, far_end = socket.socketpair()
        ours.callback(end.close)
        theirs.callback(far_end.close)
        output, printed = os.pipe()
        ours.callback(os.close, output)
        theirs.callback(os.close, printed)
        yield Wires(end, far_end, output, printed)
        ours.pop_all()


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process has held; 0 if it is not there."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def see_off(pidfd: int) -> None:
    """Wait, here and now, for a process to end that was killed: for a moment at most."""
    gone = select.poll()
    gone.register(pidfd, select.POLLIN)
    gone.poll()


class Process:
    """A worker's process, the group that it leads, and the folder that is its own."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._pid = pid
        self._folder = folder
        self._loop = asyncio.get_running_loop()
        self._handle = os.pidfd_open(pid)
        self._exit: asyncio.Future[Exit] = self._loop.create_future()
        self._loop.add_reader(self._handle, self._ended)

    @property
    def pid(self) -> int:
        """The number of the process, and of its group."""
        return self._pid

    def kill(self) -> None:
        """Kill the process and its whole group, at once."""
        # Until we have waited for it, its number and its group's are nobody else's.
        if not self._exit.done():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    async def wait(self) -> Exit:
        """Return how the process ended, once it and its group are gone."""
        return await asyncio.shield(self._exit)

    def peak_bytes(self) -> int:
        """Return the most memory that the running process has held; 0 once it has ended."""
        return peak_bytes(self.pid)

    def starved(self) -> int:
        """Return 0: nobody counts the memory of its processes together."""
        return 0

    async def tidy(self) -> None:
        """Remove the folder of the process, and what it left there."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _ended(self) -> None:
        self._loop.remove_reader(self._handle)
        os.close(self._handle)
        self.kill()  # The children that it left behind.
        status = os.waitpid(self._pid, 0)[1]
        self._exit.set_result(Exit(os.waitstatus_to_exitcode(status)))


class Spawner:
    """Starts plain processes, without walls between them.

    The kernel kills an instance when the thread that started it ends: start them from the thread
    of the event loop, never from a thread of a pool. Python's worker asks for that itself (see
    `die_with` there); other programs cannot, and are started by one that does, where it is there.
    `scratch` is where their temporary folders lie, the system's own place by default.
    """

    def __init__(self, scratch: Path | None = None) -> None:
        self._scratch = scratch
        keep_to_ourselves()
        dying = shutil.which(DYING, path=os.defpath)
        self._dying = (dying, "--pdeathsig", "KILL", "--") if dying else ()

    def sweep(self) -> None:
        """Remove the folders that a killed platform left in its scratch, before any is in use."""
        for folder in self._scratch.glob(f"{PREFIX}*") if self._scratch else ():
            shutil.rmtree(folder, ignore_errors=True)

    def scene(self, code: Path, layers: Sequence[Path]) -> Scene:
        """Return where an instance finds its code: where it is.

        Nothing lays the layers over each other here; the later one is looked into first.
        """
        return Scene(code, tuple(reversed(layers)), os.getpid())

    async def launch(self, order: Order) -> Launched:
        """Start a process, or raise `OSError`. Takes about half a millisecond."""
        with wired() as wires:
            return wires.to(self._spawn(order, wires))

    def learn(self, order: Order, imports: Sequence[str]) -> None:
        """Start the next one as the first: a plain process shares nothing with another."""

    def _spawn(self, order: Order, wires: Wires) -> Process:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._scratch))
        own = {"HOME": str(folder), "TMPDIR": str(folder)}
        try:
            with Path(os.devnull).open("rb") as nothing:
                pid = spawn(
                    (*(() if order.worker else self._dying), *order.command(CHANNEL, WORKERS)),
                    {
                        STDIN: nothing.fileno(),
                        STDOUT: wires.printed,
                        STDERR: wires.printed,
                        CHANNEL: wires.far_end.fileno(),
                    },
                    {**own, **order.environment},
                )
        except OSError:
            folder.rmdir()
            raise
        return Process(pid, folder)
