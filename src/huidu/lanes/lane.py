"""Lane: answers calls of function URLs as the server does, by what the server tells it."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

from huidu.gateway.app import Gateway
from huidu.gateway.express import Express
from huidu.gateway.proxies import Proxies
from huidu.ids import Ids
from huidu.instances.fleet import Fleet
from huidu.invoke.invoker import Invoker
from huidu.invoke.routes import Routes
from huidu.invoke.tracing import HANDED_ON, Tracing
from huidu.invoke.turns import Turns
from huidu.lanes.borrowing import Borrowing
from huidu.lanes.door import Doors
from huidu.lanes.keeping import Keeping
from huidu.lanes.link import Link
from huidu.lanes.words import (
    MANY,
    Answered,
    Ask,
    Begin,
    Close,
    Ended,
    Hand,
    Heard,
    Lent,
    Ping,
    Printed,
    Ready,
    Recall,
    Refused,
    Stop,
    Told,
)
from huidu.listener import Listener
from huidu.model.effect import AliasKept
from huidu.triggers.url import Urls

LISTEN_S = 0.25  #: As often the server asks its own instances what they have printed.
GRACE_S = 5.0


class Lane:
    """One process beside the server's: the same parts, with a borrowed fleet behind them.

    It knows the URLs that it was asked for, and only those that it may answer. All others, and
    whatever is unusual about a request, are the server's: it hands over the whole connection.
    """

    def __init__(self, end: socket.socket) -> None:
        self._dice = random.Random(random.SystemRandom().getrandbits(256))  # noqa: S311 - seeded well
        self._new_id = Ids()
        self._routes = Routes(self._dice.random)
        self._urls = Urls()
        self._asking: dict[str, list[Callable[[], None]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._over = asyncio.Event()
        self._link = Link(end, self._hear, self._over.set)
        self._borrowing = Borrowing(self._link.send)
        self._fleet: Fleet
        self._keeping: Keeping
        self._listener: Listener

    async def run(self) -> None:
        """Answer until the server ends, or says so."""
        await self._over.wait()

    def answers(self, url_id: str) -> bool:
        """Tell whether a request for a URL may be answered here."""
        return self._urls.find(url_id) is not None

    def ask(self, url_id: str, then: Callable[[], None]) -> None:
        """Have the server tell of a URL, and go on then."""
        waiting = self._asking.setdefault(url_id, [])
        waiting.append(then)
        if len(waiting) == 1:
            self._link.send(Ask(url_id))

    def hand_over(self, connection: int, said: bytes) -> None:
        """Have the server go on with a connection."""
        self._link.send(Hand(said), (connection,))

    def _hear(self, said: object, fds: Sequence[int]) -> None:
        match said:
            case Told():
                self._learn(said, fds)
                self._link.send(Heard(said.number))
            case Ping(number):
                self._link.send(Heard(number))
            case Answered(url_id):
                for then in self._asking.pop(url_id, ()):
                    then()
            case Lent():
                self._borrowing.lent(said, fds)
            case Refused():
                self._borrowing.refused(said)
            case Recall() | Stop() | Ended():
                self._borrowing.hear(said)
            case Begin():
                self._do(self._begin(said, *fds))
            case Close():
                self._do(self._close())

    def _do(self, work: object) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))  # type: ignore[arg-type]

    def _learn(self, told: Told, fds: Sequence[int]) -> None:
        """Go by what was told, in one step; versions that are gone are given back."""
        self._routes.apply(told.effects)
        self._urls.apply(told.effects)
        aliases = {e.alias.name: e.alias for e in told.effects if isinstance(e, AliasKept)}
        for (name, shared), fd in zip(told.turns, fds, strict=True):
            target = self._routes.target(told.named, name)
            if target is not None:
                target.turns = Turns(aliases[name], shared, fd)
        self._fleet.retire(self._routes)

    async def _begin(self, begin: Begin, listening: int, writing: int) -> None:
        settings = begin.settings
        self._fleet = Fleet(self._borrowing, begin.limits, MANY)
        self._keeping = Keeping(writing)
        self._do(self._keeping.tell())
        self._do(self._listen())
        invoker = Invoker(
            table=self._routes,
            fleet=self._fleet,
            recorder=self._keeping,
            clock=time.time,
            timer=time.perf_counter,
            salt=begin.salt,
        )
        traced = Tracing(bits=self._dice.getrandbits, ratio=settings.trace_ratio)
        tracing = traced if begin.traced else HANDED_ON
        proxies = Proxies(settings.proxies())
        gateway = Gateway(
            self._urls,
            self._routes,
            invoker,
            self._new_id,
            proxies=proxies,
            tracing=tracing,
        )
        express = Express(self._urls, self._routes, invoker, self._new_id, tracing, proxies=proxies)
        self._listener = Listener(bound=socket.socket(fileno=listening))
        await self._listener.open(
            gateway,
            express=express,
            most_connections=begin.most_connections,
            speaks=Doors(self),
        )
        self._link.send(Ready())

    async def _listen(self) -> None:
        """Tell what long calls have printed, while they run."""
        while True:
            await asyncio.sleep(LISTEN_S)
            for chunk in self._fleet.printing(LISTEN_S):
                self._link.send(Printed(chunk))

    async def _close(self) -> None:
        """Answer what is under way, give back what is borrowed, and end."""
        await self._listener.close()
        await self._fleet.close(GRACE_S)
        await self._keeping.sent()
        self._over.set()

    async def __aenter__(self) -> Self:
        """Hold it for the length of an `async with`."""
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._link.close()
