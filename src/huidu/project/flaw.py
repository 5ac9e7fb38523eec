"""Flaw: what is wrong with a project, said so that it can be put right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

ALIKE = 0.6  #: From when on a word is taken for another one that somebody misspelt.


class Flaw(Exception):
    """Something about a project cannot be.

    The message says where (file, line, key), what is wrong, and what would be right. `line` is 0
    where no line is to blame.
    """

    def __init__(self, why: str, *, file: str = "", line: int = 0, key: str = "") -> None:
        place = f"{file}:{line}" if file and line else file
        super().__init__(": ".join(part for part in (place, key, why) if part))
        self.why, self.file, self.line, self.key = why, file, line, key


class Meanwhile(Flaw):
    """Somebody else has changed what a deploy would change, or is about to."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that somebody who wrote `word` most likely meant, or nothing."""
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=ALIKE)
    return by_lower[found[0]] if found else ""


def instead(word: str, known: Iterable[str]) -> str:
    """Return what to tell somebody who wrote a word that is not known: the nearest, or all."""
    every = sorted(known)
    meant = nearest(word, every)
    return f"did you mean {meant}?" if meant else f"possible: {', '.join(every)}"
