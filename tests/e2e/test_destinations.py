"""Destinations: what comes of an asynchronous call goes on to a function, or to a webhook."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.platform import Platform, until

CODE = """
def main_handler(event, context):
    if event.get("fail"): raise ValueError("told to")
    return {"version": context["function_version"], "got": event}
"""


def send(platform: Platform, name: str, event: object, **more: Any) -> None:
    platform.call(
        "Invoke", FunctionName=name, InvocationType="Event", ClientContext=json.dumps(event), **more
    )


def runs(platform: Platform, name: str) -> list[dict[str, Any]]:
    logs = platform.call("GetFunctionLogs", FunctionName=name, Limit=100)["Data"]
    return [json.loads(log["RetMsg"]) for log in logs if log["Source"] == "destination"]


def test_what_was_answered_goes_to_one_function_and_what_failed_to_another(
    platform: Platform, name: str
) -> None:
    good, bad = f"{name}-good", f"{name}-bad"
    for made in (name, good, bad):
        platform.make(made, CODE)
    platform.publish(good)
    platform.call("CreateAlias", FunctionName=good, Name="release", FunctionVersion="1")
    platform.call(
        "UpdateFunctionEventInvokeConfig",
        FunctionName=name,
        AsyncTriggerConfig={"RetryConfig": [{"RetryNum": 0}]},
    )
    success = {"FunctionName": good, "Qualifier": "release"}
    platform.ours(
        "PutEventDestinations",
        FunctionName=name,
        OnSuccess=success,
        OnFailure={"FunctionName": bad},
    )
    told = platform.ours("GetEventDestinations", FunctionName=name)
    assert success.items() <= told["OnSuccess"].items()
    assert told["OnFailure"]["Qualifier"] == "$DEFAULT"

    send(platform, name, {"n": 1})
    send(platform, name, {"n": 2, "fail": True})
    (answered,) = until(lambda: runs(platform, good))
    assert answered["version"] == "1"  # by its alias
    record = answered["got"]
    assert record["requestPayload"] == {"n": 1}
    assert record["responsePayload"]["got"] == {"n": 1}
    assert record["requestContext"]["condition"] == "Success"
    (failed,) = until(lambda: runs(platform, bad))
    record = failed["got"]
    assert record["requestPayload"] == {"n": 2, "fail": True}
    assert "told to" in record["responseContext"]["functionError"]
    assert record["responseContext"]["executedVersion"] == "$LATEST"

    platform.ours("PutEventDestinations", FunctionName=name)
    assert platform.ours("GetEventDestinations", FunctionName=name)["OnSuccess"] is None
    for made in (name, good, bad):
        platform.call("DeleteFunction", FunctionName=made)


def test_a_loop_of_destinations_ends_as_a_dead_letter_that_says_so(
    platform: Platform, name: str
) -> None:
    platform.make(name, CODE)
    platform.ours("PutEventDestinations", FunctionName=name, OnSuccess={"FunctionName": name})
    send(platform, name, {})

    dead = until(lambda: platform.ours("ListDeadEvents", FunctionName=name)["Events"], within_s=20)
    assert "16 events in a row" in dead[0]["ErrMsg"]
    logs = platform.call("GetFunctionLogs", FunctionName=name, Limit=100)["Data"]
    assert [log["Source"] for log in logs].count("destination") == 16
    assert platform.metrics("huidu_destinations_total", result="too_deep") == {("", ""): 1}
    platform.call("DeleteFunction", FunctionName=name)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({}, "InvalidParameterValue.Destination"),
        ({"FunctionName": "x", "Webhook": "y"}, "InvalidParameterValue.Destination"),
        ({"FunctionName": "nobody"}, "ResourceNotFound.FunctionName"),
        ({"Webhook": "nobody"}, "ResourceNotFound.Webhook"),
        ({"FunctionName": "SELF", "Qualifier": "nobody"}, "ResourceNotFound.Alias"),
        ({"FunctionName": "SELF", "Qualifier": "9"}, "ResourceNotFound.FunctionVersion"),
    ],
)
def test_a_wrong_destination_is_refused(
    platform: Platform, name: str, wanted: dict[str, str], code: str
) -> None:
    platform.make(name, CODE)
    asked = {key: name if value == "SELF" else value for key, value in wanted.items()}
    with pytest.raises(TencentCloudSDKException) as refused:
        platform.ours("PutEventDestinations", FunctionName=name, OnFailure=asked)

    assert refused.value.get_code() == code
    platform.call("DeleteFunction", FunctionName=name)
