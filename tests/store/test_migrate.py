"""What the migrations make is what the code believes in."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, inspect

from huidu.store import queue_tables, rollout_tables, service_tables  # noqa: F401 - they are compared
from huidu.store.database import Database
from huidu.store.migrate import TREES, upgrade
from huidu.store.tables import CATALOG, JOURNAL, SERIES
from tests.fakes_store import BACKENDS

METADATA = {"catalog": CATALOG, "journal": JOURNAL, "series": SERIES}
every_tree = pytest.mark.parametrize("tree", TREES)


@pytest.fixture(params=BACKENDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    opened = BACKENDS[request.param](tmp_path)
    yield opened
    await opened.close()


def shape(connection: Connection) -> dict[str, Any]:
    """Everything that a database says of its tables but the revision that it is at."""
    seen = inspect(connection)
    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"])
                for column in seen.get_columns(table)
            ],
            "key": seen.get_pk_constraint(table),
            "keys": seen.get_foreign_keys(table),
            "unique": seen.get_unique_constraints(table),
            "indexes": sorted(index["name"] or "" for index in seen.get_indexes(table)),
        }
        for table in sorted(seen.get_table_names())
        if table != "alembic_version"
    }


def declared(metadata: MetaData) -> dict[str, list[str]]:
    return {
        name: [column.name for column in table.columns] for name, table in metadata.tables.items()
    }


def test_there_is_a_tree_for_each_set_of_tables() -> None:
    assert set(TREES) == set(METADATA)


@every_tree
async def test_a_fresh_database_has_exactly_the_tables_and_columns_that_are_declared(
    database: Database, tree: str
) -> None:
    await database.open(tree)

    made = await database.read(shape)
    assert {table: [c[0] for c in facts["columns"]] for table, facts in made.items()} == declared(
        METADATA[tree]
    )


@every_tree
async def test_nothing_of_what_is_declared_differs_from_what_is_made(
    database: Database, tree: str
) -> None:
    """Types, what may be null, keys and indexes, by Alembic's own eye."""
    await database.open(tree)

    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection), METADATA[tree])

    assert await database.read(differences) == []


@every_tree
async def test_migrating_twice_is_the_same_as_once(database: Database, tree: str) -> None:
    await database.open(tree)
    once = await database.read(shape)
    await database.open(tree)

    assert await database.read(shape) == once


@every_tree
async def test_a_migration_that_does_not_come_to_its_end_leaves_nothing(
    database: Database, tree: str
) -> None:
    def break_off(connection: Connection) -> None:
        upgrade(connection, tree)
        raise KeyError(tree)

    with pytest.raises(KeyError):
        await database.write(break_off)

    assert await database.read(lambda connection: inspect(connection).get_table_names()) == []
    await database.open(tree)
    assert set(await database.read(shape)) == set(METADATA[tree].tables)


async def test_a_commit_is_on_the_disk_where_that_is_asked_for(tmp_path: Path) -> None:
    for durable, level in ((True, 2), (False, 1)):  # SQLite's FULL and NORMAL
        kept = Database(tmp_path / f"{durable}.db", durable=durable)
        await kept.open("catalog")

        def pragma(connection: Connection) -> tuple[Any, ...]:
            names = ("synchronous", "journal_mode", "foreign_keys")
            return tuple(connection.exec_driver_sql(f"PRAGMA {n}").scalar_one() for n in names)

        assert await kept.read(pragma) == (level, "wal", 1)
        assert await kept.write(pragma) == (level, "wal", 1)
        await kept.close()


async def test_whoever_looks_into_the_file_from_outside_does_not_stop_the_writer(
    tmp_path: Path,
) -> None:
    kept = Database(tmp_path / "kept.db", durable=True)
    await kept.open("catalog")
    with sqlite3.connect(tmp_path / "kept.db") as outside:
        outside.execute("BEGIN")
        outside.execute("SELECT * FROM namespace").fetchall()
        await kept.write(
            lambda c: c.exec_driver_sql("INSERT INTO namespace VALUES ('default', '', 0, 0)")
        )
    outside.close()
    await kept.close()
