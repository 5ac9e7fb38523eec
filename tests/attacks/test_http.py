"""Clients that send too much, too slowly or not to the end: others are served, and it ends."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.platform import ECHO, Platform

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n"


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as end:
        yield end


def answered(end: socket.socket) -> bytes:
    """What comes until the other side closes."""
    parts = []
    try:
        while part := end.recv(65536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def fetched(url: str) -> bytes:
    where = urlsplit(url)
    connection = HTTPConnection(where.netloc, timeout=10)
    connection.request("GET", where.path)
    answer = connection.getresponse()
    assert answer.status == 200
    body = answer.read()
    connection.close()
    return body


def is_well(url: str) -> bool:
    began = time.monotonic()
    assert b'"ok"' in fetched(f"{url}/healthz")
    return time.monotonic() - began < 2.0


@pytest.mark.parametrize("listener", ["api", "gateway"])
@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(b"GET /" + b"a" * 65536, id="a URL without end"),
        pytest.param(HEAD + b"x: " + b"a" * 65536, id="a header without end"),
        pytest.param(HEAD + b"x: a\r\n" * 11000, id="headers without end"),
    ],
)
def test_a_head_without_end_is_cut_off(platform: Platform, listener: str, flood: bytes) -> None:
    url = getattr(platform, listener)
    with connected(url) as end:
        sent = 0
        try:
            while sent < 20_000_000:
                end.sendall(flood if not sent else flood[-65536:])
                sent += len(flood)
        except ConnectionError:
            pass
        assert sent < 20_000_000
    assert is_well(url)


def test_a_large_but_decent_head_is_read(platform: Platform) -> None:
    with connected(platform.gateway) as end:
        end.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n")
        end.sendall(b"x: " + b"a" * 30_000 + b"\r\n\r\n")
        assert answered(end).startswith(b"HTTP/1.1 200")


@pytest.mark.timeout(90)
def test_a_server_that_is_told_to_end_does_not_wait_for_clients_that_stall(
    start: Callable[..., Platform], name: str
) -> None:
    platform = start()
    code = "def main_handler(event, context):\n    return 'x' * 5_000_000\n"
    platform.make(name, code)
    made = platform.call("CreateTrigger", FunctionName=name, TriggerName="url", Type="http")
    path = f"/url/{made['TriggerInfo']['ResourceId']}/"
    with ExitStack() as stack:
        silent, halfway, deaf = (
            stack.enter_context(connected(url))
            for url in (platform.api, platform.api, platform.gateway)
        )
        halfway.sendall(HEAD + b"content-length: 100\r\n\r\nabc")
        deaf.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        time.sleep(1.0)
        began = time.monotonic()
        assert platform.stop(signal.SIGTERM) == 0
        assert time.monotonic() - began < 15.0
        assert silent.recv(10) == b""


def test_a_call_that_runs_is_waited_for(start: Callable[..., Platform], name: str) -> None:
    platform = start()
    platform.make(name, "import time\n" + ECHO.replace("return {", "time.sleep(1.5); return {"))
    results = []
    caller = threading.Thread(target=lambda: results.append(platform.invoke(name)))
    caller.start()
    time.sleep(0.7)
    assert platform.stop(signal.SIGTERM) == 0
    caller.join()
    assert results[0]["StatusCode"] == 200


def test_trailers_are_no_headers(platform: Platform, name: str) -> None:
    platform.make(name)
    for _ in range(2):
        platform.publish(name)
    rule = {"Version": "2", "Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob"}
    platform.call(
        "CreateAlias",
        FunctionName=name,
        Name="release",
        FunctionVersion="1",
        RoutingConfig={"AddtionVersionMatchs": [rule]},
    )
    made = platform.call(
        "CreateTrigger", FunctionName=name, TriggerName="url", Type="http", Qualifier="release"
    )
    path = f"/url/{made['TriggerInfo']['ResourceId']}/"
    with connected(platform.gateway) as end:
        end.sendall(
            f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n".encode()
            + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nUser: Bob\r\n\r\n"
        )
        assert b"x-scf-version: 1\r\n" in answered(end)


def test_a_version_that_rewrites_its_own_code_is_what_was_published_for_the_next_instance(
    start: Callable[..., Platform], name: str
) -> None:
    code = (
        "import os\n"
        "def main_handler(event, context):\n"
        "    if event.get('rewrite'):\n"
        "        os.chmod(__file__, 0o644)\n"
        "        with open(__file__, 'w') as own:\n"
        "            own.write('def main_handler(event, context): return \"changed\"')\n"
        "    if event.get('leave'):\n"
        "        os._exit(1)\n"
        "    return 'published'\n"
    )
    platform = start("--set", "tier=none")  # Between walls it could not even try.
    platform.make(name, code)
    platform.publish(name)
    assert json.loads(platform.invoke(name, {"rewrite": 1}, Qualifier="1")["RetMsg"]) == "published"
    assert platform.invoke(name, {"leave": 1}, Qualifier="1")["StatusCode"] == 439

    assert json.loads(platform.invoke(name, {}, Qualifier="1")["RetMsg"]) == "published"


def test_half_a_character_in_an_error_is_an_error_of_the_function(
    platform: Platform, name: str
) -> None:
    platform.make(name, "def main_handler(event, context):\n    raise ValueError('\\ud800 oh')\n")

    result = platform.invoke(name)
    assert result["StatusCode"] == 430
    assert "oh" in result["ErrMsg"]


def test_a_refused_call_of_nobody_costs_no_memory(platform: Platform) -> None:
    for n in range(20):
        platform.refusal("InvokeFunction", FunctionName=f"nobody-{n}")
    told = fetched(f"{platform.api}/metrics").decode()

    assert "nobody-" not in told
    assert 'status="435"' in told
