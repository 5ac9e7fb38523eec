"""Meter: how long this process had a processor for what is measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time_ns


class Meter:
    """Adds up what some calls took; what is done between them does not count."""

    def __init__(self) -> None:
        self.spent_ns = 0
        self.calls = 0

    @property
    def us(self) -> float:
        """How long a call took."""
        return self.spent_ns / self.calls / 1000

    @contextmanager
    def over(self, calls: int) -> Iterator[None]:
        """Count what is done in the block, for so many calls."""
        began = process_time_ns()
        yield
        self.spent_ns += process_time_ns() - began
        self.calls += calls
