"""What goes on from events as they end, in the step that ends them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert

from huidu.model.destination import FULL, Onward
from huidu.model.effect import Effect
from huidu.model.event import Ended, State
from huidu.model.function import FunctionName
from huidu.model.happening import EVENT_ANSWERED, Happening
from huidu.store.queue_rows import event_row
from huidu.store.queue_tables import QUEUED
from huidu.store.telling import Telling


@dataclass(slots=True)
class Sent:
    """What was sent on in one step."""

    live: Counter[FunctionName] = field(default_factory=Counter)
    dead: Counter[FunctionName] = field(default_factory=Counter)
    full: int = 0  #: Of the dead: for want of room to wait in.
    webhooks: int = 0
    lost: int = 0  #: For webhooks that are gone.
    effects: list[Effect] = field(default_factory=list)


def send(connection: Connection, goes: Iterable[tuple[Ended, Onward]]) -> Sent:
    """Put events into the queue, and deliveries on their way.

    What was sent before is not sent a second time: it has the same request id.
    """
    sent, told = Sent(), Telling(connection)
    for ended, onward in goes:
        if onward.event is not None:
            row = dict(event_row(onward.event))
            if onward.refused:
                row |= {"state": State.DEAD.value, "error": onward.refused, "ended_at": ended.at}
            new = insert(QUEUED).values(row)
            made = connection.execute(
                new.on_conflict_do_nothing(index_elements=["request_id"])
            ).rowcount
            (sent.dead if onward.refused else sent.live)[onward.event.function] += made
            sent.full += made if onward.refused == FULL else 0
        elif told.tell_one(onward.webhook, _happening(ended, onward)):
            sent.webhooks += 1
        else:
            sent.lost += 1
    sent.effects = told.effects
    return sent


def _happening(ended: Ended, onward: Onward) -> Happening:
    event, attempt = ended.event, ended.attempt
    return Happening(
        kind=EVENT_ANSWERED,
        at=ended.at,
        namespace=event.function.namespace,
        function=event.function.name,
        alias=attempt.alias,
        version=attempt.version,
        subject=event.request_id,
        after=f"status {attempt.status}",
        detail=json.dumps(json.loads(onward.record), ensure_ascii=False),
        request_id=event.request_id,
    )


def pairs(ends: Sequence[Ended], goes: Iterable[Onward | None]) -> list[tuple[Ended, Onward]]:
    """Return which events something goes on from, and what."""
    return [(ended, one) for ended, one in zip(ends, goes, strict=True) if one is not None]
