"""Starts: real instances of one tier, started, called and ended as `make bench` tells it to.

A process of its own for each tier, so that none waits for another's event loop, and so that one
may run as an ordinary user. It reads orders and writes answers, both a line of JSON each.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from bench import heavy
from bench.functions import PROGRAMS, SAMPLES, Sample
from huidu.instances.blueprint import Blueprint
from huidu.instances.instance import Instance
from huidu.instances.launch import Launched, Order, Scene
from huidu.instances.sandbox import tier as tiers
from huidu.instances.sandbox.table import Ground
from huidu.instances.starting import Launcher, start
from huidu.model.function import Code, Configuration, FunctionName
from huidu.model.invocation import Invocation, Status
from huidu.model.task import Task
from huidu.model.version import Version
from huidu.runtimes.table import Runtimes

NAMED = FunctionName("default", "bench")
EVENT = b'{"path": "/hello"}'
MEMORY_MB = 1536  #: With which goes a core: it is the start that is measured, not its share of one.
PATIENCE_S = 30
#: Between two cold starts, so that what a start leaves to be done later is done.
PAUSE_S = 0.1


class Watched:
    """A launcher that remembers the processes it started."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self.pids: list[int] = []

    def scene(self, code: Path, layers: Sequence[Path]) -> Scene:
        return self._launcher.scene(code, layers)

    async def launch(self, order: Order) -> Launched:
        launched = await self._launcher.launch(order)
        self.pids.append(launched.process.pid)
        return launched

    def learn(self, order: Order, imports: Sequence[str]) -> None:
        self._launcher.learn(order, imports)


class Stand:
    """Versions of the samples, and what starts them."""

    def __init__(self, folder: Path, launcher: Launcher, runtimes: Runtimes) -> None:
        self._folder = folder
        self._launcher = Watched(launcher)
        self._runtimes = runtimes
        self._number = 0
        self._crowd: list[Instance] = []
        self._made: dict[int, Blueprint] = {}

    async def cold(self, sample: int, count: int) -> list[float]:
        """Return how long so many starts took, each up to its first answer, in ms."""
        taken = []
        for _ in range(count):
            blueprint = self._of(sample)
            began = perf_counter()
            instance = await self._answering(blueprint)
            taken.append((perf_counter() - began) * 1e3)
            await instance.stop()
            await asyncio.sleep(PAUSE_S)
        return taken

    async def burst(self, sample: int, count: int) -> float:
        """Return how long it took from so many starts at once until all had answered, in s."""
        blueprint = self._of(sample)
        began = perf_counter()
        started = await asyncio.gather(*(self._answering(blueprint) for _ in range(count)))
        took_s = perf_counter() - began
        await asyncio.gather(*(instance.stop() for instance in started))
        return took_s

    async def warm(self, sample: int, count: int) -> list[float]:
        """Return how long so many calls of an instance took, one after another, in µs."""
        blueprint = self._of(sample)
        instance = await self._answering(blueprint)
        taken = []
        for _ in range(count):
            began = perf_counter()
            await self._call(instance, blueprint)
            taken.append((perf_counter() - began) * 1e6)
        await instance.stop()
        return taken

    async def heavy(self) -> list[float]:
        """Return how long the first and the second instance of a new version took, in ms."""
        self._number += 1
        folder = self._folder / f"heavy-{self._number}"
        await asyncio.to_thread(heavy.write, folder)
        blueprint = self._blueprint(SAMPLES[0], folder, "index.main_handler")
        taken = []
        for _ in range(2):
            began = perf_counter()
            instance = await self._answering(blueprint)
            taken.append((perf_counter() - began) * 1e3)
            await instance.stop()
            await asyncio.sleep(taken[0] / 1e3 * 3 + 1.0)  # for the template, if there is to be one
        await asyncio.to_thread(shutil.rmtree, folder)
        return taken

    async def gather(self, sample: int, count: int) -> tuple[float, list[int]]:
        """Start so many at once, and keep them.

        Returns how long it took until all had answered, in s, and the numbers of their processes.
        """
        blueprint = self._of(sample)
        self._launcher.pids.clear()
        began = perf_counter()
        coming = (self._answering(blueprint) for _ in range(count))
        self._crowd += await asyncio.gather(*coming)
        return perf_counter() - began, self._launcher.pids[:]

    async def scatter(self) -> None:
        """End them."""
        await asyncio.gather(*(instance.stop() for instance in self._crowd))
        self._crowd.clear()

    async def _answering(self, blueprint: Blueprint) -> Instance:
        instance = await start(blueprint, self._launcher)
        await self._call(instance, blueprint)
        return instance

    async def _call(self, instance: Instance, blueprint: Blueprint) -> None:
        invocation = Invocation(request_id="0", function=NAMED, qualifier="1", event=EVENT)
        outcome = await instance.run(Task(invocation=invocation, version=blueprint.version))
        if outcome.status != Status.SUCCESS:
            raise RuntimeError(f"a call came to {outcome}")

    def _of(self, number: int) -> Blueprint:
        """Return what the instances of a sample are made from."""
        if number not in self._made:
            sample = SAMPLES[number]
            folder = self._folder / f"sample-{number}"
            write(sample, folder)
            self._made[number] = self._blueprint(sample, folder, sample.handler)
        return self._made[number]

    def _blueprint(self, sample: Sample, folder: Path, handler: str) -> Blueprint:
        version = Version(
            function=NAMED,
            function_id="f-bench",
            number="1",
            code=Code(f"{len(self._made) + self._number:064x}", 1),
            configuration=Configuration(
                handler=handler,
                runtime=sample.runtime,
                memory_mb=MEMORY_MB,
                timeout_s=PATIENCE_S,
            ),
        )
        installed = self._runtimes.find(sample.runtime)
        return Blueprint(version=version, code=folder, runtime=installed)


