"""Opens a database file: one writer, any number of readers, and the newest form of its tables."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from huidu.model.errors import Unavailable
from huidu.store.migrate import upgrade

READERS = 4
BUSY_MS = 5_000

T = TypeVar("T")


class Database:
    """One SQLite file in write-ahead mode.

    A transaction is a plain function that runs in a thread from its first statement to its
    commit: the event loop is asked twice, not once for each statement, so that a write is quick
    however busy the loop is. `durable=True` syncs every commit to the disk, so that what was
    acknowledged survives even the machine; without it a commit survives the death of any
    process, but perhaps not of power.
    """

    def __init__(self, file: Path, *, durable: bool) -> None:
        self._file = file
        self._writer = _engine(file, 1, durable=durable, begin="BEGIN IMMEDIATE")
        self._readers = _engine(file, READERS, durable=durable, begin="BEGIN")
        self._write_thread = ThreadPoolExecutor(1, f"write-{file.stem}")
        self._read_threads = ThreadPoolExecutor(READERS, f"read-{file.stem}")

    async def open(self, tree: str) -> None:
        """Bring the tables to their newest form, or raise `Unavailable` where that cannot be."""
        await asyncio.to_thread(_keep_private, self._file)
        try:
            await self.write(lambda connection: upgrade(connection, tree))
        except DatabaseError as error:
            raise Unavailable("Storage", f"{self._file} cannot be used: {error.orig}") from error

    async def close(self) -> None:
        """Let what has begun come to its end, and let go of the file."""
        for threads, engine in (
            (self._read_threads, self._readers),
            (self._write_thread, self._writer),
        ):
            await asyncio.to_thread(threads.shutdown)
            engine.dispose()

    async def read(self, ask: Callable[[Connection], T]) -> T:
        """Return what `ask` reads, all of it at one moment of the database.

        Raises `Unavailable` where the disk cannot be read.
        """
        try:
            return await _in(self._read_threads, self._readers, ask)
        except OperationalError as error:
            raise Unavailable("Storage", f"the store could not be read: {error.orig}") from error

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Return what `change` returns, once it is committed; if it raises, nothing is kept.

        Writes are one after the other. Raises `Unavailable` where the disk is full or cannot be
        written.
        """
        try:
            return await _in(self._write_thread, self._writer, change)
        except OperationalError as error:
            raise Unavailable(
                "Storage", f"the store could not write and kept nothing: {error.orig}"
            ) from error


def _keep_private(file: Path) -> None:
    """Let nobody else read a database: it holds secrets. SQLite's other files are made like it."""
    with suppress(OSError):  # whatever is wrong with the file, SQLite says it better
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        file.chmod(0o600)


async def _in(threads: ThreadPoolExecutor, engine: Engine, work: Callable[[Connection], T]) -> T:
    def transaction() -> T:
        with engine.begin() as connection:
            return work(connection)

    return await asyncio.get_running_loop().run_in_executor(threads, transaction)


def _engine(file: Path, connections: int, *, durable: bool, begin: str) -> Engine:
    engine = create_engine(
        f"sqlite:///{file}", pool_size=connections, max_overflow=0, pool_timeout=60
    )

    def on_connect(connection: Any, _: object) -> None:  # noqa: ANN401 - a DBAPI has no type
        connection.isolation_level = None  # transactions begin where we say so, not the driver
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={'FULL' if durable else 'NORMAL'}",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_MS}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine
