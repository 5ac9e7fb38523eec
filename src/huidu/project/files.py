"""Files: what goes into a package, found in folders and put in order."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from huidu.project.flaw import Flaw
from huidu.project.ignored import Ignored

#: What the server takes; a test holds them against the server's own.
MOST_FILES = 20_000
MOST_UNPACKED_BYTES = 500 * 2**20
MOST_PACKED_BYTES = 50 * 2**20
MOST_PATH_BYTES = 1024
MB = 2**20
SHOWN = 5  #: Of the largest files.


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file, or a symbolic link, under the name that it has in the package."""

    name: str
    size_bytes: int
    executable: bool = False
    path: Path | None = None  #: Where its bytes are, if `text` is not all of it.
    text: bytes = b""
    link: str = ""  #: Where a link leads, relative to itself; empty for a file.


def items_in(folder: Path, ignored: Ignored) -> Iterator[Item]:
    """Yield every file of a folder that is not ignored; raise `Flaw` for what cannot be packed.

    A link is kept as a link where it leads to somewhere in the folder, and refused where it leads
    out of it. Folders are what their files are in: an empty one is left out.
    """
    yield from _walk(folder, folder, "", ignored)


def _walk(root: Path, folder: Path, above: str, ignored: Ignored) -> Iterator[Item]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as wrong:
        raise Flaw(f"cannot be read: {wrong.strerror}", file=str(folder)) from None
    for entry in entries:
        name = above + entry.name
        _check_text(name)
        is_folder = entry.is_dir(follow_symlinks=False)
        if ignored.leaves_out(name, folder=is_folder):
            continue
        if is_folder:
            yield from _walk(root, Path(entry.path), f"{name}/", ignored)
        elif entry.is_symlink():
            yield _link(root, Path(entry.path), name)
        else:
            yield file_item(Path(entry.path), name)


def file_item(path: Path, name: str) -> Item:
    """Return a file under the name that it is to have, or raise `Flaw`."""
    _check_name(name)
    try:
        seen = path.stat()
    except OSError as wrong:
        raise Flaw(f"cannot be read: {wrong.strerror}", file=name) from None
    if not stat.S_ISREG(seen.st_mode):
        raise Flaw("is neither a file nor a link; leave it out in .huiduignore", file=name)
    executable = bool(seen.st_mode & stat.S_IXUSR)
    return Item(name=name, size_bytes=seen.st_size, executable=executable, path=path)


def _link(root: Path, path: Path, name: str) -> Item:
    _check_name(name)
    target = str(path.readlink())
    led = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
    within = not posixpath.isabs(target) and led.split("/", 1)[0] != ".."
    if not within or not _leads_into(root, path):
        why = f"is a link to {target[:80]!r}, out of the folder; put what it leads to in its place"
        raise Flaw(f"{why}, or leave it out in .huiduignore", file=name)
    return Item(name=name, size_bytes=len(os.fsencode(target)), link=target)


def _leads_into(root: Path, link: Path) -> bool:
    try:
        return link.resolve().is_relative_to(root.resolve())
    except RuntimeError:  # It leads to itself, in a circle, and so nowhere.
        return False


def _check_text(name: str) -> None:
    """Refuse a name that no rule could speak of, not even to leave it out."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Flaw("its name is not UTF-8; rename it", file=repr(os.fsencode(name))) from None


def _check_name(name: str) -> None:
    size = len(name.encode())
    if "\\" in name or not name.isprintable():
        raise Flaw("its name has a backslash or a control character; rename it", file=repr(name))
    if size > MOST_PATH_BYTES:
        raise Flaw(f"its path has {size} bytes, at most {MOST_PATH_BYTES}", file=f"{name[:80]}...")


def in_order(*layers: Iterable[Item]) -> Sequence[Item]:
    """Return the items by name; of two with one name that of the later layer counts."""
    found: Mapping[str, Item] = {item.name: item for layer in layers for item in layer}
    items = [found[name] for name in sorted(found, key=str.encode)]
    if not items:
        raise Flaw("there is no file to pack; everything is left out, or src is the wrong folder")
    if len(items) > MOST_FILES:
        raise Flaw(f"{len(items)} files, at most {MOST_FILES}; leave some out in .huiduignore")
    unpacked = sum(item.size_bytes for item in items)
    if unpacked > MOST_UNPACKED_BYTES:
        raise too_large(unpacked, MOST_UNPACKED_BYTES, "unpacked", items)
    return items


def too_large(size_bytes: int, most_bytes: int, how: str, items: Iterable[Item]) -> Flaw:
    """Return that a package is too large, with the files that make it so."""
    largest = sorted(items, key=lambda item: -item.size_bytes)[:SHOWN]
    shown = ", ".join(f"{item.name} ({item.size_bytes / MB:.1f} MB)" for item in largest)
    return Flaw(
        f"the package has {size_bytes / MB:.1f} MB {how}, at most {most_bytes / MB:.0f}; the "
        f"largest files: {shown}; leave out in .huiduignore what the function does not need"
    )
