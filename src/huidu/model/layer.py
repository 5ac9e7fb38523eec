"""Layer: files that several functions share; each version of it has a number, and never changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from huidu.model import names
from huidu.model.errors import InvalidValue
from huidu.model.function import Code, Layer

NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")
MOST_RUNTIMES = 50
MOST_LICENSE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerVersion:
    """One version of a layer: a package, and the runtimes that it is for."""

    name: str
    number: int
    code: Code
    runtimes: tuple[str, ...]
    description: str = ""
    license: str = ""
    added_at: float = 0.0

    def __post_init__(self) -> None:
        check_name(self.name)
        names.check_description(self.description)
        if len(self.license) > MOST_LICENSE:
            raise InvalidValue("", f"LicenseInfo: at most {MOST_LICENSE} characters are allowed")
        if not 1 <= len(self.runtimes) <= MOST_RUNTIMES:
            raise InvalidValue(
                "CompatibleRuntimes",
                f"CompatibleRuntimes: 1 to {MOST_RUNTIMES} runtimes, as in Python3.10",
            )

    def of(self, runtime: str) -> Layer:
        """Return what a function of this runtime refers to, or raise `InvalidValue`."""
        if runtime not in self.runtimes:
            raise InvalidValue(
                "Layers",
                f"Layers: {self.name}:{self.number} is for {', '.join(self.runtimes)}, and the "
                f"function's Runtime is {runtime}",
            )
        return Layer(self.name, self.number, self.code)


def check_name(name: str) -> str:
    """Return the name of a layer, or raise `InvalidValue`."""
    if not NAME.fullmatch(name):
        raise InvalidValue(
            "LayerName",
            f"LayerName {name[:80]!r}: 1 to 64 letters, digits, - and _, beginning with a letter "
            "and ending in a letter or digit",
        )
    return name


def check_apart(layers: Sequence[Layer]) -> None:
    """Raise `InvalidValue` where a layer is named twice: one version would hide the other."""
    named = [layer.name for layer in layers]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise InvalidValue("Layers", f"Layers: {twice} is named twice; name one version of it")
