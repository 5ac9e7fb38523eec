"""Web: how the worker beside the server of a web function is started, and what the server finds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from huidu.runtimes import python
from huidu.runtimes.interpreter import Interpreter

WORKER = "web_worker"


def command(
    interpreter: Interpreter, channel: int, workers: Path, _memory_mb: int = 0
) -> Sequence[str]:
    """Return what starts the worker, where no zygote becomes it."""
    return python.begin(interpreter, channel, workers, WORKER)


def found_by_python(
    name: str, found: Sequence[Interpreter], shown: Iterable[Path]
) -> Sequence[Interpreter]:
    """Return which of the interpreters `/var/lang` leads to, for a bootstrap of this runtime.

    It is the version that is meant where a folder has it that is `shown` to functions, else what
    runs the worker, the newest: as `instances/sandbox/walls/root.py` puts them there.
    """
    asked = python.NAMES.fullmatch(name)
    exact = _program(f"python3.{asked[1]}", shown) if asked else None
    if asked and exact:
        return [Interpreter(exact, (3, int(asked[1])))]
    return sorted(found, key=lambda one: one.version)[-1:]


def found_by_node(
    _name: str, found: Sequence[Interpreter], shown: Iterable[Path]
) -> Sequence[Interpreter]:
    """Return the same of Node.js, of which there is one: the first that is `shown`."""
    program = _program("node", shown)
    return [one for one in found if program and one.path.resolve() == program.resolve()]


def _program(name: str, shown: Iterable[Path]) -> Path | None:
    path = shutil.which(name, path=os.pathsep.join(f"{folder}/bin" for folder in shown))
    return Path(path) if path else None


def variables(
    of_language: Callable[[Sequence[Path]], Mapping[str, str]],
) -> Callable[[Sequence[Path]], Mapping[str, str]]:
    """Return what the environment of a server holds beside that of every function.

    Python keeps back what it prints into a pipe until it has a lot of it, and a server may never
    end: its log would be late, or lost.
    """
    return lambda folders: {**of_language(folders), "PYTHONUNBUFFERED": "1"}
