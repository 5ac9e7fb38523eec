"""Compiles modules into a folder: Python to C by mypyc, and that by the machine's compiler."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import setuptools  # first: mypyc goes by whether it is there
from mypyc.build import mypycify
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"
#: The library of all of them begins with this; beside each module stands what leads there.
GROUP = "huidu"
DONE, WRONG, NO_C = 0, 1, 3


class Wrong(Exception):
    """What mypyc has against the sources."""


def to_c(modules: list[str], folder: Path) -> list[Any]:
    """Write the C of modules into a folder, and return what is to be built of it.

    All of them are one file of C, so that one calls the other without asking Python.
    Raises `Wrong` where types do not fit.
    """
    said = io.StringIO()
    options = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", os.devnull]
    try:
        with contextlib.redirect_stdout(said), contextlib.chdir(ROOT):
            extensions: list[Any] = mypycify(
                [*options, *(f"src/{module}" for module in modules)],
                opt_level="2",
                debug_level="0",
                group_name=GROUP,
                target_dir=str(folder),
            )
    except SystemExit:
        raise Wrong(said.getvalue()) from None
    for extension in extensions:
        # A newer compiler may warn of what the one before did not: no reason to go without.
        extension.extra_compile_args = [*extension.extra_compile_args, "-Wno-error"]
    return extensions


def to_native(extensions: list[Any], lib: Path, temporary: Path) -> None:
    """Build extensions; raises `CCompilerError` or another of setuptools' where that fails."""
    made = setuptools.Distribution({"name": GROUP, "ext_modules": extensions})
    command = build_ext(made)
    command.build_lib, command.build_temp = str(lib), str(temporary)
    command.parallel = os.cpu_count()
    command.ensure_finalized()
    command.run()


def main(lib: str, *modules: str) -> int:
    """Compile modules into the folder `lib`: `DONE`, or what is `WRONG` with them, or `NO_C`."""
    with TemporaryDirectory(prefix="huidu-compile-") as temporary:
        try:
            extensions = to_c(list(modules), Path(temporary, "c"))
            to_native(extensions, Path(lib), Path(temporary, "o"))
        except Wrong as wrong:
            sys.stderr.write(str(wrong))
            return WRONG
        except (CCompilerError, BaseError, OSError) as error:
            sys.stderr.write(f"{error}\n")
            return NO_C
    return DONE


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
