"""Logs on a real server: printed by functions, searched and followed by official clients."""

from __future__ import annotations

import itertools
import json
import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import urlopen

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.platform import Platform

SHOP = """
import json, sys, time

def main_handler(event, context):
    n = event.get("n", 0)
    print(json.dumps({"level": event.get("level", "INFO"), "orderId": n, "user": {"id": "u1"}}))
    print(f"订单已支付 {n}")
    for step in range(event.get("steps", 0)):
        print("step", step, flush=True)
        time.sleep(event["pause"])
    if event.get("fails"):
        raise ValueError(f"order {n} is wrong")
    return n
"""
FLOOD = """
def main_handler(event, context):
    line = "x" * 99
    for _ in range(event["megabytes"]):
        print("\\n".join([line] * 10_000))
"""


def texts(page: Mapping[str, Any], kind: str = "printed") -> list[str]:
    return [line["Text"] for line in page["Lines"] if line["Kind"] == kind]


def counters(platform: Platform, name: str) -> float:
    with urlopen(f"{platform.api}/metrics") as page:  # noqa: S310 - it is our own server
        lines = page.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def follow(platform: Platform, cursor: str, last: str, **narrowed: Any) -> list[dict[str, Any]]:
    """Follow the log until a line with a text comes; return all that came."""
    found: list[dict[str, Any]] = []
    end = time.monotonic() + 20
    while not any(last in line["Text"] for line in found):
        assert time.monotonic() < end, found[-3:]
        page = platform.ours("TailLogs", Cursor=cursor, WaitSeconds=5, **narrowed)
        found += page["Lines"]
        cursor = page["Cursor"]
    return found


@pytest.fixture
def shop(platform: Platform, name: str) -> str:
    """A function with two versions behind `release`, of which the second answers."""
    platform.make(name, SHOP)
    for _ in range(2):
        platform.publish(name)
    platform.call(
        "CreateAlias",
        FunctionName=name,
        Name="release",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": [{"Version": "2", "Weight": 1.0}]},
    )
    return name


def test_a_log_is_told_whole_to_the_official_client(platform: Platform, shop: str) -> None:
    called = platform.invoke(shop, {"n": 7}, Qualifier="release", LogType="Tail")
    (told,) = platform.call("GetFunctionLogs", FunctionName=shop)["Data"]
    lines = told["Log"].splitlines()

    request_id = called["FunctionRequestId"]
    assert lines[0] == f"START RequestId: {request_id}"
    assert lines[1:3] == [
        '{"level": "INFO", "orderId": 7, "user": {"id": "u1"}}',
        "订单已支付 7",
    ]
    assert lines[3:5] == [
        f"Response RequestId: {request_id} RetMsg:7",
        f"END RequestId: {request_id}",
    ]
    assert lines[5].startswith(f"Report RequestId: {request_id} Duration:")
    assert (told["Qualifier"], told["Alias"]) == ("2", "release")
    assert told["Log"] == called["Log"]


@pytest.mark.parametrize(
    ("narrowed", "numbers"),
    [
        ({}, [0, 1, 2]),
        ({"FunctionVersion": "2"}, [1, 2]),
        ({"Alias": "release"}, [1, 2]),
        ({"Alias": "release", "FunctionVersion": "1"}, []),
        ({"Status": "ok"}, [0, 1]),
        ({"Status": "failed"}, [2]),
        ({"Status": "430,433"}, [2]),
        ({"Errors": True}, [1, 2]),
        ({"Level": "warn"}, [1, 2]),
        ({"Text": "订单已支付 1"}, [1]),
        ({"Text": "已支"}, [0, 1, 2]),
        ({"Fields": ["orderId:2"]}, [2]),
        ({"Fields": ["orderId:2", "user.id:u1"]}, [2]),
        ({"Fields": ["orderId:9"]}, []),
        ({"Since": "10m"}, [0, 1, 2]),
        ({"Until": "10m"}, []),
        ({"Since": "2026-01-01 00:00:00", "Until": "2026-01-02 00:00:00"}, []),
    ],
)
def test_lines_are_searched_by_everything(
    platform: Platform,
    searched: tuple[str, list[str]],
    narrowed: dict[str, Any],
    numbers: list[int],
) -> None:
    function, calls = searched
    page = platform.ours("SearchLogs", FunctionName=function, Order="ASC", **narrowed)
    found = dict.fromkeys(line["RequestId"] for line in page["Lines"])
    assert [calls.index(call) for call in found] == numbers


