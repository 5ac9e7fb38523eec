"""What may be asked of happenings, webhooks and deliveries, at one moment of the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    false,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased

from huidu.model.access_key import API, CONSOLE, said_by
from huidu.model.delivery import DEAD, PENDING, Delivery
from huidu.model.errors import NotFound
from huidu.model.happening import EVERY, THROTTLE_BEGAN, THROTTLE_ENDED, Happening
from huidu.model.webhook import Condition, Webhook
from huidu.store.tables import DELIVERY, HAPPENING, WEBHOOK

KINDS = msgspec.json.Decoder(tuple[str, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Which happenings are wanted. What is empty or None does not narrow."""

    kinds: tuple[str, ...] = ()
    namespace: str = ""
    function: str = ""
    alias: str = ""
    version: str = ""
    who: str = ""
    since: float | None = None
    until: float | None = None
    beyond: int | None = None  #: Only what comes after this sequence, in the order asked for.
    descending: bool = True
    limit: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a webhook is to be told next, and when."""

    webhook: Webhook
    pending: int
    due: tuple[Delivery, Happening] | None  #: To be tried now.
    next_at: float | None  #: When there is something to be tried, where nothing is due.


class Told:
    """Questions about what happened and who was told."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def happenings(self, asking: Asking) -> Sequence[Happening]:
        """Return what happened, in the order that was asked for."""
        column = HAPPENING.c.sequence
        query = select(HAPPENING).where(_where(asking)).limit(asking.limit)
        found = self._connection.execute(
            query.order_by(column.desc() if asking.descending else column.asc())
        )
        return [_happening(row) for row in found.mappings()]

    def last_happening(self) -> int:
        """Return the sequence of what happened last, or 0."""
        query = select(func.coalesce(func.max(HAPPENING.c.sequence), 0))
        return int(self._connection.execute(query).scalar_one())

    def open_throttles(self) -> Sequence[Happening]:
        """Return each throttle that began and has not ended."""
        began, later = HAPPENING, aliased(HAPPENING)
        names = ("namespace", "function", "version")
        same = and_(*(later.c[name] == began.c[name] for name in names))
        newer = and_(
            same,
            later.c.kind.in_((THROTTLE_BEGAN, THROTTLE_ENDED)),
            later.c.sequence > began.c.sequence,
        )
        query = (
            select(began)
            .where(began.c.kind == THROTTLE_BEGAN)
            .where(~select(later.c.sequence).where(newer).exists())
        )
        return [_happening(row) for row in self._connection.execute(query).mappings()]

    def webhooks(self) -> Sequence[Webhook]:
        """Return all webhooks, in the order of their names."""
        found = self._connection.execute(select(WEBHOOK).order_by(WEBHOOK.c.name))
        return [_webhook(row) for row in found.mappings()]

    def webhook(self, name: str) -> Webhook:
        """Return a webhook, or raise `NotFound`."""
        query = select(WEBHOOK).where(WEBHOOK.c.name == name)
        row = self._connection.execute(query).mappings().first()
        if row is None:
            raise NotFound("Webhook", name[:80])
        return _webhook(row)

    def condition(self, webhook: Webhook) -> Condition:
        """Return how a webhook fares."""
        query = select(WEBHOOK).where(WEBHOOK.c.id == webhook.id)
        row = self._connection.execute(query).mappings().one()
        return Condition(
            failing_since=row["failing_since"],
            delivered_at=row["delivered_at"],
            last_error=row["last_error"],
            pending=self.count_deliveries(webhook.id, PENDING),
            dead=self.count_deliveries(webhook.id, DEAD),
        )

    def count_deliveries(self, webhook_id: str, state: str) -> int:
        """Return how many deliveries of a webhook are in a state."""
        query = select(func.count()).select_from(DELIVERY).where(_in(webhook_id, state))
        return int(self._connection.execute(query).scalar_one())

    def deliveries(
        self, webhook: Webhook, state: str, offset: int, limit: int
    ) -> Sequence[tuple[Delivery, Happening]]:
        """Return deliveries in a state, the oldest first, each with what happened."""
        query = select(DELIVERY).where(_in(webhook.id, state)).order_by(DELIVERY.c.sequence)
        found = self._connection.execute(query.limit(limit).offset(offset)).mappings().all()
        return [(_delivery(row), self._happening_at(row["sequence"])) for row in found]

    def delivery(self, delivery_id: str) -> Delivery | None:
        """Return a delivery, unless it has arrived or was forgotten."""
        query = select(DELIVERY).where(DELIVERY.c.id == delivery_id)
        row = self._connection.execute(query).mappings().first()
        return _delivery(row) if row is not None else None

    def line(self, webhook_id: str, now: float) -> Line | None:
        """Return what a webhook is to be told next; None where there is no such webhook.

        That is the first in line that is due, unless one before it holds those behind it up.
        """
        query = select(WEBHOOK).where(WEBHOOK.c.id == webhook_id)
        row = self._connection.execute(query).mappings().first()
        if row is None:
            return None
        webhook, pending = _webhook(row), self.count_deliveries(webhook_id, PENDING)
        if not (webhook.enabled and pending):
            return Line(webhook=webhook, pending=pending, due=None, next_at=None)
        first = select(DELIVERY).where(_in(webhook_id, PENDING)).order_by(DELIVERY.c.sequence)
        due = self._first(first.where(DELIVERY.c.next_at <= now))
        holding = self._first(
            first.where(and_(DELIVERY.c.next_at > now, DELIVERY.c.held_until > now))
        )
        if due and (holding is None or due.sequence < holding.sequence):
            told = (due, self._happening_at(due.sequence))
            return Line(webhook=webhook, pending=pending, due=told, next_at=None)
        soonest = select(func.min(DELIVERY.c.next_at)).where(_in(webhook_id, PENDING))
        if holding is not None:
            soonest = soonest.where(DELIVERY.c.sequence <= holding.sequence)
        next_at = self._connection.execute(soonest).scalar_one()
        return Line(webhook=webhook, pending=pending, due=None, next_at=next_at)

    def _first(self, query: Any) -> Delivery | None:  # noqa: ANN401 - a statement of many types
        row = self._connection.execute(query.limit(1)).mappings().first()
        return _delivery(row) if row is not None else None

    def _happening_at(self, sequence: int) -> Happening:
        query = select(HAPPENING).where(HAPPENING.c.sequence == sequence)
        return _happening(self._connection.execute(query).mappings().one())


