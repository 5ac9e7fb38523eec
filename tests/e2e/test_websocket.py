"""WebSockets, from the `websockets` client through the gateway to a `websockets` server."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.serving import publish, vendored
from tests.instances.making import soon
from tests.platform import Platform

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own takes root here"),
    pytest.mark.timeout(90),
]

APP = """
import asyncio, http, os, time
from websockets.asyncio.server import serve

def check(connection, request):
    if request.path.endswith("/refuse"):
        return connection.respond(http.HTTPStatus.FORBIDDEN, "no")

async def echo(socket):
    async for message in socket:
        if message == "close":
            await socket.close(4001, "as you wish")
        elif message == "die":
            os._exit(3)
        else:
            await socket.send(message)

async def main():
    options = dict(subprotocols=["chat", "echo"], process_request=check, max_size=None,
        ping_interval=None)
    async with serve(echo, "0.0.0.0", 9000, **options):
        await asyncio.get_running_loop().create_future()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def sockets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data = tmp_path_factory.mktemp("sockets") / "data"
    running = Platform.start(data, "--set", "tier=best", "--set", "network=none")
    yield running
    assert running.stop() == 0


def made(platform: Platform, name: str, **more: Any) -> str:
    wanted: dict[str, Any] = {"ProtocolType": "WS", "Timeout": 1, "concurrency": 10} | more
    return publish(platform, name, APP, beside=vendored("websockets"), **wanted)


@pytest.fixture(scope="module")
def echo(sockets: Platform) -> str:
    return made(sockets, "echo")


def open_(url: str, path: str = "/", **more: Any) -> ClientConnection:
    more = {"subprotocols": ["echo"]} | more
    return connect(url.replace("http://", "ws://") + path, proxy=None, **more)


def last_status(platform: Platform, name: str) -> int:
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = platform.call("GetFunctionLogs", FunctionName=name)["Data"]
        return bool(found)

    assert soon(there)
    return int(found[0]["StatusCode"])


def test_messages_come_back_as_they_were_sent(echo: str) -> None:
    with open_(echo) as client:
        for message in ("hello", b"\0\xff", "x" * 70_000, os.urandom(1 << 19)):
            client.send(message)
            assert client.recv() == message


def test_a_subprotocol_is_agreed_on_and_the_version_told(echo: str) -> None:
    with open_(echo, subprotocols=["none", "echo"]) as client:
        assert client.subprotocol == "echo"
        assert client.response is not None
        assert client.response.headers["X-Scf-Version"] == "$LATEST"


def test_the_server_says_with_which_code_it_closes(echo: str) -> None:
    with open_(echo) as client:
        client.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv()

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you wish")


def test_a_server_may_refuse(echo: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        open_(echo, "/refuse")

    assert refused.value.response.status_code == 403
    assert refused.value.response.body == b"no"


def test_many_share_an_instance_for_longer_than_a_call_may_take(echo: str) -> None:
    def talk(number: int) -> bool:
        with open_(echo) as client:
            for turn in range(20):  # more than the second that a call may take
                client.send(f"{number} {turn}")
                assert client.recv() == f"{number} {turn}"
                time.sleep(0.1)
        return True

    with ThreadPoolExecutor(8) as clients:
        assert all(clients.map(talk, range(8)))


def test_a_function_that_takes_none_says_so(sockets: Platform) -> None:
    url = made(sockets, "none", ProtocolType=None)
    with pytest.raises(InvalidStatus) as refused:
        open_(url)

    assert refused.value.response.status_code == 400
    assert b"ProtocolType=WS" in refused.value.response.body


def test_silence_ends_it(sockets: Platform) -> None:
    url = made(sockets, "silent", ProtocolParams={"WSParams": {"IdleTimeOut": 1}})
    with open_(url) as client, pytest.raises(ConnectionClosed) as closed:
        client.recv(20)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    assert last_status(sockets, "silent") == 455


def test_a_client_that_vanishes_is_told_from_one_that_says_goodbye(sockets: Platform) -> None:
    url = made(sockets, "leavers")
    with open_(url):
        pass
    assert last_status(sockets, "leavers") == 200

    url = made(sockets, "vanishers")
    with open_(url) as client:
        client.send("hello")
        assert client.recv() == "hello"
        client.socket.shutdown(socket.SHUT_RDWR)
    assert last_status(sockets, "vanishers") == 456


def test_a_server_that_dies_ends_it(sockets: Platform) -> None:
    url = made(sockets, "mortal")
    with open_(url) as client:
        client.send("die")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv()

    assert closed.value.rcvd is None
    assert last_status(sockets, "mortal") == 439


def test_an_event_function_is_still_called(sockets: Platform) -> None:
    sockets.make("plain")
    trigger = sockets.call(
        "CreateTrigger", FunctionName="plain", TriggerName="u", Type="http", TriggerDesc="{}"
    )
    parts = urlsplit(str(trigger["TriggerInfo"]["TriggerDesc"]).split('"ExtranetHTTPUrl": "')[1])
    address = (str(parts.hostname), int(str(parts.netloc).rpartition(":")[2].split("/")[0]))
    with socket.create_connection(address) as client:
        path = parts.path.split('"')[0]
        client.sendall(
            f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            "\r\n".encode()
        )
        assert client.makefile("rb").read().startswith(b"HTTP/1.1 200 ")
