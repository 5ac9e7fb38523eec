"""The gateway listener over real HTTP; only what is called behind it is a stand-in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import pytest_asyncio

from huidu.body import MOST_PASSED_OVER_BYTES
from huidu.gateway.app import Gateway
from huidu.listener import Listener
from huidu.model.errors import Failed, InvalidValue, NotFound, Refusal
from huidu.model.invocation import MOST_EVENT_BYTES, Outcome, Status, failure
from tests.fakes_store import HELLO
from tests.gateway.wire import Behind, Urls, Wire

MEGABYTE = bytes(1 << 20)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[Wire]:
    """One listener for all tests: to close one takes a while."""
    behind = Behind()
    listener = Listener("127.0.0.1", 0)
    await listener.open(Gateway(Urls(), behind, behind, behind.new_id))
    yield Wire(behind, int(listener.url.rpartition(":")[2]))
    await listener.close()


@pytest.fixture
def wire(opened: Wire) -> Wire:
    opened.behind.begin_anew()
    return opened


@pytest.fixture
def behind(wire: Wire) -> Behind:
    return wire.behind


async def test_a_function_url_calls_what_it_is_bound_to(wire: Wire, behind: Behind) -> None:
    heard = await wire.get(
        "/url/u1/shop/a%20b?item=7", "User: Bob", "Cookie: sid=9", method="PUT", body=b"in"
    )

    assert (heard.status, heard.said) == (200, "ok")
    assert heard.headers["x-api-requestid"] == "id-1"
    assert heard.headers["x-scf-version"] == "2"
    assert heard.headers["x-scf-alias"] == "release"
    (call,) = behind.calls
    assert (call.request_id, call.function, call.qualifier) == ("id-1", HELLO, "release")
    assert call.trigger == "http"
    assert call.traits.headers["user"] == "Bob"
    assert call.traits.cookies == {"sid": "9"}
    assert call.traits.query == {"item": "7"}
    assert behind.event["path"] == "/shop/a b"
    assert behind.event["httpMethod"] == "PUT"
    assert behind.event["body"] == "in"
    assert behind.event["headers"]["x-scf-remote-addr"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/url/u1", "/"),
        ("/url/u1/", "/"),
        ("/url/u1?a=/b", "/"),
        ("/url/u1//x", "//x"),
        ("/url/u1/%2F", "//"),
        ("/url/u1/url/u1/", "/url/u1/"),
    ],
)
async def test_a_function_sees_the_path_below_its_url(
    wire: Wire, behind: Behind, path: str, seen: str
) -> None:
    assert (await wire.get(path)).status == 200
    assert behind.event["path"] == seen


@pytest.mark.parametrize(
    "path", ["/", "/url", "/url/", "/url/u2/x", "/u1/x", "/URL/u1", "/x/url/u1"]
)
async def test_nothing_else_is_published(wire: Wire, behind: Behind, path: str) -> None:
    heard = await wire.get(path)

    assert heard.status == 404
    assert "nothing is published" in heard.said["errorMessage"]
    assert heard.headers["x-api-requestid"] == "id-1"
    assert behind.calls == []


async def test_the_gateway_says_that_it_is_well(wire: Wire) -> None:
    heard = await wire.get("/healthz")

    assert (heard.status, heard.said) == (200, {"status": "ok"})


async def test_a_version_that_was_called_without_an_alias_names_none(
    wire: Wire, behind: Behind
) -> None:
    behind.alias = ""

    assert "x-scf-alias" not in (await wire.get("/url/u1")).headers


async def test_a_function_that_failed_answers_with_the_number_of_its_failure(
    wire: Wire, behind: Behind
) -> None:
    behind.outcome = failure(Status.TIMED_OUT, "Invoking task timed out after 3 seconds", "id-1")

    heard = await wire.get("/url/u1")
    assert heard.status == 433
    assert heard.said["errorMessage"] == "Invoking task timed out after 3 seconds"
    assert heard.headers["x-scf-version"] == "2"


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (NotFound("Qualifier", "release"), 404),
        (InvalidValue("Param", "RoutingKey: not JSON"), 400),
        (Failed("FunctionStatusError", "version 3 is PublishFailed"), 500),
    ],
)
async def test_a_refusal_says_whose_fault_it_is(
    wire: Wire, behind: Behind, refusal: Refusal, status: int
) -> None:
    behind.fails = refusal

    heard = await wire.get("/url/u1")
    assert heard.status == status
    assert heard.said == {"errorCode": refusal.code, "errorMessage": refusal.message}
    assert heard.headers["x-api-requestid"] == "id-1"
    assert "x-scf-version" not in heard.headers


async def test_a_routing_key_that_cannot_be_read_is_the_callers_fault(wire: Wire) -> None:
    heard = await wire.get("/url/u1", "X-Scf-Routing-Key: {")

    assert heard.status == 400
    assert heard.said["errorCode"] == "InvalidParameterValue.Param"


async def test_an_error_of_ours_is_an_answer_too_and_tells_nothing_but_its_id(
    wire: Wire, behind: Behind
) -> None:
    behind.fails = KeyError("a secret")

    heard = await wire.get("/url/u1")
    assert heard.status == 500
    assert heard.headers["x-api-requestid"] == "id-1"
    assert "id-1" in heard.said["errorMessage"]
    assert b"secret" not in heard.body


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_does_not_disturb_the_next_one(
    wire: Wire, behind: Behind, status: int
) -> None:
    said = {"statusCode": status, "body": "HTTP/1.1 500 Smuggled\r\n\r\n"}
    behind.outcome = Outcome(status=200, result=json.dumps(said))
    request = b"GET /url/u1 HTTP/1.1\r\nHost: h\r\n\r\n"

    heard = await wire.send(request, request)
    assert [one.status for one in heard] == [status, status]
    assert [one.headers["x-api-requestid"] for one in heard] == ["id-1", "id-2"]


async def test_a_head_hears_how_long_the_answer_would_be(wire: Wire) -> None:
    heard = await wire.get("/url/u1", method="HEAD")

    assert (heard.status, heard.headers["content-length"], heard.body) == (200, "4", b"")


async def test_a_body_may_come_in_chunks(wire: Wire, behind: Behind) -> None:
    top = b"POST /url/u1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    (heard,) = await wire.send(top + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    assert heard.status == 200
    assert behind.event["body"] == "abcde"


async def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(
    wire: Wire, behind: Behind
) -> None:
    heard = await wire.get("/url/u1", f"Content-Length: {MOST_EVENT_BYTES + 1}", method="POST")

    assert heard.status == 413
    assert str(MOST_EVENT_BYTES) in heard.said["errorMessage"]
    assert heard.headers["connection"] == "close"
    assert heard.headers["x-api-requestid"] == "id-1"
    assert behind.calls == []


async def test_a_client_that_sends_a_body_that_is_too_large_to_its_end_hears_why_not(
    wire: Wire, behind: Behind
) -> None:
    heard = await wire.get("/url/u1", method="POST", body=bytes(MOST_EVENT_BYTES + 4_000_000))

    assert heard.status == 413
    assert behind.calls == []


async def test_a_body_in_chunks_that_grows_too_large_is_refused(wire: Wire, behind: Behind) -> None:
    top = b"POST /url/u1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    (heard,) = await wire.send(top + chunk * 7 + b"0\r\n\r\n")

    assert heard.status == 413
    assert behind.calls == []


async def test_a_client_that_leaves_while_it_sends_calls_nothing(
    wire: Wire, behind: Behind
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(b"POST /url/u1 HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nonly this")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()
    await writer.wait_closed()
    assert (await wire.get("/healthz")).status == 200

    assert behind.calls == []


async def test_a_client_that_never_ends_is_not_listened_to_for_ever(behind: Behind) -> None:
    megabytes = 0
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        nonlocal megabytes
        megabytes += 1
        return {"type": "http.request", "body": MEGABYTE, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/url/u1",
        "query_string": b"",
        "headers": [],
    }
    await Gateway(Urls(), behind, behind, behind.new_id)(scope, receive, send)

    assert sent[0]["status"] == 413
    assert megabytes == (MOST_EVENT_BYTES + MOST_PASSED_OVER_BYTES) // len(MEGABYTE) + 1
    assert behind.calls == []


async def test_what_is_not_http_is_not_answered(behind: Behind) -> None:
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    gateway = Gateway(Urls(), behind, behind, lambda: "id-1")
    await gateway({"type": "lifespan"}, cast("Any", None), send)

    assert sent == []


async def test_a_listener_says_where_it_listens_and_that_a_port_is_taken(behind: Behind) -> None:
    gateway = Gateway(Urls(), behind, behind, lambda: "id-1")
    first = Listener("127.0.0.1", 0)
    await first.open(gateway)
    port = int(first.url.rpartition(":")[2])

    with pytest.raises(OSError, match=rf"127\.0\.0\.1:{port}"):
        Listener("127.0.0.1", port)
    with pytest.raises(OSError, match=r"203\.0\.113\.1:80"):
        Listener("203.0.113.1", 80)  # nobody has that address
    await first.close()

    six = Listener("::1", 0)
    assert six.url.startswith("http://[::1]:")
    await six.close()


async def test_of_two_that_would_listen_at_one_port_the_second_is_told_at_once(
    behind: Behind,
) -> None:
    gateway = Gateway(Urls(), behind, behind, lambda: "id-1")
    first = Listener("127.0.0.1", 0)

    with pytest.raises(OSError, match="in use"):
        Listener("127.0.0.1", int(first.url.rpartition(":")[2]))
    await first.close()
    with pytest.raises(OSError, match="cannot listen"):
        await first.open(gateway)
    await first.close()
