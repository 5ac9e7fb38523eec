"""Lifecycle: how long what lies in a bucket is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a bucket says of the objects whose key begins with `prefix`; None: nothing."""

    prefix: str = ""
    expires_days: int | None = None
    aborts_days: int | None = None  #: After how long an upload in parts that nobody ends is ended.


def kept_s(rules: Sequence[Rule], key: str, otherwise_s: float) -> float:
    """Return how long an object is kept: the shortest that a rule for it says."""
    days = (rule.expires_days for rule in rules if key.startswith(rule.prefix))
    return min((day * DAY_S for day in days if day is not None), default=otherwise_s)


def open_s(rules: Sequence[Rule], key: str, otherwise_s: float) -> float:
    """Return how long an upload in parts may stay unfinished."""
    days = (rule.aborts_days for rule in rules if key.startswith(rule.prefix))
    return min((day * DAY_S for day in days if day is not None), default=otherwise_s)
