"""Node.js: which names mean it, where this machine has it, how its worker is started."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from huidu.model.errors import Unsupported
from huidu.runtimes.interpreter import PATIENCE_S, Interpreter, answering, newest_first

NAMES = re.compile(r"Nodejs([1-9][0-9]?)\.[0-9]{1,2}")
OLDEST = (14, 0)
WORKER = "node_worker.js"

PROGRAMS = ("node", "nodejs")
#: Where managers of versions keep them, below the home of the platform's user.
KEPT = (
    ".nvm/versions/node/*/bin",
    ".nodenv/versions/*/bin",
    ".asdf/installs/nodejs/*/bin",
    ".volta/tools/image/node/*/bin",
    ".local/share/fnm/node-versions/*/installation/bin",
    ".local/share/mise/installs/node/*/bin",
)
#: Asked of every candidate, for what lies on PATH may be a shim that leads elsewhere.
WHO = "console.log(JSON.stringify([process.versions.node, process.execPath]))"
#: How much of an instance's memory is for what JavaScript makes; the rest is for buffers, for
#: Node.js itself, and for children.
HEAP = 0.75
#: What V8 prints as it ends the process, where what JavaScript made is more than that.
EXHAUSTED = "JavaScript heap out of memory"

#: What Node.js and the libraries below it look at once, as they start: told later, it would not
#: be heeded. Of the names that begin so, two are looked at whenever they are needed.
READ_AT_START = re.compile(
    r"NODE_(?!ENV$|PATH$).*|(UV|LD|LC|SSL|OPENSSL|MALLOC|GLIBC|ICU)_.*|LANG|LANGUAGE"
)


def search(
    path: str | None = None, home: Path | None = None, patience_s: float = PATIENCE_S
) -> Sequence[Interpreter]:
    """Return every Node.js of this machine, newest first, one for each version.

    Of one version the first counts: those on PATH in its order, then what version managers keep.
    """
    folders = [*map(Path, os.get_exec_path() if path is None else path.split(os.pathsep))]
    home = Path(os.path.expanduser("~")) if home is None else home  # noqa: PTH111 - never raises
    for kept in KEPT:
        folders.extend(sorted(home.glob(kept)))
    found = answering(_candidates(folders), ("-e", WHO), _read, patience_s)
    return newest_first(found, OLDEST)


def choose(name: str, found: Sequence[Interpreter]) -> Interpreter:
    """Return the interpreter that a runtime's name means here: its major version, or the newest."""
    asked = NAMES.fullmatch(name)
    if asked is None or not found:
        raise Unsupported("Runtime", f"{name}: this machine has no Node.js {OLDEST[0]} or newer")
    same = [one for one in found if one.version[0] == int(asked[1])]
    newest = max(same or found, key=lambda one: one.version)
    if same:
        return newest
    return replace(newest, note=f"{name} is not on this machine; runs on Node.js {newest}")


def command(interpreter: Interpreter, channel: int, workers: Path, memory_mb: int) -> Sequence[str]:
    """Return what starts the worker, with room for what JavaScript makes in so much memory."""
    heap = f"--max-old-space-size={int(memory_mb * HEAP)}"
    return (str(interpreter.path), heap, str(workers / WORKER), str(channel))


def variables(folders: Sequence[Path]) -> Mapping[str, str]:
    """Return what the environment of a Node.js function holds beside that of every function."""
    places = [str(place) for folder in folders for place in (folder, folder / "node_modules")]
    return {"NODE_PATH": os.pathsep.join(places)}


def waits(environment: Mapping[str, str]) -> bool:
    """Tell whether a worker can be started before it is told this environment of a function."""
    return not any(READ_AT_START.fullmatch(key) for key in environment)


def _candidates(folders: Sequence[Path]) -> Iterator[Path]:
    """Yield the programs that may be a Node.js, each once."""
    seen = set[Path]()
    for program in (folder / name for folder in folders for name in PROGRAMS):
        try:
            real = program.resolve()
            if real not in seen and real.is_file() and os.access(program, os.X_OK):
                seen.add(real)
                yield program
        except OSError:  # A folder of PATH need not be ours.
            continue


def _read(answer: bytes) -> Interpreter:
    version, path = json.loads(answer)
    major, minor, *_ = map(int, version.split("."))
    return Interpreter(Path(path), (major, minor))
