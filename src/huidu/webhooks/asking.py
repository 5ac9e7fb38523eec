"""Asking: posts a question to whoever has to say yes to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from huidu.model.delivery import Reply
from huidu.model.rollout_terms import QUESTION, Gate
from huidu.webhooks.signature import headers


class Poster(Protocol):
    """Who speaks to receivers."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply: ...


class Asking:
    """Asks gates as webhooks are told of events: checked addresses, limits, and a signature."""

    def __init__(self, post: Poster, clock: Callable[[], float]) -> None:
        self._post = post
        self._clock = clock

    async def __call__(self, gate: Gate, mark: str, question: bytes) -> Reply:
        """Ask once. `mark` is the same whenever the same is asked."""
        said = headers(QUESTION, mark, gate.secret, int(self._clock()), question)
        return await self._post(gate.url, question, said)
