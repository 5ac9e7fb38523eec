"""Ids: names for requests, which nobody can guess and no two of which are alike."""

from __future__ import annotations

import os
from collections.abc import Callable

AT_ONCE = 256  #: So many are made at a time: the kernel would else be asked for each.
BYTES = 16
#: The digit that says which kind of UUID it is (RFC 9562, 4.1), by the random one in its place.
VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


class Ids:
    """Random UUIDs (RFC 9562, version 4), as text; any thread may ask."""

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random
        self._made: list[str] = []

    def __call__(self) -> str:
        """Return a new one."""
        while True:
            try:
                return self._made.pop()
            except IndexError:
                self._made.extend(self._make())

    def _make(self) -> list[str]:
        digits = self._random(BYTES * AT_ONCE).hex()
        texts = (digits[at : at + 2 * BYTES] for at in range(0, len(digits), 2 * BYTES))
        return [
            f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{VARIANT[text[16]]}{text[17:20]}-{text[20:]}"
            for text in texts
        ]
