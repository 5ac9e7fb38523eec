"""Program: starts the executable of a package, or says what is wrong with it."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct
from collections.abc import Mapping
from contextlib import suppress

PR_SET_PDEATHSIG = 1
MOST_LINE = 256
MOST_ENDS = 64 * 1024
ERRNO = struct.Struct("i")
NOT_STARTED = 127
BY_SIGNAL = 128  #: What shells add to the number of the signal that ended a program.
#: What Python ignores, and what it has us ignore: a program begins with none of it.
IGNORED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT)


class Unloadable(Exception):
    """There is no such program that could be started; the message says why."""


def check(path: str) -> None:
    """Raise `Unloadable` where it can be seen that a program will not start."""
    name = os.path.basename(path)  # noqa: PTH119 - pathlib is slow to import
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - as above
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            first = file.readline(MOST_LINE)
    except (FileNotFoundError, IsADirectoryError):
        raise Unloadable(
            f"the package has no file {name}: it must lie in the root of the package, with mode 755"
        ) from None
    except PermissionError:
        raise Unloadable(f"{name} cannot be read; give it mode 755") from None
    if not mode & 0o111:
        raise Unloadable(f"{name} is not executable; give it mode 755 before it is zipped")
    if first.startswith(b"#!") and first.endswith(b"\r\n"):
        raise Unloadable(f"{name} has the line ends of Windows (CRLF); save it with those of Unix")


def begin(path: str, environment: Mapping[str, str]) -> int:
    """Start a program in the current folder, to end when we end; return its number.

    It prints where we print, and reads nothing. Raises `Unloadable`.
    """
    check(path)
    told, tell = os.pipe()
    libc, parent = ctypes.CDLL(None), os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
            if os.getppid() != parent:  # We ended before it asked; nobody else sees it off.
                os._exit(NOT_STARTED)
            for number in IGNORED:
                signal.signal(number, signal.SIG_DFL)
            os.execve(path, [path], environment)  # noqa: S606 - it is what we are here for
        except OSError as error:
            os.write(tell, ERRNO.pack(error.errno))
        finally:
            os._exit(NOT_STARTED)
    os.close(tell)
    with open(told, "rb") as pipe:  # noqa: PTH123 - it has no path
        said = pipe.read()  # Nothing, and at once: the pipe is closed by the start.
    if said:
        os.waitpid(pid, 0)
        raise Unloadable(_why(path, ERRNO.unpack(said)[0]))
    return pid


def ends() -> int:
    """Return a descriptor that can be read whenever some child has ended; for `reap`."""
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    return woken


def reap(woken: int, program: int) -> int | None:
    """See off whoever has ended; return the exit status of one program, if it is among them."""
    with suppress(BlockingIOError):
        os.read(woken, MOST_ENDS)
    status: int | None = None
    with suppress(ChildProcessError):
        while True:
            pid, ended = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == program:
                status = exit_status(ended)
    return status


def exit_status(ended: int) -> int:
    """Return the exit status that `waitpid` told of, as shells have it."""
    return BY_SIGNAL + os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else os.WEXITSTATUS(ended)


def _why(path: str, number: int) -> str:
    """Return why the kernel did not start a file that looked as if it could be."""
    name = os.path.basename(path)  # noqa: PTH119 - pathlib is slow to import
    with open(path, "rb") as file:  # noqa: PTH123 - as above
        first = file.readline(MOST_LINE)
    if first.startswith(b"#!"):
        words = first[2:].split()
        asked = words[0].decode(errors="replace") if words else ""
        return f"{name} asks for the interpreter {asked!r}: {os.strerror(number)}"
    if number == errno.ENOEXEC:
        return f"{name} is no program of this machine; a script begins with a line as #!/bin/sh"
    return f"{name} cannot be started: {os.strerror(number)}"
