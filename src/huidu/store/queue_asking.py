"""What may be asked of events, and what is forgotten of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, true

from huidu.model.event import LIVE, OVER, Kept, State
from huidu.model.function import FunctionName
from huidu.model.names import names_version
from huidu.store.queue_rows import SHOWN, kept_from
from huidu.store.queue_steps import is_in
from huidu.store.queue_tables import QUEUED

MOST_FORGOTTEN = 1000  #: In one step, so that no write waits for long.
Counts = tuple[Mapping[FunctionName, int], Mapping[FunctionName, int]]
Window = tuple[float | None, float | None]  #: From a moment on, and before another.
EVER: Window = (None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which events are wanted. What is empty does not narrow."""

    namespace: str = ""
    function: str = ""
    qualifier: str = ""  #: A version that ran it last, or an alias that it was sent to.
    triggers: tuple[str, ...] = ()
    states: tuple[State, ...] = ()
    version: str | None = None  #: That ran it last; empty for those that none did.
    accepted: Window = EVER
    ended: Window = EVER
    request_id: str = ""
    column: str = "accepted_at"
    descending: bool = True
    offset: int = 0
    limit: int = 20


def counts(connection: Connection) -> Counts:
    """Return how many events of each function are to be run, and how many were given up."""
    columns = QUEUED.c
    live: dict[FunctionName, int] = {}
    dead: dict[FunctionName, int] = {}
    for state in (*LIVE, State.DEAD):
        query = select(columns.namespace, columns.function, func.count()).where(is_in(state))
        kept = dead if state == State.DEAD else live
        for namespace, function, count in connection.execute(
            query.group_by(columns.namespace, columns.function)
        ):
            named = FunctionName(namespace, function)
            kept[named] = kept.get(named, 0) + count
    return live, dead


def find(connection: Connection, request_id: str) -> Kept | None:
    """Return all that is kept of an event."""
    query = select(QUEUED).where(QUEUED.c.request_id == request_id)
    row = connection.execute(query).mappings().first()
    return kept_from(row) if row is not None else None


def search(connection: Connection, wanted: Search) -> tuple[int, Sequence[Kept]]:
    """Return how many events are as wanted, and a page of them without what was sent."""
    where = condition(wanted)
    total = connection.execute(select(func.count()).select_from(QUEUED).where(where)).scalar_one()
    column = QUEUED.c[wanted.column]
    ordered = select(*SHOWN).where(where)
    for one in (column, QUEUED.c.sequence):
        ordered = ordered.order_by(one.desc() if wanted.descending else one.asc())
    found = connection.execute(ordered.limit(wanted.limit).offset(wanted.offset)).mappings()
    return int(total), [kept_from(row) for row in found]


def condition(wanted: Search) -> ColumnElement[bool]:
    """Return what a row must meet to be as wanted."""
    columns = QUEUED.c
    terms: list[ColumnElement[bool]] = [true()]
    named = ("namespace", "function", "request_id")
    terms += [columns[name] == value for name in named if (value := getattr(wanted, name))]
    if wanted.states:
        terms.append(or_(*map(is_in, wanted.states)))
    if wanted.triggers:
        terms.append(columns.trigger.in_(wanted.triggers))
    if wanted.version is not None:
        terms.append(columns.version == wanted.version)
    if wanted.qualifier:
        by_version = names_version(wanted.qualifier)
        terms.append((columns.version if by_version else columns.qualifier) == wanted.qualifier)
    for column, (since, until) in (
        (columns.accepted_at, wanted.accepted),
        (columns.ended_at, wanted.ended),
    ):
        if since is not None:
            terms.append(column >= since)
        if until is not None:
            terms.append(
                and_(column < until, columns.ended_at > 0 if column is columns.ended_at else true())
            )
    return and_(*terms)


def forget_over(connection: Connection, *, before: float, most: int) -> int:
    """Forget some statuses of events that are over, of the oldest; return how many."""
    columns = QUEUED.c
    newest = connection.execute(select(func.max(columns.sequence))).scalar() or 0
    oldest = select(columns.sequence, columns.ended_at).where(or_(*map(is_in, OVER)))
    found = connection.execute(oldest.order_by(columns.sequence).limit(MOST_FORGOTTEN)).all()
    gone = [one.sequence for one in found if one.ended_at < before or one.sequence <= newest - most]
    if gone:
        connection.execute(delete(QUEUED).where(columns.sequence.in_(gone)))
    return len(gone)


def forget_dead(connection: Connection, *, named: FunctionName, before: float, most: int) -> int:
    """Forget some dead letters of a function: the old, and the oldest beyond so many."""
    columns = QUEUED.c
    mine = and_(
        is_in(State.DEAD), columns.namespace == named.namespace, columns.function == named.name
    )
    newest = select(columns.sequence).where(mine).order_by(columns.ended_at.desc())
    too_many = newest.offset(most).limit(MOST_FORGOTTEN)
    old = select(columns.sequence).where(mine, columns.ended_at < before).limit(MOST_FORGOTTEN)
    gone = {one for query in (too_many, old) for one in connection.execute(query).scalars()}
    if gone:
        connection.execute(delete(QUEUED).where(columns.sequence.in_(gone)))
    return len(gone)
