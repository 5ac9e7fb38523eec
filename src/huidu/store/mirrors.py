"""Mirrors, as the catalog keeps them: what is mirrored, what was found, and who said it is safe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import msgspec
import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    func,
    insert,
    select,
    true,
    update,
)

from huidu.model.comparison import NONE, Comparison
from huidu.model.effect import Effect, MirrorEnded, MirrorGone, MirrorKept
from huidu.model.errors import Failed, NotFound, Refusal
from huidu.model.function import Function, FunctionName
from huidu.model.mirror import Mark, Mirror
from huidu.store.mirror_tables import MARK, MIRROR
from huidu.store.tables import FUNCTION

log = structlog.get_logger("huidu.catalog")

GOES_ON = MIRROR.c.ended_at == 0.0
#: What is a column of its own; the rest of a mirror is its body.
COLUMNS = ("function_id", "alias", "id", "version", "ended_at", "end")


class Body(msgspec.Struct, frozen=True):
    """A mirror as it lies in its row."""

    share: float
    ignored: tuple[str, ...]
    per_second: int
    most_calls: int
    until: float
    who: str
    why: str
    added_at: float


BODY, COMPARISON = msgspec.json.Decoder(Body), msgspec.json.Decoder(Comparison)


class MirrorReading:
    """Questions to the catalog about mirrors.

    One that is damaged copies nothing, and is in nobody's way until it is asked for.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def mark(self, function_id: str) -> Mark | None:
        """Return who said that a function may be called twice, or None where nobody did."""
        query = select(MARK).where(MARK.c.function_id == function_id)
        row = self._connection.execute(query).mappings().first()
        return Mark(**row) if row is not None else None

    def find(self, function: Function, alias: str) -> tuple[Mirror, Comparison]:
        """Return the mirror of an alias, ended or not, and what it had found when last asked.

        Raises `NotFound`, or `Failed` where it is damaged.
        """
        row = self._connection.execute(select(MIRROR).where(_is(function.id, alias))).first()
        if row is None:
            hint = "; the alias has none: PutMirror begins one"
            raise NotFound("Mirror", alias[:80], hint)
        found = _whole(row, function.named)
        if found is None:
            said = f"The mirror of alias {alias} is damaged; PutMirror puts another in its place"
            raise Failed("Mirror", said)
        return found

    def all_of(self, function: Function, version: str = "") -> Sequence[Mirror]:
        """Return the mirrors of a function that go on, to one version where it is named."""
        mine = and_(
            GOES_ON,
            MIRROR.c.function_id == function.id,
            MIRROR.c.version == version if version else true(),
        )
        rows = self._connection.execute(select(MIRROR).where(mine))
        found = (_whole(row, function.named) for row in rows)
        return [one[0] for one in found if one is not None]

    def count(self) -> int:
        """Return how many mirrors go on."""
        query = select(func.count()).select_from(MIRROR).where(GOES_ON)
        return int(self._connection.execute(query).scalar_one())

    def everything(self) -> Iterator[Effect]:
        """Yield what of mirrors is to be published at the start."""
        query = select(MIRROR, FUNCTION.c.namespace, FUNCTION.c.name)
        joined = query.join(FUNCTION, FUNCTION.c.id == MIRROR.c.function_id)
        for row in self._connection.execute(joined.where(GOES_ON)):
            found = _whole(row, FunctionName(row.namespace, row.name))
            if found is not None:
                yield MirrorKept(*found)


class MirrorWriting(MirrorReading):
    """The same, and what may be written of them."""

    def __init__(self, connection: Connection, effects: list[Effect]) -> None:
        super().__init__(connection)
        self._effects = effects

    def put_mark(self, mark: Mark) -> None:
        """Keep that a function may be called twice, in the place of what was said before."""
        self.delete_mark(mark.function_id)
        self._connection.execute(insert(MARK).values(asdict(mark)))

    def delete_mark(self, function_id: str) -> None:
        """Forget that a function may be called twice."""
        self._connection.execute(delete(MARK).where(MARK.c.function_id == function_id))

    def put(self, mirror: Mirror) -> None:
        """Keep a mirror that has found nothing yet, in the place of the one of its alias."""
        self._connection.execute(delete(MIRROR).where(_is(mirror.function_id, mirror.alias)))
        self._connection.execute(insert(MIRROR).values(_row(mirror)))
        self._effects.append(MirrorKept(mirror, NONE))

    def delete(self, mirror: Mirror) -> None:
        """Forget a mirror with what it found."""
        self._connection.execute(delete(MIRROR).where(MIRROR.c.id == mirror.id))
        self._effects.append(MirrorGone(mirror.function_id, mirror.alias))

    def end(self, mirror: Mirror, why: str, at: float) -> Mirror | None:
        """Keep that a mirror has ended, and return it so; None where it had. Findings stay."""
        mine = update(MIRROR).where(and_(MIRROR.c.id == mirror.id, GOES_ON))
        if not self._connection.execute(mine.values(ended_at=at, end=why)).rowcount:
            return None
        ended = replace(mirror, ended_at=at, end=why)
        self._effects.append(MirrorEnded(ended))
        return ended

    def keep_findings(self, mirror: Mirror, findings: Comparison) -> None:
        """Keep what a mirror found, unless there is none of its id any more."""
        text = msgspec.json.encode(findings).decode()
        mine = update(MIRROR).where(MIRROR.c.id == mirror.id)
        self._connection.execute(mine.values(findings=text))


def _is(function_id: str, alias: str) -> ColumnElement[bool]:
    return and_(MIRROR.c.function_id == function_id, MIRROR.c.alias == alias)


def _row(mirror: Mirror) -> dict[str, Any]:
    body = Body(**{name: getattr(mirror, name) for name in Body.__struct_fields__})
    row = {name: getattr(mirror, name) for name in COLUMNS}
    return row | {"body": msgspec.json.encode(body).decode(), "findings": "{}"}


def _whole(row: Row[Any], named: FunctionName) -> tuple[Mirror, Comparison] | None:
    """Return a mirror with what it found, or None where it is damaged, which is logged."""
    try:
        return _mirror(row, named), COMPARISON.decode(row.findings)
    except (msgspec.MsgspecError, Refusal) as error:
        log.error("mirror.damaged", mirror=row.id, reason=str(error))  # noqa: TRY400
        return None


def _mirror(row: Row[Any], named: FunctionName) -> Mirror:
    body = msgspec.to_builtins(BODY.decode(row.body))
    columns = {name: getattr(row, name) for name in COLUMNS}
    return Mirror(function=named, **columns, **body | {"ignored": tuple(body["ignored"])})
