"""What pages of other origins may do, as a table."""

from __future__ import annotations

import pytest

from huidu.gateway.cors import ANY, VARY, Cors, answered, is_preflight, preflight, sent_along

SHOP = "https://shop.example"
OURS = Cors(
    origins=(SHOP,),
    methods=("GET", "PUT"),
    headers=("X-Token",),
    expose_headers=("X-Total", "X-Page"),
    max_age_s=600,
    credentials=True,
)


def asks(origin: str = SHOP, method: str = "PUT", headers: str = "") -> dict[str, str]:
    asked = {"origin": origin, "access-control-request-method": method}
    return asked | ({"access-control-request-headers": headers} if headers else {})


@pytest.mark.parametrize(
    ("method", "headers", "is_one"),
    [
        ("OPTIONS", asks(), True),
        ("GET", asks(), False),
        ("OPTIONS", {"origin": SHOP}, False),
        ("OPTIONS", {"access-control-request-method": "PUT"}, False),
        ("OPTIONS", {}, False),
    ],
)
def test_a_preflight_has_an_origin_and_a_method(
    method: str, headers: dict[str, str], *, is_one: bool
) -> None:
    assert is_preflight(method, headers) is is_one


def test_a_preflight_hears_what_is_allowed() -> None:
    assert dict(preflight(OURS, asks(headers="x-token"))) == {
        "access-control-allow-origin": SHOP,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "PUT",
        "access-control-allow-headers": "x-token",
        "access-control-max-age": "600",
        "vary": VARY,
    }


@pytest.mark.parametrize(
    "asked",
    [
        asks(origin="https://evil.example"),
        asks(origin="null"),
        asks(origin="https://shop.example.evil.example"),
        asks(origin="HTTPS://shop.example/"),
        asks(origin=""),
        asks(method="DELETE"),
        asks(method="put"),
        asks(headers="x-token, x-other"),
    ],
)
def test_what_is_not_allowed_hears_nothing(asked: dict[str, str]) -> None:
    assert preflight(OURS, asked) == [("vary", VARY)]


def test_everybody_is_a_star_unless_credentials_are_sent() -> None:
    assert dict(sent_along(Cors(), asks()))["access-control-allow-origin"] == ANY
    named = dict(sent_along(Cors(credentials=True), asks()))
    assert named["access-control-allow-origin"] == SHOP


def test_what_is_not_limited_is_allowed() -> None:
    said = dict(preflight(Cors(), asks(method="PATCH", headers="a, B")))

    assert said["access-control-allow-methods"] == "PATCH"
    assert said["access-control-allow-headers"] == "a, B"
    assert "access-control-max-age" not in said


def test_an_answer_says_who_may_read_it_and_which_headers() -> None:
    own = [("Access-Control-Allow-Origin", "*"), ("x-total", "7")]

    assert answered(OURS, asks(), own) == [
        ("x-total", "7"),
        ("access-control-allow-origin", SHOP),
        ("access-control-allow-credentials", "true"),
        ("vary", "Origin"),
        ("access-control-expose-headers", "X-Total, X-Page"),
    ]


@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example"}])
def test_an_answer_for_anybody_else_says_nothing(headers: dict[str, str]) -> None:
    own = [("access-control-allow-origin", "*")]

    assert answered(OURS, headers, own) == [("vary", "Origin")]
