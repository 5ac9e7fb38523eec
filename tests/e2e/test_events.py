"""Events: what happened is listed with who and why, and webhooks are told of it."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.platform import ROOT_ASKED, Platform, until
from tests.webhooks.receiver import receiving

LOCAL = ("--set", "webhook_allow=127.0.0.1", "--set", "warm_s=0", "--set", "tier=none")
SECRET = "a-secret-of-the-test"
Start = Callable[..., Platform]

CALLS = 150  #: More than may wait for one version where none is to.
SLEEP = """
import time
def main_handler(event, context):
    time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    running = Platform.start(tmp_path_factory.mktemp("events") / "data", *LOCAL)
    yield running
    assert running.stop() == 0


def events(platform: Platform, **asked: Any) -> list[dict[str, Any]]:
    return list(platform.ours("ListEvents", **asked)["Events"])


def kinds(platform: Platform, **asked: Any) -> list[str]:
    return [one["Kind"] for one in events(platform, Order="ASC", Limit=100, **asked)]


def refused(platform: Platform, action: str, **asked: Any) -> str:
    with pytest.raises(TencentCloudSDKException) as refusal:
        platform.ours(action, **asked)
    return str(refusal.value.code)


def condition(platform: Platform, name: str) -> dict[str, Any]:
    return platform.ours("GetWebhook", Name=name)


def two_versions(platform: Platform, name: str) -> None:
    platform.make(name)
    for _ in "12":
        platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")


def move(platform: Platform, name: str, weight: float, reason: str = "") -> None:
    platform.call(
        "UpdateAlias",
        FunctionName=name,
        Name="release",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": [{"Version": "2", "Weight": weight}]},
        Reason=reason,
    )


def test_every_change_of_a_function_is_an_event(server: Platform, name: str) -> None:
    two_versions(server, name)
    server.call("UpdateFunctionConfiguration", FunctionName=name, Timeout=5)
    move(server, name, 0.1)
    server.ours("UndoAlias", FunctionName=name, Name="release")
    provisioned = {"FunctionName": name, "Qualifier": "2"}
    server.call(
        "PutProvisionedConcurrencyConfig", **provisioned, VersionProvisionedConcurrencyNum=1
    )
    server.call("DeleteProvisionedConcurrencyConfig", **provisioned)
    server.call("DeleteProvisionedConcurrencyConfig", **provisioned)
    server.call("DeleteFunctionVersion", FunctionName=name, Qualifier="2")
    server.call("DeleteAlias", FunctionName=name, Name="release")
    server.call("DeleteFunction", FunctionName=name)

    assert kinds(server, FunctionName=name) == [
        "function.created",
        *("version.published", "version.published", "alias.created", "function.updated"),
        *("alias.moved", "alias.undone", "provision.changed", "provision.changed"),
        *("version.deleted", "alias.deleted", "function.deleted"),
    ]


def test_a_move_says_who_why_from_what_and_to_what(server: Platform, name: str) -> None:
    two_versions(server, name)
    move(server, name, 0.1, "try it on a few")
    told = events(server, FunctionName=name, Kinds=["alias.moved"])[0]

    assert (told["Who"], told["Reason"]) == (ROOT_ASKED, "try it on a few")
    assert told["Before"] == "all calls to version 1"
    assert told["After"] == "10 % to version 2, the rest to version 1"
    assert (told["Namespace"], told["Alias"]) == ("default", "release")
    assert told["Detail"]["Revision"] == 2
    assert told["Detail"]["After"]["AdditionalVersionWeights"] == [{"Version": "2", "Weight": 0.1}]
    assert told["RequestId"]


