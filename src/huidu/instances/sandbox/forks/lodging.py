"""Lodging: where an instance finds its code, and where it may write."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from huidu.instances.launch import PREFIX, Order, Scene, Spawner
from huidu.instances.sandbox.forks.ways import Ways
from huidu.instances.sandbox.walls import kinds, root
from huidu.instances.sandbox.zygote import warden
from huidu.runtimes.table import WORKERS

#: No parent is told to an instance: its walls see to it that it ends with us.
NOBODY = 0


@dataclass(frozen=True, slots=True)
class Lent:
    """What an instance has of the launcher's while it lives."""

    memory_bytes: int  #: Where to watch it; 0 where nobody need.
    end: signal.Signals  #: What puts an end to all of it.
    take_back: Callable[[], None]
    folder: Path | None = None

    def remove(self) -> None:
        """Remove its folder, if it has one. May take long."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def lost(self) -> None:
        """Take all back, for there is no instance."""
        self.remove()
        self.take_back()


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """What the walls stand on: their kind, and a folder for those that stand on the host's files.

    `counts` is whether the kernel is to count memory, where it can.
    """

    kind: str = kinds.ROOT
    scratch: Path = Path()
    counts: bool = True


class Lodging(Protocol):
    """What the launcher must know of where instances are."""

    workers: Path  #: Where workers lie, as instances see it.
    shown: Sequence[Path]  #: What of the platform they must be able to read.

    def scene(self, code: Path, layers: Sequence[Path]) -> Scene:
        """Return where an instance will find its code and layers."""
        ...

    def lend(self, order: Order, user: int, take_back: Callable[[], None]) -> Lent:
        """Make ready what one instance will have, or raise `OSError`."""
        ...

    def words(self, user: int, lent: Lent) -> Mapping[str, Any]:
        """Return what the zygote is told of it."""
        ...


class Apart:
    """A root of its own, in a mount namespace: everything goes with that."""

    workers = Path(root.WORKERS)
    shown: Sequence[Path] = ()

    def scene(self, code: Path, layers: Sequence[Path]) -> Scene:
        return Scene(Path(root.CODE), (Path(root.LAYERS),) if layers else (), NOBODY)

    def lend(self, order: Order, user: int, take_back: Callable[[], None]) -> Lent:
        return Lent(order.memory_bytes, signal.SIGKILL, take_back)

    def words(self, user: int, lent: Lent) -> Mapping[str, Any]:
        return {"uid": user, "home": root.TEMPORARY, "groups": ()}


class Among:
    """The files of the host: code where it is, and for each instance a folder in the scratch.

    `group` is nobody's but functions': the ways to the code are open to it, and to no one else.
    """

    workers = WORKERS
    shown: Sequence[Path] = (WORKERS,)

    def __init__(self, scratch: Path, group: int) -> None:
        self._scratch = scratch
        self._group = group
        self._own_users = os.geteuid() == 0
        self._ways = Ways(scratch.parent, group)
        Spawner(scratch).sweep()

    def scene(self, code: Path, layers: Sequence[Path]) -> Scene:
        # Nothing lays them over each other here; the later one is looked into first.
        return Scene(code, tuple(reversed(layers)), NOBODY)

    def lend(self, order: Order, user: int, take_back: Callable[[], None]) -> Lent:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._scratch))
        lent = Lent(order.memory_bytes, warden.END, take_back, folder)
        if self._own_users:
            try:
                os.chown(folder, user, user)
                for path in (folder, order.code, *order.layers):
                    self._ways.open(path)
            except OSError:
                lent.remove()
                raise
        return lent

    def words(self, user: int, lent: Lent) -> Mapping[str, Any]:
        uid, groups = (user, (self._group,)) if self._own_users else (0, ())
        return {"uid": uid, "home": str(lent.folder), "groups": groups}
