"""A queue that refuses when it is told to, and what its events are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from huidu.model.event import Attempt, Ended, QueuedEvent, State, Turn
from huidu.model.invocation import Status
from huidu.model.retry import EventConfig
from huidu.model.turns import Wanted
from huidu.store.database import Database
from huidu.store.queue import Queue
from tests.fakes_store import Moody

ME = "server-1"


def wanted(**more: Any) -> Wanted:
    known: dict[str, Any] = {
        "owner": ME,
        "now": 1000.0,
        "until": 1060.0,
        "free": 100,
        "holds": {},
        "most": {},
    }
    return Wanted(**known | more)


def ended(event: QueuedEvent, state: State = State.FINISHED, **more: Any) -> Ended:
    """An attempt that has ended, of the version that it is told."""
    attempt: dict[str, Any] = {
        "number": event.attempts,
        "version": more.pop("version", "1"),
        "status": int(Status.SUCCESS if state == State.FINISHED else Status.USER_ERROR),
        "then": state.value,
    }
    known: dict[str, Any] = {"at": 1001.0}
    return Ended(event=event, state=state, attempt=Attempt(**attempt), **known | more)


class MoodyQueue(Queue):
    """A real queue of which each step may refuse."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.beginning, self.turning = Moody(), Moody()
        self.turns = 0

    async def begin(self, owner: str) -> int:
        self.beginning.consider()
        return await super().begin(owner)

    async def turn(self, ends: Sequence[Ended], wanted: Wanted) -> Turn:
        self.turns += 1
        self.turning.consider()
        return await super().turn(ends, wanted)

    async def expire(self, config_of: Callable[[str], EventConfig], now: float) -> int:
        self.turning.consider()
        return await super().expire(config_of, now)
