"""`huidu serve`: runs the platform in the foreground, in the place of the command."""

# ruff: noqa: E402
from __future__ import annotations

import gc

# What is imported stays: to look for garbage in it meanwhile is a fifth of what a start takes.
gc.disable()

import asyncio
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import structlog
import uvloop

from huidu import compiled
from huidu.cloudapi.keys import Unreadable
from huidu.compiled import Stale
from huidu.model.errors import Refusal
from huidu.observe.recorder import Recorder
from huidu.observing import MakeRecorder
from huidu.server import serving
from huidu.settings import Settings, Unsettled, from_process
from huidu.speech import log_to_stderr
from huidu.store.lock import Held

gc.enable()

REFUSED, BROKEN, INTERRUPTED = 2, 1, 130
#: How long a thread of the store may keep the event loop from going on; Python's own is 5 ms.
SWITCH_S = 0.0005
#: How many objects may be new before Python looks for circles; its own is 700, a few calls' worth.
COLLECT = (10_000, 20, 50)


def serve(
    options: dict[str, Any], config: Path | None, recorder_of: MakeRecorder = Recorder
) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit code.

    `recorder_of` is for benchmarks, which measure what recording costs.
    """
    try:
        settings = from_process(options, config)
    except Unsettled as error:
        print(f"huidu: {error}", file=sys.stderr)  # noqa: T201 - it is a command
        return REFUSED
    log_to_stderr(settings.log_level)
    sys.setswitchinterval(SWITCH_S)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection is a descriptor
    try:
        return uvloop.run(_until_told(settings, recorder_of))
    except (Stale, Held, OSError, Refusal, Unreadable) as error:
        print(f"huidu: {error}", file=sys.stderr)  # noqa: T201
        return BROKEN


async def _until_told(settings: Settings, recorder_of: MakeRecorder) -> int:
    told = asyncio.Event()

    def tell() -> None:
        if told.is_set():  # told twice: at once
            os._exit(INTERRUPTED)
        told.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)
    async with serving(settings, recorder_of) as at:
        gc.collect()  # what is here now stays: to look through it again and again helps nobody
        gc.freeze()
        gc.set_threshold(*COLLECT)
        structlog.get_logger("huidu.serve").info("serving", code=compiled.how())
        line = f"huidu ready api={at.api} gateway={at.gateway}"
        print(line, flush=True)  # noqa: T201 - the one line of standard output that is promised
        await told.wait()
    return 0


def main(told: str) -> int:
    """Serve as the command line was told, which is JSON here."""
    order = json.loads(told)
    return serve(order["options"], Path(order["config"]) if order["config"] else None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
