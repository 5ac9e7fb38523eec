"""The proxy: listens on this machine only, and counts what is open."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from huidu.proxy.authority import Authority
from huidu.proxy.door import Door, Ends
from huidu.proxy.side import Side

LOOPBACK = "127.0.0.1"
MOST_TUNNELS = 512
#: A function may run for 900 s, and nothing goes through its tunnel meanwhile.
IDLE_S = 930.0
PATIENCE_S = 10.0
LOOK_S = 5.0
PORTS = {"http": 80, "https": 443}


class Proxy:
    """The doors that are open, and where the server is that they lead to."""

    def __init__(
        self,
        authority: Authority,
        ends: Mapping[str, str],
        say: Callable[[str], None],
        idle_s: float = IDLE_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._ends = ends
        self._idle_s = idle_s
        self._doors: set[Door] = set()
        self._clock = asyncio.get_running_loop().time
        self._what = Ends(
            authority=authority,
            connect=self._connect,
            room=lambda: len(self._doors) <= MOST_TUNNELS,
            say=say,
            clock=self._clock,
            patience_s=patience_s,
        )

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._doors)

    def door(self) -> Door:
        """Return what takes a new connection."""
        door = Door(self._what, self._doors.discard)
        self._doors.add(door)
        return door

    async def watch(self) -> None:
        """End tunnels that nothing has gone through for long, again and again."""
        while True:
            await asyncio.sleep(min(LOOK_S, self._idle_s))
            before = self._clock() - self._idle_s
            for door in [door for door in self._doors if door.near and door.busy_at < before]:
                door.abort()
                self._doors.discard(door)

    def close(self) -> None:
        """End everything that is open."""
        for door in list(self._doors):
            door.abort()
        self._doors.clear()

    async def _connect(self, end: str, side: Side) -> None:
        if end not in self._ends:
            raise ConnectionError(f"nobody has said where its {end} is; say HUIDU_GATEWAY_URL")
        url = urlsplit(self._ends[end])
        host, port = url.hostname or LOOPBACK, url.port or PORTS[url.scheme]
        context = ssl.create_default_context() if url.scheme == "https" else None
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: side, host, port, ssl=context)


@asynccontextmanager
async def listening(
    authority: Authority, port: int, ends: Mapping[str, str], say: Callable[[str], None]
) -> AsyncIterator[int]:
    """Listen until the end of the block, on this machine only; yields the port.

    `ends` says where the server's API and its gateway are. Raises `OSError` for a port that is
    taken.
    """
    proxy = Proxy(authority, ends, say)
    server = await asyncio.get_running_loop().create_server(proxy.door, LOOPBACK, port)
    watching = asyncio.create_task(proxy.watch())
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        watching.cancel()
        server.close()
        proxy.close()
        await server.wait_closed()
