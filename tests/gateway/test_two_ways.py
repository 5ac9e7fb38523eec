"""A plain request that takes the express is answered as it is by the general way, in all it says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huidu.express import MOST_BODY_BYTES, Express, Run
from huidu.gateway import express
from huidu.gateway.app import Gateway
from huidu.gateway.entrance import Entrance
from huidu.gateway.event import Response
from huidu.gateway.express_api import ExpressApis
from huidu.gateway.guard import Denied, Passed
from huidu.gateway.proxies import Proxies
from huidu.gateway.services import Services
from huidu.invoke.tracing import HANDED_ON, Tracing
from huidu.listener import Listener
from huidu.model.effect import ServiceKept
from huidu.model.errors import InvalidValue, NotFound
from huidu.model.invocation import Invocation, Outcome, failure
from huidu.model.service import Api, Parameter
from huidu.model.trigger import Trigger
from tests.fakes_store import trigger
from tests.gateway.apis import SERVICE, Gate, api, released, served
from tests.gateway.wire import Behind

APPID = "1250000000"
URL = "abcdefghijkl"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
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
async def open_way(proxies: Proxies, tracing: Tracing, *, plain: bool) -> AsyncIterator[Way]:
    """Open a listener, with the express or without."""
    behind, guard, services, urls = Behind(), Gate(), Services(), Urls()
    new_id = behind.new_id
    entrance = Entrance(services, behind, behind, guard, APPID, tracing)
    gateway = Gateway(urls, behind, behind, new_id, entrance, proxies, tracing)
    apis = ExpressApis(services, behind, behind, guard, APPID, new_id, tracing, proxies)
    quick = express.Express(urls, behind, behind, new_id, tracing, apis, proxies)
    listener = Listener("127.0.0.1", 0)
    way = Way(behind, guard, services, int(listener.url.rpartition(":")[2]))
    await listener.open(gateway, tunnels=True, express=Counted(quick, way) if plain else None)
    try:
        yield way
    finally:
        await listener.close()


@dataclass
class Said:
    """All that came of what was sent over one connection."""

    answers: list[tuple[bytes, list[bytes], bytes]]
    calls: list[Invocation]
    asked: list[Any]


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
        """Send the same to both, hold the answers to each other, and return them."""
        quick, general = [await _ask(way, sent + LAST, cut) for way in self.ways]
        assert quick.answers == general.answers
        assert quick.calls == general.calls
        assert quick.asked == general.asked
        return quick

    @property
    def plain(self) -> int:
        return self.ways[0].plain


async def _ask(way: Way, sent: bytes, cut: Sequence[int]) -> Said:
    way.behind.calls.clear()
    way.behind.begin_ids()
    way.guard.asked.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", way.port)
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


def request(
    target: bytes = b"/url/u1/",
    *headers: bytes,
    method: bytes = b"GET",
    body: bytes | None = None,
    host: bytes = b"h",
    version: bytes = b"HTTP/1.1",
) -> bytes:
    lines = [method + b" " + target + b" " + version, b"Host: " + host, *headers]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", b""]) + (body or b"")


LAST = request(b"/healthz", b"Connection: close")  #: Whatever was asked before, it ends there.


@asynccontextmanager
async def open_both(proxies: Proxies, tracing: Tracing) -> AsyncIterator[Both]:
    async with (
        open_way(proxies, tracing, plain=True) as quick,
        open_way(proxies, tracing, plain=False) as general,
    ):
        yield Both(quick, general)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[tuple[Both, Both]]:
    believed = Proxies([ip_network("127.0.0.0/8")])
    traced = Tracing(bits=lambda _: SPAN, ratio=0.5)
    async with open_both(Proxies(), HANDED_ON) as one, open_both(believed, traced) as other:
        yield one, other


@pytest.fixture(params=["unknown", "believed"])
def both(opened: tuple[Both, Both], request: pytest.FixtureRequest) -> Both:
    chosen = opened[request.param == "believed"]
    chosen.begin_anew()
    return chosen


pytestmark = pytest.mark.asyncio(loop_scope="module")

METHODS = b"GET POST PUT DELETE HEAD OPTIONS PATCH PROPFIND TRACE CONNECT".split()
PATHS = (
    b"/url/u1",
    b"/url/u1/",
    b"/url/u1//x",
    b"/url/u1/a%20b%2Fc%25",
    b"/url/u1/%E8%AF%B4",
    b"/url/u1/%ff%00",
    b"/%75rl/u1/x",
    b"/url/cors/",
    b"/url/closed/",
    b"/url/nobody/",
    b"/url/",
    b"/",
    b"//",
    b"//url/u1/x",
    b"/healthz",
    b"/%68ealthz",
    b'/x;y=1,z|{}^`"<>\\',
    b"/\xe8\xaf\xb4",
    b"http://h/url/u1/x",
    b"*",
    b"/url/u1/#x",
    *(
        b"/%b%b" % (SERVICE.encode(), rest)
        for rest in (
            *(b"", b"/", b"/release", b"/release/", b"/release/a%2Fb/%7e", b"/release//..//x"),
            *(b"/test/x", b"/prepub/", b"/rel%65ase/", b"/release/\xff", b"/release/%ff%E8%AF"),
        )
    ),
    b"/service-nobody/release/",
    b"/%73ervice-a1b2c3d4/release/",
)
QUERIES = (b"", b"?", b"?a=1&a=2&b=&c", b"?%ff=%E8%AF%B4&+=%2B", b"?x?y", b"?&&=", b"?\xe8=1")
HOSTS = (
    *(b"h", b"h:80", b"", b"[::1]:8", b"http://h", b"a b", b"h,i"),
    *(b"%b-%b.gz.example" % (APPID.encode(), one) for one in (URL.encode(), URL.upper().encode())),
    b"%b-%b.gz.example:90" % (APPID.encode(), URL.encode()),
    b"%b-%b.gz.example" % (SERVICE.encode(), APPID.encode()),
    b"%b-%b:8080" % (SERVICE.upper().encode(), APPID.encode()),
)
HEADERS = (
    b"X-Forwarded-For: 192.0.2.1, 198.51.100.2",
    b"X-Forwarded-For: nobody",
    b"X_Forwarded_For: 192.0.2.1",
    b"X-Forwarded-Proto: https",
    b"X-Forwarded-Host: elsewhere",
    b"X-Real-IP: 192.0.2.9",
    b"Forwarded: for=192.0.2.7",
    b"traceparent: " + PARENT.encode(),
    b"traceparent: 00-0-0-0",
    b"tracestate: a=1,b=2",
    b'Cookie: a=1; b="2"; a=3; c',
    b"Cookie: huidu_console_session=1; a=1",
    b"X-Scf-Version: 9",
    b"X_Scf_Alias: mine",
    b'X-Scf-Routing-Key: {"User":"Bob"}',
    b"X-Scf-Routing-Key: none",
    b"X-Twice: 1\r\nX-Twice: 2",
    b"X-Latin: \xe9\xff",
    b"X-Tab:\t a\tb \t",
    b"X-Empty:",
    b"X-B3-TraceId: mine",
    b"X-Api-RequestId: mine",
    b"Connection: close",
    b"Connection: keep-alive, X-Tab",
    b"Connection: upgrade",
    b"Upgrade: websocket",
    b"Upgrade: h2c\r\nConnection: upgrade",
    b"Expect: 100-continue",
    b"Expect: more",
    b"Transfer-Encoding: chunked",
    b"Content-Length: 3",
    b"Content-Length: -1",
    b"Content-Type: image/png",
    b"Content-Type: application/x-www-form-urlencoded",
    b"Origin: http://a.example",
    b"Origin: http://a.example\r\nAccess-Control-Request-Method: POST",
    b"Accept: */*",
    b"Host: twice",
    b": nothing",
    b"Bad name: 1",
    b" folded",
    b"X-Nul: \x00",
)
BODIES = (None, b"", b"plain", b'{"a": 1}', b"\xff\xfe", "說".encode(), b"x" * 5000, b"\0")
RESULTS = (
    *('"ok"', "null", "3.5", "-1", "NaN", "", "[]", "{}", " {}", "not JSON", '"說"'),
    '{"statusCode": 200}',
    '{"\\u0073tatusCode": 201, "body": "spelled"}',
    '{"statusCode": "404", "body": "no", "headers": {"Content-Type": "text/plain"}}',
    '{"statusCode": 204, "body": "none", "headers": {"X-A": ["1", "2"], "Content-Length": "9"}}',
    '{"statusCode": 304, "headers": {"ETag": "1"}}',
    '{"statusCode": 205, "body": "x"}',
    '{"statusCode": 599, "body": {"a": 1}}',
    *('{"statusCode": 100}', '{"statusCode": 600}', '{"statusCode": null}', '{"statusCode": "a"}'),
    '{"statusCode": 200, "isBase64Encoded": true, "body": "/w=="}',
    '{"statusCode": 200, "isBase64Encoded": "true", "body": "/w=="}',
    '{"statusCode": 200, "isBase64Encoded": true, "body": "nonsense"}',
    '{"statusCode": 200, "headers": {"Set-Cookie": ["huidu_console_session=x", "a=1"]}}',
    '{"statusCode": 200, "headers": {"Bad name": "1"}}',
    '{"statusCode": 200, "headers": {"X-A": "1\\r\\nX-B: 2"}}',
    '{"statusCode": 200, "headers": {"X-A": "\\ud800"}}',
    '{"statusCode": 200, "headers": {"X-A": "說", "Connection": "close", "Date": "now"}}',
    '{"statusCode": 200, "headers": {"X-Api-Id": "mine", "x-scf-version": "8", "VARY": "a"}}',
    '{"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "mine"}}',
    '{"statusCode": 200, "headers": []}',
    '{"statusCode": 200, "headers": {"X-A": null, "X-B": {"c": 1}}}',
    '{"statusCode": 200, "body": "a", "statusCode": 201}',
    '"{\\"statusCode\\": 200}"',
    '\ufeff{"statusCode": 200}',
    "[" * 5000,
)
OUTCOMES = (
    *(Outcome(status=200, result=result) for result in RESULTS),
    *(failure(status, "went wrong", "r") for status in (400, 406, 430, 432, 433, 434, 437, 439)),
    Outcome(status=500, result='{"errorMessage": "\u8aaa"}'),
)
APIS: Sequence[Mapping[str, Any]] = (
    {},
    {"integrated": True},
    {"integrated": True, "cors": True},
    {"cors": True, "method": "POST"},
    {"path": "/{name}/{rest}"},
    {"base64": True},
    {"base64": True, "base64_rules": (("Content_Type", ("image/*",)),)},
    {
        "parameters": (
            Parameter(name="a", position="QUERY", required=True),
            Parameter(name="X-Tab", position="HEADER", default="given"),
        ),
        "constants": (
            Parameter(name="X-Fixed", position="HEADER", default="1"),
            Parameter(name="b", position="QUERY", default="2"),
        ),
    },
)

USUAL = (*PATHS[:7], *(one for one in PATHS if one.startswith(b"/%b/release" % SERVICE.encode())))


def asked(paths: Sequence[bytes], methods: Sequence[bytes], *more: Any) -> st.SearchStrategy[bytes]:
    hosts, versions = more
    return st.builds(
        lambda path, query, headers, method, body, host, version: request(
            path + query, *headers, method=method, body=body, host=host, version=version
        ),
        st.sampled_from(paths),
        st.sampled_from(QUERIES),
        st.lists(st.sampled_from(HEADERS), max_size=2),
        st.sampled_from(methods),
        st.sampled_from(BODIES),
        st.sampled_from(hosts),
        st.sampled_from(versions),
    )


#: Mostly such as might be plain, for there is more to be said of these.
PLAIN = asked(USUAL, METHODS[:4], HOSTS[:2], [b"HTTP/1.1"])
ANY = asked(PATHS, METHODS, HOSTS, [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2"])
requests = st.one_of(PLAIN, PLAIN, ANY)


def clear(both: Both, outcome: Outcome, wanted: Mapping[str, Any]) -> None:
    both.begin_anew()
    both.put(api(**wanted))
    both.set(outcome=outcome)


@given(
    st.booleans(),
    st.lists(requests, min_size=1, max_size=3),
    st.sampled_from(OUTCOMES),
    st.sampled_from(APIS),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[*HealthCheck])
async def test_whatever_is_asked_is_answered_alike(
    opened: tuple[Both, Both], believed: bool, sent: list[bytes], outcome: Outcome, wanted: Any
) -> None:
    both = opened[believed]
    clear(both, outcome, wanted)

    await both.ask(b"".join(sent))


@pytest.mark.parametrize("integrated", [False, True])
async def test_every_outcome_makes_the_same_answer(both: Both, integrated: bool) -> None:
    for outcome in OUTCOMES:
        clear(both, outcome, {"integrated": integrated, "cors": True})
        await both.ask(request(b"/url/u1/"))
        await both.ask(request(b"/%b/release/" % SERVICE.encode()))
        assert both.plain == 2


async def test_every_header_and_target_makes_the_same_call(both: Both) -> None:
    for place in (b"/url/u1/x", b"/%b/release/x" % SERVICE.encode()):
        for header in HEADERS:
            await both.ask(request(place, header, method=b"POST", body=b"abc"))
        for query in QUERIES:
            await both.ask(request(place + query))
        for body in BODIES:
            await both.ask(request(place, method=b"POST", body=body))
    for path in PATHS:
        await both.ask(request(path))
    for host in HOSTS:
        await both.ask(request(b"/release/x", host=host))
    assert both.plain > len(HEADERS)


@pytest.mark.parametrize(
    "error", [NotFound("FunctionName", "hello"), InvalidValue("A", "b"), RuntimeError()]
)
async def test_what_no_version_was_asked_is_said_alike(both: Both, error: Exception) -> None:
    both.set(fails=error)

    await both.ask(request(b"/url/u1/"))
    await both.ask(request(b"/%b/release/" % SERVICE.encode()))
    assert both.plain == 2


async def test_what_a_guard_says_is_said_alike(both: Both) -> None:
    for way in both.ways:
        way.guard.says = Denied(Response(status=429, headers=[("x-a", "1")], body=b"{}"))
    await both.ask(request(b"/%b/release/" % SERVICE.encode()))
    for way in both.ways:
        way.guard.says = Passed(secret_id="AKID", headers=[("x-left", "9")])
    await both.ask(request(b"/%b/release/" % SERVICE.encode()))
    assert both.plain == 2


async def test_an_api_whose_time_is_over_says_so_alike(both: Both) -> None:
    both.put(api(timeout_s=0.05))
    both.set(slow_s=5.0)

    said = await both.ask(request(b"/%b/release/a%%20b" % SERVICE.encode()))

    assert said.answers[0][0] == b"HTTP/1.1 504 Gateway Timeout"
    assert [way.behind.ended for way in both.ways] == [["cut off"]] * 2


async def test_a_body_of_any_size_comes_whole(both: Both) -> None:
    for size in (MOST_BODY_BYTES - 1, MOST_BODY_BYTES, MOST_BODY_BYTES + 1):
        await both.ask(request(method=b"POST", body=b"\xe8" * size))
        await both.ask(request(method=b"POST", body=b"x" * size))
    assert both.plain == 4


async def test_requests_may_be_cut_anywhere(both: Both) -> None:
    sent = request(b"/url/u1/", method=b"POST", body=b"body") + request(b"/url/u1/?a=1")
    for at in range(1, len(sent), 5):
        said = await both.ask(sent, cut=[at])
        assert len(said.calls) == 2


async def test_a_hundred_requests_of_both_kinds_are_answered_in_their_order(both: Both) -> None:
    kinds = [
        request(b"/url/u1/%d", method=b"POST", body=b"b"),
        request(b"/url/u1/%d", b"Cookie: huidu_console_session=1"),
        request(b"/url/cors/%d"),
        request(b"/url/u1/%d"),
    ]
    sent = b"".join(kinds[number % 4].replace(b"%d", b"%d" % number) for number in range(100))
    for slow_s in (0.0, 0.0001):
        both.set(slow_s=slow_s)
        said = await both.ask(sent)
        paths = [json.loads(call.event)["path"] for call in said.calls]
        assert paths == [f"/{number}" for number in range(100)]


async def test_what_is_released_amid_a_body_answers_a_body_that_is_whole(both: Both) -> None:
    head = request(b"/%b/release/x" % SERVICE.encode(), b"Content-Length: 4", method=b"POST")
    for way in both.ways:
        reader, writer = await asyncio.open_connection("127.0.0.1", way.port)
        writer.write(head + b"bo")
        await asyncio.sleep(0.02)
        way.services.apply([ServiceKept(served(release=released(api(id="api-2"))))])
        writer.write(b"dy" + LAST)
        heard = await reader.read()
        writer.close()
        await writer.wait_closed()

        assert b"x-api-id: api-2\r\n" in heard
        assert way.behind.event["body"] == "body"
    assert both.plain == 1


async def test_a_head_without_an_end_is_refused_alike(both: Both) -> None:
    for sent in (b"GET /", b"GET / HTTP/1.1\r\nX-A: 1\r\nX-Long: "):
        said = await both.ask(sent + b"x" * 65_600)
        assert len(said.answers) == 1
    await both.ask(request(b"/url/u1/", *(b"X-%d: 1" % number for number in range(300))))
