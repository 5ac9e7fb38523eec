"""Unattended: a broken version is released, and nobody looks on."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from demo.load import Called
from demo.operator import Operator
from demo.screen import Screen, percent, spaced
from demo.stage import Load
from demo.texts import BROKEN

OLD = "1"
SUCCESS = 200
LONGEST_S, AFTER_S, LOOK_S = 20.0, 2.0, 0.05
LEAST = 3  #: Fewer failed calls prove nothing.


def release_unattended(
    screen: Screen, operator: Operator, load: Load, after_s: float = AFTER_S
) -> None:
    """Have a rollout give a broken version calls, and see it taken back."""
    screen.step(
        "A broken version is released, and nobody looks on",
        "UpdateFunctionCode, PublishVersion; StartRollout release, by evidence",
        "taken back by itself after a handful of failed calls; none fails after that",
    )
    operator.edit(BROKEN)
    bad = operator.publish()
    began = time.monotonic()
    rollout_id = operator.roll_out("release", bad)
    rollout = operator.rollout(rollout_id)
    while not rollout["Report"] and time.monotonic() < began + LONGEST_S:
        time.sleep(LOOK_S)
        rollout = operator.rollout(rollout_id)
    ended = time.monotonic()
    time.sleep(after_s)

    reached = [call for call in load.calls if call.version == bad]
    said = f"{rollout['State']}: {rollout['Said']}"
    screen.seen(said, ok=rollout["State"] == "rolled back")
    screen.seen(
        f"{_figures(reached)}; at {percent(_share(rollout['Steps']), 1)} of the calls",
        ok=LEAST <= len(reached) <= LEAST + load.callers,
    )
    since = load.between(ended, time.monotonic())
    failed = sum(call.status != SUCCESS or call.version != OLD for call in since)
    screen.seen(
        f"of {spaced(len(since))} calls since, {failed} failed or reached version {bad}",
        ok=bool(since) and not failed,
    )
    told = json.loads(rollout["Report"] or "{}").get("FailedCalls", [])
    same = {call["RequestId"] for call in told}
    screen.seen(
        f"why is written down: {len(same)} failed calls, the first of them with what it printed",
        ok=len(same) == len(reached) and "Log" in told[0],
    )


def _figures(reached: Sequence[Called]) -> str:
    """Return how many calls reached the version, and for how long."""
    if not reached:
        return "no call reached it"
    first, last = min(c.ended for c in reached), max(c.ended for c in reached)
    failed = sum(call.status != SUCCESS for call in reached)
    return (
        f"{len(reached)} calls reached it, {failed} failed, the last "
        f"{(last - first) * 1000:.0f} ms after the first"
    )


def _share(steps: Sequence[dict[str, float]]) -> float:
    return max((step["Weight"] for step in steps), default=0.0)
