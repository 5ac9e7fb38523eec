"""Clients that are slow, half there or gone, before a listener that is not patient for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from huidu.flow import Patience
from huidu.listener import Listener

QUICK = Patience(head_s=0.3, pause_s=0.3, least_bytes_per_s=1000, idle_s=0.6, linger_s=0.1)
GET = b"GET / HTTP/1.1\r\nHost: h\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\n"
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Application:
    """Does what the path says; remembers who has left."""

    def __init__(self) -> None:
        self.left: list[str] = []
        self.some_left = asyncio.Event()
        self.bodies: list[bytes] = []
        self.stop = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.leaves(scope["path"])
                return
            body += message["body"]
            if not message["more_body"]:
                break
        self.bodies.append(body)
        await getattr(self, scope["path"].strip("/") or "echo")(receive, send, body)

    def leaves(self, path: str) -> None:
        self.left.append(path)
        self.some_left.set()

    async def hears_that(self, path: str) -> None:
        async with asyncio.timeout(5):
            await self.some_left.wait()
        assert self.left == [path]

    async def echo(self, receive: Any, send: Any, body: bytes) -> None:
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def late(self, receive: Any, send: Any, body: bytes) -> None:
        await asyncio.sleep(0.2)
        await self.echo(receive, send, b"late")

    async def large(self, receive: Any, send: Any, body: bytes) -> None:
        await self.echo(receive, send, bytes(20_000_000))

    async def pieces(self, receive: Any, send: Any, body: bytes) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"one", b"", b"two"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def watches(self, receive: Any, send: Any, body: bytes) -> None:
        waiting = {asyncio.ensure_future(receive()), asyncio.ensure_future(self.stop.wait())}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()
        self.leaves("/watches")

    async def waits(self, receive: Any, send: Any, body: bytes) -> None:
        await self.stop.wait()
        await self.echo(receive, send, b"waited")


@pytest.fixture
def application() -> Application:
    return Application()


@asynccontextmanager
async def listening(application: Application, most: int = 100) -> AsyncIterator[Listener]:
    listener = Listener("127.0.0.1", 0)
    await listener.open(application, most_connections=most, patience=QUICK)
    try:
        yield listener
    finally:
        application.stop.set()
        await listener.close()


@pytest.fixture
async def connect(application: Application) -> AsyncIterator[Callable[[], Awaitable[Ends]]]:
    async with listening(application) as listener, connecting(listener) as connect:
        yield connect


@asynccontextmanager
async def connecting(listener: Listener) -> AsyncIterator[Callable[[], Awaitable[Ends]]]:
    port, writers = int(listener.url.rpartition(":")[2]), list[asyncio.StreamWriter]()

    async def connect() -> Ends:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return reader, writer

    yield connect
    for writer in writers:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


Connect = Callable[[], Awaitable[Ends]]


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection ends; it must."""
    parts = []
    async with asyncio.timeout(8):
        try:
            while part := await reader.read(65536):
                parts.append(part)
        except ConnectionError:
            pass
    return b"".join(parts)


async def drip(writer: asyncio.StreamWriter, data: bytes, count: int = 200) -> int:
    """Send something again and again, slowly, until nobody listens; return how often."""
    for n in range(count):
        try:
            writer.write(data)
            await writer.drain()
        except ConnectionError:
            return n
        await asyncio.sleep(0.02)
    return count


async def test_a_client_that_says_nothing_is_left(connect: Connect) -> None:
    reader, _ = await connect()
    assert await rest(reader) == b""


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nX: ", b"", GET + b"\r\n" + GET])
async def test_a_head_that_comes_letter_by_letter_has_a_time_to_be_whole(
    connect: Connect, begun: bytes
) -> None:
    reader, writer = await connect()
    writer.write(begun)
    dripping = asyncio.create_task(drip(writer, b"a"))
    statuses = (await rest(reader)).count(b"HTTP/1.1 408")
    assert statuses == (1 if begun else 0)
    assert await dripping < 150


@pytest.mark.parametrize(
    ("framing", "piece"),
    [(b"Content-Length: 1000000\r\n", b"a"), (b"Transfer-Encoding: chunked\r\n", b"1\r\na\r\n")],
)
async def test_a_body_that_comes_letter_by_letter_must_keep_a_pace(
    connect: Connect, application: Application, framing: bytes, piece: bytes
) -> None:
    reader, writer = await connect()
    writer.write(POST + framing + b"\r\n")
    dripping = asyncio.create_task(drip(writer, piece))
    assert (await rest(reader)).startswith(b"HTTP/1.1 408")
    assert await dripping < 150
    assert application.left == ["/"]


async def test_a_body_that_keeps_its_pace_may_take_long(
    connect: Connect, application: Application
) -> None:
    reader, writer = await connect()
    writer.write(POST + b"Connection: close\r\nContent-Length: 4000\r\n\r\n")
    for _ in range(20):
        writer.write(bytes(200))
        await asyncio.sleep(0.05)  # 4000 a second at most; 1000 are asked for
    assert (await rest(reader)).startswith(b"HTTP/1.1 200")
    assert application.bodies == [bytes(4000)]


