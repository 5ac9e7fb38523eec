"""Series: what was counted of calls, second by second, kept and rolled up."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection, and_, delete, select

from huidu.model.packed import merge_packed
from huidu.model.rollup import (
    KEEP_S,
    Fold,
    Folded,
    Kept,
    Selection,
    Span,
    due,
    expired,
    places,
    spans,
)
from huidu.model.tally import Lane
from huidu.store.database import Database
from huidu.store.tables import FOLDED, LANE, PERIOD

#: What is kept of each second: packed tallies by lane.
Seconds = Mapping[int, Mapping[Lane, bytes]]

KEEP = "INSERT OR REPLACE INTO period (lane, length_s, start, tally) VALUES (?, ?, ?, ?)"
FOLD = "INSERT OR REPLACE INTO folded (one, minute, hour) VALUES (1, ?, ?)"
KEPT = "SELECT lane, tally FROM period WHERE length_s = ? AND start = ?"
BETWEEN = (
    "SELECT lane, start / ? * ?, tally FROM period "
    "WHERE length_s = ? AND start >= ? AND start < ? ORDER BY lane, start"
)
READ = (
    "SELECT start, tally FROM period WHERE lane = ? AND length_s = ? AND start >= ? AND start < ?"
)


class Series:
    """Counts of seconds, which become minutes, which become hours.

    Whatever is added is added in one transaction, and so is whatever is folded: at any moment the
    counts of all lengths agree, also after `kill -9`.
    """

    def __init__(self, database: Database, keep_s: Mapping[int, int] = KEEP_S) -> None:
        self._database = database
        self._keep_s = keep_s
        self._ids: dict[Lane, int] = {}  #: Changed by the one thread that writes.

    async def add(self, seconds: Seconds) -> None:
        """Add counts to those of their seconds; all of them, or none."""
        try:
            await self._database.write(lambda connection: self._add(connection, seconds))
        except BaseException:
            self._ids.clear()  # the numbers of lanes that were new are not kept either
            raise

    def _add(self, connection: Connection, seconds: Seconds) -> None:
        folded = _folded(connection)
        into: dict[tuple[int, int], dict[int, list[bytes]]] = {}
        for second, tallies in seconds.items():
            for place in places(second, folded):
                found = into.setdefault(place, {})
                for lane, tally in tallies.items():
                    found.setdefault(self._id(connection, lane), []).append(tally)
        for (length_s, start), added in into.items():
            for lane, tally in connection.exec_driver_sql(KEPT, (length_s, start)):
                if lane in added:
                    added[lane].append(tally)
            rows = [(lane, length_s, start, merge_packed(t)) for lane, t in added.items()]
            connection.exec_driver_sql(KEEP, rows)

    def _id(self, connection: Connection, lane: Lane) -> int:
        """Return the number of a lane, a new one where it has none."""
        known = self._ids.get(lane)
        if known is None:
            made = "INSERT OR IGNORE INTO lane (function_id, alias, version) VALUES (?, ?, ?)"
            asked = "SELECT id FROM lane WHERE function_id = ? AND alias = ? AND version = ?"
            connection.exec_driver_sql(made, tuple(lane))
            known = int(connection.exec_driver_sql(asked, tuple(lane)).scalar_one())
            self._ids[lane] = known
        return known

    async def fold(self, sealed: int) -> None:
        """Roll up, now that all seconds before `sealed` were added."""
        await self._database.write(lambda connection: _fold(connection, sealed))

    async def read(self, wanted: Selection) -> Sequence[Kept]:
        """Return the counts that are asked for: each call is in one of them."""

        def ask(connection: Connection) -> Sequence[Kept]:
            lanes = _lanes(connection, wanted)
            looked = spans(wanted, _folded(connection))
            return [row for span in looked for row in _rows(connection, lanes, span)]

        return await self._database.read(ask)

    async def since(self, second: int) -> Sequence[Kept]:
        """Return the counts of every second from this one on."""

        def ask(connection: Connection) -> Sequence[Kept]:
            rows = connection.execute(select(LANE))
            lanes = {row.id: Lane(row.function_id, row.alias, row.version) for row in rows}
            query = select(PERIOD).where(PERIOD.c.length_s == 1, PERIOD.c.start >= second)
            return [
                Kept(row.start, lanes[row.lane], row.tally) for row in connection.execute(query)
            ]

        return await self._database.read(ask)

    async def functions(self) -> frozenset[str]:
        """Return the ids of all functions of which there are counts."""
        query = select(LANE.c.function_id).distinct()
        return await self._database.read(lambda c: frozenset(c.execute(query).scalars()))

    async def forget(self, now: float, gone: Collection[str] = ()) -> None:
        """Forget what is too old, and all that was counted of functions that are gone."""
        await self._database.write(lambda connection: self._forget(connection, now, gone))

    def _forget(self, connection: Connection, now: float, gone: Collection[str]) -> None:
        for length_s, before in expired(now, _folded(connection), self._keep_s).items():
            too_old = and_(PERIOD.c.length_s == length_s, PERIOD.c.start < before)
            connection.execute(delete(PERIOD).where(too_old))
        for function_id in gone:
            mine = select(LANE.c.id).where(LANE.c.function_id == function_id)
            connection.execute(delete(PERIOD).where(PERIOD.c.lane.in_(mine)))
        empty = ~select(PERIOD.c.lane).where(PERIOD.c.lane == LANE.c.id).exists()
        connection.execute(delete(LANE).where(empty))
        self._ids.clear()


def _folded(connection: Connection) -> Folded:
    row = connection.execute(select(FOLDED.c.minute, FOLDED.c.hour)).first()
    return Folded(row.minute, row.hour) if row else Folded()


def _fold(connection: Connection, sealed: int) -> None:
    folds, folded = due(_folded(connection), sealed)
    for fold in folds:
        rows = list(_together(connection, fold))
        if rows:  # what is given none takes it for a single one
            connection.exec_driver_sql(KEEP, rows)
    if folds:
        connection.exec_driver_sql(FOLD, (folded.minute, folded.hour))


def _together(connection: Connection, fold: Fold) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield the longer periods that shorter ones make."""
    asked = (fold.into_s, fold.into_s, fold.period_s, fold.since, fold.until)
    rows = connection.exec_driver_sql(BETWEEN, asked)
    for (lane, start), group in groupby(rows, itemgetter(0, 1)):
        yield lane, fold.into_s, start, merge_packed([tally for _, _, tally in group])


def _lanes(connection: Connection, wanted: Selection) -> Mapping[int, Lane]:
    rows = connection.execute(select(LANE).where(LANE.c.function_id == wanted.function_id))
    lanes = {row.id: Lane(row.function_id, row.alias, row.version) for row in rows}
    return {number: lane for number, lane in lanes.items() if wanted.takes(lane)}


def _rows(connection: Connection, lanes: Mapping[int, Lane], span: Span) -> Iterator[Kept]:
    for number, lane in lanes.items():
        for start, tally in connection.exec_driver_sql(READ, (number, *span)):
            yield Kept(start, lane, tally)
