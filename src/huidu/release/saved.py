"""Saved: what is kept of a rollout about once a second, and lost without harm but for time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
import structlog

from huidu.model.findings import Findings

T = TypeVar("T")

log = structlog.get_logger("huidu.release")


class Saved(msgspec.Struct, omit_defaults=True):
    """What a follower knows."""

    findings: Findings = Findings()
    judge: str = ""
    votes: str = ""
    watch: str = ""
    keys: tuple[int, ...] = ()

    def text(self) -> str:
        """Return it as text."""
        return msgspec.json.encode(self).decode()


SAVED = msgspec.json.Decoder(Saved)


def read(text: str) -> Saved:
    """Return what `text` wrote; nothing at all where that cannot be read."""
    try:
        return SAVED.decode(text) if text else Saved()
    except msgspec.MsgspecError as error:
        log.warning("rollout.evidence", reason=str(error))
        return Saved()


def again(text: str, restore: Callable[..., T], *given: object) -> T | None:
    """Return what was saved as a text; None where there is none, or it cannot be trusted."""
    if not text:
        return None
    try:
        return restore(text, *given)
    except ValueError as error:
        log.warning("rollout.evidence", reason=str(error))
        return None
