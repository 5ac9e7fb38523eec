"""Attackers of the console: what they write is shown as text, and what they try is refused."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPResponse
from urllib.parse import quote, urlsplit

import pytest

from huidu.console.guard import HEADERS
from huidu.console.live import STREAMS
from huidu.console.table import DEEDS, PAGES
from tests.e2e.shop import HIDDEN, HOSTILE, NEVER, SHOWN, Shop
from tests.e2e.visiting import Seen, Visitor
from tests.platform import Platform, until

FIELDS = (
    *("q", "function", "text", "version", "alias", "request", "status", "level", "since", "until"),
    *("cursor", "kind", "who", "state", "environment", "from", "to", "form", "main", "weight"),
    *("place", "name", "method", "expression", "try_p", "try_n", "try_v", "page", "errors"),
)
CSP = "content-security-policy"
QUOTED = re.compile(r"=\"[^\"]*\"")
CLIENTS, LINES = 100, 10_000
EVERY = sorted({page.path for page in PAGES} | {*HIDDEN})


def held(shop: Shop) -> dict[str, str]:
    """Return what stands for each name in a path of the tables."""
    return {
        "{function}": shop.release.name,
        "{alias}": "release",
        "{service}": shop.service,
        "{rollout}": shop.rollout,
        "{kind}": "weights",
        "{verb}": "back",
        "{key}": "AKIDtests",
        "{change}": "delete",
    }


def place(shop: Shop, path: str) -> str:
    """Return where a path of the tables leads in the shop."""
    for name, value in held(shop).items():
        path = path.replace(name, value)
    return f"/console/{path}"


def evil(seen: Seen) -> list[str]:
    """Return what a page holds that none may."""
    return [one for one in NEVER if one in seen.markup]


@pytest.mark.parametrize("which", EVERY, ids=lambda which: which or "overview")
def test_what_is_in_an_address_is_shown_as_text(shop: Shop, which: str) -> None:
    path = (shop.paths() | HIDDEN)[which].partition("?")[0]
    for names in (FIELDS, FIELDS[:1], FIELDS[1:2], FIELDS[2:10], FIELDS[10:12], FIELDS[15:]):
        query = "&".join(f"{name}={quote(HOSTILE)}" for name in names)
        seen = shop.visitor.see(f"{path}?{query}")
        assert seen.status < 500
        assert evil(seen) == []
    path = re.sub("(?<=/)(shop|ro|service)-[^/]+|(?<=/)release(?=/|$)", quote(HOSTILE, ""), path)
    seen = shop.visitor.see(path, referer=HOSTILE.encode().hex(), **{"user-agent": "<script>"})
    assert seen.status < 500
    assert evil(seen) == []


def test_what_others_wrote_is_shown_as_text_on_every_page_that_tells_it(shop: Shop) -> None:
    function = f"/console/functions/{shop.release.name}"
    pages = {
        "a description": function,
        "code and variables": f"{function}/compare?from=1&to=4",
        "the value of a header in a rule": f"{function}/aliases/rules",
        "why an alias was moved": f"{function}/aliases/rules?page=1",
        "why a rollout began": f"/console/rollouts/{shop.rollout}",
        "an event": f"/console/events?function={shop.release.name}",
    }
    for what, path in pages.items():
        seen = shop.visitor.see(path)
        assert SHOWN[:40] in seen.text, what
        assert evil(seen) == [], what
    compared = shop.visitor.see(pages["code and variables"])
    assert "<b>⟨U+202E⟩gnp.txt" in compared.text


def test_what_streams_is_text_as_well(platform: Platform, shop: Shop, name: str) -> None:
    line = HOSTILE + "\\revent: over\\r\\rdata: x"
    platform.make(name, f"def main_handler(event, context):\n    print('''{line}''')\n")
    paths = {path: place(shop, path) for path in STREAMS} | {"logs/live": "/console/logs/live"}
    with ExitStack() as opened:
        streams = {
            path: opened.enter_context(shop.visitor.listening(at)) for path, at in paths.items()
        }
        platform.invoke(name)
        said = {path: _hear(stream) for path, stream in streams.items()}

    for path, text in said.items():
        assert [one for one in NEVER if one in text] == [], path
        assert "\nevent: over\n" not in text.replace("\r", "\n")
    assert SHOWN.replace("<", "&lt;").replace(">", "&gt;")[:40] in said["rollouts/{rollout}/live"]


def _hear(stream: HTTPResponse) -> str:
    """Return what comes up to the end of an event that says what changed."""
    said = ""
    while not re.search(r"event: (lanes|overview|rollout|lines|queue)\n.*\n\n", said, re.DOTALL):
        said += stream.readline().decode()
    return said


@pytest.mark.parametrize(
    "path", [*(deed.path for deed in DEEDS), "sign-out", "sign-out-everywhere"]
)
def test_no_form_counts_without_the_token_of_its_session(shop: Shop, path: str) -> None:
    other = Visitor(shop.platform).sign_in()
    token = re.search(r'name="csrf" value="(\w+)"', other.see("/console/").markup)
    assert token is not None
    before = shop.release.everything()
    tries: Sequence[tuple[Mapping[str, str], Mapping[str, str]]] = (
        ({}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": token[1]}, {}),
        ({}, {"x-csrf": token[1]}),
        ({}, {"content-type": "text/plain"}),
        ({}, {"origin": "http://127.0.0.1:1"}),
        ({}, {"sec-fetch-site": "cross-site"}),
    )
    for fields, headers in tries:
        assert shop.visitor.send(place(shop, path), fields, **headers).status in (403, 415)
    assert shop.visitor.see(place(shop, path)).status in (404, 405)  # nothing is done by a GET
    assert shop.release.everything() == before
    assert "Overview" in shop.visitor.see("/console/").text


def test_of_two_who_open_a_link_at_once_one_gets_in(platform: Platform) -> None:
    for _ in range(3):
        token = platform.ours("CreateConsoleLink", Role="view")["Path"].partition("token=")[2]
        visitors = [Visitor(platform) for _ in range(6)]
        with ThreadPoolExecutor(len(visitors)) as pool:
            enter = [pool.submit(one.send, "/console/enter", {"token": token}) for one in visitors]
            led = [one.result().location for one in enter]

        assert sorted(to.partition("?")[0] for to in led) == [
            "/console/",
            *["/console/sign-in"] * 5,
        ]


@pytest.mark.parametrize(
    "back",
    [
        *("//evil.example", "https://evil.example/console/", "/console\\@evil.example", "/"),
        *("/console/../x", "/console/%2e%2e/x", "/console/%2E./x", "/console/\t//evil.example"),
    ],
)
def test_nobody_is_led_away(platform: Platform, back: str) -> None:
    visitor = Visitor(platform)
    pair = {"secret_id": "AKIDtests", "secret_key": "tests-secret", "back": back}

    assert visitor.send("/console/sign-in", pair).location == "/console/"
    assert visitor.send("/console/look", {"theme": "dark", "back": back}).location == "/console/"
    asked = visitor.see(f"/console/sign-in?back={quote(back, '')}")
    assert 'name="back" value="/console/"' in asked.markup


@pytest.mark.parametrize(
    "target",
    [
        *("/console/%2e%2e", "/console/%2e%2e/healthz", "/console/..%2fhealthz", "/console/.."),
        *(
            "/console%2f",
            "//console/",
            "/console//",
            "/console/;/x",
            "/console/%00",
            "/console/%ff",
        ),
        *("/console/static/..%2fguard.py", "/console/static/%2e%2e%2f%2e%2e%2fsettings.py"),
        *("/console/static/%2fetc%2fpasswd", "/console/static/..%5cguard.py", "/console/static/"),
        *("/console/functions/%2e%2e%2f%2e%2e", "/console/functions/a%2f..%2fb", "/consoles"),
        "http://evil.example/console/",
    ],
)
def test_no_path_leads_out_of_the_console(shop: Shop, target: str) -> None:
    head, body = _raw(shop.platform, target, cookie=shop.visitor.cookies)

    status, location = int(head.split()[1]), re.search(r"(?i)\nlocation: (\S+)", head)
    assert status in (200, 307, 308, 400, 403, 404, 405, 421)
    if location:
        where = urlsplit(location[1])
        assert where.netloc in ("", urlsplit(shop.platform.api).netloc)
        assert where.path.startswith("/console/") or where.path == "/console"
    assert "root:" not in body
    assert "from __future__" not in body
    if status == 200:
        assert "· Huidu</title>" in body


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "[::1", "127.0.0.1.x"])
def test_no_strangers_name_leads_here(shop: Shop, host: str) -> None:
    for path in ("/console/", "/console/sign-in", "/console/live", "/console/static/x"):
        head, body = _raw(shop.platform, path, host, shop.visitor.cookies)

        assert int(head.split()[1]) in (400, 421)
        assert "set-cookie" not in head.lower()
        assert shop.release.name not in body


def test_every_answer_says_what_no_other_page_may_do_with_it(shop: Shop) -> None:
    paths = [*shop.paths().values(), *HIDDEN.values(), "/console", "/console/static/x"]
    for path in paths:
        for visitor in (shop.visitor, Visitor(shop.platform)):
            seen = visitor._ask("GET", path, b"", {})
            told = {name: seen.headers.get(name) for name in HEADERS}
            assert told == HEADERS, path
    policy = dict(part.strip().split(" ", 1) for part in HEADERS[CSP].split(";"))
    assert policy["frame-ancestors"] == policy["default-src"] == "'none'"
    assert "unsafe" not in HEADERS[CSP]
    for path in shop.paths().values():
        markup = shop.visitor.see(path).markup
        assert re.findall(r"<[^>]+\s(?:style|on\w+)=", QUOTED.sub("", markup)) == []
        assert re.findall(r"<script>", markup) == []


@pytest.mark.parametrize(
    "value", ["9" * 5000, "x" * 30_000, "%F0%9F%98%80" * 1000, "-1", "%D9%A3", "nan", "1e999"]
)
def test_huge_and_odd_values_are_answered(shop: Shop, value: str) -> None:
    for path in shop.paths().values():
        base = path.partition("?")[0]
        for name in ("page", "q", "cursor", "since", "weight"):
            assert shop.visitor.see(f"{base}?{name}={value}").status < 500, (base, name)
    for path in STREAMS:
        at = place(shop, path)
        for query in (f"after={value}", f"revision={value}"):
            with shop.visitor.listening(f"{at}?{query}") as stream:
                assert stream.status < 500
                assert stream.readline()


def test_a_flood_of_lines_comes_page_by_page(platform: Platform, shop: Shop, name: str) -> None:
    code = (
        f"def main_handler(event, context):\n    for n in range({LINES}):\n        print('n', n)\n"
    )
    platform.make(name, code, Timeout=30)
    platform.invoke(name)
    path = f"/console/logs?function={name}"

    first = until(lambda: (at := shop.visitor.see(path)).text.count(" n ") > 90 and at, 20)
    assert first.markup.count("<li class") == 100
    older = re.search(r'rel="next" href="([^"]+)"', first.markup)
    assert older is not None
    assert shop.visitor.see(older[1].replace("&amp;", "&")).markup.count("<li class") == 100
    assert first.size < 20_000


def test_a_hundred_pages_left_open_leave_the_server_to_others(shop: Shop) -> None:
    with ExitStack() as opened:
        streams = [
            opened.enter_context(shop.visitor.listening(f"{shop.alias}/live"))
            for _ in range(CLIENTS)
        ]
        for stream in streams:
            assert b"".join(stream.readline() for _ in range(4))
        assert shop.visitor.see(shop.alias).status == 200
        shop.platform.invoke(shop.release.name, Qualifier="1")
        assert all(stream.readline() for stream in streams)
    assert shop.visitor.see("/console/").status == 200


def _raw(
    platform: Platform, target: str, host: str = "", cookie: Mapping[str, str] = {}
) -> tuple[str, str]:
    """Ask for a target just as it is, and return head and body."""
    where = urlsplit(platform.api)
    said = "; ".join(f"{name}={value}" for name, value in cookie.items())
    with socket.create_connection((where.hostname, where.port), 20) as connection:
        lines = (
            f"GET {target} HTTP/1.1",
            f"host: {host or where.netloc}",
            f"cookie: {said}",
            "connection: close",
        )
        connection.sendall("\r\n".join((*lines, "", "")).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")
    head, _, body = answer.partition("\r\n\r\n")
    return head, body
