"""The cloud's monitoring, read with the official SDK while traffic moves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.monitor.v20180724 import models
from tencentcloud.monitor.v20180724.monitor_client import MonitorClient

from huidu.model.metrics import METRICS
from tests.platform import REGION, SECRET_ID, SECRET_KEY, Platform, until

#: Fails, runs out of time or answers, as it is told to.
CODE = """
import time

def main_handler(event, context):
    if event.get("fail"):
        raise ValueError("told to fail")
    time.sleep(event.get("sleep", 0))
    return "x" * 1000
"""
CALLS = 20


class Monitor:
    """The official client, and a function that it watches."""

    def __init__(self, platform: Platform, function: str) -> None:
        pair = credential.Credential(SECRET_ID, SECRET_KEY)
        self._client = MonitorClient(pair, REGION, platform.profile())
        self._function = function
        self._since = datetime.now(UTC) - timedelta(minutes=1)

    def read(self, metric: str, **dimensions: str) -> list[float]:
        """Return the values of a metric since the test began."""
        wanted = {"functionName": self._function} | dimensions
        return list(self.point(metric, [wanted], Period=3600)[0].Values)

    def total(self, metric: str, **dimensions: str) -> float:
        """Return the sum of the values of a metric."""
        return sum(self.read(metric, **dimensions))

    def point(self, metric: str, wanted: list[dict[str, str]], **more: Any) -> list[Any]:
        """Return the points of several subjects."""
        request = models.GetMonitorDataRequest()
        subjects = [
            {"Dimensions": [{"Name": n, "Value": v} for n, v in one.items()]} for one in wanted
        ]
        asked = {
            "Namespace": "QCE/SCF_V2",
            "MetricName": metric,
            "Instances": subjects,
            "StartTime": self._since.isoformat(),
        }
        request.from_json_string(json.dumps(asked | more))
        return list(self._client.GetMonitorData(request).DataPoints)

    def metrics(self) -> list[Any]:
        """Return the metrics that there are."""
        request = models.DescribeBaseMetricsRequest()
        request.Namespace = "QCE/SCF_V2"
        return list(self._client.DescribeBaseMetrics(request).MetricSet)


@pytest.fixture
def monitor(platform: Platform, name: str) -> Monitor:
    """A function with two versions and an alias, and who watches it."""
    platform.make(name, CODE, Timeout=1)
    for code in ("#1", "#2"):
        platform.call("UpdateFunctionConfiguration", FunctionName=name, Description=code)
        platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    return Monitor(platform, name)


def weigh(platform: Platform, name: str, weight: float) -> None:
    share = [{"Version": "2", "Weight": weight}]
    routing = {"AdditionalVersionWeights": share}
    platform.call(
        "UpdateAlias", FunctionName=name, Name="release", FunctionVersion="1", RoutingConfig=routing
    )


def test_the_share_of_version_2_grows_as_its_weight_does(
    platform: Platform, name: str, monitor: Monitor
) -> None:
    expected = {"1": 0.0, "2": 0.0}
    for weight in (0.1, 0.5, 1.0):
        weigh(platform, name, weight)
        for _ in range(CALLS):
            answered = platform.invoke(name, Qualifier="release")["FunctionVersion"]
            expected[answered] += 1
        for version, count in expected.items():
            seen = until(lambda v=version, c=count: _is(monitor, v, c), 5)
            assert seen

    # What the cloud has, by version or by alias, and what it has not: the pair.
    assert monitor.total("Invocation", alias="release") == 3 * CALLS
    assert monitor.total("Invocation") == 3 * CALLS
    assert monitor.total("Invocation", version="2") == expected["2"]


def _is(monitor: Monitor, version: str, count: float) -> bool:
    return monitor.total("Invocation", alias="release", version=version) == count


def test_each_metric_says_what_the_calls_were(
    platform: Platform, name: str, monitor: Monitor
) -> None:
    for event in ({}, {}, {"fail": True}, {"sleep": 5}):
        platform.invoke(name, event, Qualifier="2")
    until(lambda: monitor.total("Invocation") == 4, 5)

    sums = {"Invocation": 4, "Error": 2, "Throttle": 0, "Syserr": 0, "Http2xx": 2, "Http4xx": 2}
    for metric, expected in (sums | {"Http432": 0, "Http433": 1, "Http434": 0}).items():
        assert monitor.total(metric, version="2", namspace="default") == expected, metric
    assert monitor.read("FunctionErrorPercentage") == [50.0]
    assert monitor.read("ServerErrorPercentage") == [0.0]
    assert monitor.read("ConfigMem") == [128.0]
    assert monitor.read("ConcurrentExecutions", version="2") == [1.0]
    assert 250 <= monitor.read("Duration")[0] <= 2000
    assert 1000 <= monitor.total("BillDuration") <= 4000
    assert monitor.total("MemDuration") == 128 * monitor.total("BillDuration")
    assert 1 < monitor.read("Mem")[0] <= 128
    assert 2 * 1000 / 1024 <= monitor.total("OutFlow") <= 4
    assert monitor.total("DlqFailedNum") == 0


def test_latest_may_be_spelled_in_either_case_and_who_was_not_called_has_no_values(
    platform: Platform, name: str, monitor: Monitor
) -> None:
    platform.invoke(name, Qualifier="$LATEST")
    until(lambda: monitor.total("Invocation") == 1, 5)

    assert monitor.total("Invocation", version="$latest") == 1
    assert monitor.total("Invocation", version="$LATEST") == 1
    assert monitor.read("Invocation", version="1") == []
    assert monitor.read("Invocation", functionName="nobody") == []


def test_several_subjects_and_the_statistics_of_their_minutes(
    platform: Platform, name: str, monitor: Monitor
) -> None:
    platform.invoke(name, Qualifier="1")
    until(lambda: monitor.total("Invocation") == 1, 5)

    wanted = [{"functionName": name, "version": number} for number in ("1", "2")]
    first, second = monitor.point("Invocation", wanted, Period=300, SpecifyStatistics=7)

    assert (first.MaxValues, first.MinValues, first.AvgValues) == ([1.0], [1.0], [1.0])
    assert first.Timestamps[0] % 300 == 0
    assert second.Values == second.Timestamps == second.MaxValues == []
    assert {one.Name: one.Value for one in first.Dimensions} == wanted[0]


def test_every_metric_is_listed_with_its_unit_and_how_it_is_summed_up(monitor: Monitor) -> None:
    listed = {metric.MetricName: metric for metric in monitor.metrics()}

    assert {*listed} == {*METRICS}
    assert listed["Duration"].Unit == "ms"
    assert listed["Duration"].Periods[0].StatType == ["avg"]
    assert listed["Invocation"].Meaning.Zh == "调用次数"


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"Namespace": "QCE/CVM"}, "InvalidParameterValue", "QCE/SCF_V2"),
    ({"MetricName": "Calls"}, "InvalidParameterValue", "Invocation"),
    ({"Period": 10}, "InvalidParameterValue", "60, 300, 3600, 86400"),
    ({"StartTime": "yesterday"}, "InvalidParameterValue", "StartTime"),
    ({"EndTime": "2001-01-01T00:00:00+08:00"}, "InvalidParameterValue", "before StartTime"),
    (
        {"StartTime": "9999-12-31T22:00:00Z", "EndTime": "9999-12-31T23:00:00Z"},
        "InvalidParameterValue",
        "1970 to 9000",
    ),
    ({"StartTime": "0001-01-01T00:00:00Z", "Period": 86400}, "InvalidParameterValue", "1970"),
    ({"StartTime": "2020-01-01T00:00:00Z", "Period": 60}, "LimitExceeded", "7200"),
    ({"Instances": [{"Dimensions": []}]}, "InvalidParameterValue", "functionName"),
    (
        {"Instances": [{"Dimensions": [{"Name": "instance", "Value": "x"}]}]},
        "InvalidParameterValue",
        "'instance'",
    ),
    (
        {"Instances": [{"Dimensions": [{"Name": "functionName", "Value": "f"}]}] * 51},
        "LimitExceeded",
        "50",
    ),
    ({"SpecifyStatistics": 8}, "InvalidParameterValue", "SpecifyStatistics"),
]


@pytest.mark.parametrize(("wrong", "code", "word"), REFUSED)
def test_what_cannot_be_asked_is_refused_by_its_name(
    monitor: Monitor, name: str, wrong: dict[str, Any], code: str, word: str
) -> None:
    with pytest.raises(TencentCloudSDKException) as refused:
        monitor.point("Invocation", [{"functionName": name}], **wrong)

    assert refused.value.get_code() == code
    assert word in str(refused.value.get_message())
