"""Has the hot path as native code where that can be, and says so where it cannot.

`python -m native.build` compiles in this tree, if anything changed since; `--into FOLDER` for a
wheel; `--plain` takes what is compiled away.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"
STAMP = "huidu/compiled.json"  #: As `huidu.compiled` reads it.
SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
#: What decides, beside the sources, what is made of them.
RECIPE = ("requirements-dev.lock", "native/compile.py")
SLOWER = "Huidu runs as plain Python, where a call takes the server half as long again"
DONE, WRONG, PLAIN = 0, 1, 3


def table() -> tuple[Sequence[str], Mapping[str, str]]:
    """Return which modules are compiled, and what that takes: each package and its version."""
    told = _project()
    needs = (need.partition("==") for need in told["build-system"]["requires"])
    return told["tool"]["huidu"]["compiled"], {name: number for name, _, number in needs}


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def lacking() -> str:
    """Return what this machine lacks to compile; nothing where it lacks nothing."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None:
        return f"there is no C compiler ({compiler})"
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.exists():
        return f"Python's headers are not installed ({header})"
    _, needs = table()
    try:
        here = version("mypy")
    except PackageNotFoundError:
        return f"mypy {needs['mypy']} is not installed"
    if here != needs["mypy"]:  # What another one makes of it has not been tested.
        return f"mypy is {here}, not {needs['mypy']}"
    return "" if importlib.util.find_spec("setuptools") else "setuptools is not installed"


def known_to(modules: Sequence[str]) -> Sequence[str]:
    """Return the files that are compiled and those whose names they import.

    Types and constants of the latter are within the native code.
    """
    return sorted({*modules, *(file for module in modules for file in _imported(module))})


def _imported(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((SRC / module).read_text("utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
            file = name.replace(".", "/") + ".py"
            if (SRC / file).is_file():
                yield file


def stamp(modules: Sequence[str]) -> dict[str, Any]:
    """Return what is written down of what is compiled now."""
    recipe = hashlib.sha256(f"{SUFFIX} {_project()['tool']['mypy']}".encode())
    for file in RECIPE:
        recipe.update((ROOT / file).read_bytes())
    sources = {file: _digest_of(SRC / file) for file in known_to(modules)}
    return {"modules": modules, "sources": sources, "recipe": recipe.hexdigest()}


def _digest_of(source: Path) -> str:
    return hashlib.sha256(source.read_bytes()).hexdigest()


def fresh(wanted: Mapping[str, Any]) -> bool:
    """Whether all that is wanted stands in this tree."""
    try:
        there = json.loads((SRC / STAMP).read_bytes()) == wanted
    except FileNotFoundError:
        return False
    return there and all((SRC / m).with_suffix(SUFFIX).exists() for m in wanted["modules"])


def remove() -> None:
    """Take away what is compiled: what leads to the library before the library itself."""
    for file in (*SRC.glob("huidu/**/*.so"), *SRC.glob("huidu__mypyc*.so")):
        file.unlink(missing_ok=True)
    (SRC / STAMP).unlink(missing_ok=True)


def place(lib: Path, wanted: Mapping[str, Any], into: Path) -> None:
    """Put what was compiled where Python finds it: files of their own, since others may run."""
    into.joinpath(STAMP).parent.mkdir(parents=True, exist_ok=True)
    into.joinpath(STAMP).write_text(json.dumps(wanted, indent=1) + "\n")
    files = [path.relative_to(lib) for path in lib.rglob("*" + SUFFIX)]
    for file in sorted(files, key=lambda file: len(file.parts)):  # the library is at the top
        (into / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(lib / file, into / file)


def build(into: Path) -> int:
    """Compile into a folder: `DONE`, `PLAIN` where it cannot be, or what mypyc finds `WRONG`."""
    wanted = stamp(table()[0])
    if into == SRC and fresh(wanted):
        return DONE
    if into == SRC:
        remove()
    if why := lacking():
        return _plain(why)
    with TemporaryDirectory(prefix="huidu-native-") as lib:
        words = [sys.executable, "-m", "native.compile", lib, *wanted["modules"]]
        done = subprocess.run(  # noqa: S603
            words,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode == PLAIN:
            sys.stderr.write(done.stderr)
            return _plain("the C compiler failed")
        if done.returncode != DONE:
            sys.stderr.write(f"{done.stderr}huidu: not compiled: see above; a mistake of types\n")
            return WRONG
        place(Path(lib), wanted, into)
    return DONE


def _plain(why: str) -> int:
    print(f"huidu: not compiled, for {why}: {SLOWER}", file=sys.stderr)  # noqa: T201
    return PLAIN


def main() -> int:
    """Do as the command line says."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--into", type=Path, help="a folder other than this tree's, for a wheel")
    asked.add_argument("--plain", action="store_true", help="take what is compiled away")
    told = asked.parse_args()
    if told.plain:
        remove()
        return DONE
    if told.into:
        return build(told.into)
    return WRONG if build(SRC) == WRONG else DONE


if __name__ == "__main__":
    sys.exit(main())
