"""Running: `huidu` as a process of its own, against a server that is up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.forked import mother
from tests.platform import SECRET_ID, SECRET_KEY, Platform

#: What of our own surroundings would change what a command says.
LEFT_OUT = ("HUIDU", "NO_COLOR", "COLUMNS", "LINES")
MOST_S = 30


def environment(server: Platform) -> dict[str, str]:
    """Return what a command is to find around it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)}
    return kept | {
        "TENCENTCLOUD_SECRET_ID": SECRET_ID,
        "TENCENTCLOUD_SECRET_KEY": SECRET_KEY,
        "HUIDU_ENDPOINT": server.api,
        "TERM": "xterm",
    }


def ran(server: Platform, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return mother().run(*words, env=environment(server), timeout=MOST_S)


@contextmanager
def running(server: Platform, *words: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command until the end of the block, with some more in its environment."""
    process = subprocess.Popen(
        [sys.executable, "-m", "huidu", *words],
        env=environment(server) | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
