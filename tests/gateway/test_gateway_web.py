"""Web functions behind an API, over real HTTP; only the function is a stand-in."""

from __future__ import annotations

import asyncio

import pytest

from huidu.model.exchange import Answer, CallerLeft, Exchange
from huidu.model.invocation import MOST_EVENT_BYTES, Status, failure
from huidu.model.service import HEADER, PATH, QUERY, Backend, Parameter
from tests.fakes_store import HELLO
from tests.gateway.apis import SERVICE, Shop, api, values

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

WEB = Backend(function=HELLO, qualifier="release", web=True)


class Site:
    """A web function that tells what it was sent."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: dict[bytes, bytes] = {}
        self.rests_s = 0.0

    async def __call__(self, exchange: Exchange) -> None:
        self.target, self.headers = exchange.head.target, dict(exchange.head.headers)
        said = [(b"content-length", b"4"), (b"Access-Control-Allow-Origin", b"own")]
        if exchange.head.upgrade:
            await exchange.answer(Answer(status=101, headers=(), version="2"))
            await asyncio.sleep(self.rests_s)
            await exchange.write(b"echo " + (await exchange.read() or b""))
        else:
            await exchange.answer(Answer(status=200, headers=said, version="2", alias="release"))
            await exchange.write(b"si")
            await asyncio.sleep(self.rests_s)
            await exchange.write(b"te")
        await exchange.finish()


@pytest.fixture
def site(shop: Shop) -> Site:
    shop.behind.web = Site()
    return shop.behind.web


async def test_a_web_function_sees_the_path_below_the_environment_as_it_was_sent(
    shop: Shop, site: Site
) -> None:
    shop.put(api(backend=WEB, id="api-7"))

    heard = await shop.get(
        "//a%2Fb%20c?d=%20e", "X-Qualifier: forged", "X-Forwarded-For: 192.0.2.1"
    )
    assert (heard.status, heard.body) == (200, b"site")
    assert site.target == b"//a%2Fb%20c?d=%20e"
    assert heard.headers["x-api-id"] == "api-7"
    assert heard.headers["x-api-requestid"] == "id-1"
    assert (heard.headers["x-scf-version"], heard.headers["x-scf-alias"]) == ("2", "release")
    assert site.headers[b"x-qualifier"] == b"release"
    assert site.headers[b"x-api-requestid"] == b"id-1"
    assert site.headers[b"x-forwarded-for"] == b"127.0.0.1"
    assert shop.behind.calls[0].trigger == "apigw"


async def test_a_web_function_is_told_constants_and_what_is_required(
    shop: Shop, site: Site
) -> None:
    constants = (
        Parameter(name="tenant", position=PATH, default="only for events"),
        Parameter(name="X-Stage", position=HEADER, default="canary"),
        Parameter(name="v", position=QUERY, default="2 3"),
    )
    required = (Parameter(name="id", position=QUERY, required=True),)
    shop.put(api(backend=WEB, constants=constants, parameters=required))

    assert (await shop.get("/")).status == 403
    assert (await shop.get("/?v=9&id=%20&w", "X-Stage: forged")).status == 200
    assert site.target == b"/?id=%20&w&v=2+3"
    assert site.headers[b"x-stage"] == b"canary"


async def test_cors_of_the_api_is_what_a_page_of_a_web_function_is_told(
    shop: Shop, site: Site
) -> None:
    shop.put(api(backend=WEB, cors=True))

    assert values(await shop.get("/"), "access-control-allow-origin") == ["*"]
    shop.put(api(backend=WEB))
    assert values(await shop.get("/"), "access-control-allow-origin") == ["own"]


async def test_a_web_function_must_begin_to_answer_in_the_time_of_the_api(
    shop: Shop, site: Site
) -> None:
    shop.put(api(backend=WEB, timeout_s=0.1))

    site.rests_s = 0.3
    assert (await shop.get("/")).body == b"site"
    shop.behind.slow_s = 30.0
    assert (await shop.get("/")).status == 504
    assert shop.behind.ended == ["cut off"]


async def test_a_web_function_that_is_sent_too_much_says_413(shop: Shop, site: Site) -> None:
    shop.put(api(backend=WEB))

    heard = await shop.get("/", f"Content-Length: {MOST_EVENT_BYTES + 1}", method="POST")
    assert heard.status == 413


async def test_a_websocket_goes_through_and_outlives_the_time_of_the_api(
    shop: Shop, site: Site
) -> None:
    shop.put(api(backend=WEB, timeout_s=0.1))
    site.rests_s = 0.3
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.wire.port)
    lines = (
        *(f"GET /{SERVICE}/release/chat?room=7 HTTP/1.1", "Host: h", "Connection: Upgrade"),
        *("Upgrade: websocket", "Sec-WebSocket-Key: a", "Sec-WebSocket-Version: 13", "", ""),
    )
    writer.write("\r\n".join(lines).encode())

    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")
    writer.write(b"hello")
    assert await reader.read() == b"echo hello"
    assert site.target == b"/chat?room=7"
    writer.close()
    await writer.wait_closed()


async def test_an_answer_that_breaks_off_is_seen_to_be_broken(shop: Shop) -> None:
    shop.put(api(backend=WEB))

    async def breaks(exchange: Exchange) -> None:
        await exchange.answer(Answer(status=200, headers=[(b"content-length", b"9")], version="2"))
        await exchange.write(b"half")

    shop.behind.web = breaks
    with pytest.raises(asyncio.IncompleteReadError):
        await shop.get("/")


async def test_an_api_that_was_told_so_has_a_web_function_whatever_else_is_known(
    shop: Shop,
) -> None:
    shop.put(api(backend=WEB))

    shop.behind.outcome = failure(Status.EVENT_TOO_LARGE, "too large", "id-1")
    heard = await shop.get("/", method="POST", body=b"x")
    assert (heard.status, heard.headers["connection"]) == (413, "close")
    assert (heard.headers["x-api-status"], heard.headers["x-api-upstreamstatus"]) == ("413", "406")


async def test_a_caller_of_a_web_function_that_leaves_is_noticed(shop: Shop) -> None:
    shop.put(api(backend=WEB))
    left = asyncio.Event()

    async def waits(exchange: Exchange) -> None:
        while True:
            try:
                await exchange.read()
            except CallerLeft:
                left.set()
                raise RuntimeError("the caller left") from None

    shop.behind.web = waits
    _, writer = await asyncio.open_connection("127.0.0.1", shop.wire.port)
    writer.write(f"GET /{SERVICE}/release/ HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    await asyncio.sleep(0.1)
    writer.close()
    await asyncio.wait_for(left.wait(), 10)


@pytest.mark.parametrize(
    "path",
    [
        *("/open/../admin", "/open/%2e%2E/admin", "/./admin", "/open/..", "/%2e/admin"),
        *("/open%2F..%2Fadmin", "/open/..;x/admin", "/open\\..\\admin", "/open/%5C../admin"),
    ],
)
async def test_a_path_that_a_server_could_take_for_another_does_not_reach_one(
    shop: Shop, site: Site, path: str
) -> None:
    shop.put(api("/", backend=WEB), api("/admin", backend=WEB, id="api-2", auth="SECRET"))

    heard = await shop.get(path)
    assert (heard.status, site.target) == (400, b"")
    assert heard.headers["x-api-requestid"] == "id-1"


@pytest.mark.parametrize("path", ["/a..b", "/...", "/.well-known/x", "/a.", "/%252e%252e/x"])
async def test_dots_that_lead_nowhere_else_are_a_web_functions_own(
    shop: Shop, site: Site, path: str
) -> None:
    shop.put(api("/", backend=WEB))

    assert (await shop.get(path)).status == 200
    assert site.target == path.encode()


async def test_a_constant_cannot_be_said_by_a_client_in_another_spelling(
    shop: Shop, site: Site
) -> None:
    constant = Parameter(name="X-User-Id", position=HEADER, default="ours")
    shop.put(api(backend=WEB, constants=(constant,)))

    assert (await shop.get("/", "X_User-Id: forged", "x_user_id: forged")).status == 200
    told = {name.replace(b"_", b"-"): value for name, value in site.headers.items()}
    assert told[b"x-user-id"] == b"ours"
    assert b"forged" not in site.headers.values()


@pytest.mark.parametrize("said", ["X-User-Id", "close, x-user-id, x-api-requestid, x-qualifier"])
async def test_a_client_cannot_call_what_we_say_its_connections_own(
    shop: Shop, site: Site, said: str
) -> None:
    constant = Parameter(name="X-User-Id", position=HEADER, default="ours")
    shop.put(api(backend=WEB, constants=(constant,)))

    assert (await shop.get("/", f"Connection: {said}", "X-User-Id: forged")).status == 200
    assert site.headers[b"x-user-id"] == b"ours"
    assert site.headers[b"x-qualifier"] == b"release"
    assert site.headers[b"x-api-requestid"] == b"id-1"
