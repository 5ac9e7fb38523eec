"""What may be asked of rollouts, and what may be changed, at one moment of the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    func,
    insert,
    select,
    true,
    update,
)

from huidu.model.effect import Effect, RolloutKept
from huidu.model.errors import Failed, InUse, NotFound, Refusal
from huidu.model.function import Function, FunctionName
from huidu.model.rollout import Past, Rollout, State
from huidu.model.rollout_terms import Terms
from huidu.store.rollout_tables import ROLLOUT

log = structlog.get_logger("huidu.catalog")


class Body(msgspec.Struct, frozen=True, omit_defaults=True):
    """What of a rollout has no column of its own."""

    approved: int = 0
    said: str = ""
    since: float = 0.0
    full_at: float = 0.0
    past: tuple[Past, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rollouts are wanted. What is empty does not narrow."""

    namespace: str = ""
    function: str = ""
    alias: str = ""
    states: tuple[str, ...] = ()
    offset: int = 0
    limit: int = 20


class RolloutReading:
    """Questions about rollouts.

    One that is damaged is followed by nobody, so it moves no alias and is in nobody's way: only
    whoever asks for it by its id is told of it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def one(self, rollout_id: str) -> Rollout:
        """Return a rollout, or raise `NotFound`; `Failed` where it is damaged."""
        query = select(ROLLOUT).where(ROLLOUT.c.id == rollout_id)
        row = self._connection.execute(query).mappings().first()
        if row is None:
            raise NotFound("Rollout", rollout_id[:80], "; see ListRollouts")
        found = _whole(row)
        if found is None:
            raise Failed(
                "Rollout",
                f"Rollout {row['id']} of alias {row['alias']} is damaged in the store and goes on "
                "no more; see the server's log. Set the alias with UpdateAlias",
            )
        return found

    def latest(self, function: Function, alias: str) -> Rollout | None:
        """Return the rollout that moves an alias now; where none does, the one begun last."""
        mine = and_(ROLLOUT.c.function_id == function.id, ROLLOUT.c.alias == alias)
        order = (ROLLOUT.c.owning.desc(), ROLLOUT.c.began_at.desc())
        return next(self._whole(select(ROLLOUT).where(mine).order_by(*order)), None)

    def owner(self, function: Function, alias: str) -> Rollout | None:
        """Return the rollout that moves an alias now."""
        return next((one for one in self.owning(function) if one.alias == alias), None)

    def owning(self, function: Function) -> Sequence[Rollout]:
        """Return the rollouts that move aliases of a function now."""
        mine = and_(ROLLOUT.c.function_id == function.id, ROLLOUT.c.owning)
        return [*self._whole(select(ROLLOUT).where(mine))]

    def alive(self, since: float) -> Sequence[Rollout]:
        """Return those that go on, and those that ended since."""
        some = ROLLOUT.c.owning | (ROLLOUT.c.ended_at >= since)
        return [*self._whole(select(ROLLOUT).where(some))]

    def some(self, wanted: Wanted) -> tuple[int, Sequence[Rollout]]:
        """Return how many rollouts match, and those of the page; the latest first.

        A damaged one is counted, and left out of its page.
        """
        where = _where(wanted)
        count = select(func.count()).select_from(ROLLOUT).where(where)
        query = select(ROLLOUT).where(where).order_by(ROLLOUT.c.began_at.desc(), ROLLOUT.c.id)
        page = self._whole(query.limit(wanted.limit).offset(wanted.offset))
        return int(self._connection.execute(count).scalar_one()), [*page]

    def _whole(self, query: Select[Any]) -> Iterator[Rollout]:
        """Yield those that a query finds and that can be read."""
        for row in self._connection.execute(query).mappings():
            if (found := _whole(row)) is not None:
                yield found

    def evidence(self, rollout_id: str) -> str:
        """Return what was found out of a rollout, as it was saved last; empty for nothing."""
        query = select(ROLLOUT.c.evidence).where(ROLLOUT.c.id == rollout_id)
        return str(self._connection.execute(query).scalar_one_or_none() or "")

    def report(self, rollout_id: str) -> str:
        """Return why a rollout was taken back, as JSON; empty where it was not."""
        query = select(ROLLOUT.c.report).where(ROLLOUT.c.id == rollout_id)
        return str(self._connection.execute(query).scalar_one_or_none() or "")


class RolloutWriting(RolloutReading):
    """A reading that may also write."""

    def __init__(self, connection: Connection, effects: list[Effect]) -> None:
        super().__init__(connection)
        self._effects = effects

    def add(self, rollout: Rollout) -> None:
        """Keep a new rollout; its alias must be nobody's."""
        self._connection.execute(insert(ROLLOUT).values(_row(rollout)))
        self._effects.append(RolloutKept(rollout))

    def replace(self, rollout: Rollout) -> None:
        """Keep a rollout in the place of the one whose revision is one lower, or raise `InUse`."""
        before = and_(ROLLOUT.c.id == rollout.id, ROLLOUT.c.revision == rollout.revision - 1)
        query = update(ROLLOUT).where(before).values(_row(rollout))
        if self._connection.execute(query).rowcount != 1:
            raise InUse("", f"Rollout [{rollout.id}] was moved meanwhile; read it again")
        self._effects.append(RolloutKept(rollout))

    def save(self, evidence: Mapping[str, str]) -> None:
        """Keep what was found out so far, by the ids of rollouts."""
        for rollout_id, text in evidence.items():
            mine = update(ROLLOUT).where(ROLLOUT.c.id == rollout_id)
            self._connection.execute(mine.values(evidence=text))

    def tell_why(self, rollout_id: str, report: str) -> None:
        """Keep why a rollout was taken back."""
        mine = update(ROLLOUT).where(ROLLOUT.c.id == rollout_id)
        self._connection.execute(mine.values(report=report))


