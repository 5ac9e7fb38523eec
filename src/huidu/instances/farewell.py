"""Farewell: tells an instance to end, as far as it listens."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from huidu.instances.sandbox.forks.watch import family

TOLD = "[PLATFORM] Signal received successfully.\n"  #: As the cloud's log has it.
CAUGHT = "SigCgt:"


def ask_to_end(pid: int) -> bool:
    """Send SIGTERM to those below a process, and to itself, that have a handler for it.

    Returns whether anybody had. Who has none is sent none: the first process of a namespace would
    never notice, and what only watches over the instance is not meant.
    """
    heard = False
    for one in family(pid):
        if _listens(one):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(one, signal.SIGTERM)
                heard = True
    return heard


def _listens(pid: int) -> bool:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(CAUGHT):
                return bool(int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
    return False
