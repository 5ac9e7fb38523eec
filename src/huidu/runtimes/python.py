"""Python: which names mean it, where this machine has it, how its worker is started."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from huidu.model.errors import Unsupported
from huidu.runtimes.interpreter import PATIENCE_S, Interpreter, answering, newest_first

NAMES = re.compile(r"Python3\.([6-9]|[1-9][0-9])")
OLDEST = (3, 8)
WORKER = "python_worker"

PROGRAM = re.compile(r"python3(?:\.([0-9]+))?")
#: Asked of every candidate, for what lies on PATH may be a shim that leads nowhere.
WHO = "import sys; print((sys.version_info[:2], getattr(sys, '_base_executable', sys.executable)))"
#: Isolated, without site packages, in UTF-8 everywhere.
ALONE = ("-I", "-S", "-X", "utf8")
#: Makes the folder of workers known as the package that it is in the house, without the house, and
#: leaves the interpreter as if the worker were its program.
BEGIN = (
    "import importlib, sys, types\n"
    "for name in ('huidu', 'huidu.runtimes', 'huidu.runtimes.workers'):\n"
    "    sys.modules[name] = types.ModuleType(name)\n"
    "    sys.modules[name].__path__ = [sys.argv[1]]\n"
    "worker = importlib.import_module('huidu.runtimes.workers.' + sys.argv[2])\n"
    "channel, sys.argv = int(sys.argv[3]), [worker.__file__]\n"
    "sys.modules['__main__'] = worker\n"
    "for name in [name for name in sys.modules if name.partition('.')[0] == 'huidu']:\n"
    "    del sys.modules[name]\n"
    "worker.run(channel)\n"
)


def search(path: str | None = None, patience_s: float = PATIENCE_S) -> Sequence[Interpreter]:
    """Return the interpreters of this machine, newest first, one for each version.

    Our own comes before others of its version, for it surely works; then the order of PATH.
    """
    own = Interpreter(
        Path(getattr(sys, "_base_executable", "") or sys.executable), sys.version_info[:2]
    )
    folders = os.get_exec_path() if path is None else path.split(os.pathsep)
    question = ("-I", "-S", "-c", WHO)
    others = answering(_candidates(folders, own.version), question, _read, patience_s)
    return newest_first((own, *others), OLDEST)


def choose(name: str, found: Sequence[Interpreter]) -> Interpreter:
    """Return the interpreter that a runtime's name means here: its own, else the newest."""
    asked = NAMES.fullmatch(name)
    if asked is None or not found:
        raise Unsupported("Runtime", f"{name}: this machine has no Python 3.{OLDEST[1]} or newer")
    exact = [one for one in found if one.version == (3, int(asked[1]))]
    if exact:
        return exact[0]
    newest = max(found, key=lambda one: one.version)
    return replace(newest, note=f"{name} is not on this machine; runs on Python {newest}")


def command(
    interpreter: Interpreter, channel: int, workers: Path, _memory_mb: int = 0
) -> Sequence[str]:
    """Return what starts the worker."""
    return begin(interpreter, channel, workers, WORKER)


def begin(interpreter: Interpreter, channel: int, workers: Path, worker: str) -> Sequence[str]:
    """Return what starts a worker in Python, which leans on what lies beside it."""
    return (str(interpreter.path), *ALONE, "-c", BEGIN, str(workers), worker, str(channel))


def variables(folders: Sequence[Path]) -> Mapping[str, str]:
    """Return what the environment of a Python function holds beside that of every function."""
    return {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
    }


def _candidates(folders: Sequence[str], own: tuple[int, int]) -> Iterator[Path]:
    """Yield the programs that may be a Python which we do not know yet, each once."""
    seen = set[Path]()
    for folder in map(Path, folders):
        for program in _programs(folder):
            named = PROGRAM.fullmatch(program.name)
            if named is None or program.resolve() in seen or not os.access(program, os.X_OK):
                continue
            seen.add(program.resolve())
            version = (3, int(named[1])) if named[1] else None
            if version is None or (version >= OLDEST and version != own):
                yield program


def _programs(folder: Path) -> Sequence[Path]:
    """Return what may be a Python in a folder of PATH, which need not be there, nor be ours."""
    try:
        return sorted(folder.glob("python3*")) if folder.is_dir() else ()
    except OSError:
        return ()


def _read(answer: bytes) -> Interpreter:
    (major, minor), path = ast.literal_eval(answer.decode())
    return Interpreter(Path(path), (major, minor))