def test_what_is_released_of_a_service_is_an_event(server: Platform, name: str) -> None:
    two_versions(server, name)
    since = events(server, Limit=1)[0]["Id"]
    service = server.gateway_call("CreateService", ServiceName=name, Protocol="http")["ServiceId"]
    server.gateway_call(
        "CreateApi",
        ServiceId=service,
        ServiceType="SCF",
        ServiceTimeout=15,
        Protocol="HTTP",
        RequestConfig={"Path": "/", "Method": "ANY"},
        ServiceScfFunctionName=name,
        ServiceScfFunctionQualifier="release",
    )
    there = {"ServiceId": service, "EnvironmentName": "test"}
    for why in ("first", "second"):
        server.gateway_call("ReleaseService", ReleaseDesc=why, **there)
    listed = server.gateway_call("DescribeServiceReleaseVersion", ServiceId=service)["Result"]
    second, first = (one["VersionName"] for one in listed["VersionList"])
    server.gateway_call("UpdateService", VersionName=first, UpdateDesc="back", **there)
    server.gateway_call("UnReleaseService", **there)

    told = [one for one in events(server, Order="ASC", Limit=100) if int(one["Id"]) > int(since)]
    assert {(one["Subject"], one["Who"]) for one in told} == {(f"{service}/test", ROOT_ASKED)}
    assert [(one["Kind"], one["Reason"], one["Before"], one["After"]) for one in told] == [
        ("service.released", "first", "nothing", first),
        ("service.released", "second", first, second),
        ("service.switched", "back", second, first),
        ("service.unreleased", "", first, "nothing"),
    ]


def test_a_change_that_is_refused_is_no_event(server: Platform, name: str) -> None:
    two_versions(server, name)
    before = kinds(server, FunctionName=name)
    server.refusal("UpdateAlias", FunctionName=name, Name="release", FunctionVersion="9")
    server.refusal("CreateFunction", FunctionName=name, Code={"ZipFile": "x"})

    assert kinds(server, FunctionName=name) == before


def test_values_of_the_environment_are_not_told(server: Platform, name: str) -> None:
    server.make(name)
    secret = {"Variables": [{"Key": "TOKEN", "Value": "of-the-crown"}]}
    server.call("UpdateFunctionConfiguration", FunctionName=name, Environment=secret)
    told = events(server, FunctionName=name)[0]

    assert told["Detail"]["Changed"] == ["environment"]
    assert "of-the-crown" not in str(told)


def test_events_come_by_pages_in_either_order(server: Platform, name: str) -> None:
    two_versions(server, name)
    every = [one["Id"] for one in events(server, FunctionName=name, Order="ASC")]
    for order, wanted in (("ASC", every), ("DESC", every[::-1])):
        found, cursor = [], ""
        for _ in range(2):
            page = server.ours("ListEvents", FunctionName=name, Order=order, Limit=2, Cursor=cursor)
            found += [one["Id"] for one in page["Events"]]
            cursor = page["NextCursor"]
        assert found == wanted


def test_what_happens_later_is_found_from_the_last_cursor(server: Platform, name: str) -> None:
    two_versions(server, name)
    cursor = server.ours("ListEvents", FunctionName=name, Order="ASC")["NextCursor"]
    assert kinds(server, FunctionName=name, Cursor=cursor) == []
    move(server, name, 0.5)

    assert kinds(server, FunctionName=name, Cursor=cursor) == ["alias.moved"]


def test_events_are_narrowed(server: Platform, name: str) -> None:
    two_versions(server, name)

    assert kinds(server, FunctionName=name, Kinds=["alias.*"]) == ["alias.created"]
    assert kinds(server, FunctionName=name, Alias="release") == ["alias.created"]
    assert kinds(server, FunctionName=name, FunctionVersion="2") == ["version.published"]
    assert kinds(server, FunctionName=name, Who="AKIDother") == []
    assert kinds(server, FunctionName=name, Kinds=["rollout.*"]) == []
    assert kinds(server, FunctionName=name, Namespace="other") == []
    assert len(kinds(server, FunctionName=name, Since="1h", Kinds=["*"])) == 4
    assert kinds(server, FunctionName=name, Until="1h") == []
    assert kinds(server, FunctionName=name, Since="2099-01-01 00:00:00") == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"Kinds": ["alias.eaten"]}, "InvalidParameterValue.Kinds"),
        ({"Kinds": ["other.*"]}, "InvalidParameterValue.Kinds"),
        ({"Cursor": "x"}, "InvalidParameterValue.Cursor"),
        ({"Since": "yesterday"}, "InvalidParameterValue.DateTime"),
        ({"Limit": 0}, "InvalidParameterValue.Limit"),
        ({"Order": "UP"}, "InvalidParameterValue.Order"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    server: Platform, asked: dict[str, Any], code: str
) -> None:
    assert refused(server, "ListEvents", **asked) == code


