"""Segment: one file of the log, with its indexes; written until it is full, then only read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from heapq import merge
from operator import attrgetter
from pathlib import Path

from huidu.model.invocation import Status
from huidu.model.level import Level
from huidu.model.log import Chunk, Wanted, chunk_of, gist
from huidu.model.terms import asked_letters, asked_words, words_of
from huidu.store.packs import Pack, unpack

FORM = 2  #: The form of the tables, kept as `user_version`.
OLD_FORM = 1  #: Has no packs.
SUFFIXES = ("", "-wal", "-shm")
BUSY_S = 5.0

#: The indexes keep no text of their own and no places: what they find is read and looked at.
#: That is a third of the size and half of the work. Nothing is ever deleted from a segment.
TABLES = """
CREATE TABLE chunk (
    sequence INTEGER PRIMARY KEY, at REAL, function_id TEXT, namespace TEXT, function TEXT,
    version TEXT, alias TEXT, request_id TEXT, retry_number INTEGER, status INTEGER,
    worst INTEGER, starts INTEGER, began REAL, ended REAL, printed TEXT, ending TEXT
);
CREATE INDEX chunk_of_function ON chunk (function_id, sequence);
CREATE INDEX chunk_of_call ON chunk (request_id);
CREATE VIRTUAL TABLE letters USING fts5(
    text, content='', columnsize=0, detail=none, tokenize='trigram');
CREATE VIRTUAL TABLE words USING fts5(
    text, content='', columnsize=0, detail=none, tokenize='unicode61 remove_diacritics 0');
