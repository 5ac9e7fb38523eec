"""The event that an API's function gets, from real requests; only the function is a stand-in."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from huidu.gateway.guard import Passed
from huidu.model.service import HEADER, PATH, QUERY, SECRET, Parameter
from tests.gateway.apis import SERVICE, Shop, api

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

KEYS = [
    "requestContext",
    "headers",
    "body",
    "pathParameters",
    "queryStringParameters",
    "headerParameters",
    "stageVariables",
    "path",
    "queryString",
    "httpMethod",
    "isBase64Encoded",
]


def asks(name: str, position: str, **more: Any) -> Parameter:
    return Parameter(name=name, position=position, **more)


async def test_an_event_has_what_the_documents_show_in_that_order(shop: Shop) -> None:
    declared = (asks("path", PATH, required=True), asks("foo", QUERY), asks("Refer", HEADER))
    shop.put(api("/test/{path}", id="api-7", parameters=declared))

    heard = await shop.get(
        "/test/value?foo=bar&bob=alice",
        "User: Bob",
        "Refer: 10.0.2.14",
        method="POST",
        body=b'{"a":1}',
    )
    assert heard.status == 200
    (call,) = shop.behind.calls
    assert (call.qualifier, call.trigger, call.request_id) == ("release", "apigw", "id-1")
    assert list(shop.behind.event) == KEYS
    assert shop.behind.event == {
        "requestContext": {
            "serviceId": SERVICE,
            "path": "/test/{path}",
            "httpMethod": "ANY",
            "requestId": "id-1",
            "identity": {},
            "sourceIp": "127.0.0.1",
            "stage": "release",
        },
        "headers": {
            "host": "h",
            "user": "Bob",
            "refer": "10.0.2.14",
            "content-length": "7",
            "x-api-requestid": "id-1",
            "x-b3-traceid": "id-1",
            "x-qualifier": "release",
            "requestsource": "APIGW",
            "x-api-scheme": "http",
            "endpoint-timeout": "15",
            "x-anonymous-consumer": "true",
        },
        "body": '{"a":1}',
        "pathParameters": {"path": "value"},
        "queryStringParameters": {"foo": "bar"},
        "headerParameters": {"Refer": "10.0.2.14"},
        "stageVariables": {"stage": "release"},
        "path": "/test/value",
        "queryString": {"foo": "bar", "bob": "alice"},
        "httpMethod": "POST",
        "isBase64Encoded": False,
    }


async def test_an_event_is_the_same_bytes_that_the_json_module_would_write(shop: Shop) -> None:
    shop.put(api())

    await shop.get("/%E9%B2%8D%22%5C%00/x?n=%E9%B2%8D%0A", body='"\x7f鲍"'.encode())
    event = shop.behind.calls[-1].event
    again = json.dumps(json.loads(event), ensure_ascii=False, separators=(",", ":"))
    assert event == again.encode()


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("", "/"),
        ("/", "/"),
        ("/a%20b", "/a b"),
        ("/%E9%B2%8D%E5%8B%83", "/鲍勃"),
        ("/a%2Fb%2fc", "/a%2Fb%2Fc"),
        ("/100%25", "/100%25"),
        ("/%252F", "/%252F"),
        ("/%FF", "/%FF"),
        ("//a//", "//a//"),
        ("/a/../b/./c", "/a/../b/./c"),
        ("/a+b", "/a+b"),
        (f"/{SERVICE}/release/x", f"/{SERVICE}/release/x"),
    ],
)
async def test_a_path_is_below_its_environment_and_loses_nothing(
    shop: Shop, sent: str, path: str
) -> None:
    shop.put(api())

    assert (await shop.event(sent))["path"] == path


@pytest.mark.parametrize(
    ("sent", "query"),
    [
        ("", {}),
        ("?", {}),
        ("?a=1&a=2", {"a": "1"}),  # as rules see it
        ("?a", {"a": ""}),
        ("?a=", {"a": ""}),
        ("?=1", {"": "1"}),
        ("?a=b=c", {"a": "b=c"}),
        ("?a=x+y%20z", {"a": "x y z"}),
        ("?%E9%B2%8D=%E5%8B%83", {"鲍": "勃"}),
        ("?a=%FF", {"a": "\ufffd"}),
        ("?a[]=1&a[]=2", {"a[]": "1"}),
        ("?a=1;b=2", {"a": "1;b=2"}),
        ("?a=/x/../y?z", {"a": "/x/../y?z"}),
    ],
)
async def test_a_query_is_decoded_and_the_first_of_a_name_counts(
    shop: Shop, sent: str, query: dict[str, str]
) -> None:
    shop.put(api())

    assert (await shop.event(f"/{sent}"))["queryString"] == query


async def test_only_what_is_declared_is_a_parameter_by_name(shop: Shop) -> None:
    declared = (
        asks("page", QUERY, default="1"),
        asks("size", QUERY, default="20"),
        asks("absent", QUERY),
        asks("X-Tenant", HEADER, default="none"),
        asks("X-Absent", HEADER),
    )
    shop.put(api("/{a}/{b}", parameters=declared))

    event = await shop.event("/one%2Ftwo/%E9%B2%8D?size=5&more=1", "x-tenant: acme")
    assert event["pathParameters"] == {"a": "one/two", "b": "鲍"}
    assert event["queryStringParameters"] == {"page": "1", "size": "5"}
    assert event["headerParameters"] == {"X-Tenant": "acme"}
    assert event["queryString"] == {"size": "5", "more": "1"}


async def test_a_constant_is_told_whatever_the_client_says(shop: Shop) -> None:
    constants = (
        asks("X-Stage", HEADER, default="canary"),
        asks("v", QUERY, default="2"),
        asks("tenant", PATH, default="acme"),
    )
    shop.put(api(constants=constants))

    event = await shop.event("/?v=9&w=1", "X-Stage: forged")
    assert event["headers"]["x-stage"] == event["headerParameters"]["X-Stage"] == "canary"
    assert event["queryString"] == {"v": "2", "w": "1"}
    assert event["queryStringParameters"] == {"v": "2"}
    assert event["pathParameters"] == {"tenant": "acme"}


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (asks("X-Tenant", HEADER, required=True), "header X-Tenant is required"),
        (asks("page", QUERY, required=True), "querystring page is required"),
        (asks("id", PATH, required=True), "path variable id is required"),
    ],
)
async def test_a_required_parameter_that_is_missing_is_named(
    shop: Shop, declared: Parameter, said: str
) -> None:
    shop.put(api(parameters=(declared,)))

    heard = await shop.get("/")
    assert (heard.status, heard.said) == (403, {"message": said})
    assert shop.behind.calls == []


async def test_a_required_parameter_with_a_default_is_never_missing(shop: Shop) -> None:
    shop.put(api(parameters=(asks("page", QUERY, required=True, default="1"),)))

    assert (await shop.event("/"))["queryStringParameters"] == {"page": "1"}


@pytest.mark.parametrize("sent", [b"", "鲍勃".encode(), b"\x00\x01", b'{"a": "\\u0000"}'])
async def test_a_body_that_is_text_is_told_as_it_is(shop: Shop, sent: bytes) -> None:
    shop.put(api())

    event = await shop.event("/", method="POST", body=sent)
    assert (event["body"], event["isBase64Encoded"]) == (sent.decode(), False)


async def test_a_body_that_is_no_text_is_in_base64_for_json_cannot_hold_it(shop: Shop) -> None:
    shop.put(api())

    event = await shop.event("/", method="POST", body=b"\xff\x00")
    assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)


@pytest.mark.parametrize("sent", [b"", b"text", b"\xff"])
async def test_an_api_with_base64_gets_every_body_in_it(shop: Shop, sent: bytes) -> None:
    shop.put(api(base64=True))

    event = await shop.event("/", method="POST", body=sent)
    assert (event["body"], event["isBase64Encoded"]) == (base64.b64encode(sent).decode(), True)


@pytest.mark.parametrize(
    ("headers", "encoded"),
    [
        ([], False),
        (["Accept: text/html"], False),
        (["Accept: */*"], False),
        (["Accept: text/html, image/png;q=0.9"], True),
        (["Accept: IMAGE/PNG"], True),
        (["Content-Type: application/octet-stream"], True),
        (["Content-Type: image/png"], False),
        (["Content-Type: video/mp4"], True),
        (["Content-Type: video, mp4"], False),
        (["Accept: text/html", "Content-Type: application/octet-stream; x=1"], True),
    ],
)
async def test_with_rules_only_bodies_that_meet_one_of_them_are(
    shop: Shop, headers: list[str], *, encoded: bool
) -> None:
    rules = (
        ("Accept", ("image/png",)),
        ("Content_Type", ("application/octet-stream", "video/*4")),
    )
    shop.put(api(base64=True, base64_rules=rules))

    assert (await shop.event("/", *headers))["isBase64Encoded"] is encoded


@pytest.mark.timeout(20)
@pytest.mark.parametrize("rule", ["*a*a*a*a*a*b", "*" * 1000 + "b", "x" * 10_000_000])
async def test_a_rule_keeps_nobody_waiting_whatever_it_is_and_whatever_is_sent(
    shop: Shop, rule: str
) -> None:
    shop.put(api(base64=True, base64_rules=(("Accept", (rule,)),)))

    assert not (await shop.event("/", f"Accept: {'a' * 30_000}"))["isBase64Encoded"]


async def test_a_client_cannot_say_what_only_the_gateway_may(shop: Shop) -> None:
    shop.put(api(auth=SECRET))
    forged = (
        *("X-Api-RequestId: forged", "x_api_requestid: forged", "X-B3-TraceId: forged"),
        *("X-Qualifier: forged", "RequestSource: forged", "X-Api-Scheme: https"),
        *("Endpoint-Timeout: 1", "X-Anonymous-Consumer: true", "X-Scf-Request-Id: forged"),
        *("X-Forwarded-For: 192.0.2.1", "X_Forwarded_For: 192.0.2.1", "X-Forwarded-Proto: https"),
    )

    event = await shop.event("/", *forged, "X-Mine: stays")
    assert event["headers"] == {
        "host": "h",
        "x-mine": "stays",
        "x-api-requestid": "id-1",
        "x-b3-traceid": "id-1",
        "x-qualifier": "release",
        "requestsource": "APIGW",
        "x-api-scheme": "http",
        "endpoint-timeout": "15",
    }
    assert event["requestContext"]["sourceIp"] == "127.0.0.1"


async def test_the_key_that_the_guard_knows_is_in_the_context(shop: Shop) -> None:
    shop.put(api(auth=SECRET))
    shop.guard.says = Passed(secret_id="AKIDbob", headers=[("X-Api-RateLimit", "5/10")])

    heard = await shop.get("/x?y=1", "User: Bob", method="POST", body=b"body")
    assert shop.behind.event["requestContext"]["identity"] == {"secretId": "AKIDbob"}
    assert heard.headers["x-api-ratelimit"] == "5/10"
    (asked,) = shop.guard.asked
    assert (asked.environment, asked.api.id) == ("release", "api-1")
    assert (asked.request.path, asked.request.query, asked.request.body) == ("/x", "y=1", b"")
    assert ("user", "Bob") in asked.request.headers


async def test_rules_see_headers_cookies_query_and_address(shop: Shop) -> None:
    shop.put(api())

    await shop.get("/?v=2&v=3", "USER: Bob", "User: Ann", "Cookie: sid=9; a=b")
    shown = shop.behind.calls[0].traits
    assert (shown.headers["user"], shown.folded) == ("Bob", True)
    assert shown.cookies == {"sid": "9", "a": "b"}
    assert shown.query == {"v": "2"}
    assert shown.source_ip == "127.0.0.1"


async def test_a_routing_key_is_seen_instead_of_headers_and_handed_on(shop: Shop) -> None:
    shop.put(api())

    await shop.get("/", "User: Ann", 'X-Scf-Routing-Key: {"User":"Bob"}')
    (call,) = shop.behind.calls
    assert (call.traits.headers, call.traits.folded) == ({"User": "Bob"}, False)
    assert call.routing_key == '{"User":"Bob"}'


async def test_a_routing_key_that_cannot_be_read_is_the_callers_fault(shop: Shop) -> None:
    shop.put(api())

    heard = await shop.get("/", "X-Scf-Routing-Key: {")
    assert heard.status == 400
    assert "RoutingKey" in heard.said["errorMessage"]
