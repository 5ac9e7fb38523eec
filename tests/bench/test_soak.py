"""The tool that looks for leaks: that it finds them, and none where there are none."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import watch
from bench.callers import Failure
from bench.soak import Kill, explained
from bench.soaked import Calls, Result
from bench.verdict import Tolerance, judge

SOME = Tolerance(amount=5, part=0.1)
ROOT = Path(__file__).parents[2]

#: Grows by all that a server may leak, until it is ended.
LEAK = """
import os, subprocess, sys, threading, time
folder, kept = sys.argv[1], []
while True:
    kept.append((open(os.devnull), bytearray(1 << 20)))
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    open(f"{folder}/{len(kept)}", "x").close()
    time.sleep(0.005)
"""


def test_what_gains_a_little_with_every_sample_grows() -> None:
    dice = random.Random(1)

    assert judge([100 + n * 0.1 + dice.gauss(0, 3) for n in range(600)], SOME).grows


def test_what_goes_up_and_down_is_steady() -> None:
    dice = random.Random(1)

    assert not judge([100 + dice.gauss(0, 10) for _ in range(600)], SOME).grows


def test_what_is_more_once_it_is_warm_is_steady() -> None:
    assert not judge([min(100, 10 * n) for n in range(600)], SOME).grows


def test_what_was_high_for_a_moment_at_the_end_is_steady() -> None:
    assert not judge([100] * 560 + [300] * 20 + [100] * 20, SOME).grows


def test_fewer_than_ten_samples_are_no_ground_for_a_verdict() -> None:
    with pytest.raises(ValueError, match="9 samples: at least 10"):
        judge([1] * 9, SOME)


@pytest.mark.parametrize(
    ("kill", "why"),
    [
        (Kill(10.5, "a"), "while it was under way"),
        (Kill(10.5, ""), "whichever function's instance it was"),
        (Kill(9.9, "a"), "just before, unheard of by the platform"),
    ],
)
def test_a_call_that_fails_as_its_instance_is_killed_is_explained(kill: Kill, why: str) -> None:
    assert explained(Failure(role="a", began=10, ended=11, problem="405"), [kill]), why


@pytest.mark.parametrize("kill", [Kill(10.5, "b"), Kill(11.1, "a"), Kill(9, "a")])
def test_a_call_that_fails_when_no_instance_of_its_function_was_killed_is_not(kill: Kill) -> None:
    assert not explained(Failure(role="a", began=10, ended=11, problem="405"), [kill])


@pytest.fixture
def leaking(tmp_path: Path) -> Iterator[int]:
    """A process that leaks."""
    (tmp_path / "scratch").mkdir()
    process = subprocess.Popen([sys.executable, "-c", LEAK, str(tmp_path / "scratch")])
    yield process.pid
    process.kill()
    process.wait()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs /proc")
def test_a_server_that_leaks_is_found_out(leaking: int, tmp_path: Path) -> None:
    samples: dict[str, list[float]] = {}
    for _ in range(30):
        for name, value in watch.look(leaking, tmp_path).items():
            samples.setdefault(name, []).append(value)
        time.sleep(0.02)
    grow = {name for name, of in watch.SERIES.items() if judge(samples[name], of).grows}

    leaks = {"server RSS MB", "server PSS MB", "server descriptors", "server threads"}
    assert grow == leaks | {"scratch files"}


def came_to(**calls: Calls) -> Result:
    """A run in which nothing grows, fails for no reason, or stays."""
    return Result(
        seconds=1,
        calls=calls,
        missing={},
        kills=1,
        releases=1,
        verdicts={},
        kept={},
        unexplained=(),
        troubles=(),
        left=(),
    )


def test_a_run_in_which_no_call_was_answered_is_not_good() -> None:
    assert not came_to().good
    assert not came_to(Python=Calls(7, 7, 0, 0)).good
    assert came_to(Python=Calls(7, 6, 1, 1)).good


@pytest.mark.timeout(180)
def test_a_short_run_with_one_function_is_good() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.soak", "--seconds", "14", "--only", "Python", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)

    assert (found["unexplained"], found["troubles"], found["left"]) == ([], [], [])
    assert set(found["verdicts"]) == set(watch.SERIES)
    assert found["calls"]["Python"]["made"] > found["calls"]["Python"]["failed"]
    assert min(found["kills"], found["releases"]) > 0
    assert done.returncode == (0 if found["good"] else 1)
