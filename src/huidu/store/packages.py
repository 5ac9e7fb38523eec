"""Packages of code on disk: each zip file under the digest of its bytes, and its unpacked tree."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import math
import os
import re
import stat
from collections.abc import Collection, Container, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from huidu.model.errors import Failed
from huidu.model.eviction import Tree, evicted
from huidu.model.function import Code
from huidu.store.archive import ANY_SIZE, DEFAULT, Kind, Limits, Listing
from huidu.store.aside import Aside, is_directory, locked, sync
from huidu.store.unzip import check, inflate, listing

DIGEST = re.compile(r"[0-9a-f]{64}")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
TREE = "tree"
BLOCK_BYTES = 4096  #: What a file takes of a disk is a multiple of this.


class Packages:
    """Keeps packages, and hands them out as trees that can be run.

    A zip file or a tree is under its final name whole or not at all, whoever is killed when:
    both are made aside and renamed. A tree is only a copy of what its zip file says, and is made
    again when it has changed. Everything here blocks; any number of threads and processes may
    work over one directory. Who changes a package holds a `flock` on the directory of its zip
    file, which it shares with some 1 in 256 others.

    Trees that take more than `most_tree_bytes` together are removed, the least recently used
    first, but none whose digest is `in_use`: whoever needs one to stay says so there before it
    asks for the tree.
    """

    def __init__(
        self,
        home: Path,
        limits: Limits = DEFAULT,
        most_tree_bytes: float = math.inf,
        in_use: Container[str] = (),
    ) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = home.resolve()
        self._limits = limits
        self._most_tree_bytes = most_tree_bytes
        self._in_use = in_use
        self._sizes: dict[str, int] = {}
        self._aside = Aside(home / "aside")
        self._zips = home / "zip"
        self._trees = home / TREE
        self._known_sound: dict[str, str] = {}  # and how the files looked when they were read
        self._zips.mkdir(exist_ok=True)
        self._trees.mkdir(exist_ok=True)
        sync(home)

    def keep(self, zip_bytes: bytes) -> Code:
        """Keep a package for good, once all of it has been found to be harmless.

        Raises `InvalidValue` for an archive that will not do, and `Failed` on a full disk;
        neither leaves anything behind. A package that is kept already counts as new again.
        """
        check(zip_bytes, self._limits)
        code = Code(_sha256(zip_bytes), len(zip_bytes))
        zip_file = self._zip_file(code.sha256)
        with _full_disk_refused(), self._held(code.sha256):
            if zip_file.exists() and zip_file.read_bytes() == zip_bytes:
                os.utime(zip_file)
                sync(zip_file.parent)  # Whoever kept it may have been killed before it had.
            else:
                self._aside.write(zip_file, zip_bytes)
            sync(self._zips)
        return code

    def read(self, code: Code) -> bytes:
        """Return the zip file, or raise `Failed` if it is not there or not what was kept."""
        try:
            zip_bytes = self._zip_file(code.sha256).read_bytes()
        except FileNotFoundError:
            raise Failed(
                "CodeMissing", f"Package {code.sha256} is not stored here; upload the code again"
            ) from None
        if (seen := _sha256(zip_bytes)) != code.sha256:
            raise _corrupt("The stored zip file", code.sha256, seen)
        return zip_bytes

    def open(self, sha256: str) -> BinaryIO:
        """Return the zip file, opened, or raise `Failed` if it is not there."""
        try:
            return self._zip_file(sha256).open("rb")
        except FileNotFoundError:
            raise Failed("CodeMissing", f"Package {sha256} is not stored here") from None

    def unpacked_bytes(self, code: Code) -> int:
        """Return how much there is in a package once it is unpacked, as it says itself."""
        return listing(self.read(code), ANY_SIZE).size_bytes

    def unpacked(self, code: Code) -> Path:
        """Return the directory with what the package holds, unpacked if need be.

        The first use here makes sure of every byte, and so does one that finds a file touched
        since; a tree that has changed is unpacked again.
        """
        tree = self._tree(code.sha256)
        if not self._is_known_sound(code):
            with _full_disk_refused(), self._held(code.sha256):
                # Whoever held the lock before may have done it all.
                if not self._is_known_sound(code):
                    self._make_sound(code)
            with suppress(OSError):  # What was asked for is there.
                self.evict(code.sha256)
        with suppress(OSError):
            os.utime(self._manifest_file(code.sha256))
        return tree

    def verify(self, code: Code) -> None:
        """Raise `Failed` unless the tree is, to the last bit, what was unpacked."""
        with self._held(code.sha256, fcntl.LOCK_SH):
            expected, seen = self._manifests(code)
        if seen != expected:
            raise _corrupt("The unpacked tree", expected, seen)

    def forget(self, keep: Collection[str], *, older_than_s: float, now: float) -> Collection[str]:
        """Remove packages that are not in `keep` and were kept longer ago; return their digests.

        The age leaves time for a package that was just kept to be written down by its owner.
        Works on a full disk.
        """
        kept = frozenset(keep)
        found = {zip_file.stem for zip_file in self._zips.glob("*/*.zip")}
        return [
            sha256
            for sha256 in sorted(found - kept)
            if DIGEST.fullmatch(sha256) and self._forget(sha256, now - older_than_s)
        ]

    def discard(self, code: Code) -> None:
        """Remove a package to which nobody refers and nobody is about to."""
        self._forget(code.sha256, math.inf)

    def evict(self, but: str = "") -> Collection[str]:
        """Remove trees, but the named one, where all of them take too much; return their digests.

        Their zip files stay, and they are unpacked again by the next to ask for them.
        """
        found = (place.stem for place in self._trees.glob("*/*.manifest"))
        trees = [tree for sha256 in found if (tree := self._seen(sha256))]
        spared = {tree.sha256 for tree in trees if tree.sha256 in self._in_use}
        doomed = evicted(trees, self._most_tree_bytes, spared | {but})
        return [tree.sha256 for tree in doomed if self._remove_tree(tree.sha256)]

    def _seen(self, sha256: str) -> Tree | None:
        if not DIGEST.fullmatch(sha256):
            return None
        try:
            used_at = self._manifest_file(sha256).stat().st_mtime
            size = self._sizes.get(sha256) or _size(self._tree(sha256))
        except FileNotFoundError:  # Somebody else was here.
            return None
        # Whoever unpacked it meanwhile knows better.
        return Tree(sha256, used_at, self._sizes.setdefault(sha256, size))

    def _remove_tree(self, sha256: str) -> bool:
        with self._held(sha256):
            # In this order: who takes it into use after we looked has to wait for the lock.
            self._known_sound.pop(sha256, None)
            if sha256 in self._in_use:
                return False
            self._aside.discard(self._tree(sha256))
            self._manifest_file(sha256).unlink(missing_ok=True)
            self._sizes.pop(sha256, None)
        return True

    def _forget(self, sha256: str, before: float) -> bool:
        zip_file, tree = self._zip_file(sha256), self._tree(sha256)
        with self._held(sha256):
            if not zip_file.exists() or zip_file.stat().st_mtime >= before:
                return False
            if sha256 in self._in_use:  # By a call that outlasts its version.
                return False
            # The tree goes first: without its zip file nobody would look for it again.
            self._aside.discard(tree)
            self._manifest_file(sha256).unlink(missing_ok=True)
            zip_file.unlink()
        return True

    def _is_known_sound(self, code: Code) -> bool:
        known = self._known_sound.get(code.sha256)
        return known is not None and known == _look(self._tree(code.sha256))

    def _make_sound(self, code: Code) -> None:
        tree = self._tree(code.sha256)
        expected, seen = self._manifests(code)
        if seen != expected:
            zip_bytes = self.read(code)
            with self._aside.lend() as aside:
                unpack(zip_bytes, listing(zip_bytes, ANY_SIZE), aside / TREE)
                (aside / "manifest").write_text(manifest(aside / TREE))
                # None of it is synced: what a power cut leaves half, the next first use sees.
                tree.parent.mkdir(exist_ok=True)
                (aside / "manifest").rename(self._manifest_file(code.sha256))
                self._aside.discard(tree)
                (aside / TREE).rename(tree)
        # Only now, because a directory that may not be written to cannot be moved.
        tree.chmod(0o555)
        self._known_sound[code.sha256] = _look(tree)
        self._sizes[code.sha256] = _size(tree)

    def _manifests(self, code: Code) -> tuple[str, str]:
        """Return the digest that the tree must have and the one that it has."""
        tree = self._tree(code.sha256)
        try:
            expected = self._manifest_file(code.sha256).read_text()
        except (OSError, UnicodeDecodeError):
            expected = "unknown"
        try:
            return expected, manifest(tree) if is_directory(tree) else "no directory"
        except OSError as broken:
            return expected, f"what cannot be read ({broken.strerror})"

    def _held(self, sha256: str, how: int = fcntl.LOCK_EX) -> AbstractContextManager[None]:
        bucket = self._zip_file(sha256).parent
        bucket.mkdir(exist_ok=True)
        return locked(bucket, how)

    def _zip_file(self, sha256: str) -> Path:
        return _under(self._zips, sha256, ".zip")

    def _tree(self, sha256: str) -> Path:
        return _under(self._trees, sha256, "")

    def _manifest_file(self, sha256: str) -> Path:
        return _under(self._trees, sha256, ".manifest")


def manifest(tree: Path) -> str:
    """Return one digest of all that lies below a directory: paths, modes and contents."""
    whole = hashlib.sha256()
    found = [
        os.path.join(above, name)  # noqa: PTH118  paths are bytes here, as files may be named so
        for above, directories, files in os.walk(os.fsencode(tree))
        for name in directories + files
    ]
    for path in sorted(found):
        mode = os.lstat(path).st_mode
        held = hashlib.sha256()
        if stat.S_ISREG(mode):
            with open(path, "rb") as file:  # noqa: PTH123
                held = hashlib.file_digest(file, "sha256")
        elif stat.S_ISLNK(mode):
            held.update(os.readlink(path))  # noqa: PTH115
        relative = path[len(os.fsencode(tree)) :]
        whole.update(b"%o %s %s\0" % (mode, held.hexdigest().encode(), relative))
    return whole.hexdigest()


def _look(tree: Path) -> str:
    """Return what can be seen of a tree without reading its files; touching one changes it."""
    seen = hashlib.sha256()
    for folder, folders, files in os.walk(tree):
        folders.sort()
        for name in sorted((*files, *folders)):
            facts = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - thousands of them
            seen.update(f"{name} {facts.st_ino} {facts.st_mode} {facts.st_ctime_ns}\n".encode())
    return seen.hexdigest()


def _size(tree: Path) -> int:
    """Return how much of a disk a tree takes, in blocks, whatever the disk really does."""
    blocks = 1
    for folder, folders, files in os.walk(tree):
        sizes = [os.lstat(os.path.join(folder, name)).st_size for name in files]  # noqa: PTH118
        blocks += len(folders) + sum(-(-size // BLOCK_BYTES) for size in sizes)
    return blocks * BLOCK_BYTES


def unpack(zip_bytes: bytes, found: Listing, root: Path) -> None:
    """Make the tree of a package that was checked, in a new directory that nobody else sees.

    Nobody may write to it: whoever removes it changes that first.
    """
    root.mkdir()
    links = [entry for entry in found.entries if entry.kind is Kind.LINK]
    for entry in found.entries:
        place = root / entry.path
        above = place if entry.kind is Kind.DIRECTORY else place.parent
        above.mkdir(parents=True, exist_ok=True)
        if entry.kind is Kind.FILE:
            with place.open("xb") as file:
                for chunk in inflate(zip_bytes, entry):
                    file.write(chunk)
                os.fchmod(file.fileno(), 0o555 if entry.executable else 0o444)
    for entry in links:
        # Nothing is written any more, so nothing can be written through a link.
        (root / entry.path).symlink_to(found.targets[entry.path])
    for directory, _, _ in os.walk(root, topdown=False):
        if Path(directory) != root:
            Path(directory).chmod(0o555)


def _under(home: Path, sha256: str, ending: str) -> Path:
    if not DIGEST.fullmatch(sha256):
        raise Failed("CodeMissing", f"Package {sha256[:80]!r}: not the digest of a package")
    return home / sha256[:2] / f"{sha256}{ending}"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _corrupt(what: str, expected: str, seen: str) -> Failed:
    return Failed(
        "CodeCorrupt", f"{what} of a package has changed: expected {expected}, found {seen}"
    )


@contextmanager
def _full_disk_refused() -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        if failed.errno not in FULL:
            raise
        raise Failed(
            "DiskFull", "The disk that keeps the packages is full; free some of it and try again"
        ) from None