def test_a_webhook_is_told_with_a_signature_of_its_secret(server: Platform, name: str) -> None:
    with receiving() as receiver:
        made = server.ours(
            "CreateWebhook", Name=name, Url=receiver.url, FunctionName=name, Kinds=["alias.*"]
        )
        two_versions(server, name)
        move(server, name, 0.1)
        first, second = receiver.wait(2)
        server.ours("DeleteWebhook", Name=name)

    assert [first.kind, second.kind] == ["alias.created", "alias.moved"]
    assert first.is_signed_by(made["Secret"])
    assert second.is_signed_by(made["Secret"])
    assert not second.is_signed_by(made["Secret"] + "x")
    assert first.delivery != second.delivery
    listed = events(server, FunctionName=name, Kinds=["alias.moved"])[0]
    del listed["Time"]
    assert second.event == listed


def test_a_webhook_is_shown_without_its_secret(server: Platform, name: str) -> None:
    server.ours("CreateWebhook", Name=name, Url="https://hooks.example/x", Secret=SECRET)
    shown = condition(server, name)
    listed = [one for one in server.ours("ListWebhooks")["Webhooks"] if one["Name"] == name]
    server.ours("DeleteWebhook", Name=name)

    assert SECRET not in str(shown) + str(listed)
    assert (shown["Url"], shown["Kinds"], shown["Enabled"]) == (
        "https://hooks.example/x",
        ["*"],
        True,
    )
    assert len(listed) == 1
    assert refused(server, "GetWebhook", Name=name) == "ResourceNotFound.Webhook"


def test_a_webhook_is_changed_in_what_is_given(server: Platform, name: str) -> None:
    with receiving() as receiver:
        server.ours("CreateWebhook", Name=name, Url=receiver.url, FunctionName="nobody")
        server.ours("UpdateWebhook", Name=name, FunctionName=name, Secret=SECRET)
        server.make(name)
        assert receiver.wait(1)[0].is_signed_by(SECRET)
        server.ours("UpdateWebhook", Name=name, Enabled=False)
        server.publish(name)
        server.ours("UpdateWebhook", Name=name, Enabled=True, Kinds=["alias.*"])
        server.call("CreateAlias", FunctionName=name, Name="a", FunctionVersion="1")
        receiver.wait(2)
        server.ours("DeleteWebhook", Name=name)

    assert receiver.kinds() == ["function.created", "alias.created"]


