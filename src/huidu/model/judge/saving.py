"""Saving: what the tests know, as text that outlives a server, and how it is read back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

FORM = 1  #: Counts up whenever older text can no longer be read.
State = Mapping[str, Any]  #: What JSON can hold. Floats come back as they were, to the last bit.


class Damaged(ValueError):
    """The text is not what was saved here. Begin anew with nothing: that is slower, never wrong."""


def written(kind: str, state: State) -> str:
    """Return what is known as text, which shows whether it is whole."""
    body = _text(state)
    return _text({"kind": kind, "form": FORM, "sum": _sum(body), "state": state})


def read(kind: str, text: str | bytes, build: Callable[[State], T]) -> T:
    """Build again what was written, or raise `Damaged`, which is a `ValueError`."""
    try:
        said = json.loads(text)
        known = said["kind"], said["form"], said["sum"]
        check(kind, known, (kind, FORM, _sum(_text(said["state"]))))
        return build(said["state"])
    except Damaged:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError) as error:
        raise Damaged(f"saved {kind}: cannot be read: {error!r}") from error
    except (TypeError, ValueError) as error:
        raise Damaged(f"saved {kind}: cannot be read: {error}") from error


def check(kind: str, said: object, wanted: object) -> None:
    """Raise `Damaged` where something is not what it is taken for."""
    if said != wanted:
        raise Damaged(f"saved {kind}: it is of {said}, where {wanted} is wanted")


def by_weight(counts: Mapping[float, list[int]] | Mapping[float, list[float]]) -> list[Any]:
    """Return counts by weight as rows, each beginning with its weight."""
    return [[weight, *kept] for weight, kept in counts.items()]


def of_weight(rows: list[list[Any]]) -> dict[float, list[Any]]:
    """Return counts by weight from such rows."""
    return {weight: kept for weight, *kept in rows}


def _text(state: object) -> str:
    return json.dumps(state, separators=(",", ":"), allow_nan=False)


def _sum(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
