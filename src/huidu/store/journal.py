"""The journal: a record of every call, kept in a database of its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, and_, delete, select

from huidu.model.frame import log_of
from huidu.model.invocation import Record
from huidu.store.database import Database
from huidu.store.packs import Pack, pack, unpack
from huidu.store.searching import PLAIN, Search, found
from huidu.store.tables import MARK, PACK, RECORD


class Journal:
    """Records in the order in which calls ended; those in a pack count as ended together."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        records: Sequence[Record],
        logs: Sequence[str] | None = None,
        packs: Sequence[Pack] = (),
    ) -> None:
        """Keep records, all of them or none; each with what `logs` has of it as its log."""
        kept = list(map(log_of, records)) if logs is None else logs
        rows = [
            (*named(record.function), *plain(record), log)
            for record, log in zip(records, kept, strict=True)
        ]
        await self._database.write(partial(_add, rows=rows, packs=packs))

    async def find(self, search: Search) -> tuple[int, Sequence[Record]]:
        """Return how many records match, and those of the page that was asked for."""
        return await self._database.read(lambda connection: found(connection, search))

    async def forget(self, before: float) -> None:
        """Forget the records of calls that began before a moment."""
        await self._database.write(partial(_forget, before=before))


def _add(connection: Connection, rows: Sequence[tuple[Any, ...]], packs: Sequence[Pack]) -> None:
    sequence = _last(connection) + 1
    if rows:
        numbered = [(sequence + n, *row) for n, row in enumerate(rows)]
        connection.exec_driver_sql(INSERT, numbered)
    sequence += len(rows)
    for one in packs:
        _add_pack(connection, sequence, one)
        sequence += one.count


def _add_pack(connection: Connection, first: int, one: Pack) -> None:
    connection.exec_driver_sql(INSERT_PACK, (first, *packed(one)))
    connection.exec_driver_sql(INSERT_MARK, (first, one.marks))


def _last(connection: Connection) -> int:
    """Return the last sequence that is used."""
    return int(connection.exec_driver_sql(LAST).scalar_one())


def _forget(connection: Connection, before: float) -> None:
    connection.execute(delete(RECORD).where(RECORD.c.started_at < before))
    connection.execute(delete(PACK).where(PACK.c.high_started < before))
    connection.execute(delete(MARK).where(MARK.c.first.not_in(select(PACK.c.first))))
    split = select(PACK.c.first, PACK.c.body).where(PACK.c.low_started < before)
    for first, body in connection.execute(split).all():
        connection.execute(delete(PACK).where(and_(PACK.c.first == first)))
        left = [record for record in unpack(body, first) if record.started_at >= before]
        connection.execute(delete(MARK).where(and_(MARK.c.first == first)))
        # There is room: nobody else has their sequences.
        _add_pack(connection, first, pack(left))


# A row for each call there is: by tuples and one text, which costs a third of a statement's rows.
named = attrgetter("namespace", "name")
plain = attrgetter(*(name for name in PLAIN if name != "log"))
COLUMNS = ("sequence", "namespace", "function", *(name for name in PLAIN if name != "log"), "log")
INSERT = (
    f"INSERT INTO record ({', '.join(COLUMNS)}) "  # noqa: S608 - our own names
    f"VALUES ({', '.join('?' * len(COLUMNS))})"
)
# Likewise for a pack, of which each batch has some.
OF_PACK = tuple(column.name for column in PACK.c if column.name != "first")
packed = attrgetter(*OF_PACK)
INSERT_PACK = (
    f"INSERT INTO pack (first, {', '.join(OF_PACK)}) "  # noqa: S608 - our own names
    f"VALUES (?, {', '.join('?' * len(OF_PACK))})"
)
INSERT_MARK = "INSERT INTO mark (first, ids) VALUES (?, ?)"
LAST = (
    "SELECT max(coalesce((SELECT max(sequence) FROM record), 0), "
    "coalesce((SELECT first + count - 1 FROM pack ORDER BY first DESC LIMIT 1), 0))"
)
