"""From HTTP to an event and back again, without a socket."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.gateway.event import event_of, failure_status, response_of, traits
from huidu.gateway.message import Request
from huidu.model.errors import InvalidValue
from huidu.model.invocation import Outcome, Status, failure

PLAIN = [("content-type", "application/json")]


def request(*headers: tuple[str, str], **more: Any) -> Request:
    known = {"method": "GET", "path": "/", "query": "", "body": b"", "source_ip": "192.0.2.7"}
    return Request(headers=headers, **known | more)


def read(asked: Request) -> dict[str, Any]:
    return dict(json.loads(event_of(asked)))


def answered(said: object) -> Outcome:
    return Outcome(status=200, result=json.dumps(said))


def malformed(said: object) -> bool:
    made = response_of(answered(said))
    return made.status == 403 and json.loads(made.body)["errno"] == 403


# Requests


def test_an_event_has_what_the_function_url_of_the_cloud_gives() -> None:
    asked = request(
        ("host", "h"),
        ("user", "Bob"),
        ("user", "Ann"),
        ("x-scf-remote-addr", "spoofed"),
        ("x_scf_remote_addr", "spoofed"),
        ("x-scf-uin", "spoofed"),
        method="POST",
        path="/a b/鲍勃",
        query="x=1&x=2&empty=&plus=a+b&name=%E9%B2%8D",
        body='{"in": "鲍勃"}'.encode(),
    )

    assert read(asked) == {
        "headers": {"host": "h", "user": "Bob", "x-scf-remote-addr": "192.0.2.7"},
        "httpMethod": "POST",
        "path": "/a b/鲍勃",
        "queryString": {"x": "1", "empty": "", "plus": "a b", "name": "鲍"},
        "body": '{"in": "鲍勃"}',
        "isBase64Encoded": False,
    }


@given(body=st.binary(max_size=200))
def test_a_body_survives_whatever_its_bytes(body: bytes) -> None:
    event = read(request(body=body))
    text = event["body"]

    assert body == (base64.b64decode(text) if event["isBase64Encoded"] else text.encode())


def test_a_request_shows_its_headers_cookies_query_and_address() -> None:
    shown = traits(request(("user", "Bob"), ("cookie", "sid=7"), query="v=2&v=3"))

    assert shown.headers == {"user": "Bob", "cookie": "sid=7"}
    assert shown.folded
    assert shown.cookies == {"sid": "7"}
    assert shown.query == {"v": "2"}
    assert shown.source_ip == "192.0.2.7"


def test_a_routing_key_that_is_sent_takes_the_place_of_the_headers() -> None:
    shown = traits(
        request(("user", "Ann"), ("x-scf-routing-key", '{"User": "Bob"}'), ("cookie", "sid=7"))
    )

    assert shown.headers == {"User": "Bob"}
    assert not shown.folded
    assert shown.cookies == {"sid": "7"}


@pytest.mark.parametrize("key", ["{", "[]", "x" * 1025])
def test_a_routing_key_that_cannot_be_read_is_refused(key: str) -> None:
    with pytest.raises(InvalidValue, match="RoutingKey"):
        traits(request(("x-scf-routing-key", key)))


@pytest.mark.parametrize(
    ("sent", "cookies"),
    [
        ("", {}),
        ("sid=7", {"sid": "7"}),
        ("a=1; sid=7;b=2", {"a": "1", "sid": "7", "b": "2"}),
        ("sid=7; sid=8", {"sid": "7"}),
        ('sid="seven"', {"sid": "seven"}),
        ('sid="', {"sid": '"'}),
        ("sid=a=b==", {"sid": "a=b=="}),
        ("sid=", {"sid": ""}),
        # What others have set does not hide ours, however odd it is.
        ('prefs={"a": 1, "b": [2]}; sid=7', {"prefs": '{"a": 1, "b": [2]}', "sid": "7"}),
        ("no value; sid=7", {"sid": "7"}),
        ("path=/x; version=2; sid=7", {"path": "/x", "version": "2", "sid": "7"}),
        ("für=1; sid=7", {"für": "1", "sid": "7"}),
        ("a b=1; sid=7", {"a b": "1", "sid": "7"}),
    ],
)
def test_each_cookie_is_read_whatever_the_others_are(sent: str, cookies: dict[str, str]) -> None:
    assert traits(request(("cookie", sent))).cookies == cookies


# Responses


@pytest.mark.parametrize(
    "said", ["text", 7, None, [1], {"a": 1}, {"body": "no statusCode"}, {"statuscode": 200}]
)
def test_what_is_no_response_is_the_body_as_json(said: object) -> None:
    made = response_of(answered(said))

    assert (made.status, made.headers) == (200, PLAIN)
    assert json.loads(made.body) == said


def test_nothing_at_all_is_an_empty_body() -> None:
    assert response_of(Outcome(status=200)).body == b""


def test_a_result_that_is_too_deep_to_read_is_the_body() -> None:
    deep = "[" * 100_000 + "]" * 100_000

    made = response_of(Outcome(status=200, result=deep))
    assert (made.status, made.body) == (200, deep.encode())


def test_a_function_may_say_status_headers_and_body_itself() -> None:
    made = response_of(
        answered(
            {
                "statusCode": 201,
                "headers": {
                    "Content-Type": "text/html",
                    "Set-Cookie": ["a=1", "b=2"],
                    "X-Number": 7,
                    "X-Yes": True,
                    "X-Text": "für 鲍勃",
                },
                "body": "<b>",
            }
        )
    )

    assert (made.status, made.body) == (201, b"<b>")
    assert made.headers == [
        ("Content-Type", "text/html"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("X-Number", "7"),
        ("X-Yes", "true"),
        ("X-Text", "für 鲍勃"),
    ]


@pytest.mark.parametrize(
    ("said", "body"),
    [
        ({}, b""),
        ({"body": None}, b""),
        ({"body": "鲍勃"}, "鲍勃".encode()),
        ({"body": {"a": [1]}}, b'{"a": [1]}'),
        ({"body": 7}, b"7"),
        ({"body": "AP8=", "isBase64Encoded": True}, b"\x00\xff"),
        ({"body": "plain", "isBase64Encoded": False}, b"plain"),
        ({"isBase64Encoded": True}, b""),
        ({"headers": None}, b""),
        ({"headers": {}}, b""),
        ({"statusCode": "200"}, b""),
    ],
)
def test_a_body_is_what_the_function_says(said: dict[str, Any], body: bytes) -> None:
    made = response_of(answered({"statusCode": 200} | said))

    assert (made.status, made.headers, made.body) == (200, PLAIN, body)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_may_have_no_body_has_none(status: int) -> None:
    """Else the next answer on the connection would begin with it."""
    made = response_of(answered({"statusCode": status, "body": "HTTP/1.1 200 OK"}))

    assert (made.status, made.body) == (status, b"")


def test_headers_that_only_the_platform_may_write_are_passed_over() -> None:
    theirs = {
        "X-Scf-Version": "99",
        "x-scf-alias": "spoofed",
        "X-API-RequestId": "spoofed",
        "Content-Length": "9",
        "Transfer-Encoding": "chunked",
        "Connection": "upgrade",
        "X-Mine": "stays",
    }

    made = response_of(answered({"statusCode": 200, "headers": theirs}))
    assert made.headers == [("X-Mine", "stays"), *PLAIN]


@pytest.mark.parametrize(
    "said",
    [
        {"statusCode": "teapot"},
        {"statusCode": None},
        {"statusCode": True},
        {"statusCode": 200.5},
        {"statusCode": 101},
        {"statusCode": 199},
        {"statusCode": 600},
        {"statusCode": -200},
        {"statusCode": "9" * 5000},
        {"statusCode": 200, "headers": "text"},
        {"statusCode": 200, "headers": [["a", "b"]]},
        {"statusCode": 200, "headers": {"bad name": "x"}},
        {"statusCode": 200, "headers": {"": "x"}},
        {"statusCode": 200, "headers": {"a:b": "x"}},
        {"statusCode": 200, "headers": {"für": "x"}},
        {"statusCode": 200, "headers": {"A": "x\r\nSet-Cookie: a=1"}},
        {"statusCode": 200, "headers": {"A\n": "x"}},
        {"statusCode": 200, "headers": {"A": "\x00"}},
        {"statusCode": 200, "headers": {"A": "\x1b"}},
        {"statusCode": 200, "headers": {"A": "\x7f"}},
        {"statusCode": 200, "headers": {"A": "\ud800"}},
        {"statusCode": 200, "headers": {"A": ["good", "\n"]}},
        {"statusCode": 200, "body": "\ud800"},
        {"statusCode": 200, "body": "no base64!", "isBase64Encoded": True},
        {"statusCode": 200, "body": "AP8", "isBase64Encoded": True},
        {"statusCode": 200, "body": {"a": 1}, "isBase64Encoded": True},
    ],
)
def test_a_response_that_cannot_go_over_the_wire_is_said_to_be_malformed(said: object) -> None:
    assert malformed(said)


@given(
    said=st.fixed_dictionaries(
        {"statusCode": st.integers(100, 700) | st.text(max_size=4)},
        optional={
            "headers": st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.none()),
            "body": st.text(max_size=9) | st.integers() | st.none(),
            "isBase64Encoded": st.booleans(),
        },
    )
)
def test_whatever_a_function_says_makes_a_response_that_can_be_sent(said: dict[str, Any]) -> None:
    made = response_of(answered(said))

    assert 200 <= made.status <= 599
    for name, value in made.headers:
        assert name.isascii()
        assert name
        assert not set(name + value) & set("\r\n\0")
        value.encode()


@pytest.mark.parametrize("status", sorted(Status))
def test_a_failed_run_answers_with_its_own_number(status: int) -> None:
    if status == Status.SUCCESS:
        return
    made = response_of(failure(Status(status), "it failed", "r-1"))

    assert made.status == status
    assert json.loads(made.body)["statusCode"] == status
    assert made.headers == PLAIN


def test_a_number_that_is_none_of_https_is_500() -> None:
    assert failure_status(200) == 500
    assert failure_status(0) == 500
    assert failure_status(443) == 443
