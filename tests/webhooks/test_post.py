"""Posts, to receivers with real sockets that do what they should not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest

from huidu.webhooks.post import Post
from tests.webhooks.receiver import receiving

LOCAL = (ip_network("127.0.0.0/8"),)
#: Ways to write this machine's own address that a look at the text does not find.
DISGUISES = ("localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1")


@asynccontextmanager
async def posting(*allow: Any, timeout_s: float = 5.0) -> AsyncIterator[Post]:
    post = Post(allow, timeout_s)
    yield post
    await post.close()


@asynccontextmanager
async def saying(answer: Callable[[Any], Any]) -> AsyncIterator[str]:
    """A receiver that reads the head and then does as it likes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()


async def test_what_is_posted_arrives_as_it_is() -> None:
    with receiving() as receiver:
        async with posting(*LOCAL) as post:
            reply = await post(receiver.url, b'{"a":1}', {"X-Huidu-Event": "x"})

    assert reply.arrived
    assert reply.status == 204
    assert (receiver.got[0].body, receiver.got[0].kind) == (b'{"a":1}', "x")


async def test_a_redirect_is_not_followed() -> None:
    with receiving() as other:
        more = {"Location": other.url}
        with receiving(answer=lambda number: 307, more=more) as receiver:
            async with posting(*LOCAL) as post:
                reply = await post(receiver.url, b"{}", {})

    assert not reply.arrived
    assert "redirects are not followed" in reply.error
    assert other.got == []


async def test_no_name_leads_to_this_machine() -> None:
    """What a name means is checked where it is connected to, however it is written."""
    with receiving() as receiver:
        port = receiver.url.split(":")[2]
        async with posting() as post:
            replies = [await post(f"http://{name}:{port}", b"{}", {}) for name in DISGUISES]
        assert receiver.got == []

    assert "is the machine itself" in replies[0].error
    assert not any(reply.arrived for reply in replies), replies


async def test_an_address_that_is_refused_is_never_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        async with posting() as post:
            reply = await post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {})
        with pytest.raises(TimeoutError):
            listener.accept()

    assert reply.error == "127.0.0.1 is the machine itself; setting webhook_allow opens it"


async def test_an_answer_without_an_end_is_read_to_a_bound_and_no_further() -> None:
    written = [0]

    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 No\r\nContent-Type: text/plain\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            written[0] += 65536

    async with saying(flood) as url, posting(*LOCAL) as post:
        reply = await post(url, b"{}", {})

    assert reply.error == "HTTP 500: " + "x" * 200
    assert written[0] < 32 << 20, "what the sockets hold"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_a_receiver_that_says_no_more_is_given_up(said: bytes) -> None:
    async def hang(writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await asyncio.sleep(2.0)

    async with saying(hang) as url, posting(*LOCAL, timeout_s=0.2) as post:
        assert (await post(url, b"{}", {})).error == "no answer within 0.2 s"


async def test_a_receiver_that_drips_is_given_up_all_the_same() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(50):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with saying(drip) as url, posting(*LOCAL, timeout_s=0.3) as post:
        assert (await post(url, b"{}", {})).error == "no answer within 0.3 s"


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 99999])
async def test_what_is_not_http_is_an_error(said: bytes) -> None:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    async with saying(say) as url, posting(*LOCAL) as post:
        reply = await post(url, b"{}", {})

    assert (reply.status, bool(reply.error)) == (0, True) or not reply.arrived


async def test_nobody_there_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with posting(*LOCAL) as post:
        reply = await post(f"http://127.0.0.1:{port}/", b"{}", {})

    assert "refused" in reply.error.lower() or "connect" in reply.error.lower()


async def test_a_receiver_that_cannot_show_who_it_is_gets_nothing() -> None:
    with receiving() as receiver:
        async with posting(*LOCAL) as post:
            reply = await post(receiver.url.replace("http:", "https:"), b"{}", {})
        assert receiver.got == []

    assert reply.error


@pytest.mark.parametrize(("said", "wait"), [("7", 7.0), ("soon", 0.0), ("-1", 0.0), ("9" * 20, 0)])
async def test_a_receiver_may_ask_for_time(said: str, wait: float) -> None:
    with receiving(answer=lambda number: 503, more={"Retry-After": said}) as receiver:
        async with posting(*LOCAL) as post:
            assert (await post(receiver.url, b"{}", {})).retry_after_s == wait


async def test_a_proxy_or_a_password_of_the_environment_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with receiving() as receiver:
        async with posting(*LOCAL) as post:
            assert (await post(receiver.url, b"{}", {})).arrived
