"""Where services are found, which version of one answers, and on whose behalf; over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import pytest_asyncio

from huidu.gateway.services import Services
from huidu.invoke.flight import Answered
from huidu.model.effect import FunctionKept, ServiceGone, ServiceKept
from huidu.model.exchange import Answer, CallerLeft, Exchange
from huidu.model.invocation import Invocation, Outcome
from huidu.model.service import Api, Backend, Release, Served
from tests.fakes_store import FUNCTION, HELLO
from tests.gateway.apis import SERVICE, Shop, api, open_shop, released, served
from tests.gateway.wire import Heard, hear

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

HOST = f"{SERVICE}-1250000000.gz.apigw.tencentcs.com"
CALLERS, SWITCHES = 64, 50


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("h", f"/{SERVICE}/release/x"),
        (HOST, "/release/x"),
        (f"{HOST}:9001", "/release/x"),
        (HOST.upper(), "/release/x"),
        (f"{SERVICE}-1.local", "/release/x"),
        (f"{SERVICE}-1", "/release/x"),
    ],
)
async def test_a_service_is_found_by_its_path_or_its_host(shop: Shop, host: str, path: str) -> None:
    shop.put(api("/x"))

    assert (await shop.wire.get(path, host=host)).status == 200
    assert shop.behind.event["path"] == "/x"
    assert shop.behind.event["headers"]["host"] == host


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (f"/{SERVICE}/release/x", ""),  # HTTP/1.0 needs no host
        (f"/{SERVICE}/release/x", "User-Agent: a\r\n"),
        ("/release/x", f"User-Agent: a\r\nHost: {HOST}\r\n"),
    ],
)
async def test_a_client_of_http_1_0_is_answered_as_well(
    shop: Shop, path: str, headers: str
) -> None:
    shop.put(api("/x"))

    (heard,) = await shop.wire.send(f"GET {path} HTTP/1.0\r\n{headers}\r\n".encode())
    assert heard.status == 200


@pytest.mark.parametrize(
    ("host", "path", "said"),
    [
        ("h", "/service-none/release/", "There is no api match host[service-none]"),
        ("service-none-1.gz", "/release/", "There is no api match host[service-none-1.gz]"),
        ("h", f"/{SERVICE}", "There is no api match default env_mapping[]"),
        ("h", f"/{SERVICE}/", "There is no api match default env_mapping[]"),
        ("h", f"/{SERVICE}/dev/", "There is no api match default env_mapping[dev]"),
        ("h", f"/{SERVICE}/Release/", "There is no api match default env_mapping[Release]"),
        (HOST, "/", "There is no api match default env_mapping[]"),
        (HOST, "/url/u1", "There is no api match default env_mapping[url]"),
        (HOST, f"/{SERVICE}/release/x", f"There is no api match default env_mapping[{SERVICE}]"),
        ("h", f"/{SERVICE}/test/x", "There is no api match env_mapping[test]"),
        ("h", f"/{SERVICE}/release/y/z", "There is no api match uri[/y/z]"),
        ("h", f"/{SERVICE}/release", "There is no api match uri[/]"),
    ],
)
async def test_where_nothing_is_found_that_is_said_and_how_far_it_was_looked(
    shop: Shop, host: str, path: str, said: str
) -> None:
    shop.put(api("/x"))

    heard = await shop.wire.get(path, host=host)
    assert (heard.status, heard.said) == (404, {"message": said})
    assert (
        heard.body
        == json.dumps({"message": said}, separators=(",", ":")).replace("/", "\\/").encode()
    )
    assert heard.headers["x-api-requestid"] == "id-1"
    assert "x-api-id" not in heard.headers
    assert shop.behind.calls == []


async def test_a_path_that_is_there_for_other_methods_is_told_apart(shop: Shop) -> None:
    shop.put(api("/x", "POST"))

    heard = await shop.get("/x")
    assert (heard.status, heard.said) == (404, {"message": "Could not support method"})


@pytest.mark.parametrize(
    ("protocol", "status"), [("http", 200), ("http&https", 200), ("https", 404)]
)
async def test_a_service_is_reached_by_its_own_protocol_alone(
    shop: Shop, protocol: str, status: int
) -> None:
    shop.put(api(), protocol=protocol)

    heard = await shop.get("/", "X-Forwarded-Proto: https")
    assert heard.status == status
    if status == 404:
        assert heard.said == {"message": "Not allow use HTTP protocol"}


async def test_environments_have_versions_of_their_own(shop: Shop) -> None:
    first, second = released(api("/1", id="api-1")), released(api("/2", id="api-2"), name="v2")
    shop.serve(test=first, prepub=second, release=first)

    async def status(environment: str, path: str) -> int:
        return (await shop.wire.get(f"/{SERVICE}/{environment}{path}")).status

    assert [await status(one, "/1") for one in ("test", "prepub", "release")] == [200, 404, 200]
    assert [await status(one, "/2") for one in ("test", "prepub", "release")] == [404, 200, 404]
    shop.serve(test=first)
    assert [await status(one, "/1") for one in ("test", "prepub", "release")] == [200, 404, 404]


async def test_function_urls_and_health_are_where_they_were(shop: Shop) -> None:
    assert (await shop.wire.get("/url/u1/x")).status == 200
    assert (await shop.wire.get("/healthz", host=HOST)).status == 200
    assert (await shop.wire.get("/nothing")).status == 404


# The table of services


async def test_services_come_and_go_with_what_is_committed() -> None:
    services = Services()
    other = Served("service-other", {})
    services.apply([FunctionKept(FUNCTION)])
    services.apply([ServiceKept(served(release=released(api()))), ServiceKept(other)])

    assert services.find("service-other") == {}
    services.apply([ServiceGone("service-other"), ServiceGone("service-never")])
    assert services.find("service-other") is None
    assert services.find(SERVICE) is not None


async def test_the_paths_of_a_version_are_read_once_wherever_it_is_released() -> None:
    services = Services()
    first = released(api())
    services.apply([ServiceKept(served(test=first))])
    before = services.find(SERVICE)
    services.apply([ServiceKept(served(test=first, release=first))])
    after = services.find(SERVICE)

    assert before is not None
    assert after is not None
    assert after["test"] is before["test"] is after["release"]
    assert list(before) == ["test"]  # who was given this keeps it
    services.apply([ServiceKept(served(test=released(api("/other"))))])
    assert services.find(SERVICE) != after


# Switching


class Slow:
    """What answers with the qualifier that it was called for, after a while."""

    async def __call__(self, invocation: Invocation) -> Answered:
        await asyncio.sleep(0.001)
        event = json.loads(invocation.event)
        said = {
            "qualifier": invocation.qualifier,
            "configured": event["requestContext"]["path"],
            "timeout": event["headers"]["endpoint-timeout"],
            "declared": event["queryStringParameters"],
        }
        answer = {"statusCode": 200, "headers": {}, "body": json.dumps(said)}
        return Answered(Outcome(status=200, result=json.dumps(answer)), "1", "")


def of_its_own(number: int) -> Release:
    """A version of which every part tells which it is."""

    def one(path: str, method: str) -> Api:
        backend = Backend(function=HELLO, qualifier=f"v{number}", integrated=True)
        return api(
            path,
            method,
            id=f"api-{number}",
            backend=backend,
            timeout_s=100 + number,
            cors=number % 2 == 0,
        )

    return released(one(f"/{{v{number}}}", "ANY"), one("/", "GET"), name=f"v{number}")


def wholly_from_one(heard: Heard) -> bool:
    number = int(heard.headers["x-api-id"].removeprefix("api-"))
    said = heard.said
    return (
        heard.status == 200
        and said["qualifier"] == f"v{number}"
        and said["configured"] == f"/{{v{number}}}"
        and said["timeout"] == str(100 + number)
        and ("access-control-allow-origin" in heard.headers) is (number % 2 == 0)
    )


@asynccontextmanager
async def half_sent(shop: Shop) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
    """Send a request of which half the body is missing; yield what sends it and hears the head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.wire.port)
    lines = (f"POST /{SERVICE}/release/ HTTP/1.1", "Host: h", "Content-Length: 4")
    writer.write("\r\n".join((*lines, "Expect: 100-continue", "", "ha")).encode())
    assert b"100" in await reader.readuntil(b"\r\n\r\n")  # it is being read

    async def rest() -> bytes:
        writer.write(b"lf")
        return await reader.readuntil(b"\r\n\r\n")

    yield rest
    writer.close()
    await writer.wait_closed()


