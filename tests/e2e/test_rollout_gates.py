"""Gates and hours of rollouts, through a real server."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.e2e.rolling_out import Release
from tests.platform import Platform, until
from tests.webhooks.receiver import receiving

SECRET = "known-to-the-two-of-us"


@pytest.fixture
def server(start: Callable[..., Platform]) -> Platform:
    return start("--set", "webhook_allow=127.0.0.1", "--set", "warm_s=10")


@pytest.mark.timeout(90)
def test_a_rollout_goes_on_once_a_person_and_then_a_webhook_have_said_yes(
    server: Platform,
) -> None:
    release = Release.make(server, "shop")
    with receiving(
        answer=lambda number: 503 if number == 0 else 204, more={"Retry-After": "2"}
    ) as ci:
        host = ci.url.split("/")[2]
        release.start(
            Plan="25%/1s, 50%/1s, 100%",
            BakeTime=0,
            Gates=[
                {"Weight": 0.25, "Kind": "approval"},
                {"Weight": 0.5, "Kind": "webhook", "Url": ci.url, "Secret": SECRET},
            ],
        )
        until(lambda: release.stands() == ("waiting", 0), 30)
        assert release.get()["Said"] == "waits for an approval before 25 % of the calls"

        release.do("Approve", Reason="go")
        asked = f"waits for {host} to say yes before 50 % of the calls"
        until(lambda: release.get()["Said"] == f"{asked}; last: HTTP 503", 30)
        assert release.stands() == ("waiting", 0.25)
        until(lambda: release.stands() == ("finished", 1), 30)

    steps = [step for step in release.get()["Steps"] if step["Event"] == "approve"]
    assert [bool(step["Who"]) for step in steps] == [True, False]
    assert steps[1]["Said"] == f"{host} answered 204"
    assert release.events().count("hold") == 3
    assert len(ci.got) == 2
    assert all(one.is_signed_by(SECRET) for one in ci.got)
    assert (ci.got[0].event["Weight"], ci.got[0].event["NextWeight"]) == (0.25, 0.5)
    assert SECRET not in json.dumps(release.get())
    assert release.get()["Gates"][1] == {
        "Weight": 0.5,
        "Kind": "webhook",
        "Url": ci.url,
        "Signed": True,
    }


@pytest.mark.timeout(90)
def test_a_gate_that_hangs_is_asked_again_after_a_crash_and_holds_up_no_person(
    server: Platform, start: Callable[..., Platform]
) -> None:
    release = Release.make(server, "shop")
    with receiving(hang=threading.Event()) as ci:
        gate = {"Weight": 0.5, "Kind": "webhook", "Url": ci.url}
        release.start(Plan="25%/1s, 50%/1h, 100%", Gates=[gate])
        ci.wait(1, 30)
        server.stop(signal.SIGKILL)
        release.platform = start(*server.options, data=server.data)
        ci.wait(2, 30)
        assert release.stands() == ("waiting", 0.25)
        assert release.do("Pause")["State"] == "paused"
        assert release.do("Resume")["State"] == "ramping"

        release.do("Approve", Reason="the receiver is broken")
        until(lambda: release.stands() == ("ramping", 0.5), 30)
        assert release.do("Rollback")["Rollout"]["State"] == "rolled back"


@pytest.mark.timeout(90)
def test_freezes_of_the_server_and_of_a_rollout_hold_what_grows_and_no_rollback(
    start: Callable[..., Platform],
) -> None:
    begin, middle, end = (
        datetime.fromtimestamp(time.time() + ahead, UTC).strftime("%Y-%m-%d %H:%M")
        for ahead in (-3600, 86_400, 172_800)
    )
    server = start("--set", f"release_freezes={begin}/{middle} UTC # holidays")
    release = Release.make(server, "shop")
    release.start(Plan="all-at-once", Freezes=[f"{middle}/{end} UTC"])
    until(lambda: release.stands() == ("waiting", 0), 30)

    said = release.get()["Said"]
    assert re.sub("[A-Z][a-z]{2} ", "", said) == (
        f"frozen until {middle} +00:00: holidays; opens {end} +00:00"
    )
    release.do("Rollback")
    assert release.stands() == ("rolled back", 0)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Windows", ["mon 9-17"], "Windows"),
        ("Freezes", ["christmas"], "Freezes"),
        ("Gates", [{"Weight": 0.5, "Kind": "webhook", "Url": "http://169.254.1.1/"}], "Url"),
        ("Gates", [{"Weight": 0.5, "Kind": "approval", "Secret": SECRET}], "Gates"),
    ],
)
def test_what_can_never_be_is_refused_as_a_rollout_is_begun(
    platform: Platform, field: str, value: object, code: str
) -> None:
    asked = {"FunctionName": "f", "Name": "release", "FunctionVersion": "2", field: value}
    with pytest.raises(TencentCloudSDKException) as refusal:
        platform.ours("StartRollout", **asked)

    assert refusal.value.get_code() == f"InvalidParameterValue.{code}"
