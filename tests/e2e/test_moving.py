"""An alias that moves twenty times a second under load: no call fails, none is misrouted."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.load import Called
from tests.platform import SECRET_ID, SECRET_KEY, Platform

CALLERS = 64
SECONDS = float(os.environ.get("HUIDU_TEST_MOVING_S", "8"))
MOVES_A_SECOND = 20
PAUSE_S = 0.04  #: Between the calls of one caller, for two cores carry the test as well.


@dataclass(frozen=True)
class Move:
    """An UpdateAlias: when it was sent, when it was acknowledged, and whom it lets answer."""

    sent: float
    acknowledged: float
    versions: frozenset[str]


class Mover(threading.Thread):
    """Moves an alias at random until told to stop."""

    def __init__(self, platform: Platform, name: str) -> None:
        super().__init__()
        self.platform, self.function = platform, name
        self.moves: list[Move] = []
        self.done = threading.Event()
        self.dice = random.Random(6)

    def run(self) -> None:
        due = time.monotonic()
        while not self.done.wait(max(0.0, due - time.monotonic())):
            due += 1 / MOVES_A_SECOND
            main, other = self.dice.sample(["1", "2", "3"], 2)
            weight = self.dice.choice([None, 0, 0.1, 0.5, 0.9, 1])
            allowed = {main} if weight in (None, 0) else {other} if weight == 1 else {main, other}
            shares = [] if weight is None else [{"Version": other, "Weight": weight}]
            sent = time.monotonic()
            self.platform.call(
                "UpdateAlias",
                FunctionName=self.function,
                Name="release",
                FunctionVersion=main,
                RoutingConfig={"AdditionalVersionWeights": shares},
            )
            self.moves.append(Move(sent, time.monotonic(), frozenset(allowed)))


def allowed_for(called: Called, moves: list[Move]) -> frozenset[str]:
    """Whom the configurations that this call can have met let answer it."""
    last = bisect_right(moves, called.began, key=lambda move: move.acknowledged)
    allowed = moves[last - 1].versions
    for move in moves[last:]:
        if move.sent >= called.ended:
            break
        allowed |= move.versions
    return allowed


@pytest.mark.timeout(SECONDS + 100)
def test_no_call_fails_and_none_runs_on_what_an_acknowledged_update_excludes(
    platform: Platform, name: str, tmp_path: Path
) -> None:
    platform.make(name)
    for _ in range(3):
        platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    mover = Mover(platform, name)
    mover.moves.append(Move(0.0, 0.0, frozenset({"1"})))
    mover.start()
    kept = tmp_path / "calls"
    subprocess.run(
        [
            *(sys.executable, "-m", "demo.load", "--endpoint", platform.api, "--function", name),
            *("--qualifier", "release", "--callers", str(CALLERS), "--pause", str(PAUSE_S)),
            *("--seconds", str(SECONDS), "--keep", str(kept)),
        ],
        env={
            **os.environ,
            "TENCENTCLOUD_SECRET_ID": SECRET_ID,
            "TENCENTCLOUD_SECRET_KEY": SECRET_KEY,
        },
        stdout=subprocess.DEVNULL,
        check=True,
    )
    mover.done.set()
    mover.join()
    calls = [Called(**json.loads(line)) for line in kept.read_text().splitlines()]

    assert len(mover.moves) > SECONDS * MOVES_A_SECOND * 0.4  # on two cores, beside other tests
    assert len(calls) > 1000
    assert [called for called in calls if called.status != 200] == []
    astray = [called for called in calls if called.version not in allowed_for(called, mover.moves)]
    assert astray == []
