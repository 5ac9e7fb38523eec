"""Descriptors: how they come to us, and how programs that we start get them: no others."""

from __future__ import annotations

import array
import fcntl
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

#: Above what we hand on: so that putting one descriptor in its place never closes another.
OUT_OF_THE_WAY = 64
STDIN, STDOUT, STDERR = 0, 1, 2


def receive(end: socket.socket, most_bytes: int, most: int) -> tuple[bytes, Sequence[int]]:
    """Return what has come over a socket, and the descriptors that came with it.

    They are kept from the programs that we start, as all are that we open ourselves (PEP 446);
    `socket.recv_fds` of Python 3.11 cannot, for it does not pass its flags on.
    """
    fds = array.array("i")
    room = socket.CMSG_LEN(most * fds.itemsize)
    data, passed, _, _ = end.recvmsg(most_bytes, room, socket.MSG_CMSG_CLOEXEC)
    for level, kind, content in passed:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    return data, [*fds]


def keep_to_ourselves() -> None:
    """Have no program that we become or start get a descriptor that we were started with.

    All that are opened later are kept anyway (PEP 446).
    """
    for fd in [int(one.name) for one in Path("/proc/self/fd").iterdir()]:
        with suppress(OSError):  # The one of the folder itself is closed by now.
            if fd > STDERR:
                os.set_inheritable(fd, False)  # noqa: FBT003 - the name says what


def spawn(
    program: Sequence[str], placed: Mapping[int, int], environment: Mapping[str, str] | None = None
) -> int:
    """Start a program and return its number, or raise `OSError`.

    It leads a session, and has no environment but this, and no descriptor but those that are
    `placed`, each at its number.
    """
    with ExitStack() as copies:
        moves = []
        for number, fd in placed.items():
            copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY)
            copies.callback(os.close, copy)
            moves.append((os.POSIX_SPAWN_DUP2, copy, number))
        return os.posix_spawn(
            program[0],
            [*program],
            {**(environment or {})},
            file_actions=moves,
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
        )
