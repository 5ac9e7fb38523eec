"""Template: a cell that has imported what a version's own files import, and forks its instances.

It runs between the walls of an instance, for it runs what a package brought along; of the user's
own files it runs none, so that each instance still begins with those. A fork takes a process
namespace and a `/tmp` of its own, and then stands between all the walls.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from huidu.instances.sandbox.walls import kernel, landlock, root, seccomp
from huidu.instances.sandbox.zygote import cell
from huidu.instances.sandbox.zygote.words import receive, tell
from huidu.runtimes.workers import python_worker

UNDIVIDED = 121  #: The exit status of a fork that could not get walls of its own.


def serve(order: Mapping[str, Any], blocks: cell.Blocks) -> None:
    """Import what is ordered, then fork at each word, until the platform hangs up."""
    control = socket.socket(fileno=cell.CHANNEL)
    folders = [root.CODE, *([root.LAYERS] if order["layers"] else [])]
    sys.path[:0] = folders
    for name in order["imports"]:
        with suppress(Exception):  # Whoever needs it will try again, and say what is wrong.
            importlib.import_module(name)
    del sys.path[: len(folders)]
    why = _indivisible(control.fileno())
    tell(control, {"why": why})
    if why:
        return
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # The kernel buries them; each tells its end.
    with suppress(OSError):
        while True:
            words, fds = receive(control)
            if not words:
                return
            if os.fork() == 0:
                _keep(control, words["number"], fds, blocks)
            for fd in fds:
                os.close(fd)


def _indivisible(control: int) -> str:
    """Return why a fork would not be what a fresh process is; nothing where it would be.

    Threads and processes do not live on in a fork, and a connection would be shared by all forks.
    """
    if any(name.isdigit() and name != "1" for name in os.listdir("/proc")):
        return "what it imports starts processes"
    if len(os.listdir("/proc/self/task")) > 1:
        return "what it imports starts threads"
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        with suppress(OSError):
            if fd != control and stat.S_ISSOCK(os.fstat(fd).st_mode):
                return "what it imports opens connections"
    return ""


def _keep(control: socket.socket, number: int, fds: Sequence[int], blocks: cell.Blocks) -> None:
    """Fork once more into a new process namespace, and tell the platform how that one ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        kernel.unshare(seccomp.OWN_NAMESPACES)
        pid = os.fork()
        if pid == 0:
            _become(fds, blocks)
        for fd in fds:
            os.close(fd)
        pidfd = kernel.pidfd_open(pid)
        tell(control, {"number": number}, pidfd)
        code = kernel.exit_code(os.waitpid(pid, 0)[1])
        tell(control, {"number": number, "code": code})
    except OSError as error:
        tell(control, {"number": number, "errno": error.errno, "why": str(error)})
    finally:
        os._exit(0)


def _become(fds: Sequence[int], blocks: cell.Blocks) -> None:
    """Put up the walls that the template could not have, and work for the platform."""
    channel, output, temporary = fds
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        kernel.attach(temporary, root.TEMPORARY)
        kernel.drop_bounds()
        kernel.drop_capabilities()
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        if blocks.abi:
            landlock.restrict(blocks.abi, cell.ALLOWED)
        kernel.seccomp(blocks.filter)
        os.chdir(root.CODE)
        cell.descriptors(channel, output)
        cell.streams()
        _reseed()
        python_worker.run(cell.CHANNEL)
    finally:
        os._exit(UNDIVIDED)


def _reseed() -> None:
    """Give this fork chances of its own, where the interpreter does not do it by itself."""
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        with suppress(Exception):
            numpy.seed()
