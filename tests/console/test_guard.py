"""The guard: who gets to a page, whose forms count, and what every answer says."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from huidu.console.doors import ENTER, SIGN_IN, SIGN_OUT, SIGN_OUT_EVERYWHERE, Doors
from huidu.console.guard import HEADERS, MOST_FORM_BYTES, Denied, Guard, SignInFirst, back_to
from huidu.console.sessions import mark
from huidu.model.guessing import FREE
from huidu.model.role import Role
from tests.console.signing import ROOT, Browser, House

HOME = "/console/"
PAIR = {"secret_id": ROOT[0], "secret_key": ROOT[1]}


def application(house: House, server: str = "11111111") -> Any:
    """Return a page for whoever is signed in, a form for who may release, and the doors."""
    guard = Guard(house.sessions, server, ["Console.example.com"])

    async def page(request: Request) -> Response:
        found = guard.require(request)
        return PlainTextResponse(f"{found.name} {found.role.word} {found.csrf}")

    async def form(request: Request) -> Response:
        found, fields = await guard.posted(request)
        return PlainTextResponse(f"{found.name} {dict(fields)}")

    async def first(request: Request, error: Any) -> Response:
        return RedirectResponse(f"{SIGN_IN}?back={error.back}", 303)

    async def denied(request: Request, error: Any) -> Response:
        return PlainTextResponse(f"{error.reason}: {error.message}", error.status)

    pages = [Route(HOME, page), Route("/console/form", form, methods=["POST"])]
    handlers: Any = {SignInFirst: first, Denied: denied}
    routes = [*pages, *Doors(guard).routes()]
    return guard.around(Starlette(routes=routes, exception_handlers=handlers))


@pytest.fixture
def app(house: House) -> Any:
    return application(house)


@pytest.fixture
async def browser(app: Any) -> Browser:
    """One in which the owner is signed in."""
    signed_in = Browser(app)
    assert (await signed_in.post(SIGN_IN, PAIR)).status == 303
    return signed_in


async def token(browser: Browser) -> str:
    return (await browser.get(HOME)).body.split()[2]


async def test_who_is_not_signed_in_is_led_to_where_one_can_and_back(app: Any) -> None:
    browser = Browser(app)
    led = await browser.get(HOME)
    assert (led.status, led.header("location")) == (303, f"{SIGN_IN}?back={HOME}")

    back = await browser.post(SIGN_IN, {**PAIR, "back": "/console/?a=1"})
    assert (back.status, back.header("location")) == (303, "/console/?a=1")
    assert (await browser.get(HOME)).body.startswith("root admin ")


@pytest.mark.parametrize(
    "place",
    [
        *("", "/", "//evil.example", "https://evil.example/console/", "/consoles", "console/"),
        *(
            "/console/\r\nset-cookie: a=b",
            "/console/../../x",
            "/console\\@evil.example",
            "/console/é",
        ),
    ],
)
def test_nobody_is_led_anywhere_else(place: str) -> None:
    assert back_to(place) == HOME


async def test_a_wrong_secret_leads_back_without_saying_what_was_wrong(app: Any) -> None:
    browser = Browser(app)
    led = await browser.post(SIGN_IN, {**PAIR, "secret_key": "wrong"})

    assert led.header("location") == f"{SIGN_IN}?reason=wrong&wait=0&back=%2Fconsole%2F"
    assert browser.cookies == {}


async def test_whoever_guesses_is_told_how_long_to_wait(app: Any) -> None:
    browser = Browser(app)
    for _ in range(FREE):
        await browser.post(SIGN_IN, {**PAIR, "secret_key": "wrong"})
    led = await browser.post(SIGN_IN, PAIR)

    assert led.header("location").startswith(f"{SIGN_IN}?reason=wait&wait=1&")
    assert browser.cookies == {}


async def test_a_cookie_is_for_the_console_alone_and_for_no_script(browser: Browser) -> None:
    said = (await browser.post(SIGN_IN, PAIR)).header("set-cookie")
    name, _, rest = said.partition("=")

    assert name == "huidu_console_11111111"
    told = {word.strip().lower() for word in rest.split(";")[1:]}
    assert told == {"httponly", "max-age=1000", "path=/console", "samesite=strict"}


async def test_over_https_a_cookie_is_sent_over_nothing_else(app: Any) -> None:
    browser = Browser(app, scheme="https")
    said = (await browser.post(SIGN_IN, PAIR)).header("set-cookie")

    assert said.startswith("__Secure-huidu_console_11111111=")
    assert "secure" in said.lower().split("; ")
    assert (await browser.get(HOME)).status == 200


async def test_two_servers_of_one_host_do_not_sign_each_other_out(house: House) -> None:
    """A browser tells no ports apart where it keeps cookies."""
    one, other = Browser(application(house)), Browser(application(house, "22222222"))
    other.cookies = one.cookies
    await one.post(SIGN_IN, PAIR)
    await other.post(SIGN_IN, PAIR)

    assert len(one.cookies) == 2
    assert (await one.get(HOME)).status == (await other.get(HOME)).status == 200


async def test_a_cookie_that_somebody_else_of_the_host_adds_hides_ours_in_no_order(
    browser: Browser,
) -> None:
    name, value = next(iter(browser.cookies.items()))

    for cookies in (f"{name}=x; {name}={value}", f"{name}={value}; {name}=x"):
        assert (await browser.get(HOME, cookie=cookies)).status == 200


async def test_a_session_that_is_foisted_on_somebody_ends_when_he_signs_in(
    house: House, browser: Browser
) -> None:
    """Fixation: what the browser had before is of no use to whoever gave it to him."""
    before = dict(browser.cookies)
    await browser.post(SIGN_IN, PAIR)

    assert browser.cookies != before
    assert all(house.sessions.find(value) is None for value in before.values())


async def test_a_value_that_was_not_given_out_is_none(app: Any) -> None:
    browser = Browser(app)
    browser.cookies = {"huidu_console_11111111": "chosen-by-somebody"}

    assert (await browser.get(HOME)).status == 303


async def test_a_form_counts_with_the_token_of_its_session(browser: Browser) -> None:
    sent = {"csrf": await token(browser), "weight": "10", "empty": ""}

    told = await browser.post("/console/form", sent)
    assert told.body == "root {'weight': '10', 'empty': ''}"
    by_header = await browser.post("/console/form", {}, x_csrf=sent["csrf"])
    assert by_header.status == 200


@pytest.mark.parametrize("sent", [{}, {"csrf": ""}, {"csrf": "x" * 64}, {"csrf": "é"}])
async def test_a_form_without_it_is_refused(browser: Browser, sent: dict[str, str]) -> None:
    told = await browser.post("/console/form", sent)

    assert (told.status, told.body.partition(":")[0]) == (403, "csrf")


async def test_the_token_of_another_session_is_none(app: Any, browser: Browser) -> None:
    other = Browser(app)
    await other.post(SIGN_IN, PAIR)

    assert (await browser.post("/console/form", {"csrf": await token(other)})).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},  # another port of the same host
        {"sec_fetch_site": "none"},
        {"origin": "http://127.0.0.1:9001"},
        {"origin": "null"},
        {"origin": "https://evil.example", "sec_fetch_site": ""},
    ],
)
@pytest.mark.parametrize("path", ["/console/form", SIGN_IN, ENTER])
async def test_a_form_of_somebody_elses_page_is_refused_whatever_is_in_it(
    browser: Browser, path: str, headers: dict[str, str]
) -> None:
    sent = {"csrf": await token(browser), **PAIR}

    assert (await browser.post(path, sent, **headers)).status == 403


async def test_who_may_not_release_is_told_what_that_takes(house: House, app: Any) -> None:
    pair = await house.give("wei", Role.VIEW)
    browser = Browser(app)
    await browser.post(SIGN_IN, {"secret_id": pair[0], "secret_key": pair[1]})
    told = await browser.post("/console/form", {"csrf": await token(browser)})

    assert told.status == 403
    assert "needs the role release, and wei has view" in told.body


async def test_who_signs_out_is_out(browser: Browser) -> None:
    left = await browser.post(SIGN_OUT, {"csrf": await token(browser)})

    assert left.header("location") == SIGN_IN
    assert "max-age=0" in left.header("set-cookie").lower()
    assert (await browser.get(HOME)).status == 303


async def test_who_signs_out_everywhere_is_out_with_every_browser(
    app: Any, browser: Browser
) -> None:
    other = Browser(app)
    await other.post(SIGN_IN, PAIR)
    await browser.post(SIGN_OUT_EVERYWHERE, {"csrf": await token(browser)})

    assert (await other.get(HOME)).status == 303


async def test_a_page_of_somebody_else_cannot_sign_anybody_out(browser: Browser) -> None:
    assert (await browser.post(SIGN_OUT, {})).status == 403
    assert (await browser.get(HOME)).status == 200


async def test_a_link_lets_one_browser_in_and_no_second(house: House, app: Any) -> None:
    await house.link(mark("token"), Role.VIEW)
    one, other = Browser(app), Browser(app)
    await one.post(ENTER, {"token": "token"})
    led = await other.post(ENTER, {"token": "token"})

    assert (await one.get(HOME)).body.startswith("root view ")
    assert led.header("location").startswith(f"{SIGN_IN}?reason=link&")


async def test_looking_at_a_link_does_not_use_it_up(house: House, app: Any) -> None:
    """Programs that look ahead at what is sent to people open links too, and send no forms."""
    await house.link(mark("token"))
    browser = Browser(app)
    await browser.get(f"{ENTER}?token=token")
    await browser.post(ENTER, {"token": "token"})

    assert (await browser.get(HOME)).status == 200


async def test_every_answer_has_the_headers_that_keep_others_out(browser: Browser) -> None:
    answers = [
        await browser.get(HOME),
        await browser.get("/console/nowhere"),
        await browser.post("/console/form", {}),
        await browser.post(SIGN_IN, PAIR),
        await Browser(browser.app, host="evil.example").get(HOME),
    ]

    for answer in answers:
        assert {name: answer.header(name) for name in HEADERS} == HEADERS
    policy = HEADERS["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; ")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(
            ("localhost", 200),
            ("LOCALHOST:9000", 200),
            ("127.0.0.1:9000", 200),
            ("[::1]:9000", 200),
        ),
        *(("10.1.2.3", 200), ("console.example.com", 200), ("evil.example", 421), ("", 421)),
        *(("localhost.evil.example", 421), ("[::1", 421), ("127.0.0.1.evil.example", 421)),
        ("evil@localhost:9000@evil.example", 421),
    ],
)
async def test_a_name_that_is_not_ours_leads_to_no_console(
    browser: Browser, host: str, status: int
) -> None:
    """Whoever owns a name can point it here after his page was loaded (DNS rebinding)."""
    assert (await browser.get(HOME, host=host)).status == status


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b"a=b", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("application/x-www-form-urlencoded", b"a=" + b"b" * MOST_FORM_BYTES, 413),
        ("application/x-www-form-urlencoded", b"&".join([b"a=b"] * 1001), 400),
        ("application/x-www-form-urlencoded", b"a=%ff", 400),
        ("application/x-www-form-urlencoded", b"\xff", 400),
    ],
)
async def test_what_is_no_form_is_refused(
    browser: Browser, kind: str, body: bytes, status: int
) -> None:
    sent = {"content_type": kind, "x_csrf": await token(browser)}

    assert (await browser.ask("POST", "/console/form", body, sent)).status == status
