"""Interpreter: a program on this machine that runs a language."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Where a language is found on this machine, and in which version."""

    path: Path
    version: tuple[int, int]
    note: str = ""  #: A sentence, where it is not the version that was asked for.

    def __str__(self) -> str:
        return ".".join(map(str, self.version))