"""
#: Calls that printed nothing, in packs as the journal has them: a row for hundreds of sequences.
PACKS = """
CREATE TABLE pack (
    first INTEGER PRIMARY KEY, last INTEGER, at REAL, function_id TEXT, namespace TEXT,
    version TEXT, alias TEXT, body BLOB
);
"""
FIELDS = (
    *("sequence", "request_id", "namespace", "function", "function_id", "version", "alias"),
    *("retry_number", "status", "starts", "printed", "ending", "began", "ended"),
)
COLUMNS = (*FIELDS, "at", "worst")
INSERT = (
    f"INSERT INTO chunk ({', '.join(COLUMNS)}) "  # noqa: S608 - our own names
    f"VALUES ({', '.join('?' * len(COLUMNS))})"
)
SELECT = f"SELECT {', '.join(f'chunk.{name}' for name in FIELDS)} FROM "  # noqa: S608 - as above
INSERT_PACK = "INSERT INTO pack VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
plain = attrgetter(*FIELDS[1:])

#: What takes a place in the log, or as many as there are calls in it.
Entry = Chunk | Pack


class Segment:
    """A file of the log. Every method blocks, and raises `sqlite3.Error` where the disk fails."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.first = int(file.stem)  #: The least sequence that it may hold.

    @property
    def bytes(self) -> int:
        """How much room it takes on the disk."""
        return sum(_size(file) for file in self._files())

    def begin(self) -> sqlite3.Connection:
        """Open the file to write into it; make it where it is not there."""
        connection = sqlite3.connect(self.file, timeout=BUSY_S, check_same_thread=False)
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        form = _form(connection)
        if form < FORM:
            tables = PACKS if form else TABLES + PACKS
            connection.executescript(f"BEGIN; {tables} PRAGMA user_version={FORM}; COMMIT")
        return connection

    def forget(self) -> None:
        """Remove the file. Who reads it just now goes on."""
        for file in self._files():
            file.unlink(missing_ok=True)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Lend a connection to read by; None where the file is gone, broken, or of another form."""
        try:
            opened = sqlite3.connect(
                f"{self.file.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=BUSY_S,
                check_same_thread=False,
            )
        except sqlite3.OperationalError:
            yield None
            return
        with closing(opened) as connection:
            connection.isolation_level = None
            yield connection if _known(connection) else None

    def _files(self) -> list[Path]:
        return [self.file.with_name(self.file.name + suffix) for suffix in SUFFIXES]


def places(entries: Sequence[Entry]) -> int:
    """Return how many sequences entries take."""
    return sum(one.count if isinstance(one, Pack) else 1 for one in entries)


def add(connection: sqlite3.Connection, first: int, entries: Sequence[Entry], at: float) -> None:
    """Keep entries, all of them or none, with sequences from `first` on."""
    rows, letters, words, packs = [], [], [], []
    sequence = first - 1
    for chunk in entries:
        if isinstance(chunk, Pack):
            packs.append(_row(sequence + 1, chunk, at))
            sequence += chunk.count
            continue
        sequence += 1
        worst, text = gist(chunk)
        rows.append((sequence, *plain(chunk), at, worst))
        if text:
            letters.append((sequence, text))
            if found := words_of(text):
                words.append((sequence, found))
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(INSERT, rows)
        connection.executemany(INSERT_PACK, packs)
        connection.executemany("INSERT INTO letters (rowid, text) VALUES (?, ?)", letters)
        connection.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", words)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk ends it by itself
            connection.execute("ROLLBACK")
        raise


def _row(first: int, one: Pack, at: float) -> tuple[object, ...]:
    last, namespace = first + one.count - 1, one.function.namespace
    way = (one.function_id, namespace, one.version, one.alias)
    return (first, last, at, *way, one.body)


def finish(connection: sqlite3.Connection, request_id: str, retry_number: int, status: int) -> None:
    """Say how a call ended of which something was kept while it ran."""
    connection.execute(
        "UPDATE chunk SET status = ? WHERE request_id = ? AND retry_number = ? AND status = 0",
        (status, request_id, retry_number),
    )


def find(
    connection: sqlite3.Connection, wanted: Wanted, low: int, high: int, *, newest_first: bool
) -> Iterator[Chunk]:
    """Yield the chunks from `low` to `high` that may hold lines that are wanted, in order."""
    loud = _loud(connection, wanted, low, high, newest_first=newest_first)
    if not wanted.silence or _form(connection) == OLD_FORM:
        return loud
    silent = _silent(connection, wanted, low, high, newest_first=newest_first)
    return merge(loud, silent, key=attrgetter("sequence"), reverse=newest_first)


def _loud(
    connection: sqlite3.Connection, wanted: Wanted, low: int, high: int, *, newest_first: bool
) -> Iterator[Chunk]:
    """Yield chunks that have a row of their own."""
    low = max(low, _place(connection, wanted.since)) if wanted.since is not None else low
    high = min(high, _place(connection, wanted.until) - 1) if wanted.until is not None else high
    index, asked = _index(wanted)
    # A plus keeps other indexes from being taken for that of calls.
    source, place = "chunk", "+chunk.sequence" if wanted.request_id else "chunk.sequence"
    where: list[tuple[str, tuple[object, ...]]] = []
    if index:
        place = f"{index}.rowid"
        source = f"{index} CROSS JOIN chunk ON chunk.sequence = {place}"
        where.append((f"{index} MATCH ?", (asked,)))
    where += [(f"{place} BETWEEN ? AND ?", (low, high)), *_narrow(wanted)]
    order = f"ORDER BY {place} {'DESC' if newest_first else 'ASC'}"
    query = f"{SELECT}{source} WHERE {' AND '.join(term for term, _ in where)} {order}"
    for row in connection.execute(query, [value for _, values in where for value in values]):
        yield chunk_in(row)


def _silent(
    connection: sqlite3.Connection, wanted: Wanted, low: int, high: int, *, newest_first: bool
) -> Iterator[Chunk]:
    """Yield chunks of calls that are kept together."""
    where: list[tuple[str, tuple[object, ...]]] = [
        ("last >= ? AND first <= ?", (low, high)),
    ]
    if wanted.since is not None:
        where.append(("at >= ?", (wanted.since,)))
    if wanted.until is not None:
        where.append(("at < ?", (wanted.until,)))
    if wanted.request_id:
        where.append(("instr(body, ?) > 0", (wanted.request_id.encode(),)))
    where += [
        (f"{name} = ?", (value,))
        for name in ("function_id", "namespace", "version", "alias")
        if (value := getattr(wanted, name))
    ]
    query = (
        f"SELECT first, body FROM pack WHERE {' AND '.join(term for term, _ in where)} "  # noqa: S608 - as above
        f"ORDER BY first {'DESC' if newest_first else 'ASC'}"
    )
    for first, body in connection.execute(query, [value for _, of in where for value in of]):
        records = unpack(body, first)
        for record in reversed(records) if newest_first else records:
            if low <= record.sequence <= high:
                yield chunk_of(record)[0]._replace(sequence=record.sequence)


def of_calls(connection: sqlite3.Connection, request_ids: Sequence[str]) -> Iterator[Chunk]:
    """Yield the chunks of some calls, in order."""
    marks = ", ".join("?" * len(request_ids))
    query = f"{SELECT}chunk WHERE request_id IN ({marks}) ORDER BY sequence"
    for row in connection.execute(query, request_ids):
        yield chunk_in(row)


def _index(wanted: Wanted) -> tuple[str, str]:
    """Return which index finds what is wanted, and what it is asked; nothing where none does."""
    if wanted.request_id:
        return "", ""
    if asked := asked_words(wanted):
        return "words", asked
    if asked := asked_letters(wanted):
        return "letters", asked
    return "", ""


def _narrow(wanted: Wanted) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield what a row must be like, with the values for it."""
    by_call = "+" if wanted.request_id else ""
    if wanted.request_id:
        ends = wanted.request_id, wanted.request_id + "\U0010ffff"
        yield "chunk.request_id BETWEEN ? AND ?", ends
    for name in ("function_id", "namespace", "version", "alias"):
        if value := getattr(wanted, name):
            yield f"{by_call if name == 'function_id' else ''}chunk.{name} = ?", (value,)
    if wanted.statuses:
        statuses = tuple(sorted(wanted.statuses))
        yield f"chunk.status IN ({', '.join('?' * len(statuses))})", statuses
    if wanted.failed is not None:
        good = (int(Status.SUCCESS),)
        yield ("chunk.status NOT IN (0, ?)" if wanted.failed else "chunk.status = ?"), good
    if wanted.errors:
        worst = (int(Status.SUCCESS), int(Level.ERROR))
        yield "(chunk.status NOT IN (0, ?) OR chunk.worst >= ?)", worst
    if wanted.level > Level.INFO:
        yield "chunk.worst >= ?", (int(wanted.level),)


