"""Aside: a place to make things before they get their name, and to lose them after."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


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
            with locked(self._home):
                make(place)
                held.enter_context(locked(place))
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
        sync(place.parent)

    def discard(self, tree: Path) -> None:
        """Take a directory away at once, and then delete it; it need not be there."""
        if not is_directory(tree):
            tree.unlink(missing_ok=True)
            return
        tree.chmod(0o700)
        with self.lend(tree.rename):
            pass

    def _sweep(self) -> None:
        with locked(self._home):
            for place in self._home.iterdir():
                with (
                    suppress(BlockingIOError, FileNotFoundError),
                    locked(place, fcntl.LOCK_EX | fcntl.LOCK_NB),
                ):
                    _remove(place)


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


def is_directory(place: Path) -> bool:
    """Tell whether there is a directory itself, not a link to one."""
    return place.is_dir() and not place.is_symlink()


@contextmanager
def locked(directory: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold a `flock` on a directory."""
    with opened(directory) as descriptor:
        fcntl.flock(descriptor, how)
        yield


def sync(directory: Path) -> None:
    """Have the names in a directory on the disk; what they name is whoever's who wrote it."""
    with opened(directory) as descriptor:
        os.fsync(descriptor)


@contextmanager
def opened(directory: Path) -> Iterator[int]:
    """Lend a descriptor of a directory."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
