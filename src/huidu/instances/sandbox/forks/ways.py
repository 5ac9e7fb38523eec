"""Ways: lets functions, as users of their own, pass through folders that are closed to others."""

from __future__ import annotations

import os
from pathlib import Path

PASS = 0o001
PASS_FOR_GROUP = 0o010


class Ways:
    """The ways below one folder of the platform's own, open to a group that only functions have.

    To pass through a folder is not to see what is in it; and nothing else becomes readable.
    """

    def __init__(self, home: Path, group: int) -> None:
        self._home = home
        self._group = group
        self._open = set[Path]()

    def open(self, path: Path) -> None:
        """Let functions pass to a path, or raise `OSError` where that is not ours to allow."""
        if path in self._open:
            return
        for folder in path.parents:
            state = folder.stat()
            if state.st_mode & PASS:
                continue
            if folder != self._home and self._home not in folder.parents:
                raise PermissionError(
                    f"functions, as users of their own, cannot get to {path}: {folder} is closed"
                )
            if state.st_gid != self._group or not state.st_mode & PASS_FOR_GROUP:
                os.chown(folder, -1, self._group)
                folder.chmod(state.st_mode & 0o7707 | PASS_FOR_GROUP)
        self._open.add(path)
