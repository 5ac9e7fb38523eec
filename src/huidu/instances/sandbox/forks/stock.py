"""Stock: programs that were started in sandboxes for nobody yet, so that no call waits for them.

A blank is a worker of a language that takes long to begin. Its walls are up, it has never run
anybody's code, and there is none that it could see. Where a version is to be started, a blank is
shown its code, and is that version's instance from then on: it is used once.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from huidu.instances.blueprint import BARE
from huidu.instances.launch import Launched, Order, wired
from huidu.instances.sandbox.forks.contained import Contained
from huidu.instances.sandbox.forks.nursery import Nursery
from huidu.instances.wire import Kind, ProtocolError, Reader

#: How many blanks of one sort there are: the more, the more often there was none.
LEAST, MOST = 2, 6
#: How many sorts are kept: those that were asked for last.
MOST_SORTS = 4
#: The stock is filled when nobody was started for so long, or at the latest after so long.
LULL_S, LULL_AT_MOST_S = 0.1, 1.0
TICK_S = 30.0  #: How often the stock is looked through, and cut down where it was large enough.
FORGOTTEN_S = 3600.0  #: A sort that nobody asked for so long is not kept any more.
PATIENCE_S = 30.0
NICE = 10  #: How far blanks stand back while they begin.
BLANK = "blank"
CHUNK = 64

#: What makes two orders the same, as long as it is not known what for: the command, which knows
#: of the memory as well, and all else that cells are told as they begin.
Sort = tuple[tuple[str, ...], int, bool]
Fork = Callable[[Order, Sequence[int]], Awaitable[tuple[Contained, int]]]


@dataclass(frozen=True, slots=True)
class Blank:
    """A program that waits, and the zygote that it is a fork of."""

    home: Nursery
    process: Contained
    launched: Launched

    def discard(self) -> None:
        """End it; nobody wants it."""
        self.process.kill()
        self.launched.end.close()
        os.close(self.launched.output)

    def nice(self, value: int) -> None:
        """Set how far each of its threads stands back before others."""
        with suppress(OSError):  # It may have ended.
            for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(thread.name), value)


@dataclass(slots=True)
class Shelf:
    """The blanks of one sort."""

    order: Order
    asked_at: float
    wanted: int = LEAST - 1  #: For a new shelf is empty, and that is not for want of blanks.
    missed: bool = False  #: Whether there was none when one was asked for, since the last tick.
    blanks: list[Blank] = field(default_factory=list)


class Stock:
    """Keeps blanks of the sorts that are asked for, and starts others in the background.

    It costs nothing until the first order that could have been for a blank. `home` returns the
    zygote that they are to be forks of, and `fork` makes one: it may raise `OSError`.
    """

    def __init__(self, home: Callable[[], Nursery], fork: Fork) -> None:
        self._home = home
        self._fork = fork
        self._shelves: dict[Sort, Shelf] = {}
        self._asked_at = 0.0
        self._look = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    async def take(self, order: Order) -> Launched | None:
        """Return a blank that now is what was ordered; None where there is none."""
        if len(order.layers) > 1:
            return None  # They are laid over each other before there is a process.
        shelf = self._shelf(order)
        self._look.set()
        while (blank := self._next(shelf)) is not None:
            try:
                await blank.home.furnish(blank.process, str(order.code), [*map(str, order.layers)])
            except OSError as error:
                blank.discard()
                if error.errno != errno.ESRCH:  # It is not that it was dead.
                    return None
            except BaseException:
                blank.discard()
                raise
            else:
                blank.nice(0)
                return blank.launched
        shelf.missed = True
        shelf.wanted = min(shelf.wanted + 1, MOST)
        return None

    async def close(self) -> None:
        """End every blank, and start no other."""
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
        for sort in tuple(self._shelves):
            self._forget(sort)

    def __repr__(self) -> str:
        kept = (f"{len(one.blanks)} of {one.wanted}" for one in self._shelves.values())
        return f"<Stock: {', '.join(kept) or 'nothing'}>"

    def _shelf(self, order: Order) -> Shelf:
        """Return the shelf for an order, as the one that was asked for last."""
        now = self._asked_at = asyncio.get_running_loop().time()
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep())
        sort = (*order.command(-1, Path()),), order.memory_bytes, order.online
        shelf = self._shelves.pop(sort, None) or Shelf(_unknown(order), now)
        self._shelves[sort] = shelf
        shelf.asked_at = now
        for old in tuple(self._shelves)[:-MOST_SORTS]:
            self._forget(old)
        return shelf

    def _next(self, shelf: Shelf) -> Blank | None:
        self._prune(shelf)
        return shelf.blanks.pop() if shelf.blanks else None

    def _prune(self, shelf: Shelf) -> None:
        """Leave those that have ended, and end those whose zygote is being left."""
        home = self._home()
        for blank in tuple(shelf.blanks):
            if not blank.process.alive or blank.home is not home:
                shelf.blanks.remove(blank)
                blank.discard()

    def _forget(self, sort: Sort) -> None:
        for blank in self._shelves.pop(sort).blanks:
            blank.discard()

    async def _keep(self) -> None:
        """Fill the shelves, one blank after the other, and look through them now and then."""
        ticked_at = asyncio.get_running_loop().time()
        while True:
            self._look.clear()
            lacking = next((s for s, one in self._shelves.items() if _lacks(one)), None)
            if lacking is not None:
                await self._lull()
                await self._fill(lacking)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await self._look.wait()
            now = asyncio.get_running_loop().time()
            if now - ticked_at >= TICK_S:
                ticked_at = now
                self._tick(now)

    async def _lull(self) -> None:
        """Wait until nobody is being started, but not for ever."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LULL_AT_MOST_S
        while (rest := min(self._asked_at + LULL_S, until) - loop.time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(rest)

    def _tick(self, now: float) -> None:
        for sort, shelf in tuple(self._shelves.items()):
            if now - shelf.asked_at > FORGOTTEN_S:
                self._forget(sort)
                continue
            self._prune(shelf)
            if not shelf.missed:
                shelf.wanted = max(shelf.wanted - 1, LEAST)
            shelf.missed = False
            while len(shelf.blanks) > shelf.wanted:
                shelf.blanks.pop().discard()

    async def _fill(self, sort: Sort) -> None:
        """Put one more on a shelf; where that cannot be, leave the sort until it is asked for."""
        shelf = self._shelves.get(sort)
        if shelf is None:
            return
        try:
            blank = await self._start(shelf.order)
        except (OSError, ProtocolError, TimeoutError):
            if self._shelves.get(sort) is shelf:
                self._forget(sort)
            return
        if self._shelves.get(sort) is shelf and blank.home is self._home():
            shelf.blanks.append(blank)
        else:
            blank.discard()

    async def _start(self, order: Order) -> Blank:
        home = self._home()
        with wired() as wires:
            fds = (wires.far_end.fileno(), wires.printed)
            process, _ = await self._fork(order, fds)
            launched = wires.to(process)
        blank = Blank(home, process, launched)
        try:
            blank.nice(NICE)
            async with asyncio.timeout(PATIENCE_S):
                await _waits(launched)
        except BaseException:
            blank.discard()
            raise
        return blank


def _unknown(order: Order) -> Order:
    """Return an order as far as it is known when it is not known what for."""
    return replace(
        order,
        command=lambda channel, workers: (*order.command(channel, workers), BLANK),
        environment=BARE,
        code=Path(),
        layers=(),
    )


def _lacks(shelf: Shelf) -> bool:
    return len(shelf.blanks) < shelf.wanted


async def _waits(launched: Launched) -> None:
    """Return once a blank has said that it waits; its walls stand then."""
    reader, loop = Reader(), asyncio.get_running_loop()
    launched.end.setblocking(False)  # noqa: FBT003 - the name of the method says what
    frames = reader.feed(b"")
    while not frames:
        data = await loop.sock_recv(launched.end, CHUNK)
        if not data:
            raise ConnectionResetError("a blank ended before it was ready")
        frames = reader.feed(data)
    if frames[0].kind is not Kind.READY:
        raise ProtocolError(f"{frames[0].kind.name} from a blank")
