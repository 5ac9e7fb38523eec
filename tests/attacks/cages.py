"""Cages: a launcher of each tier that this machine gives, and one instance that tries things."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.instance import Instance
from huidu.instances.sandbox.table import BY_NAME, NONE, TABLE, Ground, Opened
from huidu.instances.sandbox.tier import reason
from huidu.instances.starting import start
from huidu.model.invocation import Outcome, Status
from huidu.model.version import Version
from huidu.runtimes.interpreter import Interpreter
from huidu.runtimes.table import Runtimes
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
    runtimes: Runtimes
    running: list[Instance] = field(default_factory=list)

    async def begin(self, version: Version) -> Instance:
        """Start an instance, which is ended with the cage if not before."""
        blueprint = self.shelf.blueprint(version, self.runtimes)
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
    with _home(folder, among=tier == "basic") as home:
        python = interpreter() if tier == "basic" else OURS
        scratch = home / "scratch"
        scratch.mkdir(mode=0o700)
        try:
            opened = await BY_NAME[tier].attempt(Ground(python.path, scratch, network))
        except (OSError, TimeoutError) as error:
            pytest.skip(f"{tier}: {reason(error)}")
        made = Cage(tier, opened, Shelf(home / "code"), Runtimes({"Python": [python]}))
        yield made
        for instance in made.running:
            await instance.stop()
        if opened.closing is not None:
            await opened.closing.close()
        assert not any(scratch.iterdir())


@contextmanager
def _home(folder: Path, *, among: bool) -> Iterator[Path]:
    """Lend a place; where instances are `among` the host's files, one that every user gets to."""
    if not among:
        yield folder
        return
    base = Path(tempfile.mkdtemp(prefix="huidu-cage-"))
    base.chmod(0o711)
    (base / "data").mkdir(mode=0o700)
    yield base / "data"
    shutil.rmtree(base)


def interpreter() -> Interpreter:
    """A Python that users with no home can start: ours may lie in root's."""
    for path in (OURS.path, *map(Path, ("/usr/bin/python3", "/usr/local/bin/python3"))):
        if path.exists() and all(p.stat().st_mode & 1 for p in path.resolve().parents):
            return replace(OURS, path=path)
    return pytest.skip("no Python lies where other users get to")
