"""The process that has imported what `huidu` may need, and forks one for each that is asked for."""

from __future__ import annotations

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

#: The most that one order may hold: a command line and an environment.
MOST_BYTES = 1 << 18
#: What commands go on as, once they know what they were asked.
MODULES = ("huidu.cli.main", "huidu.cli.serve", "huidu.cli.doctor", "huidu.cli.simulate")


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


def be(order: dict[str, Any], files: Sequence[int]) -> NoReturn:
    """Be the `huidu` that was asked for, to its end."""
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
        os.close(file)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["cwd"])
    os.execv = go_on
    run("huidu", order["words"])


class Children:
    """The processes that are there, each with whom to tell how it ended."""

    def __init__(self) -> None:
        self.shown: dict[int, tuple[int, int]] = {}  # by the descriptor that shows its end

    def fork(self, order: dict[str, Any], files: Sequence[int], ends: int) -> int:
        """Fork one, and return its number."""
        if (pid := os.fork()) == 0:
            for mine, (_, other) in self.shown.items():
                os.close(mine)
                os.close(other)
            os.close(ends)
            be(order, files)
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


def main(asked: int) -> None:
    """Fork for each order that comes through a socket, until nobody is there to give one."""
    children = Children()
    os.set_inheritable(asked, False)  # noqa: FBT003
    with socket.socket(fileno=asked) as asking:
        while True:
            for ready in select.select([asked, *children.shown], [], [])[0]:
                if ready != asked:
                    children.bury(ready)
                    continue
                order, files, _, _ = socket.recv_fds(asking, MOST_BYTES, 8)
                if not order:
                    return
                *files, ends = files
                asking.send(str(children.fork(json.loads(order), files, ends)).encode())


if __name__ == "__main__":
    for name in MODULES:
        importlib.import_module(name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever has started us
    gc.collect()
    gc.freeze()
    main(int(sys.argv[1]))
