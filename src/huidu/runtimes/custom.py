"""CustomRuntime: a program of the user's, called over HTTP by a worker that runs on our Python."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from huidu.model.errors import InvalidValue
from huidu.runtimes import python
from huidu.runtimes.interpreter import Interpreter

NAMES = re.compile(r"CustomRuntime")
WORKER = "custom_worker"
MOST_HANDLER = 128


def search() -> Sequence[Interpreter]:
    """Return the interpreter that runs the worker: our own."""
    own = Path(getattr(sys, "_base_executable", "") or sys.executable)
    return (Interpreter(own, sys.version_info[:2]),)


def choose(name: str, found: Sequence[Interpreter]) -> Interpreter:
    """Return the interpreter that runs the worker; what the bootstrap asks for is its own."""
    return (found or search())[0]


def command(
    interpreter: Interpreter, channel: int, workers: Path, _memory_mb: int = 0
) -> Sequence[str]:
    """Return what starts the worker, where no zygote becomes it."""
    return python.begin(interpreter, channel, workers, WORKER)


def variables(folders: Sequence[Path]) -> Mapping[str, str]:
    """Return what Python and Node.js look for in the environment; most bootstraps are one."""
    modules = [str(folder / "node_modules") for folder in folders]
    return {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",  # What is printed belongs to the call that it was printed in.
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "NODE_PATH": os.pathsep.join(modules),
    }


def check_handler(handler: str) -> str:
    """Return a handler, which is the bootstrap's to read, or refuse what is no text for it."""
    if not handler.isprintable() or len(handler) > MOST_HANDLER:
        raise InvalidValue(
            "Handler",
            f"Handler {handler[:80]!r}: at most {MOST_HANDLER} characters that can be printed; a "
            "custom runtime finds it in $_HANDLER",
        )
    return handler
