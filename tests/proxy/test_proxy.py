"""Tunnels through the proxy: real sockets, real TLS, and clients that misbehave."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from huidu.proxy.authority import Authority, now
from huidu.proxy.hosts import API
from huidu.proxy.proxy import Proxy

HOST = "scf.tencentcloudapi.com"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """What stands for a server of ours: notes what each connection sends, and answers it."""

    heard: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at = len(self.heard)
        self.heard.append(b"")
        while data := await reader.read(65536):
            self.heard[at] += data
            if self.heard[at].endswith(b"\r\n\r\n"):
                writer.write(OK)
        writer.close()


@dataclass
class Around:
    """A proxy that is up, and what was said by it."""

    proxy: Proxy
    port: int
    authority: Authority
    said: list[str]

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority.file))

    def get(self, host: str = HOST, port: int = 443, **headers: str) -> bytes:
        """Ask through a tunnel as any client does."""
        at = ("127.0.0.1", self.port)
        asking = (
            http.client.HTTPSConnection(*at, context=self.client(), timeout=5)
            if port == 443
            else http.client.HTTPConnection(*at, timeout=5)
        )
        asking.set_tunnel(host, port)
        try:
            asking.request("GET", "/", headers=headers)
            return asking.getresponse().read()
        finally:
            asking.close()

    async def opened(
        self, target: str = f"{HOST}:80"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a plain tunnel."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        return reader, writer

    async def raw(self, sent: bytes) -> bytes:
        """Send bytes to the proxy itself, and return all that it says before it closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        said = await reader.read()
        writer.close()
        return said

    async def empty(self) -> None:
        """Return once nothing is open any more."""
        while self.proxy.open:  # noqa: ASYNC110 - it is looked at from outside
            await asyncio.sleep(0.01)


@asynccontextmanager
async def around(
    home: Path, serve: Served, idle_s: float = 60.0, patience_s: float = 5.0
) -> AsyncIterator[Around]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    authority, said = Authority(home, now), list[str]()
    ends = {API: f"http://127.0.0.1:{port}"}
    proxy = Proxy(authority, ends, said.append, idle_s, patience_s)
    listener = await asyncio.get_running_loop().create_server(proxy.door, "127.0.0.1", 0)
    watching = asyncio.create_task(proxy.watch())
    yield Around(proxy, listener.sockets[0].getsockname()[1], authority, said)
    watching.cancel()
    listener.close()
    server.close()
    proxy.close()
    await asyncio.sleep(0.05)


async def test_what_is_said_in_a_tunnel_reaches_the_server_as_it_was_said(tmp_path: Path) -> None:
    server = Server()
    async with around(tmp_path, server.serve) as up:
        assert await asyncio.to_thread(up.get) == b"ok"
        assert await asyncio.to_thread(up.get, port=80) == b"ok"
        # Whatever host is named inside, the tunnel leads to the same server and nowhere else.
        assert await asyncio.to_thread(up.get, Host="example.com") == b"ok"
        await up.empty()

    assert [heard.split(b"\r\n")[0] for heard in server.heard] == [b"GET / HTTP/1.1"] * 3
    assert b"Host: scf.tencentcloudapi.com\r\n" in server.heard[0]
    assert b"Host: example.com\r\n" in server.heard[2]
    assert up.said == []


async def test_bytes_that_two_readers_would_read_differently_are_handed_on_untouched(
    tmp_path: Path,
) -> None:
    """Each tunnel is one connection to the server: nobody else's request can be smuggled into."""
    smuggled = (
        b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n"
    )
    server = Server()
    async with around(tmp_path, server.serve) as up:
        _, one = await up.opened()
        one.write(smuggled)
        reader, two = await up.opened()
        two.write(b"GET /mine HTTP/1.1\r\n\r\n")
        assert await reader.readexactly(len(OK)) == OK
        one.close()
        two.close()
        await up.empty()

    assert server.heard == [smuggled, b"GET /mine HTTP/1.1\r\n\r\n"]


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (b"CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n", 403, b"is not one of the cloud"),
        (b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: a\r\n\r\n", 403, b"is not one of the cloud"),
        (
            b"CONNECT example.com:443 HTTP/1.1\r\nHost: scf.tencentcloudapi.com:443\r\n\r\n",
            *(403, b"is not one of the cloud"),
        ),
        (b"GET http://scf.tencentcloudapi.com/ HTTP/1.1\r\nHost: a\r\n\r\n", 405, b"HTTPS_PROXY"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 405, b"by CONNECT only"),
        (b"CONNECT scf.tencentcloudapi.com HTTP/1.1\r\nHost: a\r\n\r\n", 403, b"HOST:PORT"),
        (b"CONNECT service-a-1250000000.gz.apigw.tencentcs.com:443 HTTP/1.1\r\nHost: a\r\n\r\n",
         502, b"HUIDU_GATEWAY_URL"),
        (b"\x16\x03\x01 nothing of HTTP\r\n\r\n", 400, b"no request of HTTP"),
        (b"CONNECT " + b"a" * 20_000, 431, b"no request of HTTP"),
    ],
)  # fmt: skip
async def test_what_the_proxy_does_not_do_is_refused_with_a_clear_word(
    tmp_path: Path, sent: bytes, status: int, words: bytes
) -> None:
    server = Server()
    async with around(tmp_path, server.serve) as up:
        said = await up.raw(sent)
        await up.empty()

    assert said.startswith(f"HTTP/1.1 {status} ".encode())
    assert words in said
    assert server.heard == []


