"""Filters: which of many are wanted, by name and values, as the gateway's API asks for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from huidu.actions.functions import Filter
from huidu.model.errors import InvalidValue

T = TypeVar("T")
Test = Callable[[T, Collection[str]], bool]


def kept(every: Iterable[T], filters: Iterable[Filter], tests: Mapping[str, Test[T]]) -> list[T]:
    """Return what passes every filter, or raise `InvalidValue` for one that there is not."""
    left = list(every)
    for wanted in filters:
        if wanted.name not in tests:
            raise InvalidValue(
                "InvalidFilterNotSupportedName",
                f"Filters {wanted.name[:40]!r}: must be one of {', '.join(tests)}",
            )
        left = [one for one in left if tests[wanted.name](one, wanted.values)]
    return left
