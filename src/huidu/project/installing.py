"""Installing: pip and npm, each run once for what is needed, and kept for the next time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from huidu.project.dependencies import REQUIREMENTS, Needs
from huidu.project.flaw import Flaw

MOST_KEPT = 20  #: Installed trees; those used longest ago go first.
LAST_LINES = 8
PATIENCE_S = 900
OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
PIP_OPTIONS = (
    *("--disable-pip-version-check", "--no-input", "--no-color", "--quiet", "--no-compile"),
    *("--no-warn-script-location", "--root-user-action=ignore", "--upgrade"),
)
TREE = "tree"


def cache_of(environment: Mapping[str, str]) -> Path:
    """Return where installed trees are kept."""
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "huidu" / "dependencies"


def install(
    needs: Needs, folder: Path, cache: Path, say: Callable[[str], None], *, fresh: bool = False
) -> Path:
    """Return a tree with what is needed, installed now or kept from before; raise `Flaw`.

    `say` hears what takes time. With `fresh` what is kept is not used.
    """
    kept = cache / needs.digest
    if kept.is_dir() and needs.keep and not fresh:
        os.utime(kept)
        return kept / TREE
    cache.mkdir(parents=True, exist_ok=True)
    say(f"installing what {needs.file} names, with {needs.tool}")
    with tempfile.TemporaryDirectory(dir=cache, prefix=".new-") as name:
        made = Path(name) / "made"
        (made / TREE).mkdir(parents=True)
        if needs.tool == "pip":
            _pip(needs, folder, made / TREE, Path(name))
        else:
            _npm(needs, made / TREE)
        shutil.rmtree(kept, ignore_errors=True)
        # Another deploy of the same may have been quicker: what it has put there is the same.
        with suppress(OSError):
            made.rename(kept)
    _forget_the_oldest(cache)
    return kept / TREE


def _forget_the_oldest(cache: Path) -> None:
    kept = [one for one in cache.iterdir() if not one.name.startswith(".")]
    for old in sorted(kept, key=lambda one: -one.stat().st_mtime)[MOST_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _pip(needs: Needs, folder: Path, tree: Path, aside: Path) -> None:
    file = folder / needs.file
    if needs.file != REQUIREMENTS:
        file = aside / REQUIREMENTS
        file.write_bytes(needs.contents[REQUIREMENTS])
    wanted = ("install", *PIP_OPTIONS, "--target", str(tree), "-r", str(file))
    told = ""
    for python, options in _ways(needs.python):
        ended = _run([*python, "-m", "pip", *wanted, *options], folder)
        if ended.returncode == 0:
            _leave_out_what_names_this_machine(tree)
            return
        if "No module named pip" not in ended.stdout or not told:
            told = ended.stdout
    raise _failed(needs, "pip", told)


def _ways(python: str) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Yield who runs pip, and how: for another Python first by wheels, which need not be built."""
    if python != OURS:
        only = ("--python-version", python, "--implementation", "cp", "--only-binary=:all:")
        yield (sys.executable,), only
    else:
        yield (sys.executable,), ()
    # Where there is no wheel, or no pip beside us: that very Python can build it.
    other = shutil.which(f"python{python}")
    if other:
        yield (other,), ()


def _leave_out_what_names_this_machine(tree: Path) -> None:
    """Take away the scripts that begin with the path of our Python, and where wheels came from.

    They are of no use elsewhere, and the same needs would be other bytes on another machine.
    """
    programs = tree / "bin"
    for program in [*programs.iterdir()] if programs.is_dir() else []:
        with program.open("rb") as file:
            if program.is_file() and file.read(2) == b"#!":
                program.unlink()
    if programs.is_dir() and not any(programs.iterdir()):
        programs.rmdir()
    for about in tree.glob("*.dist-info"):
        (about / "direct_url.json").unlink(missing_ok=True)
        record = about / "RECORD"
        if record.is_file():
            lines = record.read_text("utf-8").splitlines(keepends=True)
            kept = [line for line in lines if not _names_a_script(line)]
            record.write_text("".join(sorted(kept)), "utf-8")


def _names_a_script(line: str) -> bool:
    return line.startswith("../../bin/") or "/direct_url.json," in line


def _npm(needs: Needs, tree: Path) -> None:
    if shutil.which("npm") is None:
        raise Flaw(f"{needs.file}: npm is not on PATH; install Node.js, or remove the file")
    for name, held in needs.contents.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(held)
    ended = _run(["npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"], tree)
    if ended.returncode:
        raise _failed(needs, "npm ci", ended.stdout)
    for name in needs.contents:
        (tree / name).unlink()
    _leave_out_the_hidden_lock(tree / "node_modules")


def _leave_out_the_hidden_lock(modules: Path) -> None:
    (modules / ".package-lock.json").unlink(missing_ok=True)


def _run(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - the words are ours
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # A user's habit of installing for himself alone has no meaning here.
            env={**os.environ, "PIP_USER": "0"},
            timeout=PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as wrong:
        return subprocess.CompletedProcess(words, 1, stdout=str(wrong))


def _failed(needs: Needs, tool: str, told: str) -> Flaw:
    lines = [line.rstrip() for line in told.splitlines() if line.strip()]
    last = "\n  ".join(lines[-LAST_LINES:]) or "it said nothing"
    of_python = f" for Python {needs.python}" if needs.python else ""
    return Flaw(f"{tool} could not install this{of_python}; it said:\n  {last}", file=needs.file)
