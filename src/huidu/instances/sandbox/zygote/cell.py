"""Cell: turns a fresh fork of the zygote into an instance between walls; runs in that fork."""

from __future__ import annotations

import importlib
import os
import socket
import sys
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from huidu.instances.sandbox.walls import kernel, kinds, landlock, limits, root, seccomp, userns
from huidu.instances.sandbox.zygote import warden
from huidu.runtimes.workers import python_worker

STDOUT, STDERR, CHANNEL = 1, 2, 3
NOT_STARTED = 127  #: The exit status where a program could not be started, as shells have it.
STREAMS = ((STDOUT, "stdout", "surrogateescape"), (STDERR, "stderr", "backslashreplace"))
ALLOWED = {"/": landlock.READ, "/dev": landlock.DEVICES, root.TEMPORARY: landlock.ALL}

#: What programs look up of themselves and of the machine, where `/proc` and `/sys` are the host's.
PROCESS = (
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version"),
    *("/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu"),
)

Order = Mapping[str, Any]


class Blocks:
    """What every cell is built with, made once by the zygote."""

    def __init__(
        self,
        imported: Container[str],
        divide: Callable[[Order, Blocks], None],
        rules: seccomp.Rules,
        shown: Sequence[str],
        workers: Sequence[str],
    ) -> None:
        self.imported = imported  #: What the zygote imported that the worker alone would not.
        self.divide = divide  #: What a template does once it is between its walls.
        self.shown = shown  #: What of the host can be read, where that is no matter of mounts.
        self.abi = kernel.landlock_abi()
        self.filter = seccomp.program(kernel.MACHINE, rules)
        self.offline = seccomp.program(kernel.MACHINE, replace(rules, sockets=()))
        self.divides = seccomp.program(kernel.MACHINE, seccomp.Rules(divides=True))
        self.workers = {
            name: importlib.import_module(f"huidu.runtimes.workers.{name}") for name in workers
        }


def enter(order: Order, blocks: Blocks, fds: Sequence[int]) -> None:
    """Build the walls from within, then work for the platform; never returns to the zygote.

    It is in its memory group already: the zygote was in it when it forked.
    """
    channel, output, *others = fds
    order = {**order, "others": others}
    template = bool(order["imports"])
    for build in TEMPLATE if template else STEPS[order["walls"]]:
        build(order, blocks)
    if template:
        _interpreter(order, python_worker, blocks.imported)
        descriptors(channel, output)
        streams()
        blocks.divide(order, blocks)
        os._exit(0)
    if order["worker"]:
        worker = blocks.workers[order["worker"]]
        _interpreter(order, worker, blocks.imported)
        descriptors(channel, output)
        streams()
        worker.run(CHANNEL)
    else:
        descriptors(channel, output)
        _execute(order)


def _execute(order: Order) -> None:
    """Become a program, with what it prints going where a function prints."""
    command = order["command"]
    os.chdir(order["seen"])
    try:
        os.execve(command[0], command, _environment(order))  # noqa: S606 - what we are here for
    except OSError as error:
        os.write(STDERR, f"{command[0]} cannot be started: {error}\n".encode())
        os._exit(NOT_STARTED)


def _first_to_go(order: Order, blocks: Blocks) -> None:
    """Where memory runs out, have the kernel end this one before the zygote or the platform."""
    with open("/proc/self/oom_score_adj", "wb", 0) as score:
        score.write(b"1000")


def _session(order: Order, blocks: Blocks) -> None:
    os.setsid()
    os.umask(0o022)


def _warden(order: Order, blocks: Blocks) -> None:
    warden.stay_outside(order["uid"], blocks.abi)


def _namespaces(order: Order, blocks: Blocks) -> None:
    """Leave the host's namespaces; the network's for one that was made ready, or an empty one."""
    network = order["network"]
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
        kernel.setns(order["others"][0], kernel.CLONE_NEWNET)


def places(code: str, layers: Sequence[str]) -> Sequence[tuple[str, str]]:
    """Return which folder is to be seen where. A blank has none yet, and is given them later."""
    single = layers if len(layers) == 1 else ()
    return [
        *([(code, root.CODE)] if code else []),
        *((layer, root.LAYERS) for layer in single),
    ]


