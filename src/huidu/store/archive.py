"""What an archive may hold: the paths, the kinds and the links that do no harm once unpacked."""

from __future__ import annotations

import re
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from huidu.model.errors import InvalidValue

MOST_PART_BYTES = 255  # of one name between slashes: what Linux file systems can keep
MOST_HOPS = 40  # links in a row, as in Linux
MOST_STEPS = 500_000  # of following links, in a whole archive; takes half a second
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large an archive may be, packed and unpacked."""

    zip_bytes: int = 50 * 2**20
    unpacked_bytes: int = 500 * 2**20
    entries: int = 20_000  #: And as many directories, whether they are entries or not.
    path_bytes: int = 1024
    depth: int = 100


DEFAULT = Limits()
#: For archives that were checked before, under limits that may have changed since.
ANY_SIZE = Limits(
    zip_bytes=sys.maxsize,
    unpacked_bytes=sys.maxsize,
    entries=sys.maxsize,
    path_bytes=sys.maxsize,
    depth=sys.maxsize,
)


class Kind(Enum):
    """What an entry becomes."""

    FILE = "a file"
    LINK = "a symbolic link"
    DIRECTORY = "a directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name in an archive, and where its bytes lie."""

    path: str  #: Relative, without `.`, `..` or a slash at the end; empty for the root itself.
    kind: Kind
    executable: bool
    size: int  #: Unpacked, as the archive claims.
    crc: int
    deflated: bool
    head: int  #: Where the entry begins, where its packed bytes do, and where both end.
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What an archive holds: entries that are safe to make, and where the links among them point.

    Links must be made after everything else; no entry lies below one.
    """

    entries: Sequence[Entry]
    targets: Mapping[str, str]
    size_bytes: int


Tree: TypeAlias = dict[str, "Tree | Entry"]


def refusal(why: str, entry: bytes | str = "") -> InvalidValue:
    """Return the refusal of an archive, or of an archive for the sake of one entry."""
    at = f"entry {repr(entry)[:100]}: " if entry else ""
    return InvalidValue("ZipFile", f"ZipFile: {at}{why}")


def path_of(name: bytes, limits: Limits) -> str:
    """Return the path that an entry of this name has below the root, or refuse the name."""
    if not name:
        raise refusal("an entry has no name; pack it again")
    if len(name) > limits.path_bytes:
        raise refusal(f"{len(name)} bytes of path; at most {limits.path_bytes}", name)
    text = _text(name, name)
    if text.startswith("/") or DRIVE.match(text):
        raise refusal("is an absolute path; pack with paths relative to the package", text)
    # Some packers (`tar -a -cf code.zip .`) begin each name with the root.
    if text == "./":
        return ""
    parts = text.removesuffix("/").removeprefix("./").split("/")
    if len(parts) > limits.depth:
        raise refusal(f"{len(parts)} parts deep; at most {limits.depth}", text)
    if not {"", ".", ".."}.isdisjoint(parts):
        raise refusal("may not have empty, '.' or '..' parts; pack with plain paths", text)
    if max(map(len, name.split(b"/"))) > MOST_PART_BYTES:
        raise refusal(f"a part is over {MOST_PART_BYTES} bytes; shorten the name", text)
    return "/".join(parts)


def kind_of(name: bytes, mode: int) -> Kind:
    """Return what an entry becomes; its Unix mode is 0 when the packer knew none."""
    form = stat.S_IFMT(mode)
    if name.endswith(b"/") and form in (0, stat.S_IFDIR):
        return Kind.DIRECTORY
    if form in (0, stat.S_IFREG) and not name.endswith(b"/"):
        return Kind.FILE
    if form == stat.S_IFLNK and not name.endswith(b"/"):
        return Kind.LINK
    raise refusal(f"has mode {mode:o}; only files, directories/ and links may be packed", name)


def target_of(link: Entry, held: bytes) -> str:
    """Return where a link points, or refuse it."""
    target = _text(held, link.path)
    if not target or target.startswith("/"):
        raise refusal("is a link to an absolute path; link to a relative path inside", link.path)
    return target


def _text(raw: bytes, entry: bytes | str) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise refusal("is not UTF-8; pack with names in UTF-8", entry) from None
    if "\\" in text:
        raise refusal("has a backslash; separate the parts of a path with '/'", entry)
    if CONTROL.search(text):
        raise refusal("has a control character; use printable names", entry)
    return text


def plant(entries: Sequence[Entry], limits: Limits) -> Tree:
    """Return the tree that the entries make, or refuse entries that get in each other's way."""
    root: Tree = {}
    seen: set[str] = set()
    directories = 0
    for entry in entries:
        if entry.path in seen:
            raise refusal("is there twice; pack each file once", entry.path)
        seen.add(entry.path)
        *above, last = entry.path.split("/")
        here = root
        for part in [*above, last] if entry.kind is Kind.DIRECTORY else above:
            directories += part not in here
            below = here.setdefault(part, {})
            if isinstance(below, Entry):
                what = f"{below.path[:60]!r} is {below.kind.value}, not a directory"
                raise refusal(f"{what}; pack real directories", entry.path)
            here = below
        if entry.kind is not Kind.DIRECTORY and here.setdefault(last, entry) is not entry:
            raise refusal("is both a directory and not one; pack it once", entry.path)
        if directories > limits.entries:
            raise refusal(f"over {limits.entries} directories; pack fewer", entry.path)
    return root


def check_links(entries: Sequence[Entry], root: Tree, targets: Mapping[str, str]) -> None:
    """Refuse links that leave the root, or never end, whatever way they take through others."""
    budget = iter(range(MOST_STEPS))
    for entry in entries:
        if entry.kind is Kind.LINK:
            _follow(entry.path, root, targets, budget)


def _follow(link: str, root: Tree, targets: Mapping[str, str], budget: Iterator[int]) -> None:
    """Walk from the root to where a link leads, as the kernel would.

    What does not exist counts as an empty directory: the link is then a dangling one.
    """
    trail = [root]
    ahead = link.split("/")[::-1]
    hops = 0
    while ahead:
        part = ahead.pop()
        if part == ".." and len(trail) == 1:
            raise refusal("is a link out of the package; link to a path inside", link)
        if part == "..":
            trail.pop()
        elif part not in ("", "."):
            below = trail[-1].get(part, {})
            if isinstance(below, dict):
                trail.append(below)
            elif below.kind is Kind.LINK:
                hops += 1
                ahead += targets[below.path].split("/")[::-1]
            else:
                trail.append({})
        if hops > MOST_HOPS or next(budget, None) is None:
            raise refusal("is a link that never ends, or too winding; link directly", link)