def _place(connection: sqlite3.Connection, moment: float) -> int:
    """Return the first sequence kept at a moment or later; moments never go back in a segment."""
    ends = connection.execute("SELECT min(sequence), max(sequence) + 1 FROM chunk").fetchone()
    low, high = (end or 0 for end in ends)
    while low < high:
        middle = (low + high) // 2
        sequence, at = connection.execute(
            "SELECT sequence, at FROM chunk WHERE sequence >= ? ORDER BY sequence LIMIT 1",
            (middle,),
        ).fetchone()
        low, high = (sequence + 1, high) if at < moment else (low, middle)
    return int(low)


def chunk_in(row: Sequence[object]) -> Chunk:
    """Return the chunk of a row of `FIELDS`."""
    values = dict(zip(FIELDS, row, strict=True))
    return Chunk(**(values | {"starts": bool(values["starts"])}))  # type: ignore[arg-type]


def newest(connection: sqlite3.Connection) -> tuple[int, float] | None:
    """Return the last sequence and the moment of it."""
    ends = connection.execute("SELECT sequence, at FROM chunk ORDER BY sequence DESC LIMIT 1")
    found = ends.fetchall()
    if _form(connection) != OLD_FORM:
        packs = connection.execute("SELECT last, at FROM pack ORDER BY first DESC LIMIT 1")
        found += packs.fetchall()
    return max(found, default=None)


def begun(connection: sqlite3.Connection) -> float | None:
    """Return the moment of the first chunk."""
    query = "SELECT min(at) FROM (SELECT min(at) AS at FROM chunk UNION SELECT min(at) FROM pack)"
    found: float | None = connection.execute(query).fetchone()[0]
    return found


def _form(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _known(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("PRAGMA query_only=1")
        return _form(connection) in (OLD_FORM, FORM)
    except sqlite3.DatabaseError:
        return False


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