SEARCHED = itertools.count(1)


@pytest.fixture(scope="module")
def searched(platform: Platform) -> tuple[str, list[str]]:
    """A function that was called three times: well, with a warning, and in vain."""
    name = platform.make(f"searched-{next(SEARCHED)}", SHOP)  # it may be made twice
    for _ in range(2):
        platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="2")
    calls = [
        platform.invoke(name, {"n": 0}, Qualifier="1"),
        platform.invoke(name, {"n": 1, "level": "ERROR"}, Qualifier="release"),
        platform.invoke(name, {"n": 2, "fails": True}, Qualifier="release"),
    ]
    return name, [call["FunctionRequestId"] for call in calls]


def test_one_call_is_found_by_the_beginning_of_its_id(
    platform: Platform, searched: tuple[str, list[str]]
) -> None:
    function, calls = searched
    for asked in (calls[2], calls[2][:8]):
        page = platform.ours("SearchLogs", RequestId=asked, Order="ASC")
        kinds = [line["Kind"] for line in page["Lines"]]
        assert kinds == ["start", "printed", "printed", "error", "response", "end", "report"]
        assert {line["StatusCode"] for line in page["Lines"]} == {430}
        assert {line["FunctionName"] for line in page["Lines"]} == {function}
        assert texts(page, "error")[0].endswith("Result:ValueError: order 2 is wrong")


def test_pages_go_on_where_the_last_one_ended(
    platform: Platform, searched: tuple[str, list[str]]
) -> None:
    function, _ = searched
    whole = platform.ours("SearchLogs", FunctionName=function)["Lines"]
    found, cursor = list[Any](), ""
    while True:
        page = platform.ours("SearchLogs", FunctionName=function, Limit=4, Cursor=cursor)
        found += page["Lines"]
        cursor = page["Cursor"]
        if not cursor:
            break
    assert found == whole
    assert len({line["Cursor"] for line in found}) == len(found)


