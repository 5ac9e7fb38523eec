"""Interpreter: a program on this machine that runs a language, and how it is known for one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 10.0
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Where a language is found on this machine, and in which version."""

    path: Path
    version: tuple[int, int]
    note: str = ""  #: A sentence, where it is not the version that was asked for.

    def __str__(self) -> str:
        return ".".join(map(str, self.version))


def prefix(program: Path) -> Path:
    """Return the folder that a program needs with all that is in it: `/usr` for `/usr/bin/x`."""
    return program.resolve().parent.parent


def newest_first(found: Iterable[Interpreter], oldest: tuple[int, int]) -> Sequence[Interpreter]:
    """Return one interpreter for each version that is not too old: the first that was found."""
    first: dict[tuple[int, int], Interpreter] = {}
    for one in found:
        if one.version >= oldest:
            first.setdefault(one.version, one)
    return sorted(first.values(), key=lambda one: one.version, reverse=True)


def answering(
    candidates: Iterable[Path],
    question: Sequence[str],
    read: Callable[[bytes], Interpreter],
    patience_s: float,
) -> Iterator[Interpreter]:
    """Ask programs what they are, some at a time; yield those that say so in time, in order.

    `question` are the words behind the name of the program. `read` reads its answer, and raises
    `ValueError`, `TypeError`, `AttributeError` or `SyntaxError` where that is none.
    """

    def ask(program: Path) -> Interpreter | None:
        try:
            answer = subprocess.run(  # noqa: S603 - that is what it is here for
                [program, *question],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=patience_s,
                check=True,
            )
            return read(answer.stdout)
        except (OSError, subprocess.SubprocessError):
            return None
        except (ValueError, TypeError, AttributeError, SyntaxError):
            return None

    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield from (one for one in threads.map(ask, candidates) if one is not None)
