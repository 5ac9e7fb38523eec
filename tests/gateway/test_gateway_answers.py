"""What callers of an API hear, over real HTTP; only the function is a stand-in."""

from __future__ import annotations

import asyncio

import pytest

from huidu.gateway.guard import Denied
from huidu.gateway.message import Response
from huidu.model.errors import Failed, InvalidValue, NotFound, Refusal
from huidu.model.invocation import MOST_EVENT_BYTES, Outcome, Status, failure
from huidu.model.service import Backend
from tests.fakes_store import HELLO
from tests.gateway.apis import SERVICE, Shop, api, says, values
from tests.gateway.wire import hear

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

WEB = Backend(function=HELLO, qualifier="release", web=True)
MALFORMED = {
    "errno": 403,
    "error": "requestId id-1, Invalid scf response. expected scf response valid JSON.",
    "message": "SCF invoke error",
}


# Integrated


@pytest.mark.parametrize(
    ("said", "status", "body"),
    [
        ({"statusCode": 200, "body": "plain"}, 200, b"plain"),
        (
            {"statusCode": 200, "body": "plain", "isBase64Encoded": False, "headers": {}},
            200,
            b"plain",
        ),
        ({"statusCode": 201, "body": "鲍勃"}, 201, "鲍勃".encode()),
        ({"statusCode": "404", "body": ""}, 404, b""),
        ({"statusCode": 599, "body": ""}, 599, b""),
        ({"statusCode": 200}, 200, b""),
        ({"statusCode": 200, "body": None, "headers": None, "isBase64Encoded": None}, 200, b""),
        ({"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}, 200, b"\x00\xff"),
        ({"statusCode": 200, "body": "AP8=", "isBase64Encoded": "true"}, 200, b"\x00\xff"),
        ({"statusCode": 200, "body": "AP8=", "isBase64Encoded": "false"}, 200, b"AP8="),
        ({"statusCode": 200, "body": "x", "more": 1}, 200, b"x"),
    ],
)
async def test_a_function_says_status_and_body_itself(
    shop: Shop, said: object, status: int, body: bytes
) -> None:
    says(shop, said)

    heard = await shop.get("/")
    assert (heard.status, heard.body) == (status, body)


@pytest.mark.parametrize(
    "said",
    [
        "text",
        7,
        None,
        [],
        {},
        {"body": "no status"},
        {"statusCode": "teapot", "body": ""},
        {"statusCode": None, "body": ""},
        {"statusCode": 99, "body": ""},
        {"statusCode": 101, "body": ""},
        {"statusCode": 600, "body": ""},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": 7},
        {"statusCode": 200, "body": "no base64", "isBase64Encoded": True},
        {"statusCode": 200, "body": "x", "isBase64Encoded": 1},
        {"statusCode": 200, "body": "x", "isBase64Encoded": "yes"},
        {"statusCode": 200, "body": "\ud800"},
        {"statusCode": 200, "body": "x", "headers": "text"},
        {"statusCode": 200, "body": "x", "headers": {"A": "x\r\nSet-Cookie: a=1"}},
        {"statusCode": 200, "body": "x", "headers": {"A": "\x00"}},
        {"statusCode": 200, "body": "x", "headers": {"A\r\nB": "x"}},
        {"statusCode": 200, "body": "x", "headers": {"A": ["good", "\n"]}},
    ],
)
async def test_what_is_no_response_is_403_with_a_number(shop: Shop, said: object) -> None:
    says(shop, said)

    heard = await shop.get("/")
    assert (heard.status, heard.said) == (403, MALFORMED)
    assert heard.headers["content-type"] == "application/json"


@pytest.mark.parametrize("result", ["", "no JSON", "[" * 100_000])
async def test_a_result_that_is_no_json_is_no_response(shop: Shop, result: str) -> None:
    says(shop, None)
    shop.behind.outcome = Outcome(status=200, result=result)

    heard = await shop.get("/")
    assert (heard.status, heard.said) == (403, MALFORMED)


async def test_lists_of_values_are_repeated_headers(shop: Shop) -> None:
    headers = {"Set-Cookie": ["a=1; Path=/", "b=2"], "Content-Type": "text/html", "X-Number": 7}
    says(shop, {"statusCode": 200, "headers": headers, "body": "<b>"})

    heard = await shop.get("/")
    assert values(heard, "set-cookie") == ["a=1; Path=/", "b=2"]
    assert values(heard, "content-type") == ["text/html"]
    assert values(heard, "x-number") == ["7"]


async def test_a_function_cannot_say_what_only_the_gateway_may(shop: Shop) -> None:
    forged = ("X-Api-RequestId", "X-Api-ID", "X-Scf-Version", "X-Scf-Alias", "X-Api-Status")
    says(shop, {"statusCode": 200, "headers": dict.fromkeys(forged, "forged"), "body": ""})

    heard = await shop.get("/")
    assert "forged" not in [value for _, value in heard.pairs]


async def test_every_answer_says_who_gave_it(shop: Shop) -> None:
    says(shop, {"statusCode": 500, "body": ""}, id="api-7")

    heard = await shop.get("/")
    assert heard.headers["x-api-requestid"] == "id-1"
    assert heard.headers["x-api-id"] == "api-7"
    assert (heard.headers["x-scf-version"], heard.headers["x-scf-alias"]) == ("2", "release")
    assert "x-api-status" not in heard.headers  # the function answered, whatever it said


async def test_a_head_hears_the_headers_and_no_body(shop: Shop) -> None:
    says(shop, {"statusCode": 200, "headers": {"X-A": "1"}, "body": "four"})

    request = f"HEAD /{SERVICE}/release/ HTTP/1.1\r\nHost: h\r\n\r\n".encode()
    first, second = await shop.wire.send(request, request.replace(b"HEAD", b"GET"))
    assert (first.status, first.headers["content-length"], first.headers["x-a"]) == (200, "4", "1")
    assert (second.status, second.body) == (200, b"four")


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_that_has_no_body_leaves_the_next_one_alone(
    shop: Shop, status: int
) -> None:
    says(shop, {"statusCode": status, "body": "HTTP/1.1 500 Smuggled\r\n\r\n"})

    request = f"GET /{SERVICE}/release/ HTTP/1.1\r\nHost: h\r\n\r\n".encode()
    heard = await shop.wire.send(request, request)
    assert [one.status for one in heard] == [status, status]
    assert "content-length" not in heard[0].headers
    assert "transfer-encoding" not in heard[0].headers


# Pass-through


@pytest.mark.parametrize(
    "result",
    ['"abc"', "7", "null", '{"a": [1]}', '{"statusCode": 500, "body": "not looked at"}', ""],
)
async def test_without_integration_the_result_is_the_body_as_json(shop: Shop, result: str) -> None:
    shop.put(api())
    shop.behind.outcome = Outcome(status=200, result=result)

    heard = await shop.get("/")
    assert (heard.status, heard.body) == (200, result.encode())
    assert heard.headers["content-type"] == "application/json"


# Failures


@pytest.mark.parametrize("integrated", [False, True])
@pytest.mark.parametrize(
    "status", [Status.USER_ERROR, Status.TIMED_OUT, Status.MEMORY_EXCEEDED, Status.PROCESS_EXITED]
)
async def test_a_failure_of_the_function_is_the_status_with_the_reason(
    shop: Shop, status: Status, *, integrated: bool
) -> None:
    shop.put(api(integrated=integrated))
    shop.behind.outcome = failure(status, "it failed", "id-1")

    heard = await shop.get("/x%20y?z=1")
    assert heard.status == status
    assert heard.said["errorMessage"] == "it failed"
    told = {
        "x-api-funcname": "hello",
        "x-api-appid": "1250000000",
        "x-api-serviceid": SERVICE,
        "x-api-httphost": "h",
        "x-api-uri": f"/{SERVICE}/release/x%20y",
        "x-api-status": str(int(status)),
        "x-api-upstreamstatus": str(int(status)),
        "x-scf-version": "2",
    }
    assert told.items() <= heard.headers.items()


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (NotFound("Function", "hello"), 435),
        (NotFound("Qualifier", "release"), 442),
        (InvalidValue("FunctionType", "Function [hello] is of Type HTTP"), 400),
        (Failed("FunctionStatusError", "version 3 is PublishFailed"), 500),
    ],
)
async def test_where_no_version_answers_that_is_the_status(
    shop: Shop, refusal: Refusal, status: int
) -> None:
    shop.put(api())
    shop.behind.fails = refusal

    heard = await shop.get("/")
    assert (heard.status, heard.headers["x-api-status"]) == (status, str(status))
    assert heard.said["errorMessage"] == refusal.message
    assert "x-scf-version" not in heard.headers


