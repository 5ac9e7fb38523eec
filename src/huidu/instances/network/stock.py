"""Stock: network namespaces made ahead of the instances that will live in them, one for each."""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import count

from huidu.instances.network.block import Block
from huidu.instances.network.netlink import LOOPBACK, Netlink
from huidu.instances.sandbox.walls import kernel

READY = 16  #: How many are kept ready. One is made in 1 to 3 ms, faster than instances start.
BATCH = 8
PATIENCE_S = 10.0
INNER = "eth0"
MOST_NUMBER = 0xFFFFFF  #: Names of links have 15 letters.


@dataclass(frozen=True, slots=True)
class Way:
    """A network namespace with a way out of it, as a descriptor; it goes when nobody is in it."""

    namespace: int
    address: IPv4Address

    def close(self) -> None:
        """Let go of the namespace. Whoever is in it keeps it."""
        os.close(self.namespace)


class Stock:
    """Ways out, each given once. An address is given again as late as can be."""

    def __init__(self, block: Block, ready: int = READY, patience_s: float = PATIENCE_S) -> None:
        self._block = block
        self._patience_s = patience_s
        self._wanted = ready
        self._numbers = count()
        self._free = deque(block.addresses())
        self._ready: deque[Way] = deque()
        self._waiting: deque[asyncio.Future[Way]] = deque()
        self._making: asyncio.Task[None] | None = None
        self._closed = False

    def __repr__(self) -> str:
        return (
            f"<Stock: {len(self._ready)} ready, {len(self._waiting)} waiting, "
            f"{len(self._free)} addresses free>"
        )

    async def take(self) -> Way:
        """Return a way out, at once where there is one in stock; or raise `OSError`."""
        if self._closed:
            raise ConnectionResetError("the server is closing")
        if self._ready and not self._waiting:
            way = self._ready.popleft()
            self.fill()
            return way
        waiting: asyncio.Future[Way] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self.fill()
        try:
            async with asyncio.timeout(self._patience_s):
                return await waiting
        except BaseException as error:
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                self._put((waiting.result(),))  # It came as the one who wanted it left.
            if isinstance(error, TimeoutError):
                why = f"no network could be made within {self._patience_s:g} s"
                raise OSError(errno.ETIMEDOUT, why) from error
            raise

    def take_back(self, address: IPv4Address) -> None:
        """Have an address given again, once its instance has ended."""
        self._free.append(address)

    def fill(self) -> None:
        """Have more made, in the background, where there are too few."""
        if self._short and self._making is None and not self._closed:
            self._making = asyncio.create_task(self._make())

    @property
    def _short(self) -> int:
        waiting = sum(not one.done() for one in self._waiting)
        return self._wanted + waiting - len(self._ready)

    async def _make(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._short > 0 and not self._closed:
                # A thread for each batch: it ends in the last of the namespaces that it made.
                thread = ThreadPoolExecutor(1, "network")
                made = loop.run_in_executor(thread, self._batch, min(BATCH, self._short))
                thread.shutdown(wait=False)
                self._put(await made)
        except OSError as error:
            self._fail(error)
        finally:
            self._making = None

    def _put(self, ways: Sequence[Way]) -> None:
        self._ready.extend(ways)
        while self._waiting and self._ready:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(self._ready.popleft())

    def _fail(self, error: OSError) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(OSError(error.errno, f"no network could be made: {error}"))
        self._waiting.clear()

    def _batch(self, most: int) -> Sequence[Way]:
        """Make some; raise `OSError` only where there is not even one."""
        made: list[Way] = []
        with Netlink() as outside:
            try:
                while len(made) < most:
                    made.append(self._one(outside))
            except OSError:
                if not made:
                    raise
        return made

    def _one(self, outside: Netlink) -> Way:
        for _ in range(len(self._free)):
            address = self._free.popleft()
            kernel.unshare(kernel.CLONE_NEWNET)
            way = Way(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC), address)
            try:
                self._wire(outside, way)
            except OSError as error:
                way.close()
                self._free.append(address)
                if error.errno != errno.EEXIST:
                    raise
                # Whoever had the address is gone, but the kernel is not done with it.
            else:
                return way
        raise OSError(errno.EADDRNOTAVAIL, "every address is in use by an instance")

    def _wire(self, outside: Netlink, way: Way) -> None:
        """Join the namespace that this thread is in to the host, by a wire of its own."""
        name = f"{self._block.links}{next(self._numbers) & MOST_NUMBER:x}"
        packed = way.address.packed
        outside.pair(name, self._block.number, INNER, way.namespace)
        here = outside.index(name)
        outside.up(here)
        outside.route(here, packed)
        with Netlink() as inside:
            there = inside.index(INNER)
            inside.up(LOOPBACK)
            inside.up(there)
            inside.address(there, packed)
            inside.route(there)

    async def close(self) -> None:
        """Let go of all that is in stock, and make no more."""
        self._closed = True
        if self._making is not None:
            with suppress(asyncio.CancelledError):
                await self._making
        self._fail(ConnectionResetError("the server is closing"))
        while self._ready:
            self._ready.popleft().close()
