"""Trials: every tier tried on this machine, with a function of two lines that is timed."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from huidu.instances.blueprint import Blueprint
from huidu.instances.outcomes import StartFailed
from huidu.instances.sandbox.advice import fitting
from huidu.instances.sandbox.table import TABLE, Ground, Row
from huidu.instances.sandbox.tier import reason
from huidu.instances.starting import Launcher, start
from huidu.model.function import Code, Configuration, FunctionName
from huidu.model.invocation import Invocation
from huidu.model.task import Task
from huidu.model.version import Version
from huidu.runtimes.table import Installed

STARTS = 5
SOURCE = "def main_handler(event, context):\n    return event\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of one tier."""

    name: str
    works: bool
    by_itself: bool  #: Whether `tier = best` would take it.
    why_not: str
    network: str  #: What functions would reach in it.
    cold_start_ms: float | None  #: From nothing to the first answer; the median.
    needs: str
    mend: tuple[str, ...]  #: What may be done where it does not work.
    missing: tuple[str, ...]
    allows: tuple[str, ...]  #: What a tenant could do in it.


async def tried(runtime: Installed, network: str, tell: Callable[[str], None]) -> list[Trial]:
    """Try every tier, the strongest first; `tell` hears of each before it is tried."""
    before = os.umask(0o022)  # Code is for all to read, as unpacked packages are.
    try:
        with tempfile.TemporaryDirectory() as folder:
            ground = Ground(runtime.interpreter.path, Path(folder), network)
            trials = []
            for row in TABLE:
                tell(row.name)
                trials.append(await _try(row, ground, runtime))
            return trials
    finally:
        os.umask(before)


async def _try(row: Row, ground: Ground, runtime: Installed) -> Trial:
    why_not, network, cold_start_ms = "", "", None
    missing: tuple[str, ...] = ()
    try:
        opened = await row.attempt(ground)
        missing, network = opened.missing, opened.network
        try:
            cold_start_ms = await _cold_start_ms(opened.launcher, ground, runtime)
        finally:
            if opened.closing is not None:
                await opened.closing.close()
    except (OSError, TimeoutError, StartFailed) as error:
        why_not = reason(error)
    return Trial(
        name=row.name,
        works=not why_not,
        by_itself=row.by_itself,
        why_not=why_not,
        network=network,
        cold_start_ms=cold_start_ms,
        needs=row.needs,
        mend=fitting(row.mend) if why_not else (),
        missing=missing,
        allows=row.allows,
    )


async def _cold_start_ms(launcher: Launcher, ground: Ground, runtime: Installed) -> float:
    """Return the median of a few starts, each up to the answer of the first call."""
    with tempfile.TemporaryDirectory(dir=ground.scratch) as code:
        await asyncio.to_thread(Path(code).chmod, 0o755)
        await asyncio.to_thread((Path(code) / "index.py").write_text, SOURCE)
        name = FunctionName("default", "doctor")
        version = Version(
            function=name,
            function_id="doctor",
            number="1",
            code=Code("0" * 64, len(SOURCE)),
            configuration=Configuration(
                handler="index.main_handler", runtime=f"Python{runtime.interpreter}"
            ),
        )
        blueprint = Blueprint(version=version, code=Path(code), runtime=runtime)
        call = Invocation(request_id="doctor", function=name, qualifier="1", event=b"1")
        took = []
        for _ in range(STARTS):
            began = time.perf_counter()
            instance = await start(blueprint, launcher)
            outcome = await instance.run(Task(invocation=call, version=version))
            took.append((time.perf_counter() - began) * 1000)
            await instance.stop()
            if outcome.error:
                raise OSError(outcome.error)
    return round(statistics.median(took), 1)
