"""A plain request that takes the express is answered as it is by the general way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from ipaddress import ip_network
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huidu.front import MOST_BODY_BYTES
from huidu.gateway.guard import Denied, Passed
from huidu.gateway.message import Response
from huidu.gateway.proxies import Proxies
from huidu.invoke.tracing import HANDED_ON, Tracing
from huidu.model.effect import ServiceKept
from huidu.model.errors import InvalidValue, NotFound
from huidu.model.invocation import Outcome
from tests.gateway.apis import SERVICE, api, released, served
from tests.gateway.odd import (
    APIS,
    BODIES,
    HEADERS,
    HOSTS,
    OUTCOMES,
    PATHS,
    QUERIES,
    request,
    requests,
)
from tests.gateway.ways import LAST, SPAN, Both, open_both, open_way


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


def clear(both: Both, outcome: Outcome, wanted: Mapping[str, Any]) -> None:
    both.begin_anew()
    both.put(api(**wanted))
    both.set(outcome=outcome)


@given(
    st.sampled_from([0, 1]),
    st.lists(requests, min_size=1, max_size=3),
    st.sampled_from(OUTCOMES),
    st.sampled_from(APIS),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[*HealthCheck])
async def test_whatever_is_asked_is_answered_alike(
    opened: tuple[Both, Both], number: int, sent: list[bytes], outcome: Outcome, wanted: Any
) -> None:
    both = opened[number]
    clear(both, outcome, wanted)

    await both.ask(b"".join(sent))


@pytest.mark.parametrize("made", [{"integrated": True, "cors": True}, {}])
async def test_every_outcome_makes_the_same_answer(both: Both, made: Any) -> None:
    for outcome in OUTCOMES:
        clear(both, outcome, made)
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


@pytest.mark.parametrize("plain", ["express", "general"])
async def test_who_is_amid_a_body_keeps_the_place_and_has_an_answer(plain: str) -> None:
    head = request(b"/url/u1/", b"Content-Length: 4", b"Connection: close", method=b"POST")
    async with open_way(Proxies(), HANDED_ON, plain=plain == "express", most=1) as way:
        reader, writer = await asyncio.open_connection("127.0.0.1", way.port)
        writer.write(head + b"bo")
        await asyncio.sleep(0.02)
        others, other = await asyncio.open_connection("127.0.0.1", way.port)
        assert (await others.read()).startswith(b"HTTP/1.1 503 ")
        writer.write(b"dy")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        for one in (writer, other):
            one.close()
            await one.wait_closed()
