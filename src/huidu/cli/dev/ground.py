"""Ground: which folders of a project are watched, and whose changes are news."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from pathspec import GitIgnoreSpec

from huidu.project.declared import Project
from huidu.project.flaw import Flaw
from huidu.project.ignored import FILE, Ignored, ignored_in
from huidu.project.reading import FILES

#: What is packed where it lies, or not at all; what changes it changes a file beside it as well.
MODULES = "node_modules"
GIT = ".gitignore"
VARIABLES = re.compile(r"\.env(\..+)?")
#: What editors write beside the file that somebody saves.
ASIDE = re.compile(r".*~|\.#.*|#.*#|4913|\..*\.sw[a-z]|.*\.sw[px]|.*___jb_(tmp|old)___")
MOST_FOLDERS = 4000  #: More of them take longer to look through than anybody waits for a reload.


@dataclass(frozen=True, slots=True)
class Ground:
    """What is watched of a project, folder by folder: what is noise is not even looked at."""

    home: Path  #: Where the project's file is.
    source: Path
    folders: frozenset[Path]
    ignored: Ignored
    noise: GitIgnoreSpec
    kept: str  #: The folder of the handler: it may well be built, and kept out of git.
    beside: frozenset[Path] = field(default=frozenset())  #: Files from elsewhere that are packed.
    layers: frozenset[Path] = field(default=frozenset())  #: The folders of layers.

    def name_of(self, path: Path) -> str:
        """Return the name of a file whose change is news, or nothing."""
        if path.parent == self.home and (path.name in FILES or VARIABLES.fullmatch(path.name)):
            return path.name
        if path in self.beside or (path.parent in self.layers and not path.is_dir()):
            return path.name
        if path in self.folders or path.is_dir():
            return ""
        if path.parent not in self.folders or not path.is_relative_to(self.source):
            return ""
        name = path.relative_to(self.source).as_posix()
        if name == FILE:
            return name
        return "" if _is_noise(self, name, folder=False) else name


def _is_noise(ground: Ground, name: str, *, folder: bool) -> bool:
    path = f"{name}/" if folder else name
    last = name.rpartition("/")[2]
    # What is gone may have been a folder.
    if any(ground.ignored.leaves_out(name, folder=one) for one in {folder, True}):
        return True
    if not folder and ASIDE.fullmatch(last):
        return True
    built = bool(ground.kept) and f"{path}/".startswith(f"{ground.kept}/")
    return (folder and last == MODULES) or (not built and ground.noise.match_file(path))


def bare(home: Path) -> Ground:
    """Return what is watched of a folder whose project cannot be read."""
    none = GitIgnoreSpec.from_lines(())
    return Ground(home, home, frozenset({home}), Ignored(("*", "!*.env*")), none, "")


def ground_of(project: Project) -> Ground:
    """Return what is watched of a project, as it is at this moment."""
    home, source = project.file.parent.resolve(), project.source.folder
    beside = frozenset(path.resolve() for path in project.source.include)
    handler = project.function.configuration.handler
    start = project.function.entry_file or handler
    try:
        ignored = ignored_in(source, project.source.exclude)
    except Flaw:  # Whoever packs says what is wrong with it.
        ignored = Ignored(())
    empty = Ground(
        home=home,
        source=source,
        folders=frozenset(),
        ignored=ignored,
        noise=_of_git(source),
        kept=start.partition("/")[0] if "/" in start else "",
        beside=beside,
    )
    found = _folders(empty)
    layers = set[Path]()
    for _, folder in project.function.built:
        layers |= _folders(replace(empty, source=folder.resolve(), kept=""))
    found |= {home, *layers, *(path.parent for path in beside)}
    return replace(empty, folders=frozenset(found), layers=frozenset(layers))


def _folders(ground: Ground) -> set[Path]:
    return {ground.source, *islice(_below(ground, ground.source), MOST_FOLDERS)}


def _of_git(source: Path) -> GitIgnoreSpec:
    try:
        lines = (source / GIT).read_text("utf-8", "replace").splitlines()
        return GitIgnoreSpec.from_lines(lines)
    except (OSError, ValueError):
        return GitIgnoreSpec.from_lines(())


def _below(ground: Ground, folder: Path) -> Iterator[Path]:
    """Yield the folders below one that are watched; links are not followed."""
    try:
        with os.scandir(folder) as entries:
            inner = [Path(one.path) for one in entries if one.is_dir(follow_symlinks=False)]
    except OSError:
        return
    for path in sorted(inner):
        if not _is_noise(ground, path.relative_to(ground.source).as_posix(), folder=True):
            yield path
            yield from _below(ground, path)