def test_a_test_is_posted_at_once_and_says_what_the_receiver_answered(
    server: Platform, name: str
) -> None:
    with receiving(answer=lambda number: (200, 503)[number]) as receiver:
        server.ours("CreateWebhook", Name=name, Url=receiver.url, Kinds=["rollout.*"])
        good = server.ours("TestWebhook", Name=name)
        bad = server.ours("TestWebhook", Name=name)
    nobody = server.ours("TestWebhook", Name=name)
    server.ours("DeleteWebhook", Name=name)

    assert (good["Arrived"], good["StatusCode"]) == (True, 200)
    assert (bad["Arrived"], bad["StatusCode"], bad["Message"]) == (False, 503, "HTTP 503")
    assert (nobody["Arrived"], nobody["StatusCode"]) == (False, 0)
    assert receiver.kinds() == ["webhook.tested"] * 2


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"Url": "ftp://x"}, "InvalidParameterValue.Url"),
        ({"Url": "http://169.254.169.254/latest"}, "InvalidParameterValue.Url"),
        ({"Url": "http://[::1]:80/"}, "InvalidParameterValue.Url"),
        ({"Url": "http://u:p@h/"}, "InvalidParameterValue.Url"),
        ({"Name": "1"}, "InvalidParameterValue.Name"),
        ({"Secret": "short"}, "InvalidParameterValue.Secret"),
        ({"Kinds": []}, "InvalidParameterValue.Kinds"),
        ({"Kinds": ["alias"]}, "InvalidParameterValue.Kinds"),
        ({"Description": "x" * 1001}, "InvalidParameterValue.Description"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused(
    server: Platform, name: str, asked: dict[str, Any], code: str
) -> None:
    usual = {"Name": name, "Url": "http://hooks.example"}

    assert refused(server, "CreateWebhook", **usual | asked) == code


def test_there_is_one_webhook_of_a_name(server: Platform, name: str) -> None:
    asked = {"Name": name, "Url": "http://hooks.example", "Kinds": ["rollout.*"]}
    server.ours("CreateWebhook", **asked)
    assert refused(server, "CreateWebhook", **asked) == "ResourceInUse.Webhook"
    server.ours("DeleteWebhook", Name=name)


def test_a_receiver_that_fails_gets_the_same_delivery_again_and_the_rest_in_order(
    server: Platform, name: str
) -> None:
    with receiving(answer=lambda number: 500 if number < 2 else 200) as receiver:
        server.ours("CreateWebhook", Name=name, Url=receiver.url, FunctionName=name)
        two_versions(server, name)
        got = receiver.wait(6)
        until(lambda: condition(server, name)["Pending"] == 0)
        fared = condition(server, name)
        server.ours("DeleteWebhook", Name=name)

    assert len({one.delivery for one in got[:3]}) == 1
    assert len({one.delivery for one in got}) == 4
    ids = [int(one.event["Id"]) for one in got]
    assert ids == sorted(ids)
    assert (fared["Dead"], fared["FailingSince"], fared["LastError"]) == (0, "", "")


def test_an_event_that_a_receiver_refuses_as_such_holds_up_no_other(
    server: Platform, name: str
) -> None:
    later = {"Retry-After": "3"}
    with receiving(answer=lambda number: 400 if number == 0 else 200, more=later) as receiver:
        server.ours("CreateWebhook", Name=name, Url=receiver.url, FunctionName=name)
        two_versions(server, name)
        got = receiver.wait(5)
        server.ours("DeleteWebhook", Name=name)

    assert got[0].kind == "function.created"
    assert got[4].delivery == got[0].delivery, "the next ones went first"


def test_a_receiver_that_hangs_holds_up_only_itself(start: Start, name: str) -> None:
    platform = start(*LOCAL, "--set", "webhook_timeout_s=0.3")
    with receiving(hang=threading.Event()) as hanging, receiving() as well:
        for hook, url in (("hanging", hanging.url), ("well", well.url)):
            platform.ours("CreateWebhook", Name=hook, Url=url)
        two_versions(platform, name)
        well.wait(4)
        until(lambda: "no answer within 0.3 s" in condition(platform, "hanging")["LastError"])
        assert condition(platform, "hanging")["Pending"] == 4
        assert condition(platform, "well")["Pending"] == 0


def test_what_cannot_be_delivered_is_a_dead_letter_an_event_and_can_be_tried_again(
    start: Start, name: str
) -> None:
    platform = start(*LOCAL, "--set", "webhook_retry_s=0")
    with receiving(answer=lambda number: 500, body=b"no\x1b disk") as bad, receiving() as other:
        platform.ours("CreateWebhook", Name="bad", Url=bad.url, Kinds=["alias.*"])
        platform.ours("CreateWebhook", Name="other", Url=other.url, Kinds=["webhook.*"])
        two_versions(platform, name)
        move(platform, name, 0.1)
        until(lambda: condition(platform, "bad")["Dead"] == 2)
        told = other.wait(1)[0].event
        dead = platform.ours("ListDeadDeliveries", Name="bad")
        assert kinds(platform, Kinds=["webhook.dead"]) == ["webhook.dead"], "once, not for each"
        bad.answer = lambda number: 200
        first, second = (one["DeliveryId"] for one in dead["Deliveries"])
        assert platform.ours("RedriveDeliveries", Name="bad", DeliveryIds=[first])["Count"] == 1
        until(lambda: len(bad.got) == 3)
        until(lambda: condition(platform, "bad")["Dead"] == 1)
        assert platform.ours("DiscardDeliveries", Name="bad", DeliveryIds=[second])["Count"] == 1
        gone = {"Name": "bad", "DeliveryIds": [second]}
        assert refused(platform, "RedriveDeliveries", **gone) == "ResourceNotFound.Delivery"
        assert platform.ours("RedriveDeliveries", Name="bad")["Count"] == 0

    assert (told["Subject"], told["Reason"]) == ("bad", "HTTP 500: no\ufffd disk")
    assert dead["TotalCount"] == 2
    assert dead["Deliveries"][0]["Attempts"] == 1
    assert dead["Deliveries"][0]["StatusCode"] == 500
    assert dead["Deliveries"][1]["Event"]["Kind"] == "alias.moved"
    assert bad.got[2].delivery == first


def test_what_was_committed_is_delivered_after_a_kill(start: Start, name: str) -> None:
    """The receiver is not there when it happens, and the server dies before it comes."""
    platform = start(*LOCAL)
    with receiving() as first:
        port = int(first.url.split(":")[2].split("/")[0])
        platform.ours("CreateWebhook", Name="late", Url=first.url)
    two_versions(platform, name)
    platform.stop(signal.SIGKILL)
    again = platform.again()
    try:
        with receiving(port) as receiver:
            got = receiver.wait(4)
            until(lambda: condition(again, "late")["Pending"] == 0)
        wanted = [one["Id"] for one in events(again, FunctionName=name, Order="ASC")]
        assert [one.event["Id"] for one in got] == wanted
    finally:
        again.stop()


def test_one_killed_while_it_posts_posts_again_after_the_restart(start: Start, name: str) -> None:
    hang = threading.Event()
    platform = start(*LOCAL)
    with receiving(hang=hang) as receiver:
        platform.ours("CreateWebhook", Name="slow", Url=receiver.url)
        platform.make(name)
        receiver.wait(1)
        platform.stop(signal.SIGKILL)
        hang.set()
        again = platform.again()
        try:
            first, second = receiver.wait(2)[:2]
            until(lambda: condition(again, "slow")["Pending"] == 0)
        finally:
            again.stop()

    assert first.delivery == second.delivery
    assert first.body == second.body


def test_a_full_disk_has_nothing_posted_twice(start: Start, name: str) -> None:
    """The receiver answers while the disk is full: that is written once there is room."""
    platform = start(*LOCAL)
    hang = threading.Event()
    with receiving(hang=hang) as receiver:
        platform.ours("CreateWebhook", Name="hook", Url=receiver.url)
        platform.make(name)
        receiver.wait(1)
        pid, free = platform.process.pid, resource.RLIM_INFINITY
        wal = (platform.data / "huidu.db-wal").stat().st_size
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (wal, free))
        refusal = platform.refusal("PublishVersion", FunctionName=name)
        assert refusal.get_code() == "ResourceUnavailable.Storage"
        hang.set()
        until(lambda: "webhook.unsettled" in platform.log.read_text())
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (free, free))
        until(lambda: condition(platform, "hook")["Pending"] == 0)

    assert receiver.kinds() == ["function.created"]
    assert kinds(platform) == ["function.created"]


