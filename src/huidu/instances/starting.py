"""Starting: makes an instance of a version, or says why there can be none."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from typing import Protocol

from huidu.instances import answers
from huidu.instances.blueprint import Blueprint
from huidu.instances.instance import Instance, Process
from huidu.instances.launch import Order
from huidu.instances.outcomes import StartFailed
from huidu.model.version import digest


class Launcher(Protocol):
    """Starts processes, in whatever sandbox there is."""

    async def launch(self, order: Order) -> Process:
        """Start a process, or raise `OSError`."""
        ...


async def start(blueprint: Blueprint, launcher: Launcher) -> Instance:
    """Start a process and have it load the version, or raise `StartFailed`.

    What is about to run is held against the version's digest here, and what the worker says that
    it loaded once more when it is ready.
    """
    version = blueprint.version
    if digest(version.code, version.configuration) != version.digest:
        raise StartFailed(
            answers.unready("what would run is not what this version was published with")
        )
    try:
        instance = await _launch(blueprint, launcher)
    except OSError as error:
        raise StartFailed(answers.unready(f"no process could be started: {error}")) from error
    try:
        await instance.load(blueprint.load())
    except BaseException:
        await instance.stop()
        raise
    return instance


async def _launch(blueprint: Blueprint, launcher: Launcher) -> Instance:
    with ExitStack() as theirs, ExitStack() as ours:
        end, far_end = socket.socketpair()
        ours.callback(end.close)
        theirs.callback(far_end.close)
        output, printed = os.pipe()
        ours.callback(os.close, output)
        theirs.callback(os.close, printed)
        order = Order(
            command=blueprint.runtime.command(far_end.fileno()),
            environment=blueprint.environment(),
            channel=far_end.fileno(),
            output=printed,
        )
        process = await launcher.launch(order)
        ours.pop_all()
        return Instance(blueprint.version, process, end, output)