def write(sample: Sample, folder: Path) -> None:
    """Write the files of a sample, as a package has them once it is unpacked."""
    folder.mkdir()
    for name, text in sample.files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755 if name in PROGRAMS else 0o644)


async def _serve(stand: Stand, tier: Mapping[str, Any]) -> None:
    print(json.dumps({"answer": tier}), flush=True)
    doors: Mapping[str, Callable[..., Coroutine[Any, Any, Any]]] = {
        name: getattr(stand, name)
        for name in ("cold", "burst", "warm", "heavy", "gather", "scatter")
    }
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        try:
            answer = {"answer": await doors[order.pop("do")](**order)}
        except Exception as error:  # noqa: BLE001 - a row of the table says what went wrong
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


async def _main(name: str) -> None:
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="huidu-bench-") as base:
        os.chmod(base, 0o711)  # noqa: PTH101, S103 - functions, as users of their own, pass through
        data = Path(base) / "data"
        scratch, code = data / "scratch", data / "code"
        for folder in (data, scratch, code):
            folder.mkdir(mode=0o700)
        runtimes = await asyncio.to_thread(Runtimes.search)
        try:
            launcher, opened, tier = await _launcher(name, runtimes, scratch)
        except OSError as error:
            print(json.dumps({"error": str(error)}), flush=True)
            return
        try:
            await _serve(Stand(code, launcher, runtimes), dataclasses.asdict(tier))
        finally:
            if opened is not None:
                await opened.close()


async def _launcher(
    name: str, runtimes: Runtimes, scratch: Path
) -> tuple[Launcher, Any, tiers.Tier]:
    """Return what starts instances in a tier, or raise `OSError` where it cannot be had."""
    interpreter = runtimes.find(SAMPLES[0].runtime).interpreter.path
    launcher, opened, tier = await tiers.choose(
        name, name, Ground(interpreter, scratch, "none", shown=runtimes.prefixes())
    )
    if tier.name != name:
        raise OSError(f"it is {tier.name} that this machine gives")
    return launcher, opened, tier


def main() -> None:
    """Start instances in one tier, as told on standard input."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tier", required=True)
    uvloop.run(_main(parser.parse_args().tier))


if __name__ == "__main__":
    main()