def test_kills_at_random_lose_no_event(start: Start, tmp_path: Path) -> None:
    """Every event that is listed was delivered, in whatever order kills left."""
    platform = start(*LOCAL)
    with receiving(delay_s=0.01) as receiver:
        platform.ours("CreateWebhook", Name="all", Url=receiver.url)
        platform.make("fn")
        for turn in range(3):
            with ThreadPoolExecutor(1) as threads:
                done = threads.submit(_publish_until_gone, platform)
                time.sleep(0.2 + 0.1 * turn)
                platform.stop(signal.SIGKILL)
                done.result()
            platform = platform.again()
        until(lambda: condition(platform, "all")["Pending"] == 0, 20)
        wanted = {one["Id"] for one in _every(platform)}
        platform.stop()

    assert {one.event["Id"] for one in receiver.got} == wanted
    assert len(wanted) > 5


def _publish_until_gone(platform: Platform) -> None:
    try:
        while True:
            platform.publish("fn")
    except TencentCloudSDKException:
        pass


def _every(platform: Platform) -> list[dict[str, Any]]:
    found, cursor = [], "0"
    while True:
        page = platform.ours("ListEvents", Order="ASC", Limit=100, Cursor=cursor)
        found += page["Events"]
        cursor = page["NextCursor"]
        if len(page["Events"]) < 100:
            return found


