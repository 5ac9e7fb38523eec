"""Network: who has a say in what a function reaches, and who has the last word."""

from __future__ import annotations

import json

import pytest

from huidu.model import network
from huidu.model.errors import InvalidValue
from huidu.model.function import Configuration
from huidu.model.network import EGRESS, HOST, NONE


def asking(said: object) -> Configuration:
    return Configuration(
        handler="index.main_handler",
        runtime="Python3.10",
        settings=((network.FIELD, json.dumps(said)),),
    )


@pytest.mark.parametrize(
    ("setting", "hindrance", "mode"),
    [
        ("best", "", EGRESS),
        ("best", "nft is missing", NONE),
        ("egress", "", EGRESS),
        ("egress", "nft is missing", EGRESS),  # Who opens it then refuses to start.
        ("none", "", NONE),
        ("host", "", HOST),
        ("host", "nft is missing", HOST),
    ],
)
def test_the_setting_and_the_machine_decide_for_a_server(
    setting: str, hindrance: str, mode: str
) -> None:
    assert network.of_server(setting, hindrance) == mode


@pytest.mark.parametrize("servers", [NONE, EGRESS, HOST])
def test_a_version_can_ask_for_less_and_never_for_more(servers: str) -> None:
    assert network.of_instance(servers, online=True) == servers
    assert network.of_instance(servers, online=False) == NONE


@pytest.mark.parametrize(
    ("said", "online"),
    [
        ({"PublicNetStatus": "ENABLE", "EipConfig": {"EipStatus": "DISABLE"}}, True),
        ({"PublicNetStatus": "DISABLE", "EipConfig": {"EipStatus": "DISABLE"}}, False),
        ({"EipConfig": {"EipStatus": "DISABLE"}}, True),
        ({}, True),
        ("kept before it was looked at", True),
    ],
)
def test_a_version_is_online_unless_it_says_not(said: object, *, online: bool) -> None:
    assert network.is_online(asking(said)) is online


def test_a_version_that_says_nothing_is_online() -> None:
    assert network.is_online(Configuration(handler="index.f", runtime="Python3.10"))


@pytest.mark.parametrize("said", [{"PublicNetStatus": "OFF"}, {"PublicNetStatus": None}, [], "x"])
def test_what_cannot_be_acted_on_is_refused(said: object) -> None:
    with pytest.raises(InvalidValue, match="PublicNetStatus is ENABLE or DISABLE") as refused:
        network.check(json.dumps(said))
    assert refused.value.code == "InvalidParameterValue.PublicNetConfig"


def test_what_can_be_acted_on_is_taken() -> None:
    network.check('{"PublicNetStatus": "DISABLE"}')
    network.check("{}")
