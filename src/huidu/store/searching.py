"""Searching: the records that somebody wants, among those kept one by one and those in packs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    asc,
    case,
    desc,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from huidu.model.frame import log_of
from huidu.model.function import FunctionName
from huidu.model.invocation import Record, Status
from huidu.store.packs import mark_of, unpack
from huidu.store.tables import MARK, PACK, RECORD

#: The ends of what the records of a pack say, by what they are ordered by; all else is the same.
ENDS = {"started_at": "started", "duration_ms": "duration", "memory_bytes": "memory"}
#: What of a record has a column of another name, or none.
NOT_KEPT = frozenset({"function", "sequence", "streamed", "silent"})
PLAIN = tuple(name for name in Record._fields if name not in NOT_KEPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which records are wanted. What is empty or None does not narrow."""

    function_id: str
    request_id: str = ""
    version: str = ""
    alias: str = ""
    since: float | None = None
    until: float | None = None
    statuses: frozenset[int] = frozenset()  #: Only these.
    failed: bool | None = None  #: True: all but 200; False: only 200.
    column: str = "started_at"
    descending: bool = True
    offset: int = 0
    limit: int = 20

    @property
    def successes(self) -> bool:
        """Whether calls that succeeded are wanted."""
        return not self.failed and (not self.statuses or Status.SUCCESS in self.statuses)

    def takes(self, record: Record) -> bool:
        """Tell whether a record of a pack is wanted whose way and status are."""
        return (
            (not self.request_id or record.request_id == self.request_id)
            and (self.since is None or record.started_at >= self.since)
            and (self.until is None or record.started_at <= self.until)
        )


def found(connection: Connection, search: Search) -> tuple[int, Sequence[Record]]:
    """Return how many records match, and those of the page that was asked for."""
    where = _rows_where(search)
    total = connection.execute(select(func.count()).select_from(RECORD).where(where)).scalar_one()
    if search.request_id and search.successes:
        return _few(connection, search, where)
    packed = _count(connection, search) if search.successes else 0
    if not packed:
        return total, _rows(connection, search, where, search.offset, search.limit)
    most = search.offset + search.limit
    first = _rows(connection, search, where, 0, most)
    return total + packed, _best(connection, search, first, most)[search.offset :]


def _rows(
    connection: Connection, search: Search, where: ColumnElement[bool], offset: int, limit: int
) -> Sequence[Record]:
    direction = desc if search.descending else asc
    page = (
        select(RECORD)
        .where(where)
        .order_by(direction(RECORD.c[search.column]), direction(RECORD.c.sequence))
        .limit(limit)
        .offset(offset)
    )
    return [_record(row) for row in connection.execute(page).mappings()]


def _few(
    connection: Connection, search: Search, where: ColumnElement[bool]
) -> tuple[int, Sequence[Record]]:
    """Return the same of one call, of which there are a few records at most: one for each run."""
    packed = chain.from_iterable(_matching(connection, search, _packs_where(search)))
    rows = _rows(connection, search, where, 0, -1)
    records = [*rows, *map(_whole, packed)]
    records.sort(key=_place(search.column), reverse=search.descending)
    return len(records), records[search.offset : search.offset + search.limit]


def _count(connection: Connection, search: Search) -> int:
    """Return how many records in packs match; only packs that match in part are looked into."""
    whole, known = _packs_whole(search), _packs_where(search)
    counts = select(func.coalesce(func.sum(PACK.c.count), 0)).where(and_(known, whole))
    count = int(connection.execute(counts).scalar_one())
    if search.since is None and search.until is None:
        return count
    parts = _matching(connection, search, and_(known, not_(whole)))
    return count + sum(len(some) for some in parts)


def _matching(
    connection: Connection, search: Search, where: ColumnElement[bool]
) -> Iterator[Sequence[Record]]:
    packs = PACK.outerjoin(MARK, and_(MARK.c.first == PACK.c.first))
    query = select(PACK.c.first, PACK.c.body).select_from(packs).where(where)
    for first, body in connection.execute(query):
        yield [record for record in unpack(body, first) if search.takes(record)]


