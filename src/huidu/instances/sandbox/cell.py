"""Cell: turns a fresh fork of the zygote into an instance between walls; runs in that fork."""

from __future__ import annotations

import importlib
import os
import socket
import sys
import time
from collections.abc import Callable, Container, Mapping, Sequence
from types import ModuleType
from typing import Any

from huidu.instances.sandbox import kernel, landlock, limits, root, seccomp
from huidu.runtimes.workers import python_worker

WORKERS = ("python_worker", "custom_worker", "web_worker")
STDOUT, STDERR, CHANNEL = 1, 2, 3
NOT_STARTED = 127  #: The exit status where a program could not be started, as shells have it.
STREAMS = ((STDOUT, "stdout", "surrogateescape"), (STDERR, "stderr", "backslashreplace"))
ALLOWED = {"/": landlock.READ, "/dev": landlock.DEVICES, root.TEMPORARY: landlock.ALL}


class Blocks:
    """What every cell is built with, made once by the zygote."""

    def __init__(
        self, imported: Container[str], divide: Callable[[Mapping[str, Any], Blocks], None]
    ) -> None:
        self.imported = imported  #: What the zygote imported that the worker alone would not.
        self.divide = divide  #: What a template does once it is between its walls.
        self.abi = kernel.landlock_abi()
        self.filter = seccomp.program(kernel.MACHINE)
        self.divides = seccomp.program(kernel.MACHINE, divides=True)
        self.workers = {
            name: importlib.import_module(f"huidu.runtimes.workers.{name}") for name in WORKERS
        }


def enter(order: Mapping[str, Any], blocks: Blocks, fds: Sequence[int]) -> None:
    """Build the walls from within, then work for the platform; never returns to the zygote.

    It is in its memory group already: the zygote was in it when it forked. The order of the steps
    is their safety: mounts before the privilege for them is gone, the filter last.
    """
    channel, output, *others = fds
    _first_to_go()
    os.setsid()
    os.umask(0o022)
    _namespaces(order["network"], others)
    _files(order["code"], order["layers"], order["uid"])
    limits.restrict(order["memory_bytes"])
    _user(order["uid"])
    if order["imports"]:
        kernel.seccomp(blocks.divides)
        _interpreter(order, python_worker, blocks.imported)
        descriptors(channel, output)
        streams()
        blocks.divide(order, blocks)
        os._exit(0)
    if blocks.abi:
        landlock.restrict(blocks.abi, ALLOWED)
    kernel.seccomp(blocks.filter)
    if order["worker"]:
        worker = blocks.workers[order["worker"]]
        _interpreter(order, worker, blocks.imported)
        descriptors(channel, output)
        streams()
        worker.run(CHANNEL)
    else:
        descriptors(channel, output)
        _execute(order["command"], order["environment"])


def _execute(command: list[str], environment: Mapping[str, str]) -> None:
    """Become a program, with what it prints going where a function prints."""
    os.chdir(root.CODE)
    try:
        os.execve(command[0], command, environment)  # noqa: S606 - it is what we are here for
    except OSError as error:
        os.write(STDERR, f"{command[0]} cannot be started: {error}\n".encode())
        os._exit(NOT_STARTED)


def _first_to_go() -> None:
    """Where memory runs out, have the kernel end this one before the zygote or the platform."""
    with open("/proc/self/oom_score_adj", "wb", 0) as score:
        score.write(b"1000")


def _namespaces(network: str, others: Sequence[int]) -> None:
    """Leave the host's namespaces; the network's for one that was made ready, or an empty one."""
    kernel.unshare(
        kernel.CLONE_NEWNS
        | kernel.CLONE_NEWIPC
        | kernel.CLONE_NEWUTS
        | (kernel.CLONE_NEWNET if network == "none" else 0)
    )
    socket.sethostname(root.NAME)
    if network == "none":
        kernel.loopback_up()
    elif network == "egress":
        kernel.setns(others[0], kernel.CLONE_NEWNET)


def _files(code: str, layers: Sequence[str], uid: int) -> None:
    """Show the code, a fresh `/tmp` and its own processes; then only the root is there."""
    kernel.bind(code, root.PLACE + root.CODE, root.READ_ONLY)
    if layers:
        _layers(layers)
    nothing_else = kernel.MS_NOSUID | kernel.MS_NODEV
    temporary = root.PLACE + root.TEMPORARY
    options = ",".join(f"{key}={value}" for key, value in limits.temporary(uid).items())
    kernel.mount("tmp", temporary, "tmpfs", nothing_else, options)
    nothing_else |= kernel.MS_NOEXEC | kernel.MS_RDONLY
    kernel.mount("proc", f"{root.PLACE}/proc", "proc", nothing_else)
    kernel.pivot(root.PLACE)


def _layers(layers: Sequence[str]) -> None:
    """Show layers as one folder: where two have the same file, that of the later one is seen."""
    target = root.PLACE + root.LAYERS
    if len(layers) == 1:
        kernel.bind(layers[0], target, root.READ_ONLY)
    else:
        kernel.overlay(layers, target)


def _user(uid: int) -> None:
    """Become a user that nobody else is, with no privilege and no way to one."""
    kernel.drop_bounds()
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def descriptors(channel: int, output: int) -> None:
    """Keep the channel and the standard streams, and nothing that was the zygote's."""
    os.dup2(output, STDOUT)
    os.dup2(output, STDERR)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(channel, CHANNEL)
    kernel.close_from(CHANNEL + 1)


def streams() -> None:
    """Have what is printed go where a function prints."""
    # The zygote's own streams remember what kind of file they were opened on.
    for fd, name, errors in STREAMS:
        stream = open(fd, "w", encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
        stream.buffer.raw.name = f"<{name}>"  # type: ignore[attr-defined]
        sys.__dict__.update({name: stream, f"__{name}__": stream})


def _interpreter(order: Mapping[str, Any], worker: ModuleType, imported: Container[str]) -> None:
    """Leave the interpreter as it would be, had it been started for this instance."""
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.chdir(root.CODE)
    sys.argv = [str(worker.__file__)]
    sys.modules["__main__"] = worker
    theirs = {name.partition(".")[0] for name in os.listdir(root.CODE)}
    for name in [*sys.modules]:
        top = name.partition(".")[0]
        if top == "huidu" or (top in theirs and name in imported):
            del sys.modules[name]