async def test_an_error_of_ours_tells_nothing_but_its_id(shop: Shop) -> None:
    shop.put(api())
    shop.behind.fails = KeyError("a secret")

    heard = await shop.get("/")
    assert heard.status == 500
    assert "id-1" in heard.said["errorMessage"]
    assert b"secret" not in heard.body


async def test_who_is_denied_hears_the_guard_and_calls_nothing(shop: Shop) -> None:
    shop.put(api(cors=True, id="api-7"))
    shop.guard.says = Denied(Response(status=429, headers=[("Retry-After", "1")], body=b"{}"))

    heard = await shop.get("/")
    assert (heard.status, heard.headers["retry-after"]) == (429, "1")
    assert heard.headers["access-control-allow-origin"] == "*"
    assert heard.headers["x-api-id"] == "api-7"
    assert shop.behind.calls == []


# Bodies


async def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(shop: Shop) -> None:
    shop.put(api())

    heard = await shop.get("/", f"Content-Length: {MOST_EVENT_BYTES + 1}", method="POST")
    assert (heard.status, heard.said) == (413, {"message": "Request Entity Too Large"})
    assert heard.headers["connection"] == "close"
    assert shop.behind.calls == []


async def test_a_body_in_chunks_that_grows_too_large_is_refused(shop: Shop) -> None:
    shop.put(api())
    top = f"POST /{SERVICE}/release/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"

    (heard,) = await shop.wire.send(top.encode() + chunk * 7 + b"0\r\n\r\n")
    assert heard.status == 413
    assert shop.behind.calls == []