async def test_a_body_that_stops_is_not_waited_for_whatever_it_had_earned(
    connect: Connect, application: Application
) -> None:
    reader, writer = await connect()
    writer.write(POST + b"Content-Length: 100000\r\n\r\n" + bytes(50_000))
    began = time.monotonic()
    assert (await rest(reader)).startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began < 5.0  # it had earned 50 seconds
    assert application.left == ["/"]


async def test_a_client_that_does_not_take_its_answer_is_left(connect: Connect) -> None:
    readers = []
    for connection in (b"", b"Connection: close\r\n"):
        reader, writer = await connect()
        writer.write(b"GET /large HTTP/1.1\r\nHost: h\r\n" + connection + b"\r\n")
        readers.append(reader)
    await asyncio.sleep(1.5)
    for reader in readers:
        assert len(await rest(reader)) < 20_000_000


async def test_line_breaks_do_not_keep_a_connection(connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(GET + b"\r\n")
    dripping = asyncio.create_task(drip(writer, b"\r\n"))
    assert (await rest(reader)).startswith(b"HTTP/1.1 200")
    assert await dripping < 150


async def test_a_client_that_only_asks_no_more_hears_its_answers(connect: Connect) -> None:
    reader, writer = await connect()
    late = b"GET /late HTTP/1.1\r\nHost: h\r\n\r\n"
    writer.write(late + late)
    writer.write_eof()
    assert (await rest(reader)).count(b"\r\n\r\nlate") == 2


@pytest.mark.parametrize("behind", [b"", GET + b"\r\n"])
async def test_an_application_that_watches_is_told_that_the_client_left(
    connect: Connect, application: Application, behind: bytes
) -> None:
    _, writer = await connect()
    writer.write(b"GET /watches HTTP/1.1\r\nHost: h\r\n\r\n" + behind)
    await asyncio.sleep(0.1)
    writer.close()
    await application.hears_that("/watches")


async def test_a_client_that_leaves_amid_its_body_is_not_answered_by_anybody(
    connect: Connect, application: Application
) -> None:
    _, writer = await connect()
    writer.write(POST + b"Content-Length: 100\r\n\r\nonly this")
    await asyncio.sleep(0.05)
    writer.close()
    await application.hears_that("/")
    assert application.bodies == []


async def test_answers_come_in_the_order_of_their_requests_and_a_refusal_comes_last(
    connect: Connect,
) -> None:
    reader, writer = await connect()
    one = POST + b"Content-Length: 3\r\n\r\none"
    writer.write(b"GET /late HTTP/1.1\r\nHost: h\r\n\r\n" + one + b"garbage\r\n\r\n" + one)
    said = await rest(reader)
    assert said.index(b"\r\n\r\nlate") < said.index(b"\r\n\r\none") < said.index(b"HTTP/1.1 400")
    assert said.count(b"HTTP/1.1 ") == 3


async def test_many_requests_at_once_are_all_answered_in_order(connect: Connect) -> None:
    reader, writer = await connect()
    for n in range(2000):
        writer.write(POST + b"Content-Length: 4\r\n\r\n%04d" % n)
    writer.write(GET + b"Connection: close\r\n\r\n")
    said = await rest(reader)
    bodies = [int(part[:4]) for part in said.split(b"\r\n\r\n")[1:-1]]
    assert bodies == list(range(2000))


async def test_many_requests_and_no_more_are_all_answered(connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"GET /late HTTP/1.1\r\nHost: h\r\n\r\n" + (GET + b"\r\n") * 2000)
    writer.write_eof()
    assert (await rest(reader)).count(b"HTTP/1.1 200") == 2001


async def test_who_expects_to_be_asked_for_the_body_is_asked(connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"ab")
    said = await rest(reader)
    assert said.startswith(b"HTTP/1.1 200")
    assert said.endswith(b"ab")


async def test_an_answer_to_http_1_0_ends_with_the_connection_and_has_no_chunks(
    connect: Connect,
) -> None:
    reader, writer = await connect()
    writer.write(b"GET /pieces HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")
    head, _, body = (await rest(reader)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"chunked" not in head
    assert b"connection: close" in head
    assert body == b"onetwo"


async def test_where_everybody_is_owed_an_answer_a_newcomer_is_refused(
    application: Application,
) -> None:
    async with listening(application, most=2) as listener, connecting(listener) as connect:
        busy = [await connect() for _ in range(2)]
        for _, writer in busy:
            writer.write(b"GET /waits HTTP/1.1\r\nHost: h\r\n\r\n")
        await asyncio.sleep(0.1)
        reader, writer = await connect()
        assert (await rest(reader)).startswith(b"HTTP/1.1 503")
        application.stop.set()
        for reader, _ in busy:
            assert b"waited" in await reader.readuntil(b"waited")


async def test_the_connection_that_idled_longest_goes_for_a_newcomer(
    application: Application,
) -> None:
    async with listening(application, most=2) as listener, connecting(listener) as connect:
        first, second = await connect(), await connect()
        for reader, writer in (second, first):
            writer.write(POST + b"Content-Length: 1\r\n\r\na")
            await reader.readuntil(b"\r\n\r\na")
        third = await connect()
        third[1].write(POST + b"Content-Length: 1\r\n\r\nb")
        await third[0].readuntil(b"\r\n\r\nb")
        assert await rest(second[0]) == b""
        first[1].write(POST + b"Content-Length: 1\r\n\r\nc")
        await first[0].readuntil(b"\r\n\r\nc")
