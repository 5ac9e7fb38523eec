"""Web: how the worker beside the server of a web function is started."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from huidu.runtimes import python
from huidu.runtimes.interpreter import Interpreter

WORKER = "web_worker"


def command(
    interpreter: Interpreter, channel: int, workers: Path, _memory_mb: int = 0
) -> Sequence[str]:
    """Return what starts the worker, where no zygote becomes it."""
    return python.begin(interpreter, channel, workers, WORKER)


def variables(
    of_language: Callable[[Sequence[Path]], Mapping[str, str]],
) -> Callable[[Sequence[Path]], Mapping[str, str]]:
    """Return what the environment of a server holds beside that of every function.

    Python keeps back what it prints into a pipe until it has a lot of it, and a server may never
    end: its log would be late, or lost.
    """
    return lambda folders: {**of_language(folders), "PYTHONUNBUFFERED": "1"}
