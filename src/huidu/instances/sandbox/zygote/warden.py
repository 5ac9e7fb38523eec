"""Warden: stays outside a cell that has no process namespace, and leaves nothing of it alive.

It is the parent of the instance, and the kernel makes it the parent of every process that the
instance leaves behind; so when it has no child any more, nothing is left. It ends the way the
instance did. The platform tells it to end all by SIGTERM, and so does the kernel where the zygote
ends; should it be killed itself, the kernel kills the instance, and the zygote inherits the rest.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import NoReturn

from huidu.instances.sandbox.walls import kernel, landlock

END = signal.SIGTERM
HEARD = {END, signal.SIGCHLD}


def stay_outside(uid: int, abi: int) -> None:
    """Fork; return in the child, which becomes the instance. `uid` is 0 where it is our own."""
    zygote = os.getppid()
    os.setsid()  # Who kills the zygote's group is not to kill us with it.
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, END)
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    kill_all = _killer(uid, abi, zygote)
    if os.getppid() != zygote:
        os._exit(1)
    instance = os.fork()
    if instance:
        _watch(instance, kill_all)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)


def die_with(warden: int) -> None:
    """Have the kernel kill this process when its warden ends. To be said after every `setuid`."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != warden:
        os._exit(1)


def children(but: Collection[int] = ()) -> list[int]:
    """Return the children of this process, which has one thread, apart from some."""
    with open(f"/proc/self/task/{os.getpid()}/children", "rb", 0) as file:
        return [pid for pid in map(int, file.read().split()) if pid not in but]


def kill_children(but: Collection[int] = ()) -> None:
    """Kill the children of this process and, as they become its own, theirs."""
    while found := children(but):
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in found:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _killer(uid: int, abi: int, zygote: int) -> Callable[[], None]:
    """Return what kills everyone inside at one stroke, where the kernel can keep us to them."""
    if uid:
        return lambda: _kill_user(uid)
    if abi >= landlock.ABI_SCOPES:
        # The instance will be in a domain below this one: we can signal it, and it cannot us.
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        landlock.restrict_signals()
        try:
            os.kill(zygote, 0)
        except PermissionError:
            return _kill_domain
        raise OSError("Landlock lets signals pass")
    return kill_children


def _kill_user(uid: int) -> None:
    os.setresuid(uid, uid, uid)
    os.kill(-1, signal.SIGKILL)


def _kill_domain() -> None:
    os.kill(-1, signal.SIGKILL)


def _watch(instance: int, kill_all: Callable[[], None]) -> NoReturn:
    """Wait for the instance to end, or for the word to end it; then leave as it did."""
    kernel.close_from(0)
    status = None
    while status is None and signal.sigwait(HEARD) != END:
        status = _reap(instance)
    with suppress(ProcessLookupError):
        # It may not be the user yet that it is to be.
        if status is None:
            os.kill(instance, signal.SIGKILL)
        kill_all()
    with suppress(ChildProcessError):
        while True:
            pid, ended = os.waitpid(-1, 0)
            if pid == instance:
                status = ended
    _leave_by(status or 0)


def _reap(instance: int) -> int | None:
    """See off whoever has ended; return how the instance did, if it was among them."""
    status = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == instance:
                status = ended[1]
    return status


def _leave_by(status: int) -> NoReturn:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))