# Time


async def test_a_call_that_takes_longer_than_its_api_has_is_cut_off(shop: Shop) -> None:
    shop.put(api(timeout_s=0.05, cors=True))
    shop.behind.slow_s = 30.0

    heard = await shop.get("/")
    assert (heard.status, heard.said) == (504, {"message": "Gateway Time-out"})
    assert (heard.headers["x-api-status"], heard.headers["x-api-funcname"]) == ("504", "hello")
    assert heard.headers["access-control-allow-origin"] == "*"
    assert shop.behind.ended == ["cut off"]


async def test_a_call_that_is_quicker_is_not(shop: Shop) -> None:
    shop.put(api(timeout_s=20))
    shop.behind.slow_s = 0.01

    assert (await shop.get("/")).status == 200
    assert shop.behind.ended == ["in time"]


async def test_answers_on_one_connection_do_not_mix(shop: Shop) -> None:
    shop.put(api())
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.wire.port)
    for number in range(3):
        writer.write(f"GET /{SERVICE}/release/{number} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        assert (await hear(reader)).headers["x-api-requestid"] == f"id-{number + 1}"
        assert shop.behind.event["path"] == f"/{number}"
    writer.close()
    await writer.wait_closed()


async def test_an_error_of_the_gateway_itself_is_told_with_the_id_of_the_request(
    shop: Shop,
) -> None:
    shop.put(api())
    shop.guard.fails = KeyError("a secret")

    heard = await shop.get("/", method="POST", body=b"unread")
    assert (heard.status, heard.headers["x-api-requestid"]) == (500, "id-1")
    assert heard.said["errorCode"] == "InternalError"
    assert b"secret" not in heard.body
    shop.guard.fails = None
    assert (await shop.get("/")).status == 200


@pytest.mark.parametrize(("auth", "times"), [("NONE", 1), ("SECRET", 2)])
async def test_who_was_let_in_is_not_asked_again_but_by_another_guard(
    shop: Shop, auth: str, times: int
) -> None:
    shop.put(api())
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.wire.port)
    head = f"POST /{SERVICE}/release/ HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n"
    writer.write(head.encode() + b"a")
    async with asyncio.timeout(10):
        while not shop.guard.asked:  # noqa: ASYNC110 - the fake has no event to wait for
            await asyncio.sleep(0.01)
    shop.put(api(auth=auth), name="v2")
    writer.write(b"b")

    assert (await hear(reader)).status == 200
    assert len(shop.guard.asked) == times
    writer.close()
    await writer.wait_closed()
