"""The journal: a record of every call, kept in a database of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    asc,
    delete,
    desc,
    func,
    or_,
    select,
)

from huidu.model.function import FunctionName
from huidu.model.invocation import Record
from huidu.store.database import Database
from huidu.store.tables import RECORD


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


class Journal:
    """Records in the order in which calls ended."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, records: Sequence[Record], logs: Sequence[str] | None = None) -> None:
        """Keep records, all of them or none; each with what `logs` has of it as its log."""
        kept = [record.log for record in records] if logs is None else logs
        rows = [
            (*named(record.function), *plain(record), log)
            for record, log in zip(records, kept, strict=True)
        ]
        await self._database.write(lambda connection: connection.exec_driver_sql(INSERT, rows))

    async def find(self, search: Search) -> tuple[int, Sequence[Record]]:
        """Return how many records match, and those of the page that was asked for."""
        where, column = _where(search), RECORD.c[search.column]
        direction = desc if search.descending else asc
        count = select(func.count()).select_from(RECORD).where(where)
        page = (
            select(RECORD)
            .where(where)
            .order_by(direction(column), direction(RECORD.c.sequence))
            .limit(search.limit)
            .offset(search.offset)
        )

        def ask(connection: Connection) -> tuple[int, Sequence[Record]]:
            found = connection.execute(page).mappings()
            return connection.execute(count).scalar_one(), [_record(row) for row in found]

        return await self._database.read(ask)

    async def forget(self, before: float) -> None:
        """Forget the records of calls that began before a moment."""
        query = delete(RECORD).where(RECORD.c.started_at < before)
        await self._database.write(lambda connection: connection.execute(query))


def _where(search: Search) -> ColumnElement[bool]:
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


#: What of a record has a column of another name, or none.
NOT_KEPT = frozenset({"function", "sequence", "streamed"})
PLAIN = tuple(field.name for field in fields(Record) if field.name not in NOT_KEPT)
# A row for each call there is: by tuples and one text, which costs a third of a statement's rows.
named = attrgetter("namespace", "name")
plain = attrgetter(*(name for name in PLAIN if name != "log"))
COLUMNS = ("namespace", "function", *(name for name in PLAIN if name != "log"), "log")
INSERT = (
    f"INSERT INTO record ({', '.join(COLUMNS)}) "  # noqa: S608 - our own names
    f"VALUES ({', '.join('?' * len(COLUMNS))})"
)


def _record(row: RowMapping) -> Record:
    return Record(
        function=FunctionName(row["namespace"], row["function"]),
        sequence=row["sequence"],
        **{name: row[name] for name in PLAIN},
    )
