"""Dependencies: what a folder says that its code needs, and what that is known by."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huidu.project.flaw import Flaw

REQUIREMENTS, PYPROJECT, LOCK, NODE = (
    *("requirements.txt", "pyproject.toml", "package-lock.json", "package.json"),
)
MODULES = "node_modules"
PYTHON_RUNTIME = re.compile(r"Python([0-9]+\.[0-9]+)")
INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)[\s=]*(?P<file>[^\s-]\S*)")
LOCAL = re.compile(r"(?:-e|--editable)\b|\.{0,2}/|file:|[^#]*@\s*file:")
MOST_INCLUDES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What is to be installed. Equal needs have one `digest`, and are installed once.

    `keep` is false where what they lead to may change without them.
    """

    tool: str  #: pip or npm.
    file: str
    python: str = ""  #: The version of Python, as in 3.10; empty for Node.js.
    contents: Mapping[str, bytes] = field(repr=False)
    keep: bool = True

    @property
    def digest(self) -> str:
        """What the installed tree is known by."""
        hashed = hashlib.sha256(f"{self.tool}\n{self.python}\n".encode())
        for name, held in sorted(self.contents.items()):
            hashed.update(f"{name}\n{len(held)}\n".encode() + held)
        return hashed.hexdigest()


def needs_of(folder: Path, runtime: str, python: str = "") -> Needs | None:
    """Return what the code of a folder needs under a runtime, or None; raise `Flaw`.

    `python` is the version that runs it, where that is not the one which the runtime is called by.

    Python: `requirements.txt`, else the `dependencies` of `pyproject.toml`. Node.js:
    `package-lock.json`. Without the latter the folder's own `node_modules` is packed as it is.
    """
    called = PYTHON_RUNTIME.fullmatch(runtime)
    if called and (folder / REQUIREMENTS).is_file():
        return _of_requirements(folder, python or called[1])
    if called and (folder / PYPROJECT).is_file():
        return _of_pyproject(folder, python or called[1])
    if runtime.startswith("Nodejs") and (folder / LOCK).is_file():
        return _of_lock(folder)
    if runtime.startswith("Nodejs") and (folder / NODE).is_file():
        _check_modules(folder)
    return None


def _of_requirements(folder: Path, python: str) -> Needs | None:
    contents: dict[str, bytes] = {}
    _require(folder, REQUIREMENTS, contents)
    lines = [line for held in contents.values() for line in _lines(held)]
    if not lines:
        return None
    keep = not any(LOCAL.match(line) for line in lines)
    return Needs(tool="pip", file=REQUIREMENTS, python=python, contents=contents, keep=keep)


def _require(
    folder: Path, name: str, contents: dict[str, bytes], above: tuple[str, ...] = ()
) -> None:
    """Add a file of requirements to what was read, and those that it includes, each once."""
    if name in above or len(contents) > MOST_INCLUDES:
        why = f"files include one another, or more than {MOST_INCLUDES} of them"
        raise Flaw(why, file=name)
    if name in contents:
        return
    held = contents[name] = _read(folder, name)
    for found in filter(None, map(INCLUDE.match, _lines(held))):
        inner = (Path(name).parent / found["file"]).as_posix()
        if "://" not in found["file"]:
            _require(folder, inner, contents, (*above, name))


def _lines(held: bytes) -> list[str]:
    lines = held.decode("utf-8", "replace").splitlines()
    return [one for line in lines if (one := line.strip()) and not one.startswith("#")]


def _of_pyproject(folder: Path, python: str) -> Needs | None:
    try:
        parsed: dict[str, Any] = tomllib.loads(_read(folder, PYPROJECT).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise Flaw(f"is not TOML: {wrong}", file=PYPROJECT) from None
    asked = parsed.get("project", {}).get("dependencies", [])
    if not asked and parsed.get("tool", {}).get("poetry", {}).get("dependencies"):
        why = "has the dependencies of Poetry, which only Poetry reads; say poetry export -o"
        raise Flaw(f"{why} {REQUIREMENTS}", file=PYPROJECT)
    if not asked:
        return None
    if not isinstance(asked, list) or not all(isinstance(one, str) for one in asked):
        raise Flaw("must be a list of texts", file=PYPROJECT, key="project.dependencies")
    held = "".join(f"{one}\n" for one in asked).encode()
    keep = not any(LOCAL.match(one) for one in asked)
    return Needs(
        tool="pip", file=PYPROJECT, python=python, contents={REQUIREMENTS: held}, keep=keep
    )


def _check_modules(folder: Path) -> None:
    """Refuse what would be packed without anything that it needs."""
    if _json(folder, NODE).get("dependencies") and not (folder / MODULES).is_dir():
        why = f"names dependencies, and there is neither {LOCK} nor {MODULES}; say npm install"
        raise Flaw(why, file=NODE)


def _of_lock(folder: Path) -> Needs:
    if not (folder / NODE).is_file():
        raise Flaw(f"is there without {NODE}; npm needs both", file=LOCK)
    lock, package = _json(folder, LOCK), _json(folder, NODE)
    # They run in a folder that holds nothing else, where what they look for is not.
    package.pop("scripts", None)
    contents = {LOCK: _read(folder, LOCK), NODE: json.dumps(package, sort_keys=True).encode()}
    for name in (".npmrc", *_tarballs(lock)):
        if (folder / name).is_file():
            contents[name] = _read(folder, name)
    return Needs(tool="npm", file=LOCK, contents=contents)


def _tarballs(lock: dict[str, Any]) -> Iterator[str]:
    """Yield the files beside the lock that it installs; refuse folders that it links to."""
    for name, entry in lock.get("packages", {}).items():
        resolved = str(entry.get("resolved", ""))
        if entry.get("link"):
            why = f"links {name} to the folder {resolved!r}; pack it (npm pack), and depend on that"
            raise Flaw(why, file=LOCK)
        path = Path(resolved.removeprefix("file:"))
        # What lies elsewhere npm finds by itself, or says that it does not; it is never copied.
        if resolved.startswith("file:") and not path.is_absolute() and ".." not in path.parts:
            yield path.as_posix()


def _json(folder: Path, name: str) -> dict[str, Any]:
    try:
        parsed = json.loads(_read(folder, name))
    except ValueError as wrong:
        raise Flaw(f"is not JSON: {wrong}", file=name) from None
    if not isinstance(parsed, dict):
        raise Flaw("is not a JSON object", file=name)
    return parsed


def _read(folder: Path, name: str) -> bytes:
    try:
        if (folder / name).exists() and not (folder / name).is_file():
            raise Flaw("is no file", file=name)  # A device may never end.
        return (folder / name).read_bytes()
    except OSError as wrong:
        raise Flaw(f"cannot be read: {wrong.strerror}", file=name) from None
