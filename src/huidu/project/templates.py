"""Templates: projects to begin with, each of them whole."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from huidu.model import names
from huidu.model.errors import Refusal
from huidu.project.flaw import Flaw, instead

FOLDER = Path(__file__).with_name("templates")
PACKED = ".txt"  #: At the end of each name, so that no tool takes a template's code for ours.
NAME = "{{name}}"
PROGRAM = 0o755
IGNORED = ".gitignore"
#: What is of this machine or secret, or is installed again from what names it.
NOT_KEPT = ".huidu/\n.env\n.env.*\n__pycache__/\n.venv/\nnode_modules/\n"

#: What there is, and what it is.
TEMPLATES: Mapping[str, str] = {
    "python": "a function of Python, with a URL",
    "nodejs": "a function of Node.js, with a URL",
    "express": "an application of Express, behind the gateway",
    "flask": "an application of Flask, behind the gateway",
    "fastapi": "an application of FastAPI with its own server, behind the gateway",
    "custom": "a function in any language: here in bash, with a URL",
}


def begin(template: str, folder: Path, name: str = "") -> Sequence[str]:
    """Write a template into a folder, which is made if need be; return the files; raise `Flaw`.

    Nothing that is there already is touched: then nothing is written at all. Only a `.gitignore`
    may be there; it stays as it is. The project is called `name`, or as its folder.
    """
    if template not in TEMPLATES:
        raise Flaw(f"no template {template[:60]!r}; {instead(template, TEMPLATES)}")
    called = _name(name or folder.resolve().name, given=bool(name))
    found = sorted((FOLDER / template).rglob(f"*{PACKED}"))
    files = {str(one.relative_to(FOLDER / template)).removesuffix(PACKED): one for one in found}
    # A link counts, too, wherever it leads: what is written through it would be elsewhere.
    there = [file for file in files if os.path.lexists(folder / file)]
    if there:
        raise Flaw(f"{folder} has {', '.join(there)} already; name an empty folder")
    for file, packed in files.items():
        _write(folder / file, packed.read_text("utf-8").replace(NAME, called))
    if not (folder / IGNORED).exists():
        _write(folder / IGNORED, NOT_KEPT)
        return (IGNORED, *files)
    return tuple(files)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        if text.startswith("#!"):
            path.chmod(PROGRAM)
    except OSError as wrong:
        raise Flaw(f"cannot be written: {wrong.strerror}", file=str(path)) from None


def _name(text: str, *, given: bool) -> str:
    """Return a project's name; that of a folder is made to fit."""
    fit = re.sub(r"[^A-Za-z0-9_-]+", "-", text).lstrip("-_0123456789").rstrip("-_")
    name = text if given else fit
    try:
        return names.check_function(name)
    except Refusal as refusal:
        hint = "" if given else "; the folder has no fitting name, so give one: --name my-project"
        raise Flaw(refusal.message + hint) from None