async def test_a_request_whose_body_ends_after_a_switch_is_answered_by_what_is_there_then(
    shop: Shop,
) -> None:
    shop.put(api(id="api-old", auth="NONE"), name="v1")
    async with half_sent(shop) as rest:
        shop.put(api(id="api-new"), name="v2")
        answer = await rest()

    assert b"x-api-id: api-new" in answer
    assert shop.behind.event["body"] == "half"
    assert [asked.api.id for asked in shop.guard.asked] == ["api-old", "api-new"]


@pytest.mark.parametrize(("auth", "times"), [("NONE", 1), ("SECRET", 2)])
async def test_the_guard_counts_a_request_once_where_only_the_rest_of_its_api_has_changed(
    shop: Shop, auth: str, times: int
) -> None:
    shop.put(api(auth="NONE"), name="v1")
    async with half_sent(shop) as rest:
        shop.put(api(auth=auth, timeout_s=20), name="v2")
        assert b" 200 " in await rest()

    assert [asked.api.auth for asked in shop.guard.asked] == ["NONE", auth][:times]


async def test_a_web_function_that_is_released_meanwhile_is_given_the_body_once(
    shop: Shop,
) -> None:
    left = asyncio.Event()

    async def serve(exchange: Exchange) -> None:
        assert [await exchange.read(), await exchange.read()] == [b"half", None]
        await exchange.answer(Answer(status=204, headers=[], version="1", alias=""))
        await exchange.finish()
        with suppress(CallerLeft):
            await exchange.read()  # as who watches for a client that leaves
        left.set()

    shop.put(api(), name="v1")
    async with half_sent(shop) as rest:
        shop.behind.web = serve
        shop.put(api(timeout_s=20), name="v2")
        assert b" 204 " in await rest()
    async with asyncio.timeout(5):
        await left.wait()