async def test_throttling_is_told_when_it_begins(start: Start) -> None:
    platform = start(*LOCAL, "--set", "max_instances=1", "--set", "max_waiting=0")
    platform.make("busy", SLEEP)
    made = platform.call(
        "CreateTrigger", FunctionName="busy", TriggerName="web", Type="http", TriggerDesc="{}"
    )
    url = json.loads(made["TriggerInfo"]["TriggerDesc"])["ExtranetHTTPUrl"]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def call() -> int:
            async with session.get(url) as answer:
                return answer.status

        statuses = await asyncio.gather(*(call() for _ in range(CALLS)))
    told = until(lambda: events(platform, Kinds=["throttle.*"]))

    assert set(statuses) != {200}
    assert [one["Kind"] for one in told] == ["throttle.began"]
    assert (told[0]["FunctionName"], told[0]["FunctionVersion"]) == ("busy", "$LATEST")
    assert told[0]["Detail"] == {"StatusCode": 432}


def test_old_events_are_forgotten(start: Start, name: str) -> None:
    platform = start(*LOCAL, "--set", "keep_events_s=0")
    platform.make(name)
    assert kinds(platform) == ["function.created"]
    platform.stop()
    again = platform.again()
    try:
        until(lambda: not kinds(again))
        again.publish(name)
        assert int(events(again)[0]["Id"]) == 2, "no number is given twice"
    finally:
        again.stop()


def test_deliveries_are_counted(server: Platform, name: str) -> None:
    with receiving(answer=lambda number: 500 if number == 0 else 200) as receiver:
        server.ours("CreateWebhook", Name=name, Url=receiver.url, FunctionName=name)
        server.make(name)
        until(lambda: counted(server, name).get("delivered"))

    assert counted(server, name) == {"failed": 1, "delivered": 1, "pending": 0}
    server.ours("DeleteWebhook", Name=name)
    until(lambda: not counted(server, name))


def counted(platform: Platform, webhook: str) -> dict[str, float]:
    with urlopen(f"{platform.api}/metrics") as page:  # noqa: S310 - it is our own server
        told = text_string_to_metric_families(page.read().decode())
    samples = (one for family in told for one in family.samples)
    return {
        one.labels.get("result", "pending"): one.value
        for one in samples
        if one.labels.get("webhook") == webhook and not one.name.endswith("_created")
    }


# Destinations


def test_what_came_of_an_asynchronous_call_is_posted_to_its_webhook_and_to_no_other(
    server: Platform, name: str
) -> None:
    server.make(name)
    with receiving() as mine, receiving() as other:
        for hook, receiver in ((f"{name}-mine", mine), (f"{name}-other", other)):
            server.ours("CreateWebhook", Name=hook, Url=receiver.url, Kinds=["webhook.*"])
        server.ours("UpdateWebhook", Name=f"{name}-other", Kinds=["event.*"])
        goes = {"Webhook": f"{name}-mine"}
        server.ours("PutEventDestinations", FunctionName=name, OnSuccess=goes)
        told = server.ours("GetEventDestinations", FunctionName=name)
        assert told["OnSuccess"]["Webhook"] == f"{name}-mine"
        event = json.dumps({"n": 1})
        server.call("Invoke", FunctionName=name, InvocationType="Event", ClientContext=event)
        (got,) = mine.wait(1)
        assert (got.kind, got.event["FunctionName"]) == ("event.answered", name)
        assert got.event["Detail"]["requestPayload"] == {"n": 1}
        assert got.event["Detail"]["responsePayload"]["event"] == {"n": 1}
        assert other.got == []
        until(lambda: server.ours("ListEvents", Kinds=["event.answered"])["Events"] == [])
        for hook in ("mine", "other"):
            server.ours("DeleteWebhook", Name=f"{name}-{hook}")
        server.call("Invoke", FunctionName=name, InvocationType="Event", ClientContext=event)
        until(lambda: server.metrics("huidu_destinations_total", result="lost") == {("", ""): 1})
    server.call("DeleteFunction", FunctionName=name)