@pytest.mark.parametrize(
    ("action", "asked", "code", "field"),
    [
        ("SearchLogs", {"FunctionName": "nobody"}, "ResourceNotFound.FunctionName", "nobody"),
        ("SearchLogs", {"Level": "LOUD"}, "InvalidParameterValue.Level", "LOUD"),
        ("SearchLogs", {"Status": "bad"}, "InvalidParameterValue.Status", "bad"),
        ("SearchLogs", {"Fields": ["orderId"]}, "InvalidParameterValue.Fields", "name:value"),
        ("SearchLogs", {"Fields": ["a:1"] * 11}, "InvalidParameterValue.Fields", "at most 10"),
        ("SearchLogs", {"Since": "soon"}, "InvalidParameterValue.DateTime", "Since"),
        ("SearchLogs", {"Limit": 0}, "InvalidParameterValue.Limit", "1 to 1000"),
        ("SearchLogs", {"Order": "up"}, "InvalidParameterValue.Order", "ASC or DESC"),
        ("SearchLogs", {"Cursor": "x"}, "InvalidParameterValue.Cursor", "as it came"),
        ("SearchLogs", {"Text": "x" * 1001}, "InvalidParameterValue", "at most 1000"),
        ("TailLogs", {"WaitSeconds": 26}, "InvalidParameterValue.WaitSeconds", "0 to 25"),
        ("TailLogs", {"Cursor": "1.2.3"}, "InvalidParameterValue.Cursor", "1.2.3"),
    ],
)
def test_a_search_that_cannot_be_is_told_so(
    platform: Platform, action: str, asked: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(TencentCloudSDKException) as refused:
        platform.ours(action, **asked)
    assert refused.value.get_code() == code
    assert field in refused.value.get_message()


def test_two_who_follow_see_every_line_of_every_call_once(platform: Platform, shop: str) -> None:
    begin = platform.ours("SearchLogs", FunctionName=shop)["TailCursor"]
    with ThreadPoolExecutor() as threads:
        readers = [
            threads.submit(follow, platform, begin, "the last", FunctionName=shop, Limit=limit)
            for limit in (3, 1000)
        ]
        calls = list(threads.map(lambda n: platform.invoke(shop, {"n": n}), range(60)))
        platform.invoke(shop, {"n": "the last"})
        seen = [reader.result() for reader in readers]
    for lines in seen:
        orders = [line["Text"] for line in lines if line["Text"].startswith("订单")]
        assert sorted(orders[:60]) == sorted(f"订单已支付 {n}" for n in range(60))
        assert len({line["Cursor"] for line in lines}) == len(lines)
        assert {line["RequestId"] for line in lines} > {call["FunctionRequestId"] for call in calls}


def test_a_call_is_followed_while_it_runs(platform: Platform, shop: str) -> None:
    begin = platform.ours("TailLogs", WaitSeconds=0)["Cursor"]
    with ThreadPoolExecutor() as threads:
        call = threads.submit(platform.invoke, shop, {"steps": 8, "pause": 0.3})
        lines = follow(platform, begin, "step 1", FunctionName=shop)
        assert not call.done()
        assert {line["StatusCode"] for line in lines} == {0}
        lines += follow(platform, lines[-1]["Cursor"], "Report", FunctionName=shop)
        request_id = call.result()["FunctionRequestId"]
    told = [line["Text"] for line in lines]
    assert [text for text in told if text.startswith("step")] == [f"step {n}" for n in range(8)]
    assert [line["Kind"] for line in lines].count("start") == 1
    (whole,) = platform.call("GetFunctionLogs", FunctionName=shop)["Data"]
    assert whole["Log"].splitlines() == told
    found = platform.ours("SearchLogs", RequestId=request_id, Status="ok", Order="ASC")
    assert [line["Text"] for line in found["Lines"]] == told


def test_who_follows_waits_no_longer_than_asked_and_not_for_a_server_that_stops(
    start: Callable[..., Platform],
) -> None:
    server = start()
    assert server.ours("TailLogs", WaitSeconds=0)["Lines"] == []
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(server.ours, "TailLogs", WaitSeconds=25)
        time.sleep(0.3)
        began = time.monotonic()
        assert server.stop() == 0
        assert waiting.result()["Lines"] == []
        assert time.monotonic() - began < 20


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_log_survives_a_restart_and_is_followed_across_it(
    start: Callable[..., Platform], how: signal.Signals
) -> None:
    server = start()
    server.make("shop", SHOP)
    server.invoke("shop", {"n": 1})
    page = server.ours("SearchLogs", FunctionName="shop", Order="ASC")
    server.stop(how)
    again = start(data=server.data)
    again.invoke("shop", {"n": 2})

    assert texts(again.ours("SearchLogs", Text="订单", Order="ASC")) == [
        "订单已支付 1",
        "订单已支付 2",
    ]
    lines = follow(again, page["TailCursor"], "Report", FunctionName="shop")
    assert [line["Text"] for line in lines if "订单" in line["Text"]] == ["订单已支付 2"]
    logs = again.call("GetFunctionLogs", FunctionName="shop", Order="asc")["Data"]
    assert ["订单已支付 1" in logs[0]["Log"], "订单已支付 2" in logs[1]["Log"]] == [True, True]


def test_a_flood_neither_drowns_the_others_nor_fills_the_disk(
    start: Callable[..., Platform],
) -> None:
    server = start("--set", "max_logs_mb=16", "--set", "max_log_kb_s=64")
    server.make("loud", FLOOD, MemorySize=256, Timeout=60)
    server.make("calm", SHOP)

    def calm(count: int) -> list[float]:
        took = []
        for n in range(count):
            began = time.perf_counter()
            server.invoke("calm", {"n": n})
            took.append(time.perf_counter() - began)
        return sorted(took)

    calm(5)
    alone = calm(40)
    with ThreadPoolExecutor() as threads:
        floods = [threads.submit(server.invoke, "loud", {"megabytes": 10}) for _ in range(10)]
        together = calm(40)
        assert {flood.result(60)["InvokeResult"] for flood in floods} == {0}
    # Two processors, and a flood of 100 MB that takes one of them: it is not about the share.
    assert together[len(together) // 2] < 30 * alone[len(alone) // 2] + 0.5

    page = server.ours("SearchLogs", FunctionName="calm", Text="订单", Limit=1000)
    assert len(texts(page)) == 85
    assert counters(server, 'huidu_log_lines_dropped_total{by="flood"}') > 1000
    assert counters(server, 'huidu_log_lines_dropped_total{by="disk"}') == 0
    assert counters(server, "huidu_log_bytes") < 16 << 20
    notice = server.ours("SearchLogs", FunctionName="loud", Level="WARN")
    assert any("loud prints more than 64 KB per second" in text for text in texts(notice))
    assert json.dumps(server.call("GetFunctionLogs", FunctionName="loud")).count("xxx")