def _in(webhook_id: str, state: str) -> ColumnElement[bool]:
    return and_(DELIVERY.c.webhook_id == webhook_id, DELIVERY.c.state == state)


def _where(asking: Asking) -> ColumnElement[bool]:
    columns = HAPPENING.c
    terms: list[ColumnElement[bool]] = [
        columns[name] == getattr(asking, name)
        for name in ("namespace", "function", "alias", "version")
        if getattr(asking, name)
    ]
    if asking.who:  # in whichever way it asked
        ways = (asking.who, *(said_by(asking.who, way) for way in (API, CONSOLE)))
        terms.append(columns.who.in_(ways))
    if asking.kinds and EVERY not in asking.kinds:
        terms.append(or_(false(), *map(_of_kind, asking.kinds)))
    if asking.since is not None:
        terms.append(columns.at >= asking.since)
    if asking.until is not None:
        terms.append(columns.at <= asking.until)
    if asking.beyond is not None:
        before, later = columns.sequence < asking.beyond, columns.sequence > asking.beyond
        terms.append(before if asking.descending else later)
    return and_(true(), *terms)


def _of_kind(pattern: str) -> ColumnElement[bool]:
    family, _, rest = pattern.partition(".")
    if rest == EVERY:
        return HAPPENING.c.kind.startswith(f"{family}.", autoescape=True)
    return HAPPENING.c.kind == pattern


def happening_row(happening: Happening) -> dict[str, Any]:
    """Return the row of what happened, without the sequence that the table gives it."""
    return {name: value for name, value in asdict(happening).items() if name != "sequence"}


def _happening(row: RowMapping) -> Happening:
    return Happening(**row)


def webhook_row(webhook: Webhook) -> Mapping[str, Any]:
    """Return the row of a webhook, without how it fares."""
    return asdict(webhook) | {"kinds": msgspec.json.encode(webhook.kinds).decode()}


WEBHOOK_FIELDS = tuple(field.name for field in fields(Webhook))


def _webhook(row: RowMapping) -> Webhook:
    kept = {name: row[name] for name in WEBHOOK_FIELDS}
    kinds = KINDS.decode(row["kinds"])
    return Webhook(**kept | {"kinds": kinds})


def _delivery(row: RowMapping) -> Delivery:
    return Delivery(**row)
