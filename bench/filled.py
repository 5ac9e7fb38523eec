"""Filled: a server's directory with thousands of functions in it, written at speed."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Table

from huidu.model.alias import Alias
from huidu.model.function import Code, Configuration, Function, FunctionName
from huidu.model.history import Change
from huidu.model.names import DEFAULT, DEFAULT_NAMESPACE, LATEST
from huidu.model.routing import Ruled, Share, Weighted
from huidu.model.rules import Rule
from huidu.model.trigger import Trigger
from huidu.model.version import Version
from huidu.remembering import own
from huidu.store import rows
from huidu.store.database import Database
from huidu.store.packages import Packages
from huidu.store.tables import ALIAS, FUNCTION, HISTORY, NAMESPACE, TRIGGER, VERSION
from huidu.triggers import url

VERSIONS, ALIASES = 10, 5  #: Of each function, `$LATEST` and `$DEFAULT` among them.
WEIGHTED, RULED = "canary", "beta"
BEGAN_AT = 1_700_000_000.0
HANDLER = "def main_handler(event, context):\n    return 'ok'\n"
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Filled:
    """What was written: names of functions, and where their URLs lead, on the gateway."""

    names: tuple[str, ...]
    paths: tuple[str, ...]


def fill(data: Path, functions: int, *, real: int = 100) -> Filled:
    """Write so many functions into a directory that no server has been started over.

    Each has ten versions and five aliases, one of which shares its calls by weight and one by
    rules, and a URL that leads to `$DEFAULT`. Versions have packages of their own. Only the first
    `real` functions can be called: of the others, the packages are not there.
    """
    own(str(data))
    asyncio.run(_tables(data / "huidu.db"))
    code = Packages(data / "packages").keep(zipped(HANDLER))
    every = [_Whole(n, code if n < real else None) for n in range(functions)]
    connection = sqlite3.connect(data / "huidu.db")
    at = {"description": "", "added_at": BEGAN_AT, "modified_at": BEGAN_AT}
    _insert(connection, NAMESPACE, [{"name": DEFAULT_NAMESPACE, **at}])
    _insert(connection, FUNCTION, (rows.function_row(one.function) for one in every))
    _insert(connection, VERSION, (row for one in every for row in one.versions()))
    _insert(connection, ALIAS, (rows.alias_row(a, w.id) for w in every for a in w.aliases()))
    _insert(connection, HISTORY, (row for one in every for row in one.changes()))
    _insert(connection, TRIGGER, (rows.trigger_row(one.trigger()) for one in every))
    connection.commit()
    connection.close()
    return Filled(
        tuple(one.named.name for one in every), tuple(f"/url/{one.url_id}/" for one in every)
    )


async def _tables(file: Path) -> None:
    database = Database(file, durable=False)
    await database.open("catalog")
    await database.close()


def _insert(connection: sqlite3.Connection, table: Table, found: Iterable[Row]) -> None:
    """Insert rows that all have the columns of the first."""
    ahead = iter(found)
    first = next(ahead)
    columns = ", ".join(f'"{name}"' for name in first)
    marks = ", ".join(f":{name}" for name in first)
    into = f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})'  # noqa: S608 - our own names
    connection.execute(into, first)
    connection.executemany(into, ahead)


class _Whole:
    """One function with all that is its own."""

    def __init__(self, number: int, code: Code | None) -> None:
        self.named = FunctionName(DEFAULT_NAMESPACE, f"function-{number:05}")
        self.id = f"lam-{_made('function', number)[:8]}-{number:05}"
        self.url_id = _made("url", number)[:10]
        self._number, self._code = number, code
        self.function = Function(
            named=self.named,
            id=self.id,
            next_number=VERSIONS,
            added_at=BEGAN_AT + number,
            modified_at=BEGAN_AT + number,
        )

    def versions(self) -> Iterator[Row]:
        """Yield the rows of `$LATEST` and of the numbered ones; every third has new variables."""
        for n in range(VERSIONS):
            variables = {
                "NAME": self.named.name,
                "DATABASE_URL": f"postgres://db.internal/{self.named.name}",
                "LEVEL": f"level-{n // 3}",
            }
            configuration = Configuration(
                handler="index.main_handler",
                runtime=f"Python{sys.version_info[0]}.{sys.version_info[1]}",
                environment=tuple(sorted(variables.items())),
            )
            made = Code(_made("code", self._number, n), 1000 + n)
            version = Version(
                function=self.named,
                function_id=self.id,
                number=str(n) if n else LATEST,
                code=self._code or made,
                configuration=configuration,
                description=f"release {n}",
                added_at=BEGAN_AT + self._number + n,
                modified_at=BEGAN_AT + self._number + n,
            )
            yield rows.version_row(version)

    def aliases(self) -> Iterator[Alias]:
        """Yield the aliases."""
        plain = Alias(
            function=self.named,
            name=DEFAULT,
            version=LATEST,
            added_at=BEGAN_AT,
            modified_at=BEGAN_AT + self._number,
        )
        yield plain
        yield replace(plain, name="production", version="8", revision=2)
        yield replace(plain, name="staging", version="9", revision=3)
        yield replace(plain, name=WEIGHTED, version="8", routing=Weighted((Share("9", 1000),)))
        rule = Rule(version="9", key="invoke.headers.User", method="exact", expression="Bob")
        yield replace(plain, name=RULED, version="8", routing=Ruled((rule,)))

    def changes(self) -> Iterator[Row]:
        """Yield the rows of the changes that made the aliases."""
        for alias in self.aliases():
            change = Change(
                function=self.named,
                function_id=self.id,
                alias=alias.name,
                revision=alias.revision,
                at=alias.modified_at,
                who="bench",
                why="",
                action="CreateAlias",
                before=None,
                after=alias,
            )
            yield rows.change_row(change)

    def trigger(self) -> Trigger:
        """Return the URL."""
        return Trigger(
            function=self.named,
            function_id=self.id,
            type=url.TYPE,
            name="url",
            qualifier=DEFAULT,
            definition=url.define(json.dumps({"AuthType": "NONE"})),
            resource_id=self.url_id,
            added_at=BEGAN_AT,
            modified_at=BEGAN_AT,
        )


def _made(*words: object) -> str:
    """Return a digest that is the same whenever the same is asked for."""
    return sha256(repr(words).encode()).hexdigest()


def zipped(code: str) -> bytes:
    """Return a package that holds code, and the same one for the same code."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py"), code)
    return out.getvalue()
