"""What is told of events that are given up, in the step that gives them up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from huidu.model.effect import Effect
from huidu.model.event import QueuedEvent
from huidu.model.happening import EVENT_DEAD, Happening
from huidu.store.telling import Telling

MOST_REMEMBERED = 10_000  #: Versions.
QUIET_S = 60.0  #: Where no webhook wants them, one in so long tells of all of a version.
MOST_TOLD_BYTES = 16 * 1024  #: Of what was sent; more is to be had from `GetAsyncEvent`.


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """An event that was given up."""

    event: QueuedEvent
    version: str
    status: int
    error: str
    why: str
    log: str = ""


class Mourner:
    """Tells of events that were given up: of each, where a webhook asks for that.

    Where none does, of the first in a minute of each version: a broken version that is sent
    thousands leaves one line in what happened, and all of them among the dead letters.
    """

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], float] = {}

    def tell(self, connection: Connection, dead: Iterable[Dead], at: float) -> list[Effect]:
        """Keep what happened, with a delivery for each webhook that wants it."""
        telling = Telling(connection)
        webhooks = telling.webhooks()
        for one in dead:
            told = _happening(one, at)
            if any(webhook.wants(told) for webhook in webhooks) or self._is_news(one, at):
                telling.tell(told)
        return telling.effects

    def _is_news(self, one: Dead, at: float) -> bool:
        last = self._told.get((one.event.function_id, one.version))
        if last is not None and 0 <= at - last < QUIET_S:
            return False
        if len(self._told) > MOST_REMEMBERED:
            self._told.clear()
        self._told[one.event.function_id, one.version] = at
        return True


def _happening(one: Dead, at: float) -> Happening:
    event = one.event
    detail = {
        "InvokeRequestId": event.request_id,
        "Qualifier": event.qualifier,
        "StatusCode": one.status,
        "ErrMsg": one.error,
        "Log": one.log,
        "RetryNum": max(0, event.attempts - 1),
        "Event": event.event.decode("utf-8", "replace")
        if len(event.event) <= MOST_TOLD_BYTES
        else None,
    }
    return Happening(
        kind=EVENT_DEAD,
        at=at,
        namespace=event.function.namespace,
        function=event.function.name,
        version=one.version,
        subject=event.request_id,
        why=one.why,
        after=f"status {one.status}",
        detail=json.dumps(detail, ensure_ascii=False),
        request_id=event.request_id,
    )
