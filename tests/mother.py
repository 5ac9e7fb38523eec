"""The process that has imported what `huidu` may need, and forks one for each that is asked for."""

from __future__ import annotations

import faulthandler
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from huidu.cli.commands import BY_NAME

#: The most that one order may hold: a command line and an environment.
MOST_BYTES = 1 << 18
#: What commands go on as, once they know what they were asked; and what each of them loads.
GO_ON = ("huidu.cli.serve", "huidu.cli.doctor", "huidu.cli.simulate")
COMMANDS = [row.place.partition(":")[0] for row in BY_NAME.values() if row.place]


def run(module: str, words: Sequence[str]) -> NoReturn:
    """Do as `python -m` does, with all that the module imports at hand."""
    sys.argv = [module, *words]
    sys.modules.pop(module, None)
    runpy.run_module(module, run_name="__main__")
    sys.exit(0)


def go_on(_: object, words: Any) -> NoReturn:
    """Stand in for `os.execv`, of which slowness is all that is left out here."""
    _, option, module, *more = words
    if option != "-m":
        raise NotImplementedError(option)
    run(module, more)


def be(order: dict[str, Any], numbers: Sequence[int], files: Sequence[int]) -> NoReturn:
    """Be the `huidu` that was asked for, with these files by these numbers, to its end."""
    for number, file in zip(numbers, files, strict=True):
        os.dup2(file, number)
        os.close(file)
    # As Python opens them: whether they can seek, and whether a line is written at once.
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["cwd"])
    if os.environ.get("HUIDU_TEST_FORK") == "0":  # to tell what comes of forking from what does not
        os.execv(sys.executable, [sys.executable, "-m", "huidu", *order["words"]])  # noqa: S606
    os.execv = go_on
    run("huidu", order["words"])


class Children:
    """The processes that are there, each with whom to tell how it ended."""

    def __init__(self, *own: socket.socket) -> None:
        self._own = own  #: Those of their mother, which are none of theirs.
        self.shown: dict[int, tuple[int, int]] = {}  # by the descriptor that shows its end

    def fork(
        self, order: dict[str, Any], numbers: Sequence[int], files: Sequence[int], ends: int
    ) -> int:
        """Fork one, and return its number."""
        if (pid := os.fork()) == 0:
            for one in self._own:
                one.close()
            for mine, (_, other) in self.shown.items():
                os.close(mine)
                os.close(other)
            os.close(ends)
            be(order, numbers, files)
        for file in files:
            os.close(file)
        self.shown[os.pidfd_open(pid)] = (pid, ends)
        return pid

    def bury(self, shown: int) -> None:
        """Tell how one has ended."""
        pid, ends = self.shown.pop(shown)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with suppress(BrokenPipeError):  # nobody wants to know
            os.write(ends, str(code).encode())
        os.close(ends)
        os.close(shown)


def main(asked: int, listening: int) -> None:
    """Fork for each order that comes, until nobody is there to give one.

    Orders come through a socket, with a second one to tell the end through, and from whoever
    connects, who is told the end on that connection.
    """
    with socket.socket(fileno=asked) as asking, socket.socket(fileno=listening) as door:
        children = Children(asking, door)
        while True:
            waited = [asking.fileno(), door.fileno(), *children.shown]
            for ready in select.select(waited, [], [])[0]:
                if ready == door.fileno():
                    caller, _ = door.accept()
                    order, files, _, _ = socket.recv_fds(caller, MOST_BYTES, 8)
                    ends = caller.detach()
                    pid = children.fork(json.loads(order), [0, 1, 2], files, ends)
                    os.write(ends, str(pid).encode())
                elif ready == asking.fileno():
                    order, files, _, _ = socket.recv_fds(asking, MOST_BYTES, 8)
                    if not order:
                        return
                    *files, ends = files
                    pid = children.fork(json.loads(order), [1, 2], files, ends)
                    asking.send(str(pid).encode())
                else:
                    children.bury(ready)


if __name__ == "__main__":
    for name in (*GO_ON, *COMMANDS):
        importlib.import_module(name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever has started us
    gc.collect()
    gc.freeze()
    main(int(sys.argv[1]), int(sys.argv[2]))
