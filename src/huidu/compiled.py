"""Whether the hot path runs as native code, and whether that is still what its sources say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TypedDict

SRC = Path(__file__).parent.parent
#: What was compiled, written when it was, with the SHA-256 of each file that went into it.
STAMP = "huidu/compiled.json"
SHOWN = 3  #: How many files a message names.


class _Stamp(TypedDict):
    modules: list[str]
    sources: dict[str, str]


class Stale(Exception):
    """What would run is not what stands in the sources; the message says what to do."""


@cache
def modules(src: Path = SRC) -> Sequence[str]:
    """Return the files whose modules run as native code on this Python; none where all is plain."""
    return [
        module
        for module in _stamp(src)["modules"]
        if (src / module).with_suffix(EXTENSION_SUFFIXES[0]).exists()
    ]


def how(src: Path = SRC) -> str:
    """Say which it is, in a word or two."""
    return "compiled" if modules(src) else "plain Python"


def insist(src: Path = SRC) -> None:
    """Raise `Stale` where a source was edited after it was compiled.

    What is compiled is loaded in place of its source, so the edit would be without effect, and
    the rest of the house would be another than that which it was compiled and tested with.
    """
    if modules(src) and (files := changed(src)):
        more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
        raise Stale(
            f"{', '.join(files[:SHOWN])}{more}: edited after the hot path was compiled, "
            "which would run as it was; run 'make compile', or 'make plain' to go without"
        )


def changed(src: Path = SRC) -> list[str]:
    """Return which files are not what was compiled: modules, and what they know of others."""
    sources = _stamp(src)["sources"]
    return [file for file, digest in sources.items() if digest_of(src / file) != digest]


def digest_of(source: Path) -> str:
    """Return what a source is known by; nothing for one that is not there."""
    try:
        return hashlib.sha256(source.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def _stamp(src: Path) -> _Stamp:
    try:
        stamp: _Stamp = json.loads((src / STAMP).read_bytes())
    except FileNotFoundError:
        return {"modules": [], "sources": {}}
    return stamp