async def test_while_versions_are_switched_every_answer_is_wholly_from_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop.behind, "invoke", Slow())
    shop.serve(release=of_its_own(0))
    request = f"GET /{SERVICE}/release/x HTTP/1.1\r\nHost: h\r\n\r\n".encode()
    heard: list[Heard] = []
    over, answered = asyncio.Event(), asyncio.Semaphore(0)

    async def call() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", shop.wire.port)
        while not over.is_set():
            writer.write(request)
            heard.append(await hear(reader))
            answered.release()
        writer.close()
        await writer.wait_closed()

    callers = [asyncio.create_task(call()) for _ in range(CALLERS)]
    for number in range(1, SWITCHES + 1):
        shop.serve(release=of_its_own(number))
        for _ in range(CALLERS):
            await answered.acquire()
    over.set()
    await asyncio.gather(*callers)

    assert all(map(wholly_from_one, heard))
    assert len({one.headers["x-api-id"] for one in heard}) > SWITCHES / 2


# Proxies


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened_proxied() -> AsyncIterator[Shop]:
    async with open_shop("127.0.0.1 10.0.0.0/8 fd00::/8") as shop:
        yield shop


@pytest.fixture
def proxied(opened_proxied: Shop) -> Shop:
    opened_proxied.begin_anew()
    return opened_proxied


@pytest.mark.parametrize(
    ("sent", "source"),
    [
        ([], "127.0.0.1"),
        ([""], "127.0.0.1"),
        (["192.0.2.1"], "192.0.2.1"),
        (["198.51.100.9, 192.0.2.1"], "192.0.2.1"),
        (["198.51.100.9", "192.0.2.1"], "192.0.2.1"),
        (["192.0.2.1, 10.1.2.3"], "192.0.2.1"),
        (["192.0.2.1, 10.1.2.3, 10.1.2.4"], "192.0.2.1"),
        (["10.1.2.3, 10.1.2.4"], "10.1.2.3"),
        (["2001:db8::1, fd00::7"], "2001:db8::1"),
        (["2001:DB8:0::1"], "2001:db8::1"),
        (["::ffff:192.0.2.1"], "192.0.2.1"),
        (["192.0.2.1:5678, [fd00::1]:99"], "192.0.2.1"),
        (["garbage, 10.1.2.3"], "10.1.2.3"),
        (["192.0.2.1, garbage, 10.1.2.3"], "10.1.2.3"),
        (["garbage"], "127.0.0.1"),
        (["192.0.2.1, unknown"], "127.0.0.1"),
        (["192.0.2.1,"], "127.0.0.1"),
        (["999.1.1.1"], "127.0.0.1"),
    ],
)
async def test_the_last_address_that_is_no_trusted_proxys_is_the_callers(
    proxied: Shop, sent: list[str], source: str
) -> None:
    proxied.put(api())
    headers = [f"X-Forwarded-For: {one}" for one in sent]

    event = await proxied.event("/", *headers)
    assert event["requestContext"]["sourceIp"] == source
    assert proxied.behind.calls[0].traits.source_ip == source
    await proxied.wire.get("/url/u1/", *headers)
    assert proxied.behind.event["headers"]["x-scf-remote-addr"] == source


