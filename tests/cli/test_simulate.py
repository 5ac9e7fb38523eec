"""`huidu rollout simulate`: releases that are played, for a person and for a program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.forked import mother
from tests.platform import SECRET_ID, SECRET_KEY, Platform, until

BARE = {name: value for name, value in os.environ.items() if not name.startswith("HUIDU_")}
FAILS = """
import time

def main_handler(event, context):
    time.sleep(0.005)
    return 1 / (0 if event.get("fail") else 1)
"""


def simulate(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return mother().run("rollout", "simulate", *words, env=BARE | environment, timeout=60)


def told(*words: str, **environment: str) -> dict[str, Any]:
    ran = simulate(*words, "--json", **environment)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_a_bad_version_is_taken_back_and_a_person_reads_when() -> None:
    ran = simulate("--fault", "0.1%->5%", "--releases", "30")

    assert ran.returncode == 0, ran.stderr
    assert "30 releases, plan evidence, fault 0.1%->5%\n100 calls/s, steady; seed 0" in ran.stdout
    assert "rolled back   100.0 %  30 for errors" in ran.stdout
    for line in ("calls to the new version", "of them failed before", "from the fault to the"):
        assert line in ran.stdout
    assert "all calls" not in ran.stdout
    assert not ran.stderr


def test_a_program_reads_the_same_and_one_process_or_two_play_the_same() -> None:
    asked = ("--rate", "20", "--releases", "6", "--seed", "5", "--plan", "20%/1m, 50%/1m")
    found = told(*asked)

    assert (found["plan"], found["rate"], found["seed"]) == ("20%/1m, 50%/1m", 20.0, 5)
    assert found["proof"] is False
    assert (found["releases"], found["finished"], found["false_alarms"]) == (6, 6, 0)
    assert found["finish_s"]["median"] >= 120
    assert told(*asked, "--jobs", "1") == found


def test_a_plan_with_times_goes_by_them_unless_proof_is_asked_for() -> None:
    asked = ("--plan", "10%/1m, 50%/1m", "--rate", "2", "--releases", "3")
    by_time = told(*asked)["finish_s"]
    assert by_time["most"] == pytest.approx(120, abs=2)
    assert told(*asked, "--proof", "no")["finish_s"] == by_time
    assert told(*asked, "--proof", "yes")["finish_s"]["median"] > by_time["most"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--plan", "soon"), "huidu: Plan 'soon': 'soon' is no step; say evidence"),
        (("--fault", "bad"), "huidu: Fault 'bad': no such fault; say healthy, "),
        (("--traffic", "odd"), "huidu: Traffic 'odd': must be one of steady, bursts, "),
        (("--rate", "0"), "huidu: Rate 0: must be above 0"),
        (("--proof", "no"), "huidu: Proof false: by evidence a share grows when it is proved"),
        (("--releases", "1000001"), "huidu: Releases 1000001: at most 1000000"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_what_can(
    words: tuple[str, ...], said: str
) -> None:
    ran = simulate(*words)

    assert ran.returncode == 2
    assert ran.stderr.startswith(said)
    assert not ran.stdout


def test_without_a_server_there_are_no_records() -> None:
    ran = simulate("--from-records", "hello", HUIDU_DATA="/nowhere")

    assert ran.returncode == 1
    assert "not the data directory of a server" in ran.stderr


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_whoever_is_interrupted_or_killed_leaves_no_process_behind(blow: signal.Signals) -> None:
    words = [sys.executable, "-m", "huidu", "rollout", "simulate", "--releases", "9999"]
    player = subprocess.Popen([*words, "--jobs", "2"], env=BARE, start_new_session=True)
    try:
        until(lambda: len(group(player.pid)) == 3)  # itself, and two that play
        os.kill(player.pid, blow)
        assert player.wait(20) == (130 if blow is signal.SIGINT else -signal.SIGKILL)
        until(lambda: not group(player.pid))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(player.pid, signal.SIGKILL)
        player.wait()


def group(leader: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its) == leader and state != "Z":
                found.append(int(stat.parent.name))
    return found


def there(platform: Platform) -> dict[str, str]:
    keys = {"TENCENTCLOUD_SECRET_ID": SECRET_ID, "TENCENTCLOUD_SECRET_KEY": SECRET_KEY}
    return {**keys, "HUIDU_ENDPOINT": platform.api}


def test_the_traffic_of_a_function_is_met_again_as_the_server_counted_it(
    platform: Platform, name: str
) -> None:
    platform.make(name, FAILS)
    platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    for number in range(20):
        event = json.dumps({"fail": number % 10 == 0})
        platform.call("Invoke", FunctionName=name, Qualifier="release", ClientContext=event)
    platform.call("Invoke", FunctionName=name, Qualifier="1")
    asked = ("--from-records", name, "--alias", "release", "--since", "10m", "--releases", "2")

    def counted() -> bool:
        return "20 calls in" in simulate(*asked, **there(platform)).stdout

    until(counted)
    ran = simulate(*asked, **there(platform))
    assert f"traffic of {name}:release: 20 calls in " in ran.stdout
    assert " 10.00% failed, p50 " in ran.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "soon"), "Since 'soon': must read 90m, 24h or 7d"),
        (("--since", "999d"), "Since '999d': must read"),
        (("--alias", "never"), "no call through never since 24h"),
    ],
)
def test_traffic_that_was_not_is_told_so(
    platform: Platform, words: tuple[str, ...], said: str
) -> None:
    ran = simulate("--from-records", "nobody-calls-it", *words, **there(platform))

    assert ran.returncode == 2
    assert said in ran.stderr
