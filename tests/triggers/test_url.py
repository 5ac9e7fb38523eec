"""Function URLs: how they are defined, and which leads where."""

from __future__ import annotations

import json
from typing import Any

import pytest

from huidu.model.effect import AliasKept, FunctionGone, TriggersChanged
from huidu.model.errors import InvalidValue
from huidu.model.trigger import Trigger
from huidu.triggers.table import TRIGGERS
from huidu.triggers.url import Urls, define
from tests.fakes_store import FUNCTION, alias, function, trigger

CLOSED_PAGES = {
    "Enable": False,
    "Origins": ["*"],
    "Methods": [],
    "Headers": [],
    "ExposeHeaders": [],
    "MaxAge": 0,
    "Credentials": False,
}
DEFAULTS = {
    "AuthType": "NONE",
    "NetConfig": {"EnableIntranet": True, "EnableExtranet": True},
    "CorsConfig": CLOSED_PAGES,
}
OTHER = function("other", "lam-other")


def url(resource_id: str, **more: Any) -> Trigger:
    return trigger(f"url-{resource_id}", type="http", resource_id=resource_id, **more)


@pytest.fixture
def urls() -> Urls:
    known = Urls()
    known.apply([TriggersChanged(FUNCTION, (url("u1"), trigger("tick"))), AliasKept(alias())])
    return known


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", DEFAULTS),
        ("  ", DEFAULTS),
        ("{}", DEFAULTS),
        ('{"AuthType":"NONE"}', DEFAULTS),
        (
            '{"NetConfig":{"EnableIntranet":true},"CorsConfig":{"Enable":true},"说":"für"}',
            {
                "AuthType": "NONE",
                "NetConfig": {"EnableIntranet": True, "EnableExtranet": True},
                "CorsConfig": CLOSED_PAGES | {"Enable": True},
                "说": "für",
            },
        ),
    ],
)
def test_what_is_not_said_of_a_url_is_as_in_the_cloud(text: str, settings: object) -> None:
    assert json.loads(TRIGGERS["http"].define(text)) == settings
    assert define(define(text)) == define(text)


@pytest.mark.parametrize("text", ["{", "[]", "7", "null", '"text"', "[" * 100_000, "x" * 5000])
def test_settings_that_are_no_object_are_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="must be JSON") as refused:
        define(text)

    assert refused.value.code == "InvalidParameterValue.TriggerDesc"
    assert len(refused.value.message) < 300


@pytest.mark.parametrize("kind", ["CAM", "none", None, 7, {"a": 1}, "x" * 999])
def test_what_the_url_cannot_check_is_refused_and_not_passed_over(kind: object) -> None:
    with pytest.raises(InvalidValue, match="say NONE") as refused:
        define(json.dumps({"AuthType": kind}))

    assert len(refused.value.message) < 300


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"NetConfig": 7}, "NetConfig '7': must be an object with EnableIntranet"),
        ({"NetConfig": {"EnableExtranet": "no"}}, "NetConfig.EnableExtranet 'no': must be true"),
        ({"NetConfig": {"EnableExtranet": False, "EnableIntranet": False}}, "must be true"),
        ({"CorsConfig": {"Enable": 1}}, "CorsConfig.Enable '1': must be true or false"),
        ({"CorsConfig": {"Origins": "*"}}, "CorsConfig.Origins '*': must be a list"),
        ({"CorsConfig": {"Origins": ["a.example"]}}, "https://a.example"),
        ({"CorsConfig": {"Origins": ["https://a.example/path"]}}, "https://a.example"),
        ({"CorsConfig": {"Origins": ["https://a.example\r\nx: y"]}}, "https://a.example"),
        ({"CorsConfig": {"Methods": ["get"]}}, "must be of * DELETE GET"),
        ({"CorsConfig": {"Headers": ["X Token"]}}, "names of headers"),
        ({"CorsConfig": {"Headers": [7]}}, "names of headers"),
        ({"CorsConfig": {"ExposeHeaders": ["a\nb"]}}, "names of headers"),
        ({"CorsConfig": {"ExposeHeaders": ["a"] * 101}}, "at most 100"),
        ({"CorsConfig": {"MaxAge": 86_401}}, "seconds from 0 to 86400"),
        ({"CorsConfig": {"MaxAge": True}}, "seconds from 0 to 86400"),
        ({"CorsConfig": {"Credentials": True}}, "must name who is trusted"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_what_would_be_right(
    settings: object, said: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        define(json.dumps(settings))

    assert refused.value.code == "InvalidParameterValue.TriggerDesc"
    assert said in refused.value.message
    assert len(refused.value.message) < 300


def test_a_url_is_shown_with_the_addresses_at_which_it_answers() -> None:
    closed = define('{"NetConfig": {"EnableExtranet": false}}')
    shown = json.loads(TRIGGERS["http"].show(url("u1", definition=closed), "http://h:1"))

    assert shown["NetConfig"] == {
        "EnableIntranet": True,
        "EnableExtranet": False,
        "IntranetUrl": "http://h:1/url/u1/",
        "IntranetHTTPUrl": "http://h:1/url/u1/",
    }


def test_a_url_leads_to_what_it_is_bound_to(urls: Urls) -> None:
    found = urls.find("u1")

    assert found == url("u1")
    assert urls.find("u2") is None
    assert urls.find("") is None


def test_a_closed_url_leads_nowhere_until_it_is_opened(urls: Urls) -> None:
    urls.apply([TriggersChanged(FUNCTION, (url("u1", enabled=False),))])
    assert urls.find("u1") is None
    urls.apply([TriggersChanged(FUNCTION, (url("u1"),))])
    assert urls.find("u1") is not None


def test_urls_are_replaced_function_by_function(urls: Urls) -> None:
    theirs = url("u9", function=OTHER.named, function_id=OTHER.id)
    urls.apply([TriggersChanged(OTHER, (theirs,))])
    urls.apply([TriggersChanged(FUNCTION, (url("u2"), url("u3")))])

    assert urls.find("u1") is None
    assert [urls.find(one) for one in ("u2", "u3", "u9")] == [url("u2"), url("u3"), theirs]


def test_a_timer_has_no_url(urls: Urls) -> None:
    urls.apply([TriggersChanged(FUNCTION, (trigger("tick", resource_id="u7"),))])

    assert urls.find("u7") is None


def test_a_deleted_function_has_no_urls_and_the_others_keep_theirs(urls: Urls) -> None:
    theirs = url("u9", function=OTHER.named, function_id=OTHER.id)
    urls.apply([TriggersChanged(OTHER, (theirs,)), FunctionGone(FUNCTION)])

    assert urls.find("u1") is None
    assert urls.find("u9") == theirs
