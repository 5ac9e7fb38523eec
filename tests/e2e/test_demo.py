"""The demo is played as a newcomer plays it, and every step of it holds."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORY = (sys.executable, "-m", "demo.story", "--once", "--pace", "0.4")
STEPS = 11


@pytest.mark.timeout(120)
def test_the_story_holds_step_by_step_and_reads_well_without_a_terminal() -> None:
    played = subprocess.run(STORY, cwd=ROOT, capture_output=True, text=True, check=False)
    told = played.stdout

    assert played.returncode == 0, told + played.stderr
    assert played.stderr == ""

    # Each step tells what was done, what was expected and what was seen, and all of it holds.
    steps = re.split(r"^[ \d]\d  (?=\S)", told, flags=re.MULTILINE)[1:]
    assert len(steps) == STEPS
    for step in steps:
        assert re.search(r"^    did +\S", step, re.MULTILINE), step
        assert re.search(r"^    expected +\S", step, re.MULTILINE), step
        assert re.search(r"^    seen +✓ \S", step, re.MULTILINE), step
    assert "✗" not in told
    assert re.search(r"✓ (\d+) of \1 checks hold", told)

    # Each phase of the release is a row: the share that was due, and a mark.
    rows = re.findall(r"(\d+) %  +[\d.]+ %  [━╸─]+ .*(.)$", told, re.MULTILINE)
    assert [due for due, _ in rows] == ["0", "10", "30", "50", "100", "100", "0"]
    assert {mark for _, mark in rows} == {"✓"}

    # Plain lines, and none of them too long.
    assert not set("\x1b\r") & set(told)
    assert max(map(len, told.splitlines())) <= 80


def children(parent: int) -> list[Path]:
    """Return the processes that a process has started and that still are."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(after_name[1]) == parent:
            found.append(stat.parent)
    return found


def test_ctrl_c_in_the_middle_ends_all_that_it_started_and_leaves_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        STORY,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as story:
        assert story.stdout is not None
        assert story.stderr is not None
        assert any("Gray release" in line for line in story.stdout)
        time.sleep(1)  # the load is on
        begun = children(story.pid)
        story.send_signal(signal.SIGINT)
        assert story.wait(30) == 128 + signal.SIGINT
        assert story.stderr.read() == ""

    assert len(begun) == 2, "the server and the load"
    assert [process for process in begun if process.exists()] == []
    assert list(tmp_path.iterdir()) == []
