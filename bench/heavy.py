"""Heavy: a package that takes long to import; numpy where it is there, else one that is made up."""

from __future__ import annotations

import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

NUMPY = "numpy"
MODULES, CLASSES = 20, 60


def name() -> str:
    """Return which package it is, with its version."""
    try:
        return f"numpy {distribution(NUMPY).version}"
    except PackageNotFoundError:
        return f"a made-up package of {MODULES} modules"


def write(folder: Path) -> None:
    """Write a function's package whose handler imports it, with all its files."""
    folder.mkdir()
    try:
        found = distribution(NUMPY)
    except PackageNotFoundError:
        _made_up(folder)
        module = "heavy"
    else:
        module = NUMPY
        for top in {file.parts[0] for file in found.files or () if file.parts[0] != ".."}:
            shutil.copytree(Path(str(found.locate_file(top))), folder / top)
    handler = f"import {module}\ndef main_handler(event, context):\n    return event\n"
    (folder / "index.py").write_text(handler)


def _made_up(folder: Path) -> None:
    """Write modules that each define so much that to compile and to run them takes a while."""
    package, info = folder / "heavy", folder / "heavy-1.0.dist-info"
    package.mkdir()
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: heavy\nVersion: 1.0\n")
    (info / "RECORD").write_text("heavy/__init__.py,,\n")
    body = "".join(
        f"class C{n}:\n    a = [i * {n} for i in range(20)]\n    def f(self):\n        return {n}\n"
        for n in range(CLASSES)
    )
    for number in range(MODULES):
        (package / f"m{number}.py").write_text(body)
    lines = (f"from heavy import m{number}\n" for number in range(MODULES))
    (package / "__init__.py").write_text("".join(lines))
