"""What a trigger of type apigw is asked for, and how it is told."""

from __future__ import annotations

import json

import pytest

from huidu.model.errors import InvalidValue
from huidu.triggers.table import TRIGGERS
from tests.fakes_store import trigger

KIND = TRIGGERS["apigw"]


@pytest.mark.parametrize("text", ["", "{}", '{"api": null, "service": {}}', " "])
def test_what_is_left_out_is_filled_in(text: str) -> None:
    assert json.loads(KIND.define(text)) == {
        "api": {
            "authRequired": "FALSE",
            "isIntegratedResponse": "FALSE",
            "isBase64Encoded": "FALSE",
            "requestConfig": {"path": "", "method": "ANY"},
        },
        "service": {"serviceId": "", "serviceName": "SCF_API_SERVICE"},
        "release": {"environmentName": "release"},
    }


@pytest.mark.parametrize("flag", ["IsBase64Encoded", "isBase64Encoded"])
@pytest.mark.parametrize("yes", ["TRUE", "true", True])
def test_flags_are_texts_or_booleans_and_spelled_either_way(flag: str, yes: object) -> None:
    told = json.loads(KIND.define(json.dumps({"api": {flag: yes}})))

    assert told["api"]["isBase64Encoded"] == "TRUE"


def test_what_is_read_back_may_be_sent_again() -> None:
    asked = {
        "api": {"requestConfig": {"path": "/a", "method": "get"}, "isIntegratedResponse": "TRUE"}
    }
    kept = KIND.define(json.dumps(asked))

    assert KIND.define(kept) == kept
    assert json.loads(kept)["api"]["requestConfig"] == {"path": "/a", "method": "GET"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "JSON"),
        ("[]", "JSON"),
        ("[" * 100_000, "JSON"),
        ('{"api": "x"}', "api must be an object"),
        ('{"api": {"requestConfig": 1}}', "api.requestConfig"),
        ('{"api": {"requestConfig": {"method": "EAT"}}}', "EAT"),
        ('{"api": {"requestConfig": {"method": 5}}}', "method"),
        ('{"api": {"requestConfig": {"path": "no"}}}', "Path"),
        ('{"api": {"authRequired": "maybe"}}', "TRUE or FALSE"),
        ('{"release": {"environmentName": "dev"}}', "dev"),
        ('{"service": {"serviceName": 7}}', "serviceName"),
    ],
)
def test_what_is_wrong_is_refused_and_named(text: str, said: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        KIND.define(text)

    assert refused.value.code == "InvalidParameterValue.TriggerDesc"
    assert said in refused.value.message


@pytest.mark.parametrize("path", ["/a/{b}", "=/a/{b}", "^~/a/{b}"])
def test_an_address_is_told_that_a_caller_can_use(path: str) -> None:
    definition = {
        "api": {"requestConfig": {"path": path}},
        "service": {"serviceId": "service-1"},
        "release": {"environmentName": "test"},
    }
    told = KIND.show(trigger(type="apigw", definition=json.dumps(definition)), "http://gw")

    assert json.loads(told)["service"]["subDomain"] == "http://gw/service-1/test/a/{b}"
