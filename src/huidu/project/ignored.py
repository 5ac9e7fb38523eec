"""Ignored: which files of a folder stay out of its package."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import re2
from pathspec import GitIgnoreSpec

from huidu.project.flaw import Flaw

FILE = ".huiduignore"
MOST_BYTES = 64 << 10  #: Of the file; a server reads what somebody has sent.
MOST_RULES = 1000
#: By which rules are matched: in a time that no pattern makes long.
BACKEND: Literal["re2"] = "re2"
#: What no package needs. A line `!.env` in `.huiduignore` takes one of them back.
ALWAYS = (
    *(".git/", ".hg/", ".svn/", ".gitignore", ".gitattributes", FILE),
    *("/serverless.yml", "/serverless.yaml", "/serverless.json", ".serverless/", ".huidu/"),
    # Secrets: what of them the function needs is told in its environment.
    *(".env", ".env.*"),
    *("__pycache__/", "*.py[co]", "/.venv/", "/venv/"),
    *(".mypy_cache/", ".pytest_cache/", ".ruff_cache/", ".DS_Store", ".idea/", ".vscode/"),
)


class Ignored:
    """The rules of one folder, in the syntax of git and with its meaning.

    What lies in a folder that is left out is left out, whatever a later line says of it.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        try:
            self._rules = GitIgnoreSpec.from_lines([*ALWAYS, *lines], backend=BACKEND)
        except re2.error:
            why = "all that is left out is too long to say; write fewer patterns, or shorter ones"
            raise Flaw(why, file=FILE) from None

    def leaves_out(self, path: str, *, folder: bool) -> bool:
        """Tell whether a path below the root stays out; those above it are asked for before."""
        return self._rules.match_file(f"{path}/" if folder else path)


def ignored_in(folder: Path, exclude: Sequence[str]) -> Ignored:
    """Return the rules of a folder: its `.huiduignore`, then what the project's file excludes."""
    lines, others = _lines(folder / FILE), [*map(anchored, exclude)]
    if len(lines) + len(others) > MOST_RULES:
        raise Flaw(f"more than {MOST_RULES} lines, with those of exclude", file=FILE)
    for number, line in enumerate(lines, 1):
        _check(line, number)
    for pattern in others:
        _check(pattern, 0)
    return Ignored([*lines, *others])


def _lines(file: Path) -> Sequence[str]:
    if not file.is_file():
        return ()
    try:
        with file.open("rb") as opened:
            held = opened.read(MOST_BYTES + 1)
        if len(held) > MOST_BYTES:
            raise Flaw(f"over {MOST_BYTES} bytes; name folders, not each file", file=FILE)
        return held.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as wrong:
        raise Flaw(f"cannot be read: {wrong}", file=FILE) from None


def anchored(pattern: str) -> str:
    """Return a pattern of `exclude`, which counts from the folder on, in the syntax of git."""
    plain = pattern.removeprefix("./")
    return plain if plain.startswith(("/", "**")) else f"/{plain}"


def _check(line: str, number: int) -> None:
    """Refuse what is no pattern; one without a number is of the project's file."""
    try:
        GitIgnoreSpec.from_lines([line], backend=BACKEND)
    except (ValueError, re2.error) as wrong:
        why = f"{line[:60]!r} is no pattern: {str(wrong)[:80]}"
        place = {"file": FILE, "line": number} if number else {"key": "exclude"}
        raise Flaw(why, **place) from None