@pytest.mark.parametrize(
    ("sent", "scheme"),
    [
        ([], "http"),
        (["https"], "https"),
        (["HTTPS"], "https"),
        (["http, https"], "https"),
        (["https, http"], "http"),
        (["gopher"], "http"),
    ],
)
async def test_a_trusted_proxy_says_by_which_scheme_it_was_asked(
    proxied: Shop, sent: list[str], scheme: str
) -> None:
    proxied.put(api(), protocol=scheme)

    event = await proxied.event("/", *(f"X-Forwarded-Proto: {one}" for one in sent))
    assert event["headers"]["x-api-scheme"] == scheme
    other = "https" if scheme == "http" else "http"
    proxied.put(api(), protocol=other)
    heard = await proxied.get("/", *(f"X-Forwarded-Proto: {one}" for one in sent))
    assert heard.said == {"message": f"Not allow use {scheme.upper()} protocol"}


async def test_who_is_no_trusted_proxy_says_nothing_of_others(shop: Shop) -> None:
    shop.put(api())
    forged = (
        *("X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: forged"),
        *("X_Forwarded_For: 192.0.2.1", "X-Forwarded_For: 192.0.2.1"),
        *("Forwarded: for=192.0.2.1", "X-Real-IP: 192.0.2.1", "X_Real_IP: 192.0.2.1"),
    )

    event = await shop.event("/", *forged)
    assert event["requestContext"]["sourceIp"] == "127.0.0.1"
    assert not {"forwarded", "x-real-ip", "x_real_ip"} & event["headers"].keys()
    await shop.wire.get("/url/u1/", *forged)
    assert shop.behind.event["headers"] == {"host": "h", "x-scf-remote-addr": "127.0.0.1"}


async def test_functions_behind_a_trusted_proxy_are_told_the_chain(proxied: Shop) -> None:
    proxied.put(api())
    chain = ("X-Forwarded-For: 192.0.2.1, 10.1.2.3", "X_Forwarded_For: 192.0.2.9")

    event = await proxied.event("/", *chain, "X-Real-IP: 192.0.2.1")
    assert event["headers"]["x-real-ip"] == "192.0.2.1"
    assert event["headers"]["x-forwarded-for"] == "192.0.2.1, 10.1.2.3"
    assert "x_forwarded_for" not in event["headers"]


@pytest.mark.parametrize("path", [f"/{SERVICE}/release/x", "/url/u1/x"])
async def test_web_functions_are_told_who_asks_and_through_whom(
    proxied: Shop, shop: Shop, path: str
) -> None:
    told: dict[bytes, bytes] = {}

    async def listens(exchange: Exchange) -> None:
        told.clear()
        told.update(exchange.head.headers)
        await exchange.answer(Answer(status=204, headers=(), version="2"))
        await exchange.finish()

    chain = ("X-Forwarded-For: 192.0.2.1, 10.1.2.3", "X-Forwarded-Proto: https")
    for door, source, through, scheme in (
        (proxied, b"192.0.2.1", b"192.0.2.1, 10.1.2.3, 127.0.0.1", b"https"),
        (shop, b"127.0.0.1", b"127.0.0.1", b"http"),
    ):
        door.put(api())
        door.behind.web = listens
        assert (await door.wire.get(path, *chain)).status == 204
        assert told[b"x-scf-remote-addr"] == source
        assert told[b"x-forwarded-for"] == through
        assert told[b"x-forwarded-proto"] == scheme
        assert told[b"x-forwarded-host"] == b"h"
