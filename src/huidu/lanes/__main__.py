"""A lane as a process: `python -m huidu.lanes PARENT LEVEL`, which has its link as descriptor 3."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import socket
import sys

import uvloop

from huidu.lanes.lane import Lane
from huidu.speech import log_to_stderr

LINK = 3
PR_SET_PDEATHSIG = 1
COLLECT = (10_000, 20, 50)  #: As the server has it.


async def _run() -> None:
    async with Lane(socket.socket(fileno=LINK)) as lane:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT)
        await lane.run()


def main(parent: int, level: str) -> None:
    """Answer until the server ends; the kernel sees to it that nothing goes on after that."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent:  # it ended before we could say so
        return
    for number in (signal.SIGINT, signal.SIGTERM):  # it is the server that says when
        signal.signal(number, signal.SIG_IGN)
    log_to_stderr(level)
    uvloop.run(_run())


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
