"""Hostile HTTP against a server: the right answers, an end, and nobody else is harmed."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.attacks.crowd import Crowd
from tests.attacks.hostile import AT, BODY, CASES, CHUNKED, POST, Case, answers, heard
from tests.platform import Platform, until

LISTENERS = ("gateway", "api")
TELLS = "def main_handler(event, context):\n    return event.get('body')\n"
CROWD = 10_000
#: What a crowd of idle connections may cost, each.
MOST_IDLE_BYTES = 16 * 1024
OTHER_DESCRIPTORS = 4096


def path_of(platform: Platform, name: str, code: str = TELLS) -> str:
    platform.make(name, code)
    made = platform.call("CreateTrigger", FunctionName=name, TriggerName="url", Type="http")
    return f"/url/{made['TriggerInfo']['ResourceId']}/"


@pytest.fixture(scope="module")
def paths(platform: Platform) -> dict[str, bytes]:
    return {"gateway": path_of(platform, "hostile").encode(), "api": b"/"}


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_hostile_is_answered_and_ends_as_it_should(
    platform: Platform, paths: dict[str, bytes], listener: str, case: Case
) -> None:
    url, at = getattr(platform, listener), paths[listener]
    data, closed = heard(url, case.sent.replace(AT, at))

    statuses = [one.status for one in answers(data)]
    assert (statuses, closed) == ([status or 200 for status in case.statuses], case.closed)


def rss_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@contextmanager
def calling(url: str, path: str) -> Iterator[Counter[int]]:
    """Have a good caller call all the while, and count what it hears."""
    statuses, enough = Counter[int](), threading.Event()

    def call() -> None:
        while not enough.is_set():
            connection = HTTPConnection(url.removeprefix("http://"), timeout=20)
            try:
                connection.request("POST", path, b"good")
                answer = connection.getresponse()
                good = answer.status == 200 and answer.read() == b'"good"'
                statuses[200 if good else answer.status or -1] += 1
            except OSError:
                statuses[0] += 1
            connection.close()
            time.sleep(0.005)

    caller = threading.Thread(target=call)
    caller.start()
    try:
        yield statuses
    finally:
        enough.set()
        caller.join()


def open_files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost:"], ids=["silent", "amid a head"])
def test_ten_thousand_idle_connections_are_held_and_cost_little(
    start: Callable[..., Platform], name: str, sent: bytes
) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < CROWD + OTHER_DESCRIPTORS:
        pytest.skip(f"{most} descriptors are all that a process may have here (ulimit -Hn)")
    platform = start("--set", "tier=none")
    path = path_of(platform, name)
    pid = platform.process.pid
    with calling(platform.gateway, path) as statuses:
        until(lambda: statuses[200] > 20)
        before, files = rss_bytes(pid), open_files(pid)
        crowd = Crowd(platform.gateway, [CROWD // 2, CROWD // 2], sent)
        try:
            assert crowd.said() == CROWD
            until(lambda: open_files(pid) >= files + CROWD - 5)
            so_far = statuses[200]
            until(lambda: statuses[200] > so_far + 20, within_s=20)
            assert crowd.ask() == CROWD
            assert rss_bytes(pid) - before < CROWD * MOST_IDLE_BYTES
        finally:
            crowd.leave()
        until(lambda: open_files(pid) < files + 50, within_s=30)
    assert set(statuses) == {200}


@pytest.mark.timeout(90)
def test_more_connections_than_there_is_room_for_cost_the_oldest_idle_ones_theirs(
    start: Callable[..., Platform], name: str
) -> None:
    platform = start("--set", "tier=none", "--set", "max_connections=64")
    path = path_of(platform, name)
    with calling(platform.gateway, path) as statuses:
        until(lambda: statuses[200] > 5)
        crowd = Crowd(platform.gateway, [300])
        try:
            assert crowd.said() == 300
            until(lambda: 40 <= crowd.ask() <= 64)
            so_far = statuses[200]
            until(lambda: statuses[200] > so_far + 20, within_s=20)
        finally:
            crowd.leave()
    assert set(statuses) == {200}


@pytest.mark.timeout(90)
def test_a_server_without_descriptors_goes_on_once_there_are_some(
    start: Callable[..., Platform], name: str
) -> None:
    platform = start("--set", "tier=none")
    path = path_of(platform, name)
    pid = platform.process.pid
    with calling(platform.gateway, path) as statuses:
        until(lambda: statuses[200] > 5)
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_files(pid) + 20, hard))
    crowd = Crowd(platform.gateway, [200])
    try:
        assert crowd.said() == 200
        assert crowd.ask() <= 120  # what the callers before it held is free again
    finally:
        crowd.leave()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    with calling(platform.gateway, path) as statuses:
        until(lambda: statuses[200] > 20)
    assert set(statuses) == {200}


@pytest.mark.timeout(90)
def test_what_one_connection_sends_is_never_seen_on_another(
    platform: Platform, paths: dict[str, bytes]
) -> None:
    """Half of the callers break off or are refused; the others only ever hear themselves."""
    at, wrong = paths["gateway"], list[bytes]()

    def good(mark: bytes) -> None:
        for n in range(30):
            sent = b"%s-%d" % (mark, n)
            head = POST.replace(AT, at) + b"Content-Length: %d\r\n" % len(sent)
            pair = head + b"\r\n" + sent + head + b"Connection: close\r\n\r\n" + sent
            (one, two) = answers(heard(platform.gateway, pair, quiet_s=20)[0])
            if one.body != b'"%s"' % sent or two.body != one.body:
                wrong.append(one.body + two.body)

    def bad() -> None:
        marked = b"5\r\nwrong\r\n"
        for n in range(60):
            request = CHUNKED.replace(AT, at) + marked * 9
            heard(platform.gateway, request + (b"zz\r\n" if n % 2 else b""), wait_s=0.01)

    threads = [threading.Thread(target=good, args=[b"mark%d" % n]) for n in range(4)]
    threads += [threading.Thread(target=bad) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.timeout(60)
def test_a_flood_of_pipelined_requests_costs_no_memory(
    platform: Platform, paths: dict[str, bytes]
) -> None:
    """Each request that is answered makes room for one more, not for a bufferful."""
    flood = (POST.replace(AT, paths["gateway"]) + BODY) * 1000
    host, _, port = platform.gateway.removeprefix("http://").rpartition(":")
    before, sent = rss_bytes(platform.process.pid), 0
    with socket.create_connection((host, int(port))) as end:
        end.settimeout(1.0)
        try:
            while sent < 64 << 20:
                sent += end.send(flood[sent % len(flood) :])
        except TimeoutError:
            pass
        after = rss_bytes(platform.process.pid)
    assert sent < 64 << 20
    assert after - before < 32 << 20
