"""Steps of the queue, each within a transaction: put, take with a lease, end, take back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    bindparam,
    literal_column,
    select,
    update,
)

from huidu.model.event import OVER, Attempt, Ended, QueuedEvent, State, Turn, write_history
from huidu.model.invocation import Status
from huidu.model.retry import LONGEST_DELAY_S
from huidu.model.turns import Wanted, deal
from huidu.store.queue_rows import ended_row, event_from
from huidu.store.queue_tables import QUEUED

CUT_OFF = "cut off: its server ended"
MOST_TAKEN_BACK = 500  #: In one step.


def is_in(state: State) -> ColumnElement[bool]:
    """Return a condition that an index over what is in this state meets word for word."""
    return literal_column("state") == literal_column(f"'{state.value}'")


def settle(connection: Connection, ends: Sequence[Ended], owner: str) -> int:
    """Keep what came of attempts, and return of how many something else came.

    Their events were this server's no more, or somebody ended them meanwhile.
    """
    kept = 0
    columns = QUEUED.c
    mine = and_(columns.sequence == bindparam("of"), columns.owner == owner, is_in(State.RUNNING))
    for over in (True, False):
        rows = [ended_row(one) for one in ends if (one.state in OVER) == over]
        if rows:
            names = [name for name in rows[0] if name != "of"]
            change = update(QUEUED).where(mine).values({name: bindparam(name) for name in names})
            kept += connection.execute(change, rows).rowcount
    return len(ends) - kept + _stop(connection, ends)


def _stop(connection: Connection, ends: Sequence[Ended]) -> int:
    """End what somebody wanted ended just as its attempt did; return how many those were."""
    going_on = [one.event.sequence for one in ends if one.state == State.DELAYED]
    if not going_on:
        return 0
    mine = and_(QUEUED.c.sequence.in_(going_on), QUEUED.c.stopping, is_in(State.DELAYED))
    over = {"state": State.ABORTED.value, "status": int(Status.CANCELLED), "event": b""}
    return connection.execute(update(QUEUED).where(mine).values(over)).rowcount


def take(connection: Connection, wanted: Wanted) -> Turn:
    """Lend events that are due: of each function some, of none all that there is room for."""
    next_at = _make_ready(connection, wanted.now)
    take_back(connection, wanted.owner, expired_at=wanted.now)
    functions, others = _functions(connection, wanted)
    dealt = deal(wanted.free, functions, wanted.holds, wanted.most)
    found: list[RowMapping] = []
    more = others
    for function_id, count in dealt.items():
        rows = _first(connection, function_id, count)
        more = more or len(rows) == count
        found += rows
    if found:
        _lend(connection, [row["sequence"] for row in found], wanted)
    return Turn(
        events=tuple(event_from(row, row["event"]) for row in found),
        after=functions[-1] if dealt else wanted.after,
        more=more and bool(found),
        next_at=next_at,
    )


def _make_ready(connection: Connection, now: float) -> float | None:
    """Have those wait no more whose delay is over; return when the next one's is.

    One that is delayed for longer than any can be waits for a moment by a clock that was set back.
    """
    first = select(QUEUED.c.next_at).where(is_in(State.DELAYED)).limit(1)
    ends = [
        connection.execute(first.order_by(order)).scalar()
        for order in (QUEUED.c.next_at.asc(), QUEUED.c.next_at.desc())
    ]
    if ends[0] is None:
        return None
    ready = update(QUEUED).where(is_in(State.DELAYED)).values(state=State.READY.value)
    far = now + LONGEST_DELAY_S
    if ends[0] <= now:
        connection.execute(ready.where(QUEUED.c.next_at <= now))
    if ends[1] is not None and ends[1] > far:
        connection.execute(ready.where(QUEUED.c.next_at > far))
    return connection.execute(first.order_by(QUEUED.c.next_at)).scalar()


def _functions(connection: Connection, wanted: Wanted) -> tuple[list[str], bool]:
    """Return functions that have something due, beginning behind the one that was served last.

    Each costs one look into the index, however many events wait; as many are looked at as could
    be served, and it is told whether there are others.
    """
    found: list[str] = []
    looked = 0
    for start, end in ((wanted.after, None), (None, wanted.after)):
        at = start
        while len(found) < wanted.free and looked < wanted.free + len(wanted.most) + 1:
            at = next_function(connection, at)
            if at is None or (end is not None and at > end):
                break
            looked += 1
            if wanted.most.get(at, 1) > wanted.holds.get(at, 0) or at not in wanted.most:
                found.append(at)
    return found, len(found) >= wanted.free > 0


def next_function(connection: Connection, after: str | None) -> str | None:
    """Return the first function behind another that has something due; None behind the last."""
    line = select(QUEUED.c.function_id).where(is_in(State.READY))
    if after is not None:
        line = line.where(QUEUED.c.function_id > after)
    found: str | None = connection.execute(
        line.order_by(QUEUED.c.function_id, QUEUED.c.since).limit(1)
    ).scalar()
    return found


def _first(connection: Connection, function_id: str, count: int) -> Sequence[RowMapping]:
    """Return the events of a function that are the next, and that nobody else is about to take."""
    due = select(QUEUED).where(is_in(State.READY), QUEUED.c.function_id == function_id)
    ordered = due.order_by(QUEUED.c.since).limit(count).with_for_update(skip_locked=True)
    return connection.execute(ordered).mappings().all()


def _lend(connection: Connection, sequences: Sequence[int], wanted: Wanted) -> None:
    mine = update(QUEUED).where(QUEUED.c.sequence == bindparam("of"))
    lent = mine.values(
        state=State.RUNNING.value,
        owner=wanted.owner,
        leased_until=wanted.until,
        attempts=QUEUED.c.attempts + 1,
    )
    connection.execute(lent, [{"of": sequence} for sequence in sequences])


def extend(connection: Connection, owner: str, until: float) -> int:
    """Lengthen the lease of all that a server runs; return how many that are."""
    mine = and_(is_in(State.RUNNING), QUEUED.c.owner == owner)
    return connection.execute(update(QUEUED).where(mine).values(leased_until=until)).rowcount


def give_back(connection: Connection, events: Sequence[QueuedEvent], owner: str) -> None:
    """Have others run events that were lent and have not begun; it is no attempt.

    What somebody wanted ended meanwhile is over.
    """
    mine = and_(QUEUED.c.sequence == bindparam("of"), QUEUED.c.owner == owner)
    change = update(QUEUED).where(mine, is_in(State.RUNNING))
    back = {"owner": "", "leased_until": 0.0, "attempts": QUEUED.c.attempts - 1}
    over = {
        "state": State.ABORTED.value,
        "status": int(Status.CANCELLED),
        "event": b"",
        "ended_at": QUEUED.c.leased_until,
    }
    lent = [{"of": event.sequence} for event in events]
    connection.execute(change.where(QUEUED.c.stopping).values(back | over), lent)
    connection.execute(change.values(back | {"state": State.READY.value}), lent)


def take_back(connection: Connection, owner: str, expired_at: float | None) -> int:
    """Have those run again that other servers had and have let go of; return how many.

    Those whose lease has expired, or all: of servers that are certainly gone.
    """
    theirs = select(*(one for one in QUEUED.c if one.name != "event"))
    theirs = theirs.where(is_in(State.RUNNING), QUEUED.c.owner != owner)
    if expired_at is not None:
        theirs = theirs.where(QUEUED.c.leased_until < expired_at)
    found = connection.execute(theirs.limit(MOST_TAKEN_BACK)).mappings().all()
    if found:
        _free(connection, found)
    return len(found)


def _free(connection: Connection, found: Iterable[RowMapping]) -> None:
    for row in found:
        event = event_from(row)
        cut = Attempt(number=event.attempts - 1, error=CUT_OFF, then="again at once")
        values: dict[str, object] = {
            "state": State.ABORTED.value if event.stopping else State.READY.value,
            "owner": "",
            "leased_until": 0.0,
            "history": write_history(event.with_attempt(cut)),
        }
        if event.stopping:
            values |= {
                "event": b"",
                "ended_at": row["leased_until"],
                "status": int(Status.CANCELLED),
            }
        mine = QUEUED.c.sequence == event.sequence
        connection.execute(update(QUEUED).where(mine).values(values))


def expire(
    connection: Connection, function_id: str, before: float, error: str, at: float
) -> Sequence[QueuedEvent]:
    """Give up events of a function whose time began before a moment and that nobody has taken."""
    due = select(QUEUED).where(is_in(State.READY), QUEUED.c.function_id == function_id)
    late = due.where(QUEUED.c.since < before).order_by(QUEUED.c.since).limit(MOST_TAKEN_BACK)
    found = connection.execute(late.with_for_update(skip_locked=True)).mappings().all()
    dead = {"state": State.DEAD.value, "error": error, "ended_at": at}
    mine = update(QUEUED).where(QUEUED.c.sequence == bindparam("of")).values(dead)
    if found:
        connection.execute(mine, [{"of": row["sequence"]} for row in found])
    return [event_from(row, row["event"]) for row in found]
