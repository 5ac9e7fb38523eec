"""What a call shows, and the keys that read it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.errors import InvalidValue
from huidu.model.traits import NO_TRAITS, Key, Traits

OVER_HTTP = Traits(
    headers={"user": "Bob", "x-tcb-route-key": "7", "a.b": "dotted"},
    cookies={"sid": "c0ffee"},
    query={"beta": "1"},
    source_ip="192.0.2.7",
    folded=True,
)
OVER_THE_API = Traits(headers={"User": "Bob", "a.b": "dotted"}, source_ip="192.0.2.7")


@pytest.mark.parametrize(
    ("key", "traits", "shown"),
    [
        ("invoke.headers.User", OVER_HTTP, "Bob"),
        ("invoke.headers.user", OVER_HTTP, "Bob"),
        ("invoke.headers.USER", OVER_HTTP, "Bob"),
        ("invoke.headers.X-Tcb-Route-Key", OVER_HTTP, "7"),
        ("invoke.headers.a.b", OVER_HTTP, "dotted"),
        ("invoke.headers.absent", OVER_HTTP, None),
        ("invoke.headers.User", OVER_THE_API, "Bob"),
        ("invoke.headers.user", OVER_THE_API, None),
        ("invoke.headers.a.b", OVER_THE_API, "dotted"),
        ("invoke.cookies.sid", OVER_HTTP, "c0ffee"),
        ("invoke.cookies.SID", OVER_HTTP, None),
        ("invoke.cookies.sid", OVER_THE_API, None),
        ("invoke.query.beta", OVER_HTTP, "1"),
        ("invoke.query.Beta", OVER_HTTP, None),
        ("invoke.query.beta", OVER_THE_API, None),
        ("invoke.source_ip", OVER_HTTP, "192.0.2.7"),
        ("invoke.source_ip", OVER_THE_API, "192.0.2.7"),
        ("invoke.source_ip", NO_TRAITS, None),
        ("invoke.headers.User", NO_TRAITS, None),
    ],
)
def test_a_key_reads_one_thing_of_a_call(key: str, traits: Traits, shown: str | None) -> None:
    """D-29: letter case counts in a RoutingKey, and does not in the headers of HTTP."""
    assert Key(key).read(traits) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "User",
        "headers.User",
        "invoke.User",
        "invoke.headers",
        "invoke.headers.",
        "invoke.cookies.",
        "invoke.header.User",
        "Invoke.Headers.User",
        "invoke.headers.a b",
        "invoke.headers.用户",
        "invoke.headers.User\n",
        f"invoke.headers.{'x' * 65}",
        "invoke.source_ip.",
        "invoke.source_ip.x",
        "invoke.method",
        " invoke.headers.User",
    ],
)
def test_a_key_that_reads_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"^Key '.*invoke\.headers\.<name>") as refused:
        Key(text)

    assert refused.value.code == "InvalidParameterValue.RoutingConfig"


def test_a_key_is_refused_under_the_name_of_the_field_it_came_in() -> None:
    with pytest.raises(InvalidValue, match=r"^Sticky 'User': must be one of"):
        Key("User", "Sticky")


@given(name=st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True), value=st.text())
def test_all_after_the_second_dot_is_the_name(name: str, value: str) -> None:
    """D-28."""
    assert Key(f"invoke.headers.{name}").read(Traits(headers={name: value})) == value
    assert Key(f"invoke.query.{name}").read(Traits(query={name: value})) == value
    assert Key(f"invoke.cookies.{name}").read(Traits(cookies={name: value})) == value


def test_keys_are_told_apart_by_their_text_alone() -> None:
    assert Key("invoke.headers.User") == Key("invoke.headers.User", "Sticky")
    assert Key("invoke.headers.User") != Key("invoke.headers.user")
    assert len({Key("invoke.source_ip"), Key("invoke.source_ip")}) == 1
