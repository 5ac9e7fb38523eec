"""What a configuration says of a web function."""

from __future__ import annotations

import json
from typing import Any

import pytest

from huidu.model.errors import InvalidValue
from huidu.model.function import EVENT, WEB, Configuration
from huidu.model.web import IDLE_S, NOT_WEB, Web, is_web, web


def configured(type_: str = WEB, **settings: Any) -> Configuration:
    kept = tuple(sorted((name, json.dumps(value)) for name, value in settings.items()))
    return Configuration(handler="h", runtime="Python3.10", type=type_, settings=kept)


def concurrency(most: object, dynamic: object = "FALSE") -> dict[str, Any]:
    return {"instance_concurrency_config": {"DynamicEnabled": dynamic, "MaxConcurrency": most}}


def sockets(idle: object) -> dict[str, Any]:
    return {"protocol_type": "WS", "protocol_params": {"WSParams": {"IdleTimeOut": idle}}}


def test_a_web_function_takes_one_exchange_at_a_time_and_no_websocket_by_default() -> None:
    assert is_web(configured())
    assert web(configured()) == Web(concurrency=1, idle_s=None)
    assert web(configured(vpc_config={"VpcId": "x"})) == web(configured())


def test_it_may_take_a_hundred_and_websockets() -> None:
    assert web(configured(**concurrency(100))).concurrency == 100
    assert web(configured(instance_concurrency_config={})).concurrency == 1
    assert web(configured(**sockets(7200))).idle_s == 7200
    assert web(configured(protocol_type="WS")).idle_s == IDLE_S
    assert web(configured(protocol_type="", protocol_params={})).idle_s is None


def test_other_functions_take_neither() -> None:
    assert web(configured(EVENT)) == NOT_WEB
    for settings in (concurrency(2), sockets(60)):
        with pytest.raises(InvalidValue, match="Type HTTP"):
            web(configured(EVENT, **settings))


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (concurrency(0), "InstanceConcurrencyConfig"),
        (concurrency(101), "InstanceConcurrencyConfig"),
        (concurrency("5"), "InstanceConcurrencyConfig"),
        (concurrency(most=True), "InstanceConcurrencyConfig"),
        (concurrency(5, "TRUE"), "InstanceConcurrencyConfig"),
        ({"instance_concurrency_config": [1]}, "InstanceConcurrencyConfig"),
        ({"protocol_type": "MQTT"}, "ProtocolType"),
        (sockets(0), "ProtocolParams"),
        (sockets(7201), "ProtocolParams"),
        (sockets("60"), "ProtocolParams"),
        ({"protocol_type": "WS", "protocol_params": 1}, "ProtocolParams"),
        ({"protocol_type": "WS", "protocol_params": {"WSParams": 1}}, "ProtocolParams"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        web(configured(**settings))

    assert refused.value.code == f"InvalidParameterValue.{field}"
