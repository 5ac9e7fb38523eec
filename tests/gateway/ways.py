"""Ways: a listener with the express and one without, which are asked the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from huidu.ask import Express, Run
from huidu.gateway import express
from huidu.gateway.app import Gateway
from huidu.gateway.entrance import Entrance
from huidu.gateway.express_api import ExpressApis
from huidu.gateway.guard import Passed
from huidu.gateway.proxies import Proxies
from huidu.gateway.services import Services
from huidu.invoke.tracing import Tracing
from huidu.listener import Listener
from huidu.model.effect import ServiceKept
from huidu.model.invocation import Invocation
from huidu.model.service import Api
from huidu.model.trigger import Trigger
from tests.fakes_store import trigger
from tests.gateway.apis import Gate, api, released, served
from tests.gateway.odd import APPID, URL, request
from tests.gateway.wire import Behind
from tests.told import told

SPAN = 0x1234567890ABCDEF
CORS = '{"CorsConfig": {"Enable": true, "Origins": ["http://a.example"]}}'
CLOSED = '{"NetConfig": {"EnableIntranet": false}}'


class Urls:
    """Knows a URL that demands nothing, one with CORS, and one that is closed to us."""

    def find(self, url_id: str) -> Trigger | None:
        said = {"u1": "{}", URL: "{}", "cors": CORS, "closed": CLOSED}.get(url_id)
        if said is None:
            return None
        return trigger("url", type="http", resource_id=url_id, definition=said)


@dataclass
class Way:
    """A listener, what is behind it, and how many requests took the express."""

    behind: Behind
    guard: Gate
    services: Services
    port: int
    plain: int = 0


class Counted:
    """Counts what it finds."""

    def __init__(self, express: Express, way: Way) -> None:
        self._express = express
        self._way = way

    def find(self, method: bytes, target: bytes, sent: Mapping[bytes, bytes]) -> Run | None:
        run = self._express.find(method, target, sent)
        self._way.plain += run is not None
        return run


@asynccontextmanager
async def open_way(
    proxies: Proxies, tracing: Tracing, *, plain: bool, most: int = 100
) -> AsyncIterator[Way]:
    """Open a listener, with the express or without."""
    behind, guard, services, urls = Behind(), Gate(), Services(), Urls()
    new_id = behind.new_id
    entrance = Entrance(services, behind, behind, guard, APPID, tracing)
    gateway = Gateway(urls, behind, behind, new_id, entrance, proxies, tracing)
    apis = ExpressApis(services, behind, behind, guard, APPID, new_id, tracing, proxies)
    quick = express.Express(urls, behind, behind, new_id, tracing, apis, proxies)
    listener = Listener("127.0.0.1", 0)
    way = Way(behind, guard, services, int(listener.url.rpartition(":")[2]))
    await listener.open(
        gateway, tunnels=True, express=Counted(quick, way) if plain else None, most_connections=most
    )
    try:
        yield way
    finally:
        await listener.close()


@dataclass
class Said:
    """All that came of what was sent over one connection."""

    answers: list[tuple[bytes, list[bytes], bytes]]
    calls: list[Invocation] = field(compare=False)
    asked: list[Any]
    told: list[tuple[object, ...]] = field(init=False)  #: What these calls say.

    def __post_init__(self) -> None:
        self.told = [*map(told, self.calls)]


class Both:
    """The two ways, to be asked the same."""

    def __init__(self, *ways: Way) -> None:
        self.ways = ways

    def begin_anew(self) -> None:
        for way in self.ways:
            way.behind.begin_anew()
            way.guard.says, way.guard.fails, way.plain = Passed(), None, 0
            way.guard.asked.clear()
        self.put(api())

    def put(self, *apis: Api, **more: Any) -> None:
        for way in self.ways:
            way.services.apply([ServiceKept(served(release=released(*apis, **more)))])

    def set(self, **told: Any) -> None:
        for way in self.ways:
            for name, value in told.items():
                setattr(way.behind, name, value)

    async def ask(self, sent: bytes, *, cut: Sequence[int] = ()) -> Said:
        """Send the same to both, hold the answers to each other, and return them.

        The quick one is asked twice: by a new connection, and by one that has had an answer.
        """
        before = self.plain
        calm = await _ask(self.ways[0], sent + LAST, cut, calm=True)
        self.ways[0].plain = before
        quick, general = [await _ask(way, sent + LAST, cut) for way in self.ways]
        assert calm == quick
        assert quick.answers == general.answers
        assert quick.told == general.told
        assert quick.asked == general.asked
        return quick

    @property
    def plain(self) -> int:
        return self.ways[0].plain


async def _ask(way: Way, sent: bytes, cut: Sequence[int], *, calm: bool = False) -> Said:
    reader, writer = await asyncio.open_connection("127.0.0.1", way.port)
    if calm:
        writer.write(request(b"/url/closed/"))  # which is answered here, and calls nobody
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line[15:] for line in head.split(b"\r\n") if line.startswith(b"content-l"))
        await reader.readexactly(int(length))
    way.behind.calls.clear()
    way.behind.ended.clear()
    way.behind.begin_ids()
    way.guard.asked.clear()
    at = 0
    for end in (*cut, len(sent)):
        writer.write(sent[at:end])
        await writer.drain()
        if end < len(sent):
            await asyncio.sleep(0.001)
        at = end
    try:
        heard = await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:  # It was refused amid what it sent.
        heard = b""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return Said([*_answers(heard)], [*way.behind.calls], [*way.guard.asked])


def _answers(heard: bytes) -> Iterator[tuple[bytes, list[bytes], bytes]]:
    """Read answers by their lengths; those to `HEAD` are the last of their connection."""
    while heard:
        head, _, rest = heard.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        kept = sorted(line for line in lines if not line.lower().startswith(b"date:"))
        length = next((int(one[15:]) for one in kept if one.startswith(b"content-length:")), 0)
        yield status, kept, rest[:length]
        heard = rest[length:]


LAST = request(b"/healthz", b"Connection: close")  #: Whatever was asked before, it ends there.


@asynccontextmanager
async def open_both(proxies: Proxies, tracing: Tracing) -> AsyncIterator[Both]:
    async with (
        open_way(proxies, tracing, plain=True) as quick,
        open_way(proxies, tracing, plain=False) as general,
    ):
        yield Both(quick, general)
