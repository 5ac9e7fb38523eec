"""Cages: a launcher of each tier that this machine gives, and one instance that tries things."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.instance import Instance
from huidu.instances.sandbox.table import BY_NAME, NONE, TABLE, Ground, Opened
from huidu.instances.sandbox.tier import reason
from huidu.instances.starting import start
from huidu.model.invocation import Outcome, Status
from huidu.model.version import Version
from tests.instances.making import OURS, Shelf, task

EVERY = [row.name for row in TABLE if row.name != NONE]
#: Those whose instances have a network namespace of their own.
APART = [name for name in EVERY if name != "basic"]
#: Those whose instances are held by our own filter for system calls.
FILTERED = [name for name in EVERY if name != "gvisor"]

PRELUDE = """
import ctypes, errno, mmap, os, signal, socket, subprocess, sys, threading, time
from pathlib import Path
LIBC = ctypes.CDLL(None, use_errno=True)
def call(*given):
    got = LIBC.syscall(*(ctypes.c_long(a) if isinstance(a, int) else a for a in given))
    if got < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "done"
"""
#: Tries what the event says.
TRIES = f"""{PRELUDE}
def main_handler(event, context):
    try:
        return eval(event["expression"], globals(), {{"event": event["given"]}})
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
"""


@dataclass
class Cage:
    """A tier, opened."""

    tier: str
    opened: Opened
    shelf: Shelf
    running: list[Instance] = field(default_factory=list)

    async def begin(self, version: Version) -> Instance:
        """Start an instance, which is ended with the cage if not before."""
        blueprint = self.shelf.blueprint(version)
        self.running.append(await start(blueprint, self.opened.launcher))
        return self.running[-1]

    async def outcome(self, source: str, event: object = None, **configuration: Any) -> Outcome:
        """Run one call in an instance of its own, and end that."""
        version = self.shelf.version(source, **configuration)
        instance = await self.begin(version)
        outcome = await instance.run(task(version, json.dumps(event).encode()))
        await instance.stop()
        return outcome

    async def result(self, source: str, event: object = None, **configuration: Any) -> Any:
        """Return the result of one call in an instance of its own, which is ended."""
        outcome = await self.outcome(source, event, **configuration)
        assert outcome.status == Status.SUCCESS, outcome
        return json.loads(outcome.result)


@asynccontextmanager
async def cage(tier: str, folder: Path, network: str = "none") -> AsyncIterator[Cage]:
    """Open a tier, or skip where this machine does not give it."""
    scratch = folder / "scratch"
    scratch.mkdir()
    try:
        opened = await BY_NAME[tier].attempt(Ground(OURS.path, scratch, network))
    except (OSError, TimeoutError) as error:
        pytest.skip(f"{tier}: {reason(error)}")
    made = Cage(tier, opened, Shelf(folder / "code"))
    yield made
    for instance in made.running:
        await instance.stop()
    if opened.closing is not None:
        await opened.closing.close()
    assert not any(scratch.iterdir())
