"""Lanes: the gateway's processes beside the server's own, kept alive and kept up to date."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import structlog

from huidu.instances.fleet import Fleet
from huidu.lanes import keeping
from huidu.lanes.attached import Attached
from huidu.lanes.lending import Lending
from huidu.lanes.sharing import share
from huidu.lanes.telling import News, Telling, touched
from huidu.lanes.words import MANY, Begin
from huidu.listener import Listener
from huidu.model.capacity import Limits
from huidu.model.effect import Effect
from huidu.model.function import FunctionName
from huidu.model.log import Chunk
from huidu.model.trigger import Trigger
from huidu.settings import Settings

#: A lane that does not say in this time that it goes by a commit is ended: none may go by the old.
DEAF_S = 2.0
SILENT_S = 10.0  #: So long one may say nothing as it is to end.
SHARE_S, TAKE_S = 0.005, 0.02
#: So long a lane keeps an instance that it has no call for.
LINGER_S = 0.1
ASK_MS = 5.0  #: After so long it asks for one more for a call that waits.
MOST_ASKED = 4  #: Instances of one version that a lane asks for at once.
#: A lane that lived so long was well; the next one is started at once.
WELL_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0
START_S = 20.0

log = structlog.get_logger("huidu.lanes")


class Logs(Protocol):
    """Where goes what calls print."""

    def take(self, chunk: Chunk) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What lanes have of the server."""

    fleet: Fleet
    telling: Telling
    recorder: keeping.Recorder
    logs: Logs
    listener: Listener


def begin(settings: Settings, salt: bytes, most_connections: int, *, traced: bool) -> Begin:
    """Return what a lane is told at its start, among so many connections to the gateway."""
    processes = settings.processes()
    limits = Limits(
        waiting=settings.max_waiting // processes,
        idle_s=LINGER_S,
        patience_ms=ASK_MS,
        linger_ms=ASK_MS,
        starting_at_once=MOST_ASKED,
        few=MANY,
    )
    return Begin(
        number=0,
        settings=settings,
        limits=limits,
        salt=salt,
        traced=traced,
        most_connections=max(1, most_connections // processes),
    )


class Lanes:
    """As many processes as the listener has sockets beside its own; there may be none.

    What a commit changes of a function is told at once to those that know the function, and the
    write is not answered before they go by it. What runs in them are calls of function URLs; all
    else that reaches them comes to the server, connection by connection.
    """

    def __init__(self, parts: Parts, begin: Begin) -> None:
        self._parts = parts
        self._begin = begin
        self._lanes: dict[int, Attached] = {}
        self._keeping: list[asyncio.Task[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self.restarts = 0  #: How often one ended that was not to.

    @property
    def count(self) -> int:
        """How many take connections."""
        return sum(lane.ready.is_set() for lane in self._lanes.values())

    def open(self) -> None:
        """Begin to start them; the server answers all connections until they are there."""
        places = range(len(self._parts.listener.beside))
        works = [self._keep(place) for place in places]
        works += [self._look()] if works else []
        self._keeping = [asyncio.create_task(work) for work in works]

    async def close(self) -> None:
        """Have them answer what they have, and return when they have ended."""
        self._closing = True
        lanes = tuple(self._lanes.values())
        await asyncio.gather(*(lane.end(SILENT_S) for lane in lanes))
        for task in (*self._keeping, *self._tasks):
            task.cancel()
        await asyncio.gather(*self._keeping, *self._tasks, return_exceptions=True)

    def apply(self, effects: Sequence[Effect]) -> None:
        """Tell of a commit, once the server itself goes by it."""
        if self._lanes:
            self._changed(touched(effects))

    def allowed(self, function_id: str) -> None:
        """Tell that calls of a function are watched from now on, or no longer."""
        self._changed([function_id])

    def _changed(self, those: Iterable[FunctionName | str]) -> None:
        those = tuple(those)
        for lane in self._lanes.values():
            lane.changed(those)

    async def heard(self) -> None:
        """Return once nobody goes by what is no longer so."""
        late = [lane for lane in self._lanes.values() if lane.behind]
        if late:
            await asyncio.gather(*map(self._hurry, late))

    async def _hurry(self, lane: Attached) -> None:
        try:
            async with asyncio.timeout(DEAF_S):
                await lane.catch_up()
        except TimeoutError:
            log.warning("lane.deaf", pid=lane.pid, after_s=DEAF_S)
            lane.kill()
            await lane.gone.wait()

    def take(self) -> None:
        """Have all that ended in lanes recorded."""
        for lane in tuple(self._lanes.values()):
            lane.take()

    def find(self, url_id: str) -> Trigger | None:
        """Return where a URL leads."""
        return self._parts.telling.urls.find(url_id)

    def news(self, named: FunctionName, urls: Iterable[str], known_as: str) -> News:
        """Return what a lane may know of a function."""
        return self._parts.telling.news(named, urls, known_as)

    def adopt(self, connection: socket.socket, said: bytes) -> None:
        """Go on with a connection."""
        task = asyncio.create_task(self._adopt(connection, said))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _adopt(self, connection: socket.socket, said: bytes) -> None:
        try:
            await self._parts.listener.adopt(connection, said)
        except OSError:  # the client has left meanwhile
            connection.close()

    def printed(self, chunk: Chunk) -> None:
        """Take what a call has printed."""
        self._parts.logs.take(chunk)

    async def _look(self) -> None:
        """See to it that what others wait for comes back, and that records come in."""
        loop = asyncio.get_running_loop()
        while True:
            lendings = [lane.lending for lane in self._lanes.values()]
            await asyncio.sleep(SHARE_S if any(one.tabs for one in lendings) else TAKE_S)
            self.take()
            share([lane.lending for lane in self._lanes.values()], loop.time())

    async def _keep(self, place: int) -> None:
        """Have a lane at a place, and another one where it ends; the server stands in between."""
        standing_in: asyncio.AbstractServer | None = None
        pause_s, loop = FIRST_PAUSE_S, asyncio.get_running_loop()
        try:
            while not self._closing:
                began = loop.time()
                lane = self._lanes[place] = self._start(place)
                await _begun(lane)
                if standing_in is not None:
                    standing_in.close()
                await lane.gone.wait()
                del self._lanes[place]
                if self._closing:
                    return
                self.restarts += 1
                log.warning("lane.ended", pid=lane.pid, place=place)
                standing_in = await self._parts.listener.stand_in(place)
                pause_s = FIRST_PAUSE_S if loop.time() - began > WELL_S else pause_s * 2
                await asyncio.sleep(min(pause_s, LONGEST_PAUSE_S))
        finally:
            if standing_in is not None:
                standing_in.close()

    def _start(self, place: int) -> Attached:
        settings = self._begin.settings
        lending_of = partial(Lending, self._parts.fleet, settings.max_waiting)
        level = settings.log_level
        lane = Attached(self, lending_of, self._parts.recorder, level)
        lane.begin(replace(self._begin, number=place), self._parts.listener.beside[place])
        log.info("lane", pid=lane.pid, place=place)
        return lane


async def _begun(lane: Attached) -> None:
    """Return once a lane takes connections, or is gone; one that does neither is ended."""
    waiting = [asyncio.ensure_future(event.wait()) for event in (lane.ready, lane.gone)]
    done, left = await asyncio.wait(waiting, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
    for one in left:
        one.cancel()
    if not done:
        lane.kill()
