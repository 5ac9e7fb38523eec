"""Crushed: four times the calls that there is room for; who is answered, and who is told to go."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from bench import serving
from bench.speed.found import Crush, Tell
from bench.speed.stages import SLOW, Workshop, settings

HANDLER_S, INSTANCES, WAITING = 0.005, 2, 8
CALM, CROWD = 8, 1000  #: Connections: as many as keep both instances busy, and far more.
TIMES = 4
AT_ONCE = 1e9  #: Calls a second: each as soon as the last one was answered.


def measure(rounds: int, seconds: float, tell: Tell) -> tuple[Crush, Crush]:
    """Return what there is at the peak, and what is left of it under the crush, by turns."""
    peaks, crushes = list[Crush](), list[Crush]()
    options = settings(max_instances=INSTANCES, max_waiting=WAITING)
    with (
        tempfile.TemporaryDirectory(prefix="huidu-bench-") as folder,
        serving.over(Path(folder), *options) as served,
    ):
        shop = Workshop(served)
        shop.make("slow", {"index.py": SLOW.format(seconds=HANDLER_S)})
        url = shop.url("slow", "plain")
        _offer(url, CALM, AT_ONCE, 0.5)  # for warmth, not counted
        for number in range(rounds):
            tell(f"round {number + 1} of {rounds}: more calls than there is room for")
            peaks.append(_offer(url, CALM, AT_ONCE, seconds))
            crushes.append(_offer(url, CROWD, TIMES * peaks[-1].good, seconds))
    return _middle(peaks), _middle(crushes)


def _offer(url: str, connections: int, rate: float, seconds: float) -> Crush:
    program = (sys.executable, "-m", "bench.speed.offered", url)
    given = {"connections": connections, "rate": rate, "seconds": seconds}
    done = subprocess.run(
        [*program, *(f"--{name}={value}" for name, value in given.items())],
        stdout=subprocess.PIPE,
        check=True,
    )
    return Crush(handler_ms=HANDLER_S * 1e3, waiting=WAITING, **json.loads(done.stdout))


def _middle(of: Sequence[Crush]) -> Crush:
    """Return medians; of what must not be, all."""
    medians = {
        one.name: statistics.median(getattr(c, one.name) for c in of) for one in fields(Crush)
    }
    return Crush(**{**medians, "waiting": WAITING, "other": sum(c.other for c in of)})