def _where(wanted: Wanted) -> ColumnElement[bool]:
    terms: list[ColumnElement[bool]] = [
        ROLLOUT.c[name] == getattr(wanted, name)
        for name in ("namespace", "function", "alias")
        if getattr(wanted, name)
    ]
    if wanted.states:
        terms.append(ROLLOUT.c.state.in_(wanted.states))
    return and_(true(), *terms)


def _row(rollout: Rollout) -> Mapping[str, object]:
    body = Body(rollout.approved, rollout.said, rollout.since, rollout.full_at, rollout.past)
    return {
        "id": rollout.id,
        "function_id": rollout.function_id,
        "namespace": rollout.function.namespace,
        "function": rollout.function.name,
        "alias": rollout.alias,
        "stable": rollout.stable,
        "candidate": rollout.candidate,
        "owner": rollout.owner,
        "reason": rollout.reason,
        "state": rollout.state,
        "owning": rollout.owns,
        "weight": rollout.weight,
        "revision": rollout.revision,
        "began_at": rollout.began_at,
        "ended_at": rollout.ended_at,
        "terms": msgspec.json.encode(rollout.terms).decode(),
        "body": msgspec.json.encode(body).decode(),
    }


def _whole(row: RowMapping) -> Rollout | None:
    """Return a rollout, or None where it is damaged, which is logged."""
    try:
        return _rollout(row)
    except (msgspec.MsgspecError, ValueError, Refusal) as error:
        log.error("rollout.damaged", rollout=row["id"], reason=str(error))  # noqa: TRY400
        return None


def _rollout(row: RowMapping) -> Rollout:
    body = msgspec.json.decode(row["body"], type=Body)
    return Rollout(
        id=row["id"],
        function=FunctionName(row["namespace"], row["function"]),
        function_id=row["function_id"],
        alias=row["alias"],
        stable=row["stable"],
        candidate=row["candidate"],
        terms=msgspec.json.decode(row["terms"], type=Terms),
        owner=row["owner"],
        reason=row["reason"],
        state=State(row["state"]),
        weight=row["weight"],
        approved=body.approved,
        said=body.said,
        began_at=row["began_at"],
        since=body.since,
        full_at=body.full_at,
        ended_at=row["ended_at"],
        revision=row["revision"],
        past=body.past,
    )