def _best(
    connection: Connection, search: Search, rows: Sequence[Record], most: int
) -> Sequence[Record]:
    """Return the first records in the order that was asked for, out of rows and packs.

    Packs are looked into in the order of the best that they may hold, until none can hold any
    that comes before those that were found.
    """
    place, best = _place(search.column), list(rows)
    if not most:
        return []
    for first, count, end, body in connection.execute(_in_order(search)):
        last = place(best[most - 1]) if len(best) >= most else None
        bound = (end, first + count - 1 if search.descending else first)
        if last is not None and (bound < last if search.descending else bound > last):
            break
        best += (record for record in unpack(body, first) if search.takes(record))
        best.sort(key=place, reverse=search.descending)
        del best[most:]
    return list(map(_whole, best))


def _whole(record: Record) -> Record:
    return record._replace(log=log_of(record), silent=False)


def _in_order(search: Search) -> Any:  # noqa: ANN401 - a statement of many types
    """Return the question for packs, those with the best at one end first."""
    direction = desc if search.descending else asc
    end: Any = literal("")  # all records of one function have one name
    if search.column in ENDS:
        end = PACK.c[f"{'high' if search.descending else 'low'}_{ENDS[search.column]}"]
    query = select(PACK.c.first, PACK.c.count, end, PACK.c.body).where(_packs_where(search))
    return query.order_by(direction(end), direction(PACK.c.first))


def _place(column: str) -> Callable[[Record], tuple[Any, int]]:
    """Return what records are ordered by."""
    if column in ENDS:
        return lambda record: (getattr(record, column), record.sequence)
    return lambda record: ("", record.sequence)


def _packs_where(search: Search) -> ColumnElement[bool]:
    columns = PACK.c
    terms: list[ColumnElement[bool]] = [columns.function_id == search.function_id]
    if search.request_id:
        # SQLite looks through the marks of many packs in the time that one takes to be taken apart,
        # and no index of random ids has to be kept up by every call. An old pack has none, and the
        # id is in it as it is.
        marked = func.instr(MARK.c.ids, mark_of(search.request_id)) > 0
        said = func.instr(columns.body, search.request_id.encode()) > 0
        terms.append(case((MARK.c.first.is_(None), said), else_=marked))
    if search.version:
        terms.append(columns.version == search.version)
    if search.alias:
        terms.append(columns.alias == search.alias)
    if search.since is not None:
        terms.append(columns.high_started >= search.since)
    if search.until is not None:
        terms.append(columns.low_started <= search.until)
    return and_(*terms)


def _packs_whole(search: Search) -> ColumnElement[bool]:
    """Return when all records of a pack match if any may, whichever calls they are of."""
    terms: list[ColumnElement[bool]] = [true()]
    if search.since is not None:
        terms.append(PACK.c.low_started >= search.since)
    if search.until is not None:
        terms.append(PACK.c.high_started <= search.until)
    return and_(*terms)


def _rows_where(search: Search) -> ColumnElement[bool]:
    terms: list[ColumnElement[bool]] = [
        RECORD.c.function_id == search.function_id,
    ]
    if search.request_id:
        terms.append(RECORD.c.request_id == search.request_id)
    if search.version:
        terms.append(RECORD.c.version == search.version)
    if search.alias:
        terms.append(RECORD.c.alias == search.alias)
    if search.since is not None:
        terms.append(RECORD.c.started_at >= search.since)
    if search.until is not None:
        terms.append(RECORD.c.started_at <= search.until)
    if search.statuses:
        terms.append(or_(*(RECORD.c.status == status for status in sorted(search.statuses))))
    if search.failed is not None:
        good = RECORD.c.status == 200  # noqa: PLR2004 - Status.SUCCESS
        terms.append(~good if search.failed else good)
    return and_(*terms)


def _record(row: RowMapping) -> Record:
    return Record(
        function=FunctionName(row["namespace"], row["function"]),
        sequence=row["sequence"],
        **{name: row[name] for name in PLAIN},
    )
