"""Carrying: what passes between a call and whoever takes it to an instance and back."""

from __future__ import annotations

from typing import Protocol

from huidu.model.capacity import Busy, Retired
from huidu.model.invocation import Outcome
from huidu.model.task import Task


class Leaves(Protocol):
    """What may be waited for no more."""

    def leave(self) -> None:
        """Hear nothing more of it."""
        ...


class Passenger(Protocol):
    """A call on its way to an instance, and back."""

    __slots__ = ()

    def boards(self) -> Task:
        """There is an instance for it: return what is to be run."""
        ...

    def begins(self) -> None:
        """It runs from now on."""
        ...

    def arrives(self, outcome: Outcome) -> None:
        """This is what came of it."""
        ...

    def refused(self, why: Busy | Retired) -> None:
        """No instance is to be had: the line is full, or the version is gone."""
        ...

    def broke(self, error: Exception) -> None:
        """An error of ours keeps it from being carried."""
        ...
