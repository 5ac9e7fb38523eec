"""Puts native code into a wheel that is built here, where it can be made here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Native(BuildHookInterface[Any]):
    """Compiles the hot path for the machine that builds the wheel, which is then for its like.

    A wheel of plain Python, for any machine, where it cannot be, or `HUIDU_PLAIN` is set.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or os.environ.get("HUIDU_PLAIN"):
            return  # `make compile` does it in place
        self._made = TemporaryDirectory(prefix="huidu-wheel-")
        words = [sys.executable, "-m", "native.build", "--into", self._made.name]
        if subprocess.run(words, cwd=self.root, check=False).returncode:  # noqa: S603
            return  # It said why. Whatever that is, who installs is to have what runs.
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        made = Path(self._made.name)
        for file in filter(Path.is_file, made.rglob("*")):
            build_data["force_include"][str(file)] = file.relative_to(made).as_posix()
