"""Beyond: what stands at the borders of a stage, and does nothing, where the next would be."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec

from huidu.ask import Ask, Run
from huidu.instances import wire
from huidu.instances.claim import Running
from huidu.instances.launch import Exit, Launched, Order, Scene
from huidu.instances.living import Rider
from huidu.instances.wire import Frame, Kind
from huidu.invoke.flight import Answered, Caller
from huidu.model.call import Call
from huidu.model.capacity import Busy, Retired
from huidu.model.carrying import Leaves, Passenger
from huidu.model.function import Code
from huidu.model.invocation import Invocation, Outcome
from huidu.model.log import Chunk
from huidu.model.task import Task
from huidu.model.version import Version

GOOD = b"HTTP/1.1 200"
TOOK_NS, PEAK_BYTES = 150_000, 20_000_000
#: What a worker answers, around the mark of the call.
SAID = wire.FIGURES.pack(PEAK_BYTES, TOOK_NS) + b'"ok"'
HEAD = wire.HEADER.pack(Kind.RESULT, wire.NONCE_BYTES + len(SAID))
NONCE = slice(wire.HEADER.size, wire.HEADER.size + wire.NONCE_BYTES)


class Left:
    """What may be left, and never is."""

    over = False
    waits = behind = False

    def forsake(self, *, sure: bool) -> bool:
        return False

    def leave(self) -> None:
        """Wait for nothing."""


LEFT = Left()


class Wall(asyncio.Transport):
    """A connection's transport to nowhere."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 5555), "sockname": ("127.0.0.1", 9001)})
        self.answers = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.answers += bytes(data[:12]) == GOOD

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """There is nothing to close."""

    def pause_reading(self) -> None:
        """Nothing comes."""

    def resume_reading(self) -> None:
        """Nothing comes."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Whoever is to hear, hears from who holds the connection."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """What is written is gone."""


class Keeper:
    """Who answers plain requests: keeps them, and answers none."""

    def __init__(self) -> None:
        self.asks: list[Ask] = []

    def find(self, method: bytes, target: bytes, sent: Mapping[bytes, bytes]) -> Run:
        return self.asks.append


class Inbox:
    """An invoker that keeps what it is handed."""

    def __init__(self) -> None:
        self.begun: list[tuple[Invocation, Caller]] = []

    def begin(self, invocation: Invocation, caller: Caller) -> Left:
        self.begun.append((invocation, caller))
        return LEFT


class Nowhere:
    """A fleet that carries calls nowhere."""

    def carry(self, version: Version, passenger: Passenger, *, later: bool = False) -> Left:
        return LEFT

    def claim(self, version: Version) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError


class Silence:
    """A caller, a rider and a recorder whom nothing concerns."""

    def answered(self, answered: Answered) -> None:
        """So what."""

    def failed(self, error: Exception) -> None:
        raise error

    def begins(self) -> None:
        """So what."""

    def hears(self, outcome: Outcome | None) -> None:
        """So what."""

    def ended(self) -> None:
        """So what."""

    def began(self, lane: tuple[str, str, str]) -> Silence:
        return self

    def take(self, call: Call) -> None:
        """So what."""

    def lost(self) -> None:
        """So what."""


SILENCE = Silence()


class Traveller:
    """A call that is carried, of which only its task is known."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def boards(self) -> Task:
        return self._task

    def begins(self) -> None:
        """So what."""

    def arrives(self, outcome: Outcome) -> None:
        """So what."""

    def refused(self, why: Busy | Retired) -> None:
        raise why

    def broke(self, error: Exception) -> None:
        raise error


class Still:
    """An instance that takes calls, and remembers who waits for them."""

    alive = ahead = True
    took_s = TOOK_NS / 1e9

    def __init__(self, name: str, riders: deque[Rider]) -> None:
        self.name = name
        self._riders = riders

    def when_gone(self, tell: Callable[[], None]) -> None:
        """It never goes."""

    async def stop(self) -> None:
        """There is nothing to stop."""

    def printing(self, least_s: float) -> Chunk | None:
        return None

    def interrupt(self, request_id: str) -> bool:
        return False

    async def run(self, task: Task) -> Outcome:
        raise NotImplementedError

    def start(self, task: Task, rider: Rider) -> Leaves:
        self._riders.append(rider)
        rider.begins()
        return LEFT


def still(name: str, riders: deque[Rider]) -> Running:
    """Return such an instance."""
    return Still(name, riders)


class Wire(socket.socket):
    """Our end of an instance's channel. Once it has been read from, the kernel has no part in it.

    `read` is what an event loop would call where something has come.
    """

    read: Callable[[], object]

    def __init__(self, end: socket.socket, sent: deque[Wire]) -> None:
        super().__init__(fileno=end.detach())
        self._muted = False
        self._sent = sent
        self._frames: deque[bytes] = deque()
        self._coming: deque[bytes] = deque()

    def send(self, data: Any, flags: int = 0, /) -> int:  # noqa: ANN401 - any buffer
        if not self._muted:
            return super().send(data, flags)
        self._frames.append(data)
        self._sent.append(self)
        return len(data)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        if not self._muted:
            data = super().recv(bufsize, flags)
            self._muted = True
            return data
        if not self._coming:
            raise BlockingIOError
        return self._coming.popleft()

    def reply(self) -> None:
        """Have the answer come to the oldest call that was sent."""
        self._coming.append(HEAD + self._frames.popleft()[NONCE] + SAID)


class Shadow:
    """A process that there is none of."""

    pid = 0

    def __init__(self) -> None:
        self._killed = asyncio.Event()

    def kill(self) -> None:
        self._killed.set()

    async def wait(self) -> Exit:
        await self._killed.wait()
        return Exit(0)

    def peak_bytes(self) -> int:
        return 0

    def starved(self) -> int:
        return 0

    async def tidy(self) -> None:
        """It leaves nothing."""


class Cast:
    """A launcher of instances that say they are ready, and have no process."""

    def __init__(self, digest: str) -> None:
        self._ready = msgspec.json.encode({"digest": digest, "ahead": 1})
        self._far: list[socket.socket] = []
        self._printed: list[int] = []
        self.sent: deque[Wire] = deque()  #: The wires of calls that were sent, in their order.

    def scene(self, code: Path, layers: Sequence[Path]) -> Scene:
        return Scene(code, tuple(layers), os.getpid())

    async def launch(self, order: Order) -> Launched:
        end, far = socket.socketpair()
        far.sendall(wire.pack(Frame(Kind.READY, self._ready)))
        self._far.append(far)
        output, printed = os.pipe()
        self._printed.append(printed)
        return Launched(Shadow(), Wire(end, self.sent), output)

    def learn(self, order: Order, imports: Sequence[str]) -> None:
        """There is nothing to learn."""

    def close(self) -> None:
        """Let go of the other ends of the wires."""
        for far in self._far:
            far.close()
        for printed in self._printed:
            os.close(printed)


class Shelf:
    """Where no code is, and none is needed."""

    def unpacked(self, code: Code) -> Path:
        return Path("/nowhere")
