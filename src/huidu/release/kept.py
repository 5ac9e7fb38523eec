"""Kept: what the catalog holds of rollouts, for those who carry them on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import structlog

from huidu.model.errors import Refusal
from huidu.store.reading import Reading
from huidu.store.writing import Writing

log = structlog.get_logger("huidu.release")
T = TypeVar("T")


class Catalog(Protocol):
    """Where rollouts and their aliases are kept."""

    async def read(self, ask: Callable[[Reading], T]) -> T: ...

    async def write(self, change: Callable[[Writing], T]) -> T: ...


class Kept:
    """The catalog once there is one, and what is written to it that can be done without."""

    def __init__(self) -> None:
        self._opened: Catalog | None = None

    def open(self, catalog: Catalog) -> None:
        """Be kept in this catalog; before anything is asked for."""
        self._opened = catalog

    @property
    def catalog(self) -> Catalog:
        """The catalog."""
        assert self._opened is not None  # noqa: S101 - nothing is followed before
        return self._opened

    async def note(self, change: Callable[[Writing], None]) -> None:
        """Write what can be done without; raises nothing."""
        try:
            await self.catalog.write(change)
        except Refusal as refusal:
            log.warning("rollout.unsaved", reason=refusal.message)
        except Exception:
            log.exception("rollout.unsaved")

    async def save(self, evidence: Mapping[str, str]) -> None:
        """Write what was found out, by the ids of rollouts; of whom there is no text, nothing."""
        some = {id_: text for id_, text in evidence.items() if text}
        if some:
            await self.note(lambda writing: writing.rollouts.save(some))