async def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ends = {API: f"http://127.0.0.1:{taken.getsockname()[1]}"}
        async with around(tmp_path, Server().serve) as up:
            up.proxy._ends = ends
            said = await up.raw(b"CONNECT scf.tencentcloudapi.com:443 HTTP/1.1\r\nHost: a\r\n\r\n")
            await up.empty()

    assert b" 502 " in said
    assert "no server for scf.tencentcloudapi.com" in up.said[0]


async def test_a_client_that_does_not_believe_the_authority_is_told_of_here(tmp_path: Path) -> None:
    async with around(tmp_path, Server().serve) as up:
        asking = http.client.HTTPSConnection("127.0.0.1", up.port, timeout=5)
        asking.set_tunnel(HOST, 443)
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.to_thread(asking.connect)
        asking.close()
        await up.empty()

    assert "NODE_EXTRA_CA_CERTS" in up.said[0]


async def test_whoever_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    async with around(tmp_path, Server().serve, patience_s=0.2) as up:
        reader, writer = await asyncio.open_connection("127.0.0.1", up.port)
        assert b" 408 " in await reader.read()
        writer.close()
        half, writer = await asyncio.open_connection("127.0.0.1", up.port)
        writer.write(b"CONNECT scf.tencentcloudapi.com:443 HTTP/1.1\r\n")
        assert b" 408 " in await half.read()
        writer.close()
        # A tunnel in which nobody begins to speak TLS.
        silent, writer = await up.opened(f"{HOST}:443")
        assert await silent.read() == b""
        writer.close()
        await up.empty()


async def test_a_tunnel_that_nothing_goes_through_ends(tmp_path: Path) -> None:
    async with around(tmp_path, Server().serve, idle_s=0.2) as up:
        reader, writer = await up.opened()
        assert await reader.read() == b""
        writer.close()
        await up.empty()


async def test_who_sends_no_more_still_hears_the_answer(tmp_path: Path) -> None:
    async def answer_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = await reader.read()
        writer.write(b"%d bytes" % len(body))
        writer.close()

    async with around(tmp_path, answer_at_the_end) as up:
        reader, writer = await up.opened()
        writer.write(b"x" * 100_000)
        writer.write_eof()
        assert await reader.read() == b"100000 bytes"
        writer.close()
        await up.empty()


async def test_a_large_body_goes_through_no_faster_than_it_is_taken(tmp_path: Path) -> None:
    taken, go = 0, asyncio.Event()

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        await go.wait()
        while data := await reader.read(1 << 20):
            taken += len(data)
        writer.close()

    async with around(tmp_path, slowly) as up:
        _, writer = await up.opened()
        piece, sent = b"x" * (1 << 20), 0
        with suppress(TimeoutError):
            while True:
                writer.write(piece)
                sent += len(piece)
                await asyncio.wait_for(writer.drain(), 0.3)
        assert sent < 24 << 20  # what sockets hold, and no more
        go.set()
        for _ in range(16):
            writer.write(piece)
            sent += len(piece)
            await writer.drain()
        writer.write_eof()
        while taken < sent:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        writer.close()
        await up.empty()


async def test_many_go_through_at_once_and_leave_nothing_behind(tmp_path: Path) -> None:
    server = Server()
    async with around(tmp_path, server.serve) as up:
        answers = await asyncio.gather(*(asyncio.to_thread(up.get) for _ in range(24)))
        assert answers == [b"ok"] * 24
        gone = [await up.opened() for _ in range(20)]
        for _, writer in gone:
            writer.transport.abort()
        await up.empty()

    assert len([heard for heard in server.heard if heard]) == 24
