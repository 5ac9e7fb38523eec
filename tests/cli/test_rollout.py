"""`huidu rollout`, against a real server, in a pipe and in a terminal."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from typer.testing import CliRunner, Result

from huidu.cli.main import app
from tests.cli import terminals
from tests.cli.running import environment, running
from tests.cli.terminals import Terminal
from tests.e2e.rolling_out import BAD, GOOD, Release
from tests.platform import Platform, until


def rollout(server: Platform, *words: str) -> Result:
    """Run a command here: to begin a process takes longer than all that it does."""
    return CliRunner(env=environment(server)).invoke(app, ["rollout", *words])


def well(server: Platform, *words: str) -> str:
    ran = rollout(server, *words)
    assert ran.exit_code == 0, ran.stderr
    return ran.stdout


def terminal(
    server: Platform, columns: int, *words: str, **more: str
) -> AbstractContextManager[Terminal]:
    return terminals.terminal(server, columns, "rollout", *words, **more)


def watching(server: Platform, *words: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return running(server, "rollout", "watch", *words)


@pytest.fixture
def shop(platform: Platform, name: str) -> str:
    Release.make(platform, name)
    return name


def test_a_rollout_is_begun_held_let_go_on_approved_and_taken_back(
    platform: Platform, shop: str
) -> None:
    began = well(
        platform,
        *("start", shop, "release", "2", "--plan", "10%/1h, 100%", "--gate", "10%=approval"),
        *("--budget-failures", "9", "--guard", "p99 > 2 s", "--bake", "5m", "--reason", "why not"),
    )
    assert f"{shop} release: ro-" in began
    assert f"to watch it:      huidu rollout watch {shop} release" in began
    assert f"to hold it:       huidu rollout pause {shop} release" in began
    rollout_id = re.search(r"ro-[0-9a-f-]{36}", began)
    assert rollout_id
    kept = json.loads(well(platform, "show", rollout_id[0], "--json"))
    assert (kept["BakeTime"], kept["Budget"]) == (300.0, {"Failures": 9, "Keys": 0})
    assert (kept["Guards"], kept["Reason"]) == (["p99 > 2 s"], "why not")

    until(lambda: "an approval" in well(platform, "show", shop, "release"), 20)
    assert "waiting" in well(platform, "list", shop)
    assert "paused" in well(platform, "pause", shop, "release", "--reason", "lunch")
    assert "ramping" in well(platform, "resume", shop, "release")
    well(platform, "approve", rollout_id[0])
    until(lambda: "━┿" in well(platform, "show", shop, "release"), 20)

    back = well(platform, "back", shop, "release", "--reason", "enough")
    assert f"{shop} release: taken back to version 1. After " in back
    assert "because      enough" in well(platform, "show", shop, "release")


def test_giving_it_all_calls_is_asked_about_unless_yes_is_said(
    platform: Platform, shop: str
) -> None:
    start = ("start", shop, "release", "2", "--plan", "10%/1h", "--bake", "0", "--json")
    assert json.loads(well(platform, *start))["State"] == "ramping"
    unasked = rollout(platform, "promote", shop, "release")
    assert unasked.exit_code == 2
    assert f"huidu rollout promote {shop} release --yes" in unasked.stderr

    with terminal(platform, 80, "promote", shop, "release") as asking:
        until(lambda: "[y/N]" in asking.written(), 20)
        assert f"{shop} release: version 2 has 10 % of the calls" in asking.seen()
        asking.type("n\n")
        assert asking.wait() == 1
        assert "nothing was changed" in asking.written()
    with terminal(platform, 80, "promote", shop, "release") as asking:
        until(lambda: "[y/N]" in asking.written(), 20)
        asking.type("y\n")
        assert asking.wait() == 0
    done = rollout(platform, "watch", shop, "release")
    assert done.exit_code == 0
    assert "version 2 has all calls, and is finished" in done.stdout
    assert f"to take it back: huidu rollout back {shop} release" in " ".join(done.stdout.split())


def test_a_refusal_says_what_to_type_next(platform: Platform, shop: str) -> None:
    for words, said in (
        (("show", shop, "release"), "huidu rollout list"),
        (("start", shop, "nobody", "2"), f"huidu alias set {shop} nobody OLD-VERSION --create"),
        (("start", shop, "release", "7"), f"huidu publish {shop}"),
        (("start", shop, "release", "two"), f"huidu ls {shop}"),
        (("start", "nobody", "release", "2"), "huidu ls"),
        (("start", shop, "release", "2", "--plan", "slowly"), "say evidence, all-at-once"),
    ):
        ran = rollout(platform, *words)
        assert (ran.exit_code, ran.stdout) == (1, ""), words
        assert said in ran.stderr
    for wrong, said in (
        (["show", shop], "name its alias as well"),
        (["show", shop, "release", "more"], "or the id of a rollout"),
        (["start", shop, "release", "2", "--bake", "ten"], "--bake 'ten': must be a duration"),
    ):
        ran = rollout(platform, *wrong)
        assert ran.exit_code == 2, wrong
        assert said in ran.stderr
    well(platform, "start", shop, "release", "2", "--plan", "10%/1h")
    twice = rollout(platform, "start", shop, "release", "2")
    assert twice.exit_code == 1
    assert f"  to take it back:  huidu rollout back {shop} release" in twice.stderr
    assert re.search(r"\(\w+, \d+ % to version 2\)", twice.stderr)
    well(platform, "back", shop, "release")
    late = rollout(platform, "resume", shop, "release")
    assert f"  to see why:              huidu rollout show {shop} release\n" in late.stderr


def test_who_watches_is_told_each_change_in_a_line_and_leaves_as_it_ended(
    platform: Platform, shop: str
) -> None:
    plan = ("--plan", "10%/1s, 50%/1s, 100%", "--bake", "1s")
    ran = rollout(platform, "start", shop, "release", "2", *plan, "--watch")
    assert ran.exit_code == 0, ran.stderr
    lines = ran.stdout.splitlines()
    steps = [line[19:].split(None, 2) for line in lines if " %  " in line]
    assert [step[0] for step in steps] == ["10", "50", "100", "100"]
    assert "\x1b" not in ran.stdout
    assert any("waits for its time by the plan" in line for line in lines)

    ran = rollout(platform, "watch", shop, "release", "--json")
    (told,) = {json.loads(line)["State"] for line in ran.stdout.splitlines()}
    assert (ran.exit_code, told) == (0, "finished")
    assert "Curve" not in json.loads(ran.stdout.splitlines()[0])["Evidence"]


@pytest.mark.timeout(60)
def test_a_bad_version_is_seen_to_be_taken_back_with_what_it_said(
    platform: Platform, name: str
) -> None:
    Release.make(platform, name, GOOD, BAD)
    well(
        platform, "start", name, "release", "2", "--plan", "50%/1h, 100%", "--budget-failures", "4"
    )
    with terminal(platform, 60, "watch", name, "release") as screen:
        until(lambda: "━┿" in screen.seen(), 20)
        assert "Ctrl-C leaves; the rollout goes on" in screen.seen()
        for _ in range(30):
            platform.invoke(name, Qualifier="release")
        assert screen.wait() == 3
        last = screen.seen()
    assert "rolled back" in last
    assert "RuntimeError: broken" in last
    assert f"huidu logs {name} --alias release --version 2 --errors" in last
    assert max(map(len, last.splitlines()[:12])) <= 60
    assert "\x1b[" in screen.written()

    told = well(platform, "show", name, "release")
    assert told.count("430 RuntimeError: broken") >= 3
    assert "    about to" in told


def test_a_terminal_that_wants_no_colours_gets_none(platform: Platform, shop: str) -> None:
    well(platform, "start", shop, "release", "2", "--plan", "10%/1h")
    with terminal(platform, 60, "show", shop, "release", NO_COLOR="1") as screen:
        assert screen.wait() == 0
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]", screen.written())
    with terminal(platform, 60, "watch", shop, "release", TERM="dumb") as screen:
        until(lambda: "10 %  begun" in screen.written(), 20)
        assert "\x1b" not in screen.written()
    well(platform, "back", shop, "release")


def test_who_leaves_with_ctrl_c_is_told_that_it_goes_on(platform: Platform, shop: str) -> None:
    well(platform, "start", shop, "release", "2", "--plan", "10%/1h")
    with terminal(platform, 80, "watch", shop, "release") as screen:
        until(lambda: "Ctrl-C leaves" in screen.seen(), 20)
        screen.process.send_signal(signal.SIGINT)
        assert screen.wait() == 130
        told = screen.seen()
        assert f"huidu rollout pause {shop} release" in told
        assert f"huidu rollout back {shop} release" in told
        assert f"to watch it again:  huidu rollout watch {shop} release\n" in told
        assert screen.written().count("\x1b[?25l") == screen.written().count("\x1b[?25h")
    with watching(platform, shop, "release") as process:
        time.sleep(0.5)
        platform.call(
            "UpdateAlias",
            FunctionName=shop,
            Name="release",
            FunctionVersion="1",
            TakeOver=True,
        )
        assert process.wait(20) == 4


@pytest.mark.timeout(60)
def test_who_watches_sees_the_server_go_and_come_back(start: Callable[..., Platform]) -> None:
    server = start()
    port = server.api.rpartition(":")[2]
    Release.make(server, "shop")
    well(server, "start", "shop", "release", "2", "--plan", "10%/1h, 100%", "--bake", "0")
    with watching(server, "shop", "release") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "ro-" in process.stdout.readline()
        server.stop(signal.SIGKILL)
        assert "trying again" in process.stderr.readline()
        again = start("--api", f"127.0.0.1:{port}", data=server.data)
        assert "the server is back" in process.stderr.readline()
        well(again, "promote", "shop", "release", "--yes")
        assert process.wait(30) == 0
        assert "is finished" in process.stdout.read()
    server.stop()
    nobody = Platform(server.process, "http://127.0.0.1:1", "", server.data, server.log)
    gone = rollout(nobody, "watch", "shop", "release")
    assert (gone.exit_code, "no Huidu server answers" in gone.stderr) == (1, True)


@pytest.mark.timeout(60)
def test_there_may_be_none_and_there_may_be_many(start: Callable[..., Platform]) -> None:
    server = start()
    assert "there is no rollout yet" in rollout(server, "list").stderr
    Release.make(server, "shop")
    assert "no rollout is like that" in rollout(server, "list", "shop").stderr
    for _ in range(30):
        server.ours("StartRollout", FunctionName="shop", Name="release", FunctionVersion="2")
        server.ours("RollbackRollout", FunctionName="shop", Name="release", Wait=0)
    some = rollout(server, "list")
    assert len(some.stdout.splitlines()) == 20
    assert "10 more before; see them: -n 30" in some.stderr
    every = [json.loads(row) for row in well(server, "list", "-n", "300", "--json").splitlines()]
    assert len({one["RolloutId"] for one in every}) == 30
    none = rollout(server, "list", "shop", "release", "--state", "paused")
    assert (none.exit_code, none.stdout) == (0, "")
    with terminal(server, 60, "list") as screen:
        assert screen.wait() == 0
        assert max(len(row) for row in screen.seen().splitlines() if "shop" in row) <= 60
