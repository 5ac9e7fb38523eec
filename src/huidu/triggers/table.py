"""The table of triggers: one row for each type of event source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from huidu.triggers import timer, url


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table: how a definition is read, and refused where it is wrong."""

    define: Callable[[str], str]


TRIGGERS: Mapping[str, Kind] = {
    "timer": Kind(timer.define),
    "http": Kind(url.define),
}
