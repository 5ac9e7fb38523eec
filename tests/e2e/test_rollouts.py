"""Rollouts, through a real server: moved by plan and evidence, taken back before people notice."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable

import pytest

from tests.e2e.rolling_out import BAD, Load, Release
from tests.platform import Platform, until

SLOW_STEPS = "25%/1h, 50%/1h, 100%"
PHASES = ("ramping", "waiting", "paused", "baking", "finished")


@pytest.mark.timeout(90)
def test_a_version_that_always_fails_is_taken_back_after_a_handful_of_calls(
    platform: Platform, name: str
) -> None:
    release = Release.make(platform, name, second=BAD)
    with Load(release).running() as load:
        until(lambda: load.count("1") >= 50, 30)
        release.start(Reason="a try")
        until(lambda: release.stands() == ("rolled back", 0), 30)
        seen = len(load.answers)
        until(lambda: len(load.answers) >= seen + 50, 30)

    assert all(version == "1" for _, version in load.answers[seen + load.callers :])
    failed = [version for status, version in load.answers if status != 200]
    assert set(failed) == {"2"}
    assert 3 <= len(failed) <= 3 + load.callers
    assert release.get()["Said"] == "worse than version 1: errors"
    assert release.weight() == 0
    assert release.get()["Evidence"]["Candidate"]["Failures"] == len(failed)
    assert not release.do("Rollback", Reason="once more")["Switched"]["Moved"]
    assert release.get()["Said"] == "worse than version 1: errors"

    report = json.loads(until(lambda: release.get()["Report"], 30))
    assert report["Failed"] == len(failed)
    assert "RuntimeError: broken" in report["FailedCalls"][0]["Error"]
    assert "about to" in report["FailedCalls"][0]["Log"]
    assert report["Evidence"]["Errors"] >= report["Evidence"]["Enough"]


@pytest.mark.timeout(90)
def test_a_plan_is_followed_to_its_end_and_can_be_undone_hours_later(
    platform: Platform, name: str
) -> None:
    release = Release.make(platform, name)
    release.start(Plan="20%/1s, 60%/1s, 100%", BakeTime=1)
    until(lambda: release.stands() == ("finished", 1), 30)

    assert release.events() == ["grow", "grow", "grow", "finish"]
    assert [step["Weight"] for step in release.get()["Steps"]] == [0.2, 0.6, 1, 1]
    assert release.moves() == ["CreateAlias", *["RolloutGrow"] * 3]
    assert release.weight() == 1

    done = release.do("Rollback", Reason="found out later")

    assert done["Switched"]["Moved"]
    assert (done["Switched"]["FromVersion"], done["Switched"]["ToVersion"]) == ("2", "1")
    assert release.stands() == ("rolled back", 0)
    assert release.weight() == 0


def bring(release: Release, phase: str) -> None:
    """Bring a rollout into a phase, and leave it there."""
    gates = [{"Weight": 0.25, "Kind": "approval"}] if phase == "waiting" else []
    release.start(Plan=SLOW_STEPS, Gates=gates, BakeTime=3600 if phase == "baking" else 0)
    first = ("waiting", 0) if phase == "waiting" else ("ramping", 0.25)
    until(lambda: release.stands() == first, 30)
    if phase == "paused":
        release.do("Pause")
    if phase in ("baking", "finished"):
        release.do("Promote")
    until(lambda: release.stands()[0] == phase, 30)


@pytest.mark.timeout(120)
def test_a_server_that_is_killed_goes_on_where_it_was(start: Callable[..., Platform]) -> None:
    server = start()
    releases = {phase: Release.make(server, f"shop-{phase}") for phase in PHASES}
    for phase, release in releases.items():
        bring(release, phase)
    before = {phase: release.everything() for phase, release in releases.items()}

    server.stop(signal.SIGKILL)
    server = start(data=server.data)

    for phase, release in releases.items():
        release.platform = server
        assert release.everything() == before[phase]
        with Load(release, callers=1).running() as load:
            until(lambda load=load: len(load.answers) >= 20, 30)
        share = load.count("2") / len(load.answers)
        assert share == pytest.approx(release.weight(), abs=0.06)
        release.do("Rollback")
        assert (release.stands(), release.weight()) == (("rolled back", 0), 0)


@pytest.mark.timeout(90)
def test_an_event_that_nobody_waits_for_follows_a_rollback(platform: Platform, name: str) -> None:
    release = Release.make(platform, name)
    release.start(Plan="all-at-once", BakeTime=3600)
    until(lambda: release.stands() == ("baking", 1), 30)
    release.do("Rollback")

    asked = {"FunctionName": name, "Qualifier": "release", "InvocationType": "Event"}
    request_id = platform.call("InvokeFunction", **asked)["Result"]["FunctionRequestId"]

    def ran() -> list[str]:
        told = platform.call("GetFunctionLogs", FunctionName=name, FunctionRequestId=request_id)
        return [one["RetMsg"] for one in told["Data"]]

    assert json.loads(until(ran, 30)[0])["version"] == "1"
