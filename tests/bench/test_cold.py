"""The tool that measures cold starts: that nothing is left out of its tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cold import PLAIN, UNPRIVILEGED
from bench.functions import known, unsampled
from huidu.settings import TIERS

ROOT = Path(__file__).parents[2]


def tier(way: str) -> str:
    return way.removesuffix(UNPRIVILEGED)


def test_every_language_of_the_table_has_a_function_to_measure_with() -> None:
    assert unsampled() == []


@pytest.mark.timeout(180)
def test_a_run_measures_every_language_in_every_tier_that_is_there(tmp_path: Path) -> None:
    few = [
        f"--{name}=1" for name in ("rounds", "starts", "calls", "burst", "crowd", "python-crowd")
    ]
    file = tmp_path / "found.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench.run", "cold", *few, "--json", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())["cold"]

    measured = {(tier(way["way"]), way["runtime"], way["imports"]) for way in found["ways"]}
    here = {PLAIN, *TIERS} - set(found["missing"])
    for sample in known():
        for way in here if sample.plain else here - {PLAIN}:
            assert (way, sample.runtime, sample.imports) in measured
    assert {tier(crowd["name"]) for crowd in found["crowds"]} == here - {PLAIN}
    assert {tier(one["name"]) for one in found["heavy"]} == here - {PLAIN}
