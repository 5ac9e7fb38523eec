"""Which API answers a path, without a socket."""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.paths import Match, Missing, Paths, expression_of, readable, unescaped
from tests.gateway.apis import api


def paths(*wanted: str) -> Paths:
    """APIs of `METHOD path`, or only a path for any method; each is called as it is written."""
    made = []
    for one in wanted:
        method, _, path = one.rpartition(" ")
        made.append(api(path, method or "ANY", id=one))
    return Paths(made)


def found(wanted: tuple[str, ...], asked: str) -> str:
    method, _, path = asked.rpartition(" ")
    match = paths(*wanted).find(readable(path.encode()), method or "GET")
    return match.api.id if isinstance(match, Match) else match.value


@pytest.mark.parametrize(
    ("wanted", "asked", "answers"),
    [
        # An ordinary path is a prefix, letter for letter; the longest wins.
        (("/",), "/", "/"),
        (("/",), "/anything/at/all", "/"),
        (("/user",), "/user", "/user"),
        (("/user",), "/usertest", "/user"),
        (("/user",), "/user/test/a", "/user"),
        (("/user/",), "/user", "path"),
        (("/user",), "/User", "path"),
        (("/user",), "/", "path"),
        (("/", "/user", "/user/a"), "/user/a/b", "/user/a"),
        (("/", "/user", "/user/a"), "/user/b", "/user"),
        (("/v1.0/a-b",), "/v1x0/a-b", "path"),
        # = is the whole path, before everything else.
        (("=/user",), "/user/a", "path"),
        (("=/user", "/user", "^~/user", "/{any}"), "/user", "=/user"),
        (("=/user", "/user"), "/user/a", "/user"),
        # ^~ is a prefix, after which no expression is tried.
        (("^~/user", "/user/{id}", "/user/7"), "/user/7", "^~/user"),
        (("^~/u", "^~/user"), "/user", "^~/user"),
        (("^~/user", "/u"), "/u", "/u"),
        (("GET ^~/user", "POST /user/{id}", "POST /user"), "POST /user/7", "POST /user"),
        (("GET ^~/user", "POST /user/{id}"), "POST /user/7", "method"),
        # {name} is one segment, and the path is matched whole.
        (("/user/{id}",), "/user/7", "/user/{id}"),
        (("/user/{id}",), "/user/", "path"),
        (("/user/{id}",), "/user/7/orders", "path"),
        (("/user/{id}", "/user/7"), "/user/7", "/user/{id}"),
        (("/user/{id}", "/user"), "/user/7/orders", "/user"),
        (("/{a}/orders", "/user/{id}"), "/user/orders", "/{a}/orders"),
        (("/{a}/b", "/a/{b}"), "/a/b", "/a/{b}"),
        (("/v1.0/{id}",), "/v1x0/7", "path"),
        (("/user-{id}.json",), "/user-7.json", "/user-{id}.json"),
        # Expressions, whole as well.
        (("/user/[0-9]+",), "/user/77", "/user/[0-9]+"),
        (("/user/[0-9]+",), "/user/77x", "path"),
        (("/user/.*",), "/user/a/b", "/user/.*"),
        (("/(a|b)/{id}",), "/b/7", "/(a|b)/{id}"),
        (("/user/[0-9]{2}",), "/user/77", "/user/[0-9]{2}"),
        (("/a/.*", "/.*"), "/a/b", "/a/.*"),
        (("/user/(",), "/user/(/x", "/user/("),  # no expression: it is text
        # Methods.
        (("GET /user",), "POST /user", "method"),
        (("GET /user",), "HEAD /user", "method"),
        (("GET /user", "/user"), "POST /user", "/user"),
        (("GET /user", "/user"), "GET /user", "GET /user"),
        (("/p", "POST /p/longer"), "GET /p/longer/1", "/p"),
        (("GET =/user", "POST /user"), "POST /user", "POST /user"),
        (("GET /user", "POST /other"), "PUT /nothing", "path"),
        (("GET /user",), "ANY /user", "GET /user"),
        # What is encoded.
        (("/a%20b",), "/a%20b/c", "/a%20b"),
        (("/鲍勃",), "/%E9%B2%8D%E5%8B%83", "/鲍勃"),
        (("/caf%C3%A9",), "/caf%c3%a9", "/caf%C3%A9"),
        (("/%75ser",), "/user", "/%75ser"),
        (("=/a/b",), "/a%2Fb", "path"),
        (("=/a%2fb",), "/a%2Fb", "=/a%2fb"),
        (("/x/{id}",), "/x/a%2Fb", "/x/{id}"),
        (("=/a%2Fb",), "/a%252Fb", "path"),
        (("=/%FF",), "/%ff", "=/%FF"),
    ],
)
def test_an_api_answers_the_paths_that_it_was_made_for(
    wanted: tuple[str, ...], asked: str, answers: str
) -> None:
    assert found(wanted, asked) == answers
    assert found(wanted[::-1], asked) == answers  # the order in which they were made is nothing


@pytest.mark.parametrize(
    ("wanted", "asked", "values"),
    [
        ("/user/{id}", "/user/7", {"id": "7"}),
        ("/{a}/x/{b-c}", "/1/x/2", {"a": "1", "b-c": "2"}),
        ("/x/{id}", "/x/a%2Fb", {"id": "a/b"}),
        ("/x/{id}", "/x/a%252Fb", {"id": "a%2Fb"}),
        ("/x/{id}", "/x/%E9%B2%8D", {"id": "鲍"}),
        ("/x/{id}", "/x/100%25", {"id": "100%"}),
        ("/(a|b)/{id}[.]{kind}", "/b/7.json", {"id": "7", "kind": "json"}),
        ("/user", "/user", {}),
    ],
)
def test_a_match_tells_what_stands_for_each_name(
    wanted: str, asked: str, values: dict[str, str]
) -> None:
    match = paths(wanted).find(readable(asked.encode()), "GET")

    assert isinstance(match, Match)
    assert match.parameters == values


def test_where_nothing_is_released_nothing_answers() -> None:
    assert Paths(()).find("/", "GET") is Missing.PATH


def test_half_a_surrogate_pair_in_a_path_is_no_expression() -> None:
    assert expression_of("/\ud800{2}") is None
    assert found(("/\ud800",), "/x") == "path"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (b"/a%20b%3Fc", "/a b?c"),
        (b"/%2f%2F", "/%2F%2F"),
        (b"/100%25", "/100%25"),
        (b"/100%", "/100%"),
        (b"/%zz", "/%zz"),
        (b"/%E9%B2", "/%E9%B2"),
        (b"/%ED%A0%80", "/%ED%A0%80"),
        ("/鲍%E5%8B%83".encode(), "/鲍勃"),
        (b"/\xff", "/%FF"),
    ],
)
def test_a_path_is_read_as_far_as_nothing_is_lost(sent: bytes, read: str) -> None:
    assert readable(sent) == read


@given(segments=st.lists(st.text(max_size=8), max_size=4))
def test_what_was_sent_can_be_told_from_what_is_read(segments: list[str]) -> None:
    sent = "/".join(quote(one, safe="") for one in segments)

    read = readable(sent.encode())
    assert [unescaped(one) for one in read.split("/")] == (segments or [""])
    assert unquote_to_bytes(read) == unquote_to_bytes(sent)
