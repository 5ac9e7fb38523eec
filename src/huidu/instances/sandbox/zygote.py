"""Zygote: an interpreter that has imported what functions import, and forks an instance at a word.

A process of its own, begun with no environment: a fork keeps the first environment block of its
parent, and an instance can read that in `/proc/self/environ`. It never runs a user's code. It is
the first of its process namespace, so that the kernel ends every instance when it ends.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

from huidu.instances.sandbox import cell, kernel, root, template
from huidu.instances.sandbox.words import receive, tell

UNCONTAINED = 120  #: The exit status of a cell whose walls could not be built.
MOST_TOLD = 4096

#: What functions import most; each is some milliseconds of a cold start.
COMMON = (  # noqa: SIM905 - to be read at a glance
    "argparse base64 collections.abc concurrent.futures contextlib copy csv dataclasses datetime "
    "decimal email.message email.parser email.utils enum functools glob gzip hashlib heapq hmac "
    "html http.client inspect io itertools json logging math operator pathlib pickle platform "
    "queue random re secrets shutil signal socket ssl statistics string subprocess tempfile "
    "textwrap threading time traceback typing unicodedata urllib.error urllib.parse "
    "urllib.request uuid warnings weakref xml.etree.ElementTree zipfile zlib asyncio"
).split()


class Zygote:
    """Forks, and tells what became of the forks. One thing at a time."""

    def __init__(self, control: socket.socket, blocks: cell.Blocks) -> None:
        self._control = control
        self._blocks = blocks
        self._home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        self._poll = select.poll()
        self._cells: dict[int, tuple[int, int, int]] = {}  #: By pidfd: number, pid, its troubles.

    def serve(self) -> None:
        """Do as told, until the platform hangs up."""
        self._poll.register(self._control, select.POLLIN)
        while True:
            for fd, _ in self._poll.poll():
                if fd != self._control.fileno():
                    self._bury(fd)
                elif not self._hear():
                    return

    def _hear(self) -> bool:
        order, fds = receive(self._control)
        if not order:
            return False
        groups = fds[2:]
        try:
            if order.get("blank"):
                self._furnish(order, fds[0])
            else:
                self._launch(order, fds)
        except OSError as error:
            self._tell({"number": order["number"], "errno": error.errno, "why": str(error)})
        finally:
            # Only now, when nobody waits: to change the group takes longer than all the walls.
            for group in groups:
                os.write(group, b"0")
            for fd in fds:
                os.close(fd)
        return True

    def _launch(self, order: dict[str, Any], fds: list[int]) -> None:
        troubles, trouble = os.pipe()
        try:
            pid = self._fork()
            if pid == 0:
                self._become(order, fds, trouble)
        except OSError:
            os.close(troubles)
            raise
        finally:
            os.close(trouble)
        pidfd = kernel.pidfd_open(pid)
        self._cells[pidfd] = (order["number"], pid, troubles)
        self._poll.register(pidfd, select.POLLIN)
        self._tell({"number": order["number"]}, pidfd)

    def _furnish(self, order: dict[str, Any], pidfd: int) -> None:
        """Put the code and the layers of a function where a blank will look for them."""
        places = cell.places(order["code"], order["layers"])
        trees: list[int] = []
        try:
            trees += (kernel.tree(source, root.READ_ONLY) for source, _ in places)
            kernel.setns(pidfd, kernel.CLONE_NEWNS)
            try:
                for tree, (_, target) in zip(trees, places):  # noqa: B905 - not in Python 3.8
                    kernel.attach(tree, target)
            finally:
                kernel.setns(self._mounts, kernel.CLONE_NEWNS)
        finally:
            for tree in trees:
                os.close(tree)
        self._tell({"number": order["number"], "furnished": True})

    def _fork(self) -> int:
        """Fork, and have the child be the first of a process namespace of its own."""
        kernel.unshare(kernel.CLONE_NEWPID)
        pid = -1
        try:
            pid = os.fork()
        finally:
            if pid != 0:
                kernel.setns(self._home, kernel.CLONE_NEWPID)
        return pid

    def _become(self, order: dict[str, Any], fds: list[int], trouble: int) -> None:
        try:
            cell.enter(order, self._blocks, fds)
        except BaseException as error:  # noqa: BLE001 - nothing of it may go on as the zygote
            with suppress(OSError):
                os.write(trouble, str(error).encode()[:MOST_TOLD])
        os._exit(UNCONTAINED)

    def _bury(self, pidfd: int) -> None:
        """See off an instance that ended, and with it all that it started."""
        number, pid, troubles = self._cells.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        status = os.waitpid(pid, 0)[1]
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        why = os.read(troubles, MOST_TOLD).decode(errors="replace")
        os.close(troubles)
        self._tell({"number": number, "code": code, "why": why})

    def _tell(self, words: dict[str, Any], *fds: int) -> None:
        tell(self._control, words, *fds)


def prepare(settings: dict[str, Any]) -> cell.Blocks:
    """Do everything that the instances then need not do."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    prefixes = {sys.base_prefix, sys.base_exec_prefix, *settings["shown"]}
    root.build(sorted(prefixes), resolves=settings["network"] == "host")
    before = set(sys.modules)
    for name in COMMON:
        with suppress(ImportError):  # Some interpreters are built without some of them.
            importlib.import_module(name)
    blocks = cell.Blocks(frozenset(sys.modules) - before, template.serve)
    gc.collect()
    gc.freeze()
    return blocks


def main(fd: int) -> None:
    """Become the first of a new process namespace, and serve there; the outer half only waits."""
    control = socket.socket(fileno=fd)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        settings, groups = receive(control)
        kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWPID)
        pid = os.fork()
        if pid:
            control.close()
            os.waitpid(pid, 0)
            return
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        for group in groups:
            os.write(group, b"0")
            os.close(group)
        blocks = prepare(settings)
        tell(control, {"landlock": blocks.abi})
    except (OSError, ValueError, KeyError) as error:
        with suppress(OSError):
            tell(control, {"why": str(error) or type(error).__name__})
        return
    with suppress(OSError):
        Zygote(control, blocks).serve()
    os._exit(0)