def _files(order: Order, blocks: Blocks) -> None:
    """Show the code, a fresh `/tmp` and its own processes.

    Layers are one folder: where two have the same file, that of the later one is seen.
    """
    layers = order["layers"]
    owner = userns.US if order["walls"] == kinds.USER else order["uid"]
    for source, target in places(order["code"], layers):
        kernel.bind(source, root.PLACE + target, root.READ_ONLY)
    if len(layers) > 1:
        kernel.overlay(layers, root.PLACE + root.LAYERS)
    nothing_else = kernel.MS_NOSUID | kernel.MS_NODEV
    temporary = root.PLACE + root.TEMPORARY
    options = ",".join(f"{key}={value}" for key, value in limits.temporary(owner).items())
    kernel.mount("tmp", temporary, "tmpfs", nothing_else, options)
    nothing_else |= kernel.MS_NOEXEC | kernel.MS_RDONLY
    kernel.mount("proc", f"{root.PLACE}/proc", "proc", nothing_else)


def _pivot(order: Order, blocks: Blocks) -> None:
    """Let only the root be there."""
    kernel.pivot(root.PLACE)


def _pivot_into_own(order: Order, blocks: Blocks) -> None:
    userns.pivot_into_own(order["uid"])


def _limits(order: Order, blocks: Blocks) -> None:
    limits.restrict(order["memory_bytes"])


def _limits_alone(order: Order, blocks: Blocks) -> None:
    """Limit also what elsewhere the walls do: the files in its folder, and all of one user."""
    own = limits.MOST_PROCESSES if order["uid"] else limits.MOST_OF_A_USER
    limits.restrict(order["memory_bytes"], own, limits.TEMPORARY_BYTES)


def _user(order: Order, blocks: Blocks) -> None:
    """Become a user that nobody else is; 0 is who we are already."""
    uid, groups = order["uid"], order["groups"]
    if uid:
        os.setgroups(groups)
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        # Not so where the platform is the same user: it could not count what it has not to see.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def _privileges(order: Order, blocks: Blocks) -> None:
    """Have no privilege, and no way to one."""
    kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)


def _bounds(order: Order, blocks: Blocks) -> None:
    kernel.drop_bounds()


def _with_its_warden(order: Order, blocks: Blocks) -> None:
    warden.die_with(os.getppid())


def _landlock(order: Order, blocks: Blocks) -> None:
    if blocks.abi:
        landlock.restrict(blocks.abi, ALLOWED)


def _landlock_alone(order: Order, blocks: Blocks) -> None:
    """Leave of the host's files what the root would hold, the code, and a folder of its own."""
    host = [path for path in (*blocks.shown, *PROCESS) if os.path.exists(path)]
    landlock.restrict(
        blocks.abi,
        {
            **dict.fromkeys((*host, order["code"], *order["layers"]), landlock.READ),
            **{f"/dev/{name}": landlock.DEVICES for name in root.DEVICES},
            order["home"]: landlock.ALL,
        },
    )


def _filter(order: Order, blocks: Blocks) -> None:
    kernel.seccomp(blocks.filter)


def _filter_alone(order: Order, blocks: Blocks) -> None:
    """Filter where there is no namespace of networks: who is to reach nothing makes no sockets."""
    kernel.seccomp(blocks.offline if order["network"] == "none" else blocks.filter)


def _filter_that_divides(order: Order, blocks: Blocks) -> None:
    kernel.seccomp(blocks.divides)


Step = Callable[[Order, Blocks], None]
#: How each kind of walls is built. The order is their safety: what takes a privilege comes before
#: that is gone, and the filter last.
STEPS: Mapping[str, Sequence[Step]] = {
    kinds.ROOT: (
        *(_first_to_go, _session, _namespaces, _files, _pivot),
        *(_limits, _bounds, _user, _privileges, _landlock, _filter),
    ),
    kinds.USER: (
        *(_first_to_go, _session, _namespaces, _files, _pivot_into_own),
        *(_limits, _bounds, _privileges, _landlock, _filter),
    ),
    kinds.BASIC: (
        *(_warden, _first_to_go, _session),
        *(_limits_alone, _user, _privileges, _with_its_warden, _landlock_alone, _filter_alone),
    ),
}
#: A template has no Landlock, under which nothing can be mounted; its forks have.
TEMPLATE = (*STEPS[kinds.ROOT][:-2], _filter_that_divides)


def _environment(order: Order) -> dict[str, str]:
    return {"HOME": order["home"], "TMPDIR": order["home"], **order["environment"]}


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


def _interpreter(order: Order, worker: ModuleType, imported: Container[str]) -> None:
    """Leave the interpreter as it would be, had it been started for this instance."""
    os.environ.clear()
    os.environ.update(_environment(order))
    time.tzset()
    os.chdir(order["seen"])
    sys.argv = [str(worker.__file__)]
    sys.modules["__main__"] = worker
    theirs = {name.partition(".")[0] for name in os.listdir(order["seen"])}
    for name in [*sys.modules]:
        top = name.partition(".")[0]
        if top == "huidu" or (top in theirs and name in imported):
            del sys.modules[name]
