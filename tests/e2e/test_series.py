"""The calls of each version over time, as programs and the console's charts ask for them."""

from __future__ import annotations

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.e2e.rolling_out import BAD, Release
from tests.platform import Platform, until


def test_each_second_tells_the_calls_of_each_version(platform: Platform, name: str) -> None:
    release = Release.make(platform, name, second=BAD)
    asked = {"FunctionName": name, "Points": 60}
    for qualifier in ("release", "release", "2"):
        platform.invoke(release.name, Qualifier=qualifier)

    def told() -> dict[str, tuple[int, int]]:
        series = platform.ours("GetTrafficSeries", **asked)
        assert series["Points"] == 60
        return {
            one["FunctionVersion"]: (sum(one["Calls"]), sum(one["Errors"]))
            for one in series["Versions"]
        }

    assert until(lambda: told() == {"1": (2, 0), "2": (1, 1)})
    of_alias = platform.ours("GetTrafficSeries", Alias="release", **asked)
    (first,) = of_alias["Versions"]
    ran = [took for took in first["DurationP99"] if took is not None]
    assert len(ran) == sum(calls > 0 for calls in first["Calls"])
    later = of_alias["Start"] + 59
    rest = platform.ours("GetTrafficSeries", After=later, **asked)
    assert rest["Start"] == later + 1
    assert all(len(one["Calls"]) == rest["Points"] for one in rest["Versions"])
    minutes = platform.ours("GetTrafficSeries", FunctionName=name, Period=60, Points=5)
    assert sum(sum(one["Calls"]) for one in minutes["Versions"]) == 3


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"Period": 7}, "InvalidParameterValue.Period"),
        ({"Points": 901}, "InvalidParameterValue.Points"),
        ({"Points": 0}, "InvalidParameterValue.Points"),
        ({"FunctionName": "nobody"}, "ResourceNotFound.FunctionName"),
    ],
)
def test_what_cannot_be_told_is_refused_by_name(
    platform: Platform, name: str, asked: dict[str, object], code: str
) -> None:
    if "FunctionName" not in asked:
        asked = {"FunctionName": platform.make(name), **asked}
    with pytest.raises(TencentCloudSDKException) as refused:
        platform.ours("GetTrafficSeries", **asked)
    assert refused.value.code == code
