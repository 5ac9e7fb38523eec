"""Starting: makes an instance of a version, or says why there can be none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from huidu.instances import answers
from huidu.instances.blueprint import BARE, Blueprint
from huidu.instances.instance import Instance
from huidu.instances.launch import Launched, Order, Scene
from huidu.instances.outcomes import StartFailed
from huidu.instances.web import WebInstance
from huidu.model import network
from huidu.model.version import digest
from huidu.model.web import is_web


class Launcher(Protocol):
    """Starts processes, in whatever sandbox there is."""

    def scene(self, code: Path, layers: Sequence[Path]) -> Scene:
        """Return where an instance will find its code and layers."""
        ...

    async def launch(self, order: Order) -> Launched:
        """Start a process, or raise `OSError`."""
        ...

    def learn(self, order: Order, imports: Sequence[str]) -> None:
        """Take note of what a process that was started so took long to import."""
        ...


async def start(blueprint: Blueprint, launcher: Launcher) -> Instance:
    """Start a process and have it load the version, or raise `StartFailed`.

    What is about to run is held against the version's digest here, and what the worker says that
    it loaded once more when it is ready. A process that was killed before it was told anything
    is replaced once: nothing of the version has run.
    """
    try:
        return await _begin(blueprint, launcher)
    except StartFailed as failure:
        if not failure.another:
            raise
    return await _begin(blueprint, launcher)


async def _begin(blueprint: Blueprint, launcher: Launcher) -> Instance:
    scene, order, launched = await _launch(blueprint, launcher)
    instance = Instance(blueprint.version, launched, blueprint.runtime.runtime.exhausted)
    try:
        ready = await instance.load(blueprint.load(scene))
    except BaseException:
        await instance.stop()
        raise
    if ready.imports:
        launcher.learn(order, ready.imports)
    return instance


async def serve(blueprint: Blueprint, launcher: Launcher) -> WebInstance:
    """Start a web function's server, or raise `StartFailed`; held against its digest as others."""
    scene, _, launched = await _launch(blueprint, launcher)
    instance = WebInstance(blueprint.version, launched, blueprint.account)
    try:
        await instance.load(blueprint.load(scene))
    except BaseException:
        await instance.stop()
        raise
    return instance


async def _launch(blueprint: Blueprint, launcher: Launcher) -> tuple[Scene, Order, Launched]:
    version = blueprint.version
    if digest(version.code, version.configuration) != version.digest:
        raise StartFailed(
            answers.unready("what would run is not what this version was published with")
        )
    scene = launcher.scene(blueprint.code, blueprint.layers)
    order = _order(blueprint, scene)
    try:
        return scene, order, await launcher.launch(order)
    except OSError as error:
        raise StartFailed(answers.unready(f"no process could be started: {error}")) from error


def _order(blueprint: Blueprint, scene: Scene) -> Order:
    runtime, wanted = blueprint.runtime, blueprint.version.configuration
    return Order(
        command=partial(runtime.command, memory_mb=wanted.memory_mb),
        # What hands us sockets must not be the user's (LD_PRELOAD): one that it holds as well, it
        # could have block us. The server that it starts gets the environment.
        environment=BARE if is_web(wanted) else blueprint.environment(scene),
        worker=runtime.runtime.worker,
        interpreter=runtime.interpreter.path,
        code=blueprint.code,
        layers=blueprint.layers,
        memory_bytes=wanted.memory_mb << 20,
        online=network.is_online(wanted),
        waits=runtime.runtime.waits(dict(wanted.environment)),
    )
