"""A gateway on a real socket, a client of it, and a stand-in for what is called behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPResponse
from io import BytesIO
from itertools import count
from typing import Any, cast

from huidu.invoke.flight import Answered, Caller
from huidu.model.exchange import Exchange
from huidu.model.function import FunctionName
from huidu.model.invocation import Invocation, Outcome
from huidu.model.trigger import Trigger
from tests.fakes_store import trigger


class Urls:
    """Knows one URL."""

    def find(self, url_id: str) -> Trigger | None:
        return trigger("url", type="http", resource_id="u1") if url_id == "u1" else None


@dataclass
class Under:
    """A call under way."""

    task: asyncio.Task[None] | None

    @property
    def over(self) -> bool:
        return self.task is None or self.task.done()

    def leave(self) -> None:
        if self.task is not None:
            self.task.cancel()

    def forsake(self, *, sure: bool) -> bool:
        """It runs already, and goes on."""
        return False


class Behind:
    """Tells what it was asked, and answers what it was told to; forgets both for each test."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        self.calls: list[Invocation] = []
        self.outcome = Outcome(status=200, result='"ok"')
        self.fails: Exception | None = None
        self.alias = "release"
        self.slow_s = 0.0
        self.ended: list[str] = []  #: How calls that took time came to their end.
        self.web: Callable[[Exchange], Awaitable[None]] | None = None
        self.begin_ids()

    def begin_ids(self) -> None:
        self._ids = count(1)

    def new_id(self) -> str:
        return f"id-{next(self._ids)}"

    async def invoke(self, invocation: Invocation) -> Answered:
        self.calls.append(invocation)
        await self._take_time()
        if self.fails is not None:
            raise self.fails
        return Answered(self.outcome, "2", self.alias)

    def begin(self, invocation: Invocation, caller: Caller) -> Under:
        """Do the same for a caller that is told; at once, where it takes no time."""
        if not self.slow_s:
            self.calls.append(invocation)
            self._tell(caller)
            return Under(None)
        return Under(asyncio.create_task(self._run(invocation, caller)))

    async def _run(self, invocation: Invocation, caller: Caller) -> None:
        self.calls.append(invocation)
        await self._take_time()
        self._tell(caller)

    def _tell(self, caller: Caller) -> None:
        if self.fails is not None:
            caller.failed(self.fails)
        else:
            caller.answered(Answered(self.outcome, "2", self.alias))

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.calls[-1].event))

    def is_web(self, named: FunctionName) -> bool:
        return self.web is not None

    async def exchange(self, invocation: Invocation, exchange: Exchange) -> Answered:
        self.calls.append(invocation)
        await self._take_time()
        if self.web is not None:
            await self.web(exchange)
        return Answered(self.outcome, "2", self.alias)

    async def _take_time(self) -> None:
        if not self.slow_s:
            return
        try:
            await asyncio.sleep(self.slow_s)
            self.ended.append("in time")
        except asyncio.CancelledError:
            self.ended.append("cut off")
            raise


@dataclass
class Heard:
    """An answer as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    pairs: Sequence[tuple[str, str]] = ()  #: The headers, those that are repeated as well.

    @property
    def said(self) -> Any:
        return json.loads(self.body)


@dataclass
class Wire:
    """One connection after the other to a gateway."""

    behind: Behind
    port: int

    async def send(self, *requests: bytes) -> list[Heard]:
        """Send requests over one connection, and read the answers until it closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"".join(requests))
        await writer.drain()
        try:
            return [await hear(reader, head=one.startswith(b"HEAD")) for one in requests]
        finally:
            writer.close()
            await writer.wait_closed()

    async def get(
        self, path: str, *headers: str, method: str = "GET", body: bytes = b"", host: str = "h"
    ) -> Heard:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        (heard,) = await self.send("\r\n".join([*lines, "", ""]).encode() + body)
        return heard


async def hear(reader: asyncio.StreamReader, *, head: bool = False) -> Heard:
    """Read one answer, by its length."""
    top = await reader.readuntil(b"\r\n\r\n")
    parsed = HTTPResponse(cast("Any", _Bytes(top)), method="HEAD")
    parsed.begin()
    pairs = [(name.lower(), value) for name, value in parsed.getheaders()]
    headers = dict(pairs)
    bodiless = head or parsed.status in (204, 304)
    body = b"" if bodiless else await reader.readexactly(int(headers["content-length"]))
    return Heard(parsed.status, headers, body, pairs)


@dataclass
class _Bytes:
    """What `HTTPResponse` takes for a socket."""

    data: bytes

    def makefile(self, _: str) -> BytesIO:
        return BytesIO(self.data)
