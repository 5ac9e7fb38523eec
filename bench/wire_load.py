"""A load generator that costs little: the same bytes again as soon as an answer has come."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time

import uvloop


def is_whole(answer: bytes | bytearray) -> bool:
    """Tell whether all of an answer has come, by the length that it says."""
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    start = answer.lower().find(b"content-length:", 0, head) + len(b"content-length:")
    length = int(answer[start : answer.find(b"\r\n", start)])
    return len(answer) >= head + 4 + length


class Caller(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self, request: bytes, times_us: list[float], until: float) -> None:
        self._request = request
        self._times_us = times_us
        self._until = until
        self._answer = bytearray()
        self._began = 0.0
        self.done = asyncio.get_running_loop().create_future()
        self.failed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Count an answer once it is whole, and send the next request."""
        self._answer += data
        if not is_whole(self._answer):
            return
        now = time.perf_counter()
        self._times_us.append((now - self._began) * 1e6)
        good = self._answer.startswith(b"HTTP/1.1 200") and b'"Error"' not in self._answer
        self.failed += not good
        self._answer.clear()
        if now < self._until:
            self._send()
        elif not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """End; a connection that is lost early counts as a failure."""
        if not self.done.done():
            self.failed += 1
            self.done.set_result(None)


async def _main(port: int, connections: int, seconds: float, request: bytes) -> None:
    times_us: list[float] = []
    loop, until = asyncio.get_running_loop(), time.perf_counter() + seconds
    began = time.perf_counter()
    callers = [
        (await loop.create_connection(lambda: Caller(request, times_us, until), "127.0.0.1", port))
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in callers))
    took = time.perf_counter() - began
    for transport, _ in callers:
        transport.close()
    times_us.sort()
    failed = sum(protocol.failed for _, protocol in callers)
    print(
        json.dumps(
            {
                "calls": len(times_us),
                "calls_a_second": len(times_us) / took,
                "p50_us": times_us[len(times_us) // 2],
                "p99_us": times_us[int(len(times_us) * 0.99)],
                "failed": failed,
            }
        )
    )


def main() -> None:
    """Send the request on standard input again and again; print what was measured as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=3.0)
    arguments = parser.parse_args()
    request = sys.stdin.buffer.read()
    uvloop.run(_main(arguments.port, arguments.connections, arguments.seconds, request))


if __name__ == "__main__":
    main()
