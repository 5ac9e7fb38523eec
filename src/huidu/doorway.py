"""Doorway: where callers come in, in one process or in several."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable

import structlog

from huidu.dataplane import DataPlane
from huidu.lanes.lanes import Lanes, Parts, begin
from huidu.lanes.telling import Telling
from huidu.listener import App, Listener
from huidu.observe.exposition import Processes
from huidu.remembering import Stores
from huidu.settings import Settings, address

API_SHARE = 8  #: The API has room for one connection where the gateway has it for so many.
OTHER_DESCRIPTORS = 2048  #: For instances, stores and what else is opened.

log = structlog.get_logger("huidu.server")


class Doorway:
    """The gateway's listener, and the lanes beside this process.

    `before` puts something before the gateway, in which each request is seen: there is one process
    then.
    """

    def __init__(self, settings: Settings, before: Callable[[App], App] | None) -> None:
        """Take the port, or raise `OSError`."""
        self._settings = settings
        self._before = before
        beside = settings.processes() - 1 if before is None else 0
        self._listener = Listener(*address("gateway", settings.gateway), beside)
        self.url = self._listener.url
        self.most = most_connections(settings.max_connections)

    def furnish(self, data: DataPlane, stores: Stores) -> Lanes:
        """Return the lanes, which are to hear of each commit; none of them is there yet."""
        recorder = data.observing.recorder
        telling = Telling(
            table=data.routes,
            urls=data.urls,
            mirrored=data.mirroring.shown,
            stopped=data.fleet.stopped,
        )
        parts = Parts(
            fleet=data.fleet,
            telling=telling,
            recorder=recorder,
            logs=stores.logs,
            listener=self._listener,
        )
        traced = data.exporting.tracing.bits is not None
        told = begin(self._settings, stores.salt, self.most, traced=traced)
        self._lanes, self._data = Lanes(parts, told), data
        recorder.elsewhere, data.routes.allowed = self._lanes.take, self._lanes.allowed
        return self._lanes

    def processes(self) -> Processes:
        """Return what tells of them."""
        return Processes(lambda: 1 + self._lanes.count, lambda: self._lanes.restarts)

    async def open(self, new_id: Callable[[], str]) -> None:
        """Let callers in."""
        whole = self._data.gateway(self._settings, new_id)
        app = self._before(whole) if self._before else whole
        express = None if self._before else self._data.express(self._settings, new_id)
        await self._listener.open(app, express=express, tunnels=True, most_connections=self.most)
        self._lanes.open()

    async def close(self) -> None:
        """Let nobody in any more, and return when those who are inside have been answered."""
        await asyncio.gather(self._lanes.close(), self._listener.close())

    async def shut(self) -> None:
        """Give back the port, whatever has become of the rest."""
        await self._listener.close()


def most_connections(wanted: int) -> int:
    """Return how many connections the gateway may have, so that descriptors remain for the rest."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = allowed - min(OTHER_DESCRIPTORS, allowed // 2)
    most = min(wanted, spare * API_SHARE // (API_SHARE + 1))
    if most < wanted:
        log.warning("connections", most=most, wanted=wanted, descriptors=allowed)
    return most
