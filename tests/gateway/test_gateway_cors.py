"""Pages of other origins and APIs, over real HTTP; only the function is a stand-in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.apis import Shop, api, says, values

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

PREFLIGHT = ("Origin: https://a.example", "Access-Control-Request-Method: PUT")


@pytest.mark.parametrize(
    ("apis", "method", "headers", "status", "calls"),
    [
        # The gateway answers for an API with CORS, whatever its method.
        ([api("/", "PUT", cors=True)], "OPTIONS", PREFLIGHT, 204, 0),
        ([api("/", "ANY", cors=True)], "OPTIONS", PREFLIGHT, 204, 0),
        ([api("/", "OPTIONS", cors=True)], "OPTIONS", PREFLIGHT, 204, 0),
        ([api("/", "PUT", cors=True)], "OPTIONS", (), 204, 0),
        # That of the method that is asked for counts.
        ([api("/", "GET", cors=True), api("/", "PUT")], "OPTIONS", PREFLIGHT, 429, 0),
        ([api("/", "GET"), api("/", "PUT", cors=True)], "OPTIONS", PREFLIGHT, 204, 0),
        ([api("/", "GET", cors=True)], "OPTIONS", PREFLIGHT, 404, 0),
        # Without CORS a page is refused, and anybody else makes a call.
        ([api("/", "PUT")], "OPTIONS", PREFLIGHT, 429, 0),
        ([api("/", "ANY")], "OPTIONS", PREFLIGHT, 429, 0),
        ([api("/", "ANY")], "OPTIONS", (), 200, 1),
        ([api("/", "PUT")], "OPTIONS", (), 404, 0),
        ([api("/", "OPTIONS")], "OPTIONS", PREFLIGHT, 200, 1),
        ([api("/other", "PUT", cors=True)], "OPTIONS", PREFLIGHT, 404, 0),
        # What follows is a call.
        ([api("/", "PUT", cors=True)], "PUT", ("Origin: https://a.example",), 200, 1),
    ],
)
async def test_who_answers_a_page_that_asks_whether_it_may(
    shop: Shop, apis: list[Any], method: str, headers: tuple[str, ...], status: int, calls: int
) -> None:
    shop.put(*apis)

    heard = await shop.get("/", *headers, method=method)
    assert (heard.status, len(shop.behind.calls)) == (status, calls)
    assert len(shop.guard.asked) == calls  # a preflight has no key to show
    if status == 429:
        said = "req is cross origin, api api-1 need open cors flag"
        assert heard.said == {"message": said}


async def test_a_preflight_hears_what_the_documents_list_and_what_it_asks_for(shop: Shop) -> None:
    shop.put(api("/", "PUT", cors=True))

    asked = "Access-Control-Request-Headers: content-type, x-mine"
    heard = await shop.get("/", *PREFLIGHT, asked, method="OPTIONS")
    assert heard.headers["access-control-allow-origin"] == "*"
    methods = heard.headers["access-control-allow-methods"]
    assert methods == "GET,POST,PUT,DELETE,HEAD,OPTIONS,PATCH"
    assert heard.headers["access-control-allow-credentials"] == "true"
    assert heard.headers["access-control-max-age"] == "86400"
    allowed = heard.headers["access-control-allow-headers"].split(",")
    assert {"Authorization", "Content-Type", "x-mine"} <= set(allowed)
    assert "content-type" not in allowed


async def test_answers_with_cors_say_so_once_and_others_say_what_the_function_says(
    shop: Shop,
) -> None:
    own = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "own"}, "body": ""}
    says(shop, own, cors=True)

    heard = await shop.get("/")
    assert values(heard, "access-control-allow-origin") == ["*"]
    assert "X-Api-ID" in heard.headers["access-control-expose-headers"]
    says(shop, own)
    assert values(await shop.get("/"), "access-control-allow-origin") == ["own"]
