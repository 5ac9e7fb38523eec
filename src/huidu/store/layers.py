"""Layers, as the catalog keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import Connection, RowMapping, and_, delete, func, insert, select, update

from huidu.model.errors import NotFound
from huidu.model.function import Code
from huidu.model.layer import LayerVersion
from huidu.model.version import Version
from huidu.store.layer_tables import LAYER, LAYER_USE, LAYER_VERSION

RUNTIMES = msgspec.json.Decoder(tuple[str, ...])
MOST_NUMBER = 2**31


class LayerReading:
    """Questions to the catalog about layers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def version(self, name: str, number: int) -> LayerVersion:
        """Return a version of a layer, or raise `NotFound`."""
        if abs(number) >= MOST_NUMBER:  # More than a column can be asked for.
            raise NotFound("LayerVersion", f"{name[:80]}:{str(number)[:20]}")
        mine = and_(LAYER_VERSION.c.name == name, LAYER_VERSION.c.number == number)
        row = self._connection.execute(select(LAYER_VERSION).where(mine)).mappings().first()
        if row is None:
            raise NotFound("LayerVersion", f"{name[:80]}:{number}")
        return _from(row)

    def versions(self, name: str) -> Sequence[LayerVersion]:
        """Return all versions of a layer, the newest first; raises `NotFound` if there is none."""
        mine = select(LAYER_VERSION).where(LAYER_VERSION.c.name == name)
        found = self._connection.execute(mine.order_by(LAYER_VERSION.c.number.desc())).mappings()
        kept = [_from(row) for row in found]
        if not kept:
            raise NotFound("Layer", name[:80])
        return kept

    def every(self) -> Sequence[LayerVersion]:
        """Return all versions of all layers: by name, the newest first."""
        query = select(LAYER_VERSION)
        ordered = query.order_by(LAYER_VERSION.c.name, LAYER_VERSION.c.number.desc())
        return [_from(row) for row in self._connection.execute(ordered).mappings()]

    def count(self) -> int:
        """Return how many layers have a version."""
        query = select(func.count(func.distinct(LAYER_VERSION.c.name)))
        return int(self._connection.execute(query).scalar_one())

    def count_versions(self, name: str) -> int:
        """Return how many versions a layer has."""
        query = select(func.count()).select_from(LAYER_VERSION).where(LAYER_VERSION.c.name == name)
        return int(self._connection.execute(query).scalar_one())

    def codes(self) -> frozenset[str]:
        """Return the SHA-256 of every package of a layer, and of a deleted one that is in use."""
        found = [LAYER_VERSION.c.code_sha256, LAYER_USE.c.code_sha256]
        query = select(found[0]).union(select(found[1]))
        return frozenset(self._connection.execute(query).scalars())


class LayerWriting(LayerReading):
    """Changes to layers."""

    def add(self, version: LayerVersion) -> LayerVersion:
        """Keep a new version, under a number that no version of this layer has had."""
        mine = LAYER.c.name == version.name
        query = select(LAYER.c.next_number).where(mine)
        number = self._connection.execute(query).scalar()
        if number is None:
            number = 1
            self._connection.execute(insert(LAYER).values(name=version.name, next_number=2))
        else:
            self._connection.execute(update(LAYER).where(mine).values(next_number=number + 1))
        made = replace(version, number=number)
        self._connection.execute(
            insert(LAYER_VERSION).values(
                name=made.name,
                number=made.number,
                code_sha256=made.code.sha256,
                code_bytes=made.code.size_bytes,
                runtimes=msgspec.json.encode(made.runtimes).decode(),
                description=made.description,
                license=made.license,
                added_at=made.added_at,
            )
        )
        return made

    def delete(self, version: LayerVersion) -> None:
        """Forget a version; functions that refer to it go on."""
        mine = and_(LAYER_VERSION.c.name == version.name, LAYER_VERSION.c.number == version.number)
        self._connection.execute(delete(LAYER_VERSION).where(mine))

    def use(self, version: Version) -> None:
        """Keep which packages of layers a version of a function needs."""
        mine = and_(
            LAYER_USE.c.function_id == version.function_id, LAYER_USE.c.version == version.number
        )
        self._connection.execute(delete(LAYER_USE).where(mine))
        needed = {layer.code.sha256 for layer in version.configuration.layers}
        named = {"function_id": version.function_id, "version": version.number}
        if needed:
            rows = [{**named, "code_sha256": sha256} for sha256 in sorted(needed)]
            self._connection.execute(insert(LAYER_USE), rows)


def _from(row: RowMapping) -> LayerVersion:
    return LayerVersion(
        name=row["name"],
        number=row["number"],
        code=Code(row["code_sha256"], row["code_bytes"]),
        runtimes=RUNTIMES.decode(row["runtimes"]),
        description=row["description"],
        license=row["license"],
        added_at=row["added_at"],
    )
