"""Provisioned concurrency: instances that are there before any call, told as they are."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.platform import Platform, until

BROKEN = "import nowhere"
#: Tells which process it is, and ends when it is told to.
MORTAL = """
import os, uuid
WHO = str(uuid.uuid4())
def main_handler(event, context):
    if event.get("end"): os._exit(1)
    return WHO
"""


@pytest.fixture
def published(platform: Platform, name: str) -> Iterator[str]:
    """A function with version 1."""
    platform.make(name, MORTAL)
    platform.publish(name)
    yield name
    platform.call("DeleteFunction", FunctionName=name)


def put(platform: Platform, name: str, wanted: int, version: str = "1", **more: Any) -> None:
    platform.call(
        "PutProvisionedConcurrencyConfig",
        FunctionName=name,
        Qualifier=version,
        VersionProvisionedConcurrencyNum=wanted,
        **more,
    )


def told(platform: Platform, name: str, **more: Any) -> list[dict[str, Any]]:
    answer = platform.call("GetProvisionedConcurrencyConfig", FunctionName=name, **more)
    return list(answer["Allocated"])


def done(platform: Platform, name: str, wanted: int) -> Callable[[], bool]:
    def look() -> bool:
        (one,) = told(platform, name)
        ready = one["AvailableProvisionedConcurrencyNum"]
        assert one["AllocatedProvisionedConcurrencyNum"] == wanted
        assert (one["Status"] == "Done") == (ready == wanted)
        return bool(ready == wanted)

    return look


def test_a_provisioned_version_is_there_before_its_first_call(
    platform: Platform, published: str
) -> None:
    put(platform, published, 2)
    until(done(platform, published, 2))

    (one,) = told(platform, published, Qualifier="1")
    assert one == {
        "AllocatedProvisionedConcurrencyNum": 2,
        "AvailableProvisionedConcurrencyNum": 2,
        "Status": "Done",
        "StatusReason": "",
        "Qualifier": "1",
        "TriggerActions": [],
    }
    assert platform.metrics("huidu_instances", function=published, state="idle") == {
        ("1", "idle"): 2
    }
    assert platform.metrics("huidu_waiting_calls", function=published) == {("1", ""): 0}
    assert platform.metrics("huidu_provisioned_instances", function=published) == {
        ("1", "wanted"): 2,
        ("1", "ready"): 2,
    }
    assert platform.invoke(published, Qualifier="1")["FunctionVersion"] == "1"


def test_an_instance_that_dies_is_replaced(platform: Platform, published: str) -> None:
    put(platform, published, 1)
    until(done(platform, published, 1))
    first = platform.invoke(published, Qualifier="1")["RetMsg"]

    platform.invoke(published, {"end": True}, Qualifier="1")
    until(lambda: platform.invoke(published, Qualifier="1")["RetMsg"] != first)
    until(done(platform, published, 1))


def test_the_number_can_be_changed_and_taken_back(platform: Platform, published: str) -> None:
    put(platform, published, 1, ProvisionedType="Default", TriggerActions=[])
    put(platform, published, 2, MinCapacity=0)
    until(done(platform, published, 2))

    for _ in range(2):  # once more does no harm
        platform.call("DeleteProvisionedConcurrencyConfig", FunctionName=published, Qualifier="1")
    assert told(platform, published) == []


def test_what_may_still_be_provisioned_is_told(platform: Platform, published: str) -> None:
    def unallocated() -> int:
        ask = {"FunctionName": published}
        return int(
            platform.call("GetProvisionedConcurrencyConfig", **ask)["UnallocatedConcurrencyNum"]
        )

    before = unallocated()
    put(platform, published, 1)
    assert unallocated() == before - 1
    refused = platform.refusal(
        "PutProvisionedConcurrencyConfig",
        FunctionName=published,
        Qualifier="1",
        VersionProvisionedConcurrencyNum=101,
    )
    assert refused.get_code() == "LimitExceeded.FunctionTotalProvisionedConcurrencyNum"
    assert "at most" in str(refused.get_message())


def test_why_instances_are_missing_is_told(platform: Platform, name: str) -> None:
    platform.make(name, BROKEN)
    platform.publish(name)
    put(platform, name, 1)

    def failed() -> bool:
        return bool(told(platform, name)[0]["Status"] == "Failed")

    until(failed)
    (one,) = told(platform, name)
    assert "No module named 'nowhere'" in one["StatusReason"]
    assert one["AvailableProvisionedConcurrencyNum"] == 0
    platform.call("DeleteFunctionVersion", FunctionName=name, Qualifier="1")
    assert told(platform, name) == []
    platform.call("DeleteFunction", FunctionName=name)


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ({"Qualifier": "$LATEST"}, "InvalidParameterValue.Qualifier", "$LATEST"),
        ({"Qualifier": "release"}, "InvalidParameterValue.Qualifier", "release"),
        ({"Qualifier": "9"}, "ResourceNotFound.FunctionVersion", "9"),
        ({"FunctionName": "nobody"}, "ResourceNotFound.FunctionName", "nobody"),
        ({"VersionProvisionedConcurrencyNum": 0}, "InvalidParameterValue", "1 or more"),
        ({"VersionProvisionedConcurrencyNum": -1}, "InvalidParameterValue", "1 or more"),
        (
            {"ProvisionedType": "ConcurrencyUtilizationTracking"},
            "InvalidParameterValue.ProvisionType",
            "Default",
        ),
        ({"TrackingTarget": 0.5}, "InvalidParameterValue.ProvisionType", "TrackingTarget"),
        ({"MinCapacity": 1}, "InvalidParameterValue.ProvisionType", "MinCapacity"),
        ({"MaxCapacity": 9}, "InvalidParameterValue.ProvisionType", "MaxCapacity"),
        (
            {"TriggerActions": [{"TriggerName": "noon"}]},
            "FailedOperation.ProvisionCreateTimer",
            "TriggerActions",
        ),
    ],
)
def test_what_cannot_be_provisioned_is_refused_by_name(
    platform: Platform, published: str, asked: dict[str, Any], code: str, said: str
) -> None:
    right = {
        "FunctionName": published,
        "Qualifier": "1",
        "VersionProvisionedConcurrencyNum": 1,
    }
    refused = platform.refusal("PutProvisionedConcurrencyConfig", **right | asked)

    assert refused.get_code() == code
    assert said in str(refused.get_message())
    assert told(platform, published) == []


@pytest.mark.parametrize(
    "action", ["GetProvisionedConcurrencyConfig", "DeleteProvisionedConcurrencyConfig"]
)
def test_a_version_that_is_missing_is_named(
    platform: Platform, published: str, action: str
) -> None:
    for number, code in (
        ("9", "ResourceNotFound.FunctionVersion"),
        ("$LATEST", "InvalidParameterValue.Qualifier"),
    ):
        refused = platform.refusal(action, FunctionName=published, Qualifier=number)
        assert refused.get_code() == code


def test_a_server_that_was_killed_has_them_again_and_deletion_takes_them_along(
    start: Callable[..., Platform],
) -> None:
    platform = start()
    name = platform.make("kept")
    for _ in range(2):
        platform.publish(name)
    put(platform, name, 2)
    platform.stop(signal.SIGKILL)

    platform = start(data=platform.data)
    until(done(platform, name, 2))
    platform.call("DeleteFunctionVersion", FunctionName=name, Qualifier="1")
    assert told(platform, name) == []
    put(platform, name, 1, "2")
    platform.call("DeleteFunction", FunctionName=name)
    platform.make(name)
    assert told(platform, name) == []
    assert platform.stop() == 0
