"""Ignored: which files of a folder stay out of its package."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

from huidu.project.flaw import Flaw

FILE = ".huiduignore"
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
        self._rules = GitIgnoreSpec.from_lines([*ALWAYS, *lines])

    def leaves_out(self, path: str, *, folder: bool) -> bool:
        """Tell whether a path below the root stays out; those above it are asked for before."""
        return self._rules.match_file(f"{path}/" if folder else path)


def ignored_in(folder: Path, exclude: Sequence[str]) -> Ignored:
    """Return the rules of a folder: its `.huiduignore`, then what the project's file excludes."""
    file = folder / FILE
    try:
        lines = file.read_text("utf-8-sig").splitlines() if file.is_file() else []
    except (OSError, UnicodeDecodeError) as wrong:
        raise Flaw(f"cannot be read: {wrong}", file=FILE) from None
    for number, line in enumerate(lines, 1):
        _check(line, number)
    return Ignored([*lines, *map(anchored, exclude)])


def anchored(pattern: str) -> str:
    """Return a pattern of `exclude`, which counts from the folder on, in the syntax of git."""
    plain = pattern.removeprefix("./")
    return plain if plain.startswith(("/", "**")) else f"/{plain}"


def _check(line: str, number: int) -> None:
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError as wrong:
        why = f"{line[:60]!r} is no pattern: {wrong}"
        raise Flaw(why, file=FILE, line=number) from None
