"""Packages of code on disk: each zip file under the digest of its bytes, and its unpacked tree."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import math
import os
import re
import secrets
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from huidu.model.errors import Failed
from huidu.model.function import Code
from huidu.store.archive import ANY_SIZE, DEFAULT, Kind, Limits, Listing
from huidu.store.unzip import check, inflate, listing

DIGEST = re.compile(r"[0-9a-f]{64}")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
TREE = "tree"


class Aside:
    """A place to make things before they get their name, and to lose them after.

    Everything in it is a directory that its user holds a `flock` on, so that what the killed
    leave behind can be told from what is in use.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        home.mkdir(exist_ok=True)
        self._sweep()

    @contextmanager
    def lend(self, make: Callable[[Path], object] = Path.mkdir) -> Iterator[Path]:
        """Lend a directory that `make` puts here; it is removed after use."""
        place = self._home / secrets.token_hex(8)
        with ExitStack() as held:
            with _locked(self._home):
                make(place)
                held.enter_context(_locked(place))
            try:
                yield place
            finally:
                _remove(place)

    def write(self, place: Path, content: bytes) -> None:
        """Put a file in its place, whole and lasting, whatever was there."""
        with self.lend() as mine:
            draft = mine / "draft"
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(place)

    def discard(self, tree: Path) -> None:
        """Take a directory away at once, and then delete it; it need not be there."""
        if not _is_directory(tree):
            tree.unlink(missing_ok=True)
            return
        tree.chmod(0o700)
        with self.lend(tree.rename):
            pass

    def _sweep(self) -> None:
        with _locked(self._home):
            for place in self._home.iterdir():
                with (
                    suppress(BlockingIOError, FileNotFoundError),
                    _locked(place, fcntl.LOCK_EX | fcntl.LOCK_NB),
                ):
                    _remove(place)


class Packages:
    """Keeps packages, and hands them out as trees that can be run.

    A zip file or a tree is under its final name whole or not at all, whoever is killed when:
    both are made aside and renamed. A tree is only a copy of what its zip file says, and is made
    again when it has changed. Everything here blocks; any number of threads and processes may
    work over one directory. Who changes a package holds a `flock` on the directory of its zip
    file, which it shares with some 1 in 256 others.
    """

    def __init__(self, home: Path, limits: Limits = DEFAULT) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = home.resolve()
        self._limits = limits
        self._aside = Aside(home / "aside")
        self._zips = home / "zip"
        self._trees = home / TREE
        self._known_sound: dict[str, str] = {}  # and how the files looked when they were read
        self._zips.mkdir(exist_ok=True)
        self._trees.mkdir(exist_ok=True)
        _sync(home)

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
            else:
                self._aside.write(zip_file, zip_bytes)
            _sync(zip_file.parent)
            _sync(self._zips)
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

    def _forget(self, sha256: str, before: float) -> bool:
        zip_file, tree = self._zip_file(sha256), self._tree(sha256)
        with self._held(sha256):
            if not zip_file.exists() or zip_file.stat().st_mtime >= before:
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
                _unpack(zip_bytes, listing(zip_bytes, ANY_SIZE), aside / TREE)
                (aside / "manifest").write_text(manifest(aside / TREE))
                # None of it is synced: what a power cut leaves half, the next first use sees.
                tree.parent.mkdir(exist_ok=True)
                (aside / "manifest").rename(self._manifest_file(code.sha256))
                self._aside.discard(tree)
                (aside / TREE).rename(tree)
        # Only now, because a directory that may not be written to cannot be moved.
        tree.chmod(0o555)
        self._known_sound[code.sha256] = _look(tree)

    def _manifests(self, code: Code) -> tuple[str, str]:
        """Return the digest that the tree must have and the one that it has."""
        tree = self._tree(code.sha256)
        try:
            expected = self._manifest_file(code.sha256).read_text()
        except (OSError, UnicodeDecodeError):
            expected = "unknown"
        try:
            return expected, manifest(tree) if _is_directory(tree) else "no directory"
        except OSError as broken:
            return expected, f"what cannot be read ({broken.strerror})"

    def _held(self, sha256: str, how: int = fcntl.LOCK_EX) -> AbstractContextManager[None]:
        bucket = self._zip_file(sha256).parent
        bucket.mkdir(exist_ok=True)
        return _locked(bucket, how)

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


def _unpack(zip_bytes: bytes, found: Listing, root: Path) -> None:
    """Make the tree of a package that was checked, in a new directory that nobody else sees."""
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


def _remove(place: Path) -> None:
    """Delete a directory and all below it, also where it may not be written to."""
    place.chmod(0o700)
    with os.scandir(place) as found:
        items = list(found)
    for item in items:
        if item.is_dir(follow_symlinks=False):
            _remove(Path(item))
        else:
            Path(item).unlink()
    place.rmdir()


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


def _is_directory(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()


def _sync(directory: Path) -> None:
    with _opened(directory) as descriptor:
        os.fsync(descriptor)


@contextmanager
def _locked(directory: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    with _opened(directory) as descriptor:
        fcntl.flock(descriptor, how)
        yield


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


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
