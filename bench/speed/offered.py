"""Offered: so many calls a second, whether they are answered or not. Run as a program; prints JSON.

wrk cannot tell how long which answers took; here each answer is known by its status.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import uvloop

from bench.wire_load import is_whole

GOOD, REFUSED = 200, (429, 432)
CONNECTING_S = 0.5  #: Before the first call.


class Client(asyncio.Protocol):
    """One connection with one call at a time, at an even pace, or later where an answer is."""

    def __init__(self, request: bytes, every_s: float, begin: float, until: float) -> None:
        self._request = request
        self._every_s = every_s
        self._until = until
        self._loop = asyncio.get_running_loop()
        self._answer = b""
        self._began = 0.0
        self._due = begin + random.random() * every_s
        self.taken: list[tuple[int, float]] = []  #: Status and seconds.
        self.done = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for its time, which differs from the others'."""
        self._transport = transport
        self._next()

    def _next(self) -> None:
        if self._due >= self._until:
            self._finish()
        else:
            self._loop.call_at(self._due, self._send)

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Note an answer once it is whole."""
        self._answer += data
        if is_whole(self._answer):
            self.taken.append((int(self._answer[9:12]), time.perf_counter() - self._began))
            self._answer = b""
            self._due = max(self._due + self._every_s, self._loop.time())
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """End; status 0 is a connection that was lost."""
        if not self.done.done():
            self.taken.append((0, 0.0))
            self._finish()

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
            self._transport.close()


def summed(taken: Sequence[tuple[int, float]], seconds: float) -> dict[str, float]:
    """Return what came of the calls."""
    good = sorted(took for status, took in taken if status == GOOD)
    refused = sorted(took for status, took in taken if status in REFUSED)
    return {
        "offered": len(taken) / seconds,
        "good": len(good) / seconds,
        "refused": len(refused) / seconds,
        "other": len(taken) - len(good) - len(refused),
        "p99_ms": good[int(len(good) * 0.99)] * 1e3 if good else 0.0,
        "refused_p99_ms": refused[int(len(refused) * 0.99)] * 1e3 if refused else 0.0,
    }


async def _offer(url: str, connections: int, rate: float, seconds: float) -> dict[str, float]:
    loop, where = asyncio.get_running_loop(), urlsplit(url)
    request = f"GET {where.path} HTTP/1.1\r\nhost: {where.netloc}\r\n\r\n".encode()
    begin = loop.time() + CONNECTING_S

    def made() -> Client:
        return Client(request, connections / rate, begin, begin + seconds)

    opened = [
        loop.create_connection(made, where.hostname or "", where.port or 0)
        for _ in range(connections)
    ]
    clients = [client for _, client in await asyncio.gather(*opened)]
    await asyncio.gather(*(client.done for client in clients))
    took_s = max(seconds, loop.time() - begin)  # the last answers may have come later
    return summed([one for client in clients for one in client.taken], took_s)


def main() -> None:
    """Offer calls for a while."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("url")
    for name in ("connections", "rate", "seconds"):
        parser.add_argument(f"--{name}", type=float, required=True)
    given = parser.parse_args()
    found = uvloop.run(_offer(given.url, int(given.connections), given.rate, given.seconds))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
