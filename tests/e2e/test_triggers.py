"""Timers and function URLs, made by the official SDK and seen from where their callers are."""

from __future__ import annotations

import calendar
import json
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.scf.v20180416 import models

from huidu.model.invocation import MOST_EVENT_BYTES
from tests.platform import Platform, until

EVERY_SECOND = "* * * * * * *"
#: Answers as a function URL's function may, and fails where it is told to.
SHOP = """
import json, os

def main_handler(event, context):
    if not isinstance(event, dict) or "httpMethod" not in event:
        return event
    if event["path"] == "/broken":
        raise ValueError("told to")
    if event["path"] == "/malformed":
        return {"statusCode": "teapot"}
    if event["path"] == "/nothing":
        return {"statusCode": 204, "body": "not to be seen"}
    if event["path"] == "/page":
        return {"statusCode": 201, "headers": {"Content-Type": "text/html",
                "Set-Cookie": ["a=1", "b=2"], "X-Scf-Version": "99"}, "body": "<b>"}
    return {"version": context["function_version"], "event": event}
"""


@dataclass
class Heard:
    """An answer of the gateway."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str:
        (value,) = (value for known, value in self.headers if known.lower() == name.lower())
        return value


def visit(
    platform: Platform,
    path: str,
    headers: Mapping[str, str] = {},
    method: str = "GET",
    body: bytes | None = None,
) -> Heard:
    connection = HTTPConnection(platform.gateway.removeprefix("http://"), timeout=20)
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    heard = Heard(answer.status, answer.getheaders(), answer.read())
    connection.close()
    return heard


@pytest.fixture
def shop(platform: Platform, name: str) -> Iterator[str]:
    """A function with versions 1 and 2, and `release` at 1."""
    platform.make(name, SHOP)
    for _ in range(2):
        platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    yield name
    platform.call("DeleteFunction", FunctionName=name)


def bind(platform: Platform, name: str, trigger: str = "web", **more: Any) -> dict[str, Any]:
    known = {"TriggerName": trigger, "Type": "http", "Qualifier": "release", "TriggerDesc": "{}"}
    made = platform.call("CreateTrigger", FunctionName=name, **known | more)
    return dict(made["TriggerInfo"])


def url(platform: Platform, name: str, **more: Any) -> str:
    return f"/url/{bind(platform, name, **more)['ResourceId']}"


def move(platform: Platform, name: str, main: str, **routing: Any) -> None:
    platform.call("UpdateAlias", FunctionName=name, Name="release", FunctionVersion=main, **routing)


# The API


def test_a_trigger_is_read_back_as_the_cloud_would_show_it(platform: Platform, shop: str) -> None:
    request = models.CreateTriggerRequest()
    request.FunctionName, request.TriggerName, request.Type = shop, "tick", "timer"
    request.TriggerDesc, request.Qualifier = "0 0 3 * * * *", "release"
    request.Enable, request.CustomArgument, request.Description = "OPEN", "argument", "nightly"
    made = platform.client().CreateTrigger(request).TriggerInfo

    assert made.TriggerName == "tick"
    assert made.Type == "timer"
    assert json.loads(made.TriggerDesc) == {"cron": "0 0 3 * * * *"}
    assert (made.Enable, made.Qualifier, made.CustomArgument) == (1, "release", "argument")
    assert (made.Description, made.AvailableStatus) == ("nightly", "Available")
    assert made.AddTime == made.ModTime
    assert len(made.AddTime) == len("2026-11-23 12:00:00")
    # The SDK warns whoever reads these by name, and yet has them.
    old = [vars(made)[f"_{name}"] for name in ("BindStatus", "TriggerAttribute", "ResourceId")]
    assert old[:2] == ["on", "single"]
    assert len(old[2]) == 12

    listing = models.ListTriggersRequest()
    listing.FunctionName = shop
    listed = platform.client().ListTriggers(listing)
    assert listed.TotalCount == 1
    assert vars(made).items() <= vars(listed.Triggers[0]).items()
    asked = models.GetFunctionRequest()
    asked.FunctionName = shop
    assert [t.TriggerName for t in platform.client().GetFunction(asked).Triggers] == ["tick"]

    removal = models.DeleteTriggerRequest()
    removal.FunctionName, removal.TriggerName, removal.Type = shop, "tick", "timer"
    platform.client().DeleteTrigger(removal)
    assert platform.client().ListTriggers(listing).TotalCount == 0


def test_who_makes_a_url_is_told_its_address(platform: Platform, shop: str) -> None:
    address = json.loads(bind(platform, shop)["TriggerDesc"])["ExtranetHTTPUrl"]

    assert address.startswith(f"{platform.gateway}/url/")


def test_triggers_are_listed_by_page_order_and_filter(platform: Platform, shop: str) -> None:
    for n, (name, kind, qualifier) in enumerate(
        [("a", "http", "release"), ("b", "timer", "1"), ("a", "timer", "$LATEST")]
    ):
        more = {"TriggerDesc": "0 0 3 * * * *"} if kind == "timer" else {}
        bind(platform, shop, name, Type=kind, Qualifier=qualifier, Description=f"d{n}", **more)

    def listed(**asked: Any) -> list[str]:
        answer = platform.call("ListTriggers", FunctionName=shop, **asked)
        return [f"{t['TriggerName']} {t['Type']}" for t in answer["Triggers"]]

    newest = ["a timer", "b timer", "a http"]
    assert sorted(listed()) == sorted(newest)
    assert listed(OrderBy="add_time", Order="DESC", Limit=1) == listed(OrderBy="add_time")[:1]
    assert (
        listed(OrderBy="add_time", Order="ASC", Offset=2)
        == listed(OrderBy="add_time", Order="ASC")[2:]
    )
    assert listed(
        Filters=[
            {"Name": "Qualifier", "Values": ["1", "release"]},
            {"Name": "TriggerName", "Values": ["a"]},
        ]
    ) == ["a http"]
    assert listed(Filters=[{"Name": "Description", "Values": ["d1"]}]) == ["b timer"]
    assert listed(Limit=0) == []
    assert platform.call("ListTriggers", FunctionName=shop, Limit=0)["TotalCount"] == 3


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"TriggerName": "9"}, "InvalidParameterValue.TriggerName", "TriggerName"),
    ({"TriggerName": "a" * 101}, "InvalidParameterValue.TriggerName", "100"),
    ({"Type": "ckafka"}, "InvalidParameterValue.Type", "http, timer"),
    ({"Enable": "AJAR"}, "InvalidParameterValue.Enable", "OPEN or CLOSE"),
    ({"CustomArgument": "ü" * 2049}, "InvalidParameterValue.CustomArgument", "4096"),
    ({"Description": "d" * 1001}, "InvalidParameterValue.Description", "1000"),
    ({"Qualifier": "nobody"}, "ResourceNotFound.Qualifier", "nobody"),
    ({"Qualifier": "9"}, "ResourceNotFound.Qualifier", "9"),
    ({"TriggerDesc": "["}, "InvalidParameterValue.TriggerDesc", "JSON"),
    ({"TriggerDesc": "[" * 50_000}, "InvalidParameterValue.TriggerDesc", "JSON"),
    ({"TriggerDesc": '{"AuthType":"CAM"}'}, "InvalidParameterValue.TriggerDesc", "CAM"),
    ({"Missed": "once"}, "InvalidParameterValue.Missed", "timer"),
    ({"Type": "timer", "TriggerDesc": EVERY_SECOND, "Missed": "all"},
        "InvalidParameterValue.Missed", "skip or once"),
    ({"Type": "timer", "TriggerDesc": "every day"}, "InvalidParameterValue.TriggerDesc", "seven"),
    ({"FunctionName": "nobody"}, "ResourceNotFound.FunctionName", "nobody"),
    ({"Namespace": "nowhere"}, "ResourceNotFound.Namespace", "nowhere"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "code", "named"), WRONG)
def test_a_wrong_trigger_is_refused(
    platform: Platform, shop: str, wrong: dict[str, Any], code: str, named: str
) -> None:
    good = {"FunctionName": shop, "TriggerName": "web", "Type": "http", "Qualifier": "release"}
    refused = platform.refusal("CreateTrigger", **good | wrong)

    assert refused.get_code() == code
    assert named in refused.get_message()
    assert platform.call("ListTriggers", FunctionName=shop)["TotalCount"] == 0


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"OrderBy": "name"}, "InvalidParameterValue.OrderBy"),
        ({"Order": "UP"}, "InvalidParameterValue.Order"),
        ({"Filters": [{"Name": "Type", "Values": []}]}, "InvalidParameterValue.Filters"),
        ({"Limit": -1}, "InvalidParameterValue.Limit"),
        ({"Offset": -1}, "InvalidParameterValue.Offset"),
    ],
)
def test_a_wrong_question_is_refused(
    platform: Platform, shop: str, asked: dict[str, Any], code: str
) -> None:
    assert platform.refusal("ListTriggers", FunctionName=shop, **asked).get_code() == code


def test_a_name_is_taken_once_for_each_type_and_there_may_be_ten_of_one(
    platform: Platform, shop: str
) -> None:
    for n in range(10):
        bind(platform, shop, f"web-{n}")
    taken = platform.refusal("CreateTrigger", FunctionName=shop, TriggerName="web-1", Type="http")
    assert taken.get_code() == "ResourceInUse.TriggerName"
    many = platform.refusal("CreateTrigger", FunctionName=shop, TriggerName="web-x", Type="http")
    assert many.get_code() == "LimitExceeded.Trigger"

    bind(platform, shop, "web-1", Type="timer", TriggerDesc="0 0 3 * * * *")
    platform.call("DeleteTrigger", FunctionName=shop, TriggerName="web-1", Type="http")
    left = platform.call("ListTriggers", FunctionName=shop, Limit=100)["Triggers"]
    assert [t["Type"] for t in left if t["TriggerName"] == "web-1"] == ["timer"]


def test_a_trigger_is_deleted_by_name_and_type_and_where_it_is_named_qualifier(
    platform: Platform, shop: str
) -> None:
    bind(platform, shop)
    for wrong in ({"TriggerName": "wob"}, {"Type": "timer"}, {"Qualifier": "1"}):
        asked = {"FunctionName": shop, "TriggerName": "web", "Type": "http", **wrong}
        refused = platform.refusal("DeleteTrigger", **asked)
        assert refused.get_code() == "ResourceNotFound.Trigger"

    platform.call(
        "DeleteTrigger", FunctionName=shop, TriggerName="web", Type="http", Qualifier="release"
    )
    assert platform.call("ListTriggers", FunctionName=shop)["TotalCount"] == 0


def test_an_alias_stays_while_a_trigger_needs_it_and_a_version_takes_its_triggers_along(
    platform: Platform, shop: str
) -> None:
    by_alias, by_version = url(platform, shop), url(platform, shop, trigger="two", Qualifier="2")
    refused = platform.refusal("DeleteAlias", FunctionName=shop, Name="release")
    assert refused.get_code() == "FailedOperation.DeleteAlias"
    assert "web" in refused.get_message()
    assert visit(platform, by_version).header("X-Scf-Version") == "2"

    platform.call("DeleteFunctionVersion", FunctionName=shop, Qualifier="2")
    assert visit(platform, by_version).status == 404
    assert visit(platform, by_alias).status == 200


# Timers


def test_a_timer_fires_through_its_alias_and_follows_it(platform: Platform, shop: str) -> None:
    bind(platform, shop, "tick", Type="timer", TriggerDesc=EVERY_SECOND, CustomArgument="für 鲍勃")

    def runs(version: str) -> list[dict[str, Any]]:
        logs = platform.call("GetFunctionLogs", FunctionName=shop, Qualifier=version)
        return [log for log in logs["Data"] if log["Source"] == "timer"]

    first = until(lambda: runs("1"), within_s=3)[0]
    assert (first["Alias"], first["StatusCode"], first["RetCode"]) == ("release", 200, 0)
    event = json.loads(first["RetMsg"])
    assert event["Type"] == "Timer"
    assert (event["TriggerName"], event["Message"]) == ("tick", "für 鲍勃")
    assert time.strptime(event["Time"], "%Y-%m-%dT%H:%M:%SZ")

    move(platform, shop, "2")
    until(lambda: runs("2"), within_s=3)
    platform.call("DeleteTrigger", FunctionName=shop, TriggerName="tick", Type="timer")
    ticks = [json.loads(log["RetMsg"])["Time"] for log in runs("1") + runs("2")]
    assert len(set(ticks)) == len(ticks)  # each second once
    time.sleep(1.2)
    assert len(runs("1") + runs("2")) <= len(ticks) + 1  # one may have been under way


def test_when_timers_fire_next_is_told_of_those_there_are_and_of_those_there_may_be(
    platform: Platform, shop: str
) -> None:
    bind(platform, shop, "day", Type="timer", TriggerDesc="0 30 9 * * * *", Missed="ONCE")
    bind(platform, shop, "off", Type="timer", TriggerDesc="*/5 * * * *", Enable="CLOSE")
    listed = platform.call("ListTriggers", FunctionName=shop)["Triggers"]
    assert {one["TriggerName"]: one.get("Missed") for one in listed} == {"day": "once", "off": None}

    (day,) = platform.ours("GetNextFirings", FunctionName=shop, TriggerName="day")["Timers"]
    assert (day["Cron"], day["Qualifier"], day["Missed"]) == ("0 30 9 * * * *", "release", "once")
    assert (day["Enable"], day["LastTime"], len(day["NextTimes"])) == (1, "", 5)
    assert all(time.endswith(" 09:30:00+08:00") for time in day["NextTimes"])
    told = platform.ours("GetNextFirings", FunctionName=shop, Count=1)
    assert told["Zone"] == "Asia/Shanghai"
    assert {one["TriggerName"]: one["Enable"] for one in told["Timers"]} == {"day": 1, "off": 0}
    (tried,) = platform.ours("GetNextFirings", Cron="0 0 0 1 1 * 2027", Count=9)["Timers"]
    assert tried["NextTimes"] == ["2027-01-01 00:00:00+08:00"]
    platform.call(
        "UpdateTrigger", FunctionName=shop, TriggerName="day", Type="timer", Missed="skip"
    )
    (day,) = platform.ours("GetNextFirings", FunctionName=shop, TriggerName="day")["Timers"]
    assert day["Missed"] == "skip"


@pytest.mark.parametrize(
    ("asked", "code", "named"),
    [
        ({"Count": 0}, "InvalidParameterValue.Count", "1 to 100"),
        ({"Count": 101}, "InvalidParameterValue.Count", "1 to 100"),
        ({"FunctionName": ""}, "InvalidParameterValue.TriggerDesc", "seven fields"),
        ({"FunctionName": "", "Cron": "soon"}, "InvalidParameterValue.TriggerDesc", "soon"),
        ({"Cron": "* * * * *"}, "InvalidParameterValue", "Cron"),
        ({"TriggerName": "nobody"}, "ResourceNotFound.Trigger", "nobody"),
        ({"FunctionName": "nobody"}, "ResourceNotFound.FunctionName", "nobody"),
    ],
)
def test_a_wrong_question_for_firings_is_refused(
    platform: Platform, shop: str, asked: dict[str, Any], code: str, named: str
) -> None:
    with pytest.raises(TencentCloudSDKException, match=named) as refused:
        platform.ours("GetNextFirings", **{"FunctionName": shop} | asked)

    assert refused.value.get_code() == code


def test_a_timer_ticks_once_a_second_across_a_kill(start: Callable[..., Platform]) -> None:
    """What fell due while nobody was there is fired as soon as somebody is."""
    first = start()
    first.make("ticker")
    bind(first, "ticker", "tick", Type="timer", TriggerDesc=EVERY_SECOND, Qualifier="$LATEST")
    time.sleep(1.5)
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    killed_at = int(time.time())
    second = start(data=first.data)

    def fired() -> dict[int, int]:
        logs = second.call("GetFunctionLogs", FunctionName="ticker", Limit=100)["Data"]
        runs = {log["RequestId"]: json.loads(log["RetMsg"])["event"]["Time"] for log in logs}
        moments = [calendar.timegm(time.strptime(t, "%Y-%m-%dT%H:%M:%SZ")) for t in runs.values()]
        return Counter(moments)

    ticks = until(lambda: (found := fired()) and max(found) > killed_at + 2 and found)
    assert set(ticks.values()) == {1}
    assert sorted(ticks) == list(range(min(ticks), max(ticks) + 1))
    assert min(ticks) <= killed_at


def test_a_closed_timer_does_not_fire(platform: Platform, shop: str) -> None:
    made = bind(platform, shop, "tick", Type="timer", TriggerDesc=EVERY_SECOND, Enable="CLOSE")
    assert made["Enable"] == 0

    time.sleep(1.5)
    assert platform.call("GetFunctionLogs", FunctionName=shop)["TotalCount"] == 0


# Function URLs


def test_a_function_url_answers_and_says_who_did(platform: Platform, shop: str) -> None:
    heard = visit(
        platform,
        f"{url(platform, shop)}/a%20b/c?x=1&x=2",
        {"X-Mine": "für".encode().decode("latin-1")},
        "POST",
        "鲍勃".encode(),
    )

    assert heard.status == 200
    assert heard.header("Content-Type") == "application/json"
    assert heard.header("X-Scf-Version") == heard.said["version"] == "1"
    assert heard.header("X-Scf-Alias") == "release"
    event = heard.said["event"]
    assert (event["httpMethod"], event["path"]) == ("POST", "/a b/c")
    assert (event["queryString"], event["body"]) == ({"x": "1"}, "鲍勃")
    assert event["headers"]["x-scf-remote-addr"] == "127.0.0.1"
    request_id = heard.header("X-Api-RequestId")
    logs = platform.call("GetFunctionLogs", FunctionName=shop, FunctionRequestId=request_id)
    assert [log["Source"] for log in logs["Data"]] == ["http"]


def test_a_function_may_say_status_and_headers_and_not_who_it_is(
    platform: Platform, shop: str
) -> None:
    heard = visit(platform, f"{url(platform, shop)}/page")

    assert (heard.status, heard.body) == (201, b"<b>")
    assert heard.header("Content-Type") == "text/html"
    assert [value for name, value in heard.headers if name.lower() == "set-cookie"] == [
        "a=1",
        "b=2",
    ]
    assert heard.header("X-Scf-Version") == "1"


def test_a_function_that_fails_says_so_by_status(platform: Platform, shop: str) -> None:
    place = url(platform, shop)
    broken = visit(platform, f"{place}/broken")
    assert broken.status == 430
    assert broken.said["errorMessage"] == "user code exception caught"
    assert "told to" in broken.said["stackTrace"]
    assert broken.header("X-Scf-Version") == "1"

    malformed = visit(platform, f"{place}/malformed")
    assert malformed.status == 403
    assert "Invalid scf response format" in malformed.said["error"]


def test_two_answers_on_one_connection_do_not_run_into_each_other(
    platform: Platform, shop: str
) -> None:
    place = url(platform, shop)
    connection = HTTPConnection(platform.gateway.removeprefix("http://"), timeout=20)
    for path, status in (("/nothing", 204), ("/page", 201), ("/nothing", 204), ("/x", 200)):
        connection.request("GET", f"{place}{path}")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.close()


def test_rules_see_headers_whatever_their_case(platform: Platform, shop: str) -> None:
    place = url(platform, shop)
    rules = [
        ("invoke.headers.User", "exact", "Bob"),
        ("invoke.headers.userHash", "range", "[1,50]"),
        ("invoke.cookies.beta", "exact", "yes"),
        ("invoke.query.preview", "exact", "1"),
    ]
    matches = [
        {"Version": "2", "Key": key, "Method": method, "Expression": expression}
        for key, method, expression in rules
    ]
    move(platform, shop, "1", RoutingConfig={"AddtionVersionMatchs": matches})

    def version(path: str = "/", **headers: str) -> str:
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        return visit(platform, place + path, shown).header("X-Scf-Version")

    assert version() == "1"
    assert [version(User="Bob"), version(user="Bob"), version(USER="Bob")] == ["2"] * 3
    assert version(User="bob") == "1"
    assert [version(userhash="50"), version(userhash="51")] == ["2", "1"]
    assert version(Cookie='odd={"a": 1}; beta=yes') == "2"
    assert [version("/?preview=1"), version("/?preview=2")] == ["2", "1"]
    # The routing key of the cloud API may be sent as well, and wins.
    assert version(X_Scf_Routing_Key='{"User":"Bob"}', User="Ann") == "2"
    assert version(X_Scf_Routing_Key='{"user":"Bob"}', User="Bob") == "1"
    assert visit(platform, place, {"X-Scf-Routing-Key": "{"}).status == 400


def test_who_sticks_by_cookie_stays_and_a_raised_weight_takes_nobody_back(
    platform: Platform, shop: str
) -> None:
    place = url(platform, shop)

    def weigh(weight: float, **more: str) -> dict[str, str]:
        shares = [{"Version": "2", "Weight": weight}]
        move(platform, shop, "1", RoutingConfig={"AdditionalVersionWeights": shares}, **more)
        return {
            user: visit(platform, place, {"Cookie": f"lang=de; sid={user}"}).header("X-Scf-Version")
            for user in map(str, range(24))
        }

    half = weigh(0.5, Sticky="invoke.cookies.sid")
    assert set(half.values()) == {"1", "2"}
    assert weigh(0.5) == half
    more = weigh(0.8)
    assert all(more[user] == "2" for user, version in half.items() if version == "2")
    assert Counter(more.values())["2"] > Counter(half.values())["2"]
    assert set(weigh(1.0).values()) == {"2"}


def test_a_url_follows_its_alias_at_once(platform: Platform, shop: str) -> None:
    place = url(platform, shop)
    for version in ("2", "1", "2"):
        move(platform, shop, version)
        assert visit(platform, place).header("X-Scf-Version") == version


def test_a_body_may_be_as_large_as_an_event_and_no_larger(platform: Platform, shop: str) -> None:
    place = url(platform, shop)
    room = MOST_EVENT_BYTES - 2000  # for what else is in the event
    taken = visit(platform, place, method="POST", body=b"x" * room)
    assert taken.status in (200, 407)  # it echoes, and an answer has its limit too
    assert taken.header("X-Scf-Version") == "1"

    refused = visit(platform, place, method="POST", body=b"x" * (MOST_EVENT_BYTES + 5_000_000))
    assert refused.status == 413
    assert "6291456" in refused.said["errorMessage"]
    assert refused.header("X-Api-RequestId")
    event_too_large = visit(platform, place, method="POST", body=b"x" * MOST_EVENT_BYTES)
    assert event_too_large.status == 406


def test_a_url_that_is_closed_or_deleted_or_whose_function_is_gone_is_nowhere(
    platform: Platform, name: str
) -> None:
    platform.make(name, SHOP)
    closed = url(platform, name, Qualifier="$LATEST", Enable="CLOSE")
    assert visit(platform, closed).status == 404
    deleted = url(platform, name, trigger="two", Qualifier="$DEFAULT")
    assert visit(platform, deleted).header("X-Scf-Alias") == "$DEFAULT"
    platform.call("DeleteTrigger", FunctionName=name, TriggerName="two", Type="http")
    assert visit(platform, deleted).status == 404
    orphan = url(platform, name, trigger="three", Qualifier="$LATEST")
    assert "X-Scf-Alias" not in dict(visit(platform, orphan).headers)
    platform.call("DeleteFunction", FunctionName=name)

    heard = visit(platform, orphan)
    assert heard.status == 404
    assert heard.header("X-Api-RequestId")


def test_the_gateway_says_that_it_is_well(platform: Platform) -> None:
    assert visit(platform, "/healthz").said == {"status": "ok"}
    assert visit(platform, "/nowhere").status == 404


def test_whoever_speaks_no_http_disturbs_nobody(platform: Platform) -> None:
    host, port = platform.gateway.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as odd:
        odd.sendall(b"\x16\x03\x01\x02\x00\x01 not HTTP\r\n\r\n")
        assert odd.recv(100).startswith(b"HTTP/1.1 400")
    assert visit(platform, "/healthz").status == 200
