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
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from huidu.instances.sandbox.walls import kernel, kinds, root, seccomp, userns
from huidu.instances.sandbox.zygote import cell, template, warden
from huidu.instances.sandbox.zygote.words import receive, tell

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

    def __init__(self, control: socket.socket, blocks: cell.Blocks, kind: str) -> None:
        self._control = control
        self._walls = kind
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
        groups = fds[order.get("descriptors", len(fds)) :]  # Those of a blank have it already.
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
        if self._walls == kinds.BASIC:
            return os.fork()
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
            cell.enter({**order, "walls": self._walls}, self._blocks, fds)
        except BaseException as error:  # noqa: BLE001 - nothing of it may go on as the zygote
            with suppress(OSError):
                os.write(trouble, str(error).encode()[:MOST_TOLD])
        os._exit(UNCONTAINED)

    def _bury(self, pidfd: int) -> None:
        """See off an instance that ended, and with it all that it started."""
        number, pid, troubles = self._cells.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        code = kernel.exit_code(os.waitpid(pid, 0)[1])
        why = os.read(troubles, MOST_TOLD).decode(errors="replace")
        os.close(troubles)
        if self._walls == kinds.BASIC:
            # Had its warden been killed, what it left is ours now.
            warden.kill_children(but={pid for _, pid, _ in self._cells.values()})
        self._tell({"number": number, "code": code, "why": why})

    def _tell(self, words: dict[str, Any], *fds: int) -> None:
        tell(self._control, words, *fds)


def prepare(settings: dict[str, Any]) -> cell.Blocks:
    """Do everything that the instances then need not do."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    prefixes = sorted({sys.base_prefix, sys.base_exec_prefix, *settings["shown"]})
    if settings["walls"] == kinds.BASIC:
        if not kernel.landlock_abi():
            raise OSError("the kernel has no Landlock")
        _check_private(settings["private"], [*root.SYSTEM, *prefixes])
        if os.geteuid() == 0:
            _check_ways({sys.base_prefix, sys.base_exec_prefix})
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    else:
        kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
        root.build(prefixes, settings["resolver"])
    before = set(sys.modules)
    for name in COMMON:
        with suppress(ImportError):  # Some interpreters are built without some of them.
            importlib.import_module(name)
    imported = frozenset(sys.modules) - before
    shown = [*root.SYSTEM, *root.SETTINGS, *root.FILES, *prefixes]
    blocks = cell.Blocks(imported, template.serve, _rules(settings), shown, settings["workers"])
    gc.collect()
    gc.freeze()
    return blocks


def _check_private(folder: str, readable: list[str]) -> None:
    """Raise `OSError` where the platform's own folder would be in what functions may read."""
    for path in map(os.path.realpath, readable):
        if os.path.commonpath((path, os.path.realpath(folder))) == path:
            raise OSError(f"functions may read {path}, and the platform's own {folder} is in it")


def _check_ways(prefixes: Iterable[str]) -> None:
    """Raise `OSError` where functions, as users of their own, could not get to their Python."""
    for prefix in prefixes:
        folder = os.path.realpath(prefix)
        while os.stat(folder).st_mode & stat.S_IXOTH:
            if folder == "/":
                break
            folder = os.path.dirname(folder)
        else:
            raise PermissionError(
                f"functions, as users of their own, cannot get to {prefix}: {folder} is closed"
            )


def _rules(settings: dict[str, Any]) -> seccomp.Rules:
    """Return what the filter refuses beyond what it always does, for want of another wall."""
    refused: dict[str, Any] = {} if settings["counted"] else {**seccomp.NOBODYS_MEMORY}
    if settings["walls"] != kinds.BASIC:
        return seccomp.Rules(refused=refused)
    refused.update(seccomp.SHARED)
    alone = os.geteuid() != 0
    if alone:
        refused.update(seccomp.OF_THE_SAME_USER)
    # A socket in the host's files would be open to us, however they are closed: none is made.
    hosts = (*seccomp.INTERNET, seccomp.AF_NETLINK) if settings["network"] == "host" else ()
    of_oneself = seccomp.OF_ONESELF if alone else {}
    return seccomp.Rules(
        refused=refused,
        of_oneself=of_oneself,
        sockets=hosts,
        pairs=(socket.AF_UNIX,),
        keeps_its_parent=True,
    )


def enclose(kind: str) -> bool:
    """Enter the namespaces that all instances have in common; tell whether it is done.

    Only a child can be the first of a new process namespace: its outer half waits for it here.
    """
    if kind == kinds.BASIC:
        return True
    if kind == kinds.USER:
        userns.enter()
    kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWPID)
    return os.fork() == 0


def main(fd: int) -> None:
    """Become the first of a new process namespace, and serve there; the outer half only waits."""
    control = socket.socket(fileno=fd)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        settings, groups = receive(control)
        if not enclose(settings["walls"]):
            control.close()
            os.wait()
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
        Zygote(control, blocks, settings["walls"]).serve()
    os._exit(0)
