"""Speech: what cannot be logged is lost, and whoever would have said it goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from huidu.cli.client import Refused

FULL = Path("/dev/full")
TALK = """
import structlog
from huidu.speech import log_to_stderr

log_to_stderr("info")
for number in range(2000):
    structlog.get_logger().warning("the disk is full", number=number)
print("and on it goes")
"""


@pytest.mark.skipif(not FULL.exists(), reason="this machine has no /dev/full")
@pytest.mark.timeout(30)
def test_a_log_on_a_full_disk_stops_nobody() -> None:
    with FULL.open("w") as full:
        talk = [sys.executable, "-c", TALK]
        said = subprocess.run(talk, stdout=subprocess.PIPE, stderr=full, text=True, check=False)

    assert said.stdout == "and on it goes\n"


def test_a_refusal_that_quotes_an_owner_gives_a_terminal_no_orders() -> None:
    refused = Refused("ResourceInUse", "moved by \x1b[2J\rann\x9b0m\nsay so")
    assert str(refused) == "ResourceInUse: moved by  [2J ann 0m\nsay so"
