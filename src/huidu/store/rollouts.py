"""What may be asked of rollouts, and what may be changed, at one moment of the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    func,
    insert,
    select,
    true,
    update,
)

from huidu.model.effect import Effect, RolloutKept
from huidu.model.errors import InUse, NotFound, Refusal
from huidu.model.function import Function, FunctionName
from huidu.model.ramp import ramp_of
from huidu.model.rollout import Past, Rollout, State
from huidu.model.rollout_terms import APPROVAL, Gate, Terms
from huidu.model.split import WHOLE
from huidu.store.rollout_tables import ROLLOUT

DAMAGED = "held, for what is kept of it cannot be read"

log = structlog.get_logger("huidu.catalog")


class Body(msgspec.Struct, frozen=True, omit_defaults=True):
    """What of a rollout has no column of its own."""

    approved: int = 0
    said: str = ""
    since: float = 0.0
    full_at: float = 0.0
    past: tuple[Past, ...] = ()


BODY, TERMS = msgspec.json.Decoder(Body), msgspec.json.Decoder(Terms)


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
    """Questions about rollouts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def one(self, rollout_id: str) -> Rollout:
        """Return a rollout, or raise `NotFound`."""
        query = select(ROLLOUT).where(ROLLOUT.c.id == rollout_id)
        row = self._connection.execute(query).mappings().first()
        if row is None:
            raise NotFound("Rollout", rollout_id[:80], "; see ListRollouts")
        return _rollout(row)

    def latest(self, function: Function, alias: str) -> Rollout | None:
        """Return the rollout that moves an alias now; where none does, the one begun last."""
        mine = and_(ROLLOUT.c.function_id == function.id, ROLLOUT.c.alias == alias)
        order = (ROLLOUT.c.owning.desc(), ROLLOUT.c.began_at.desc())
        query = select(ROLLOUT).where(mine).order_by(*order).limit(1)
        row = self._connection.execute(query).mappings().first()
        return _rollout(row) if row is not None else None

    def owner(self, function: Function, alias: str) -> Rollout | None:
        """Return the rollout that moves an alias now."""
        mine = and_(
            ROLLOUT.c.function_id == function.id, ROLLOUT.c.alias == alias, ROLLOUT.c.owning
        )
        row = self._connection.execute(select(ROLLOUT).where(mine)).mappings().first()
        return _rollout(row) if row is not None else None

    def owning(self, function: Function) -> Sequence[Rollout]:
        """Return the rollouts that move aliases of a function now."""
        mine = and_(ROLLOUT.c.function_id == function.id, ROLLOUT.c.owning)
        return [
            _rollout(row)
            for row in self._connection.execute(select(ROLLOUT).where(mine)).mappings()
        ]

    def alive(self, since: float) -> Sequence[Rollout]:
        """Return those that go on, and those that ended since; damaged ones are told of."""
        some = ROLLOUT.c.owning | (ROLLOUT.c.ended_at >= since)
        found = []
        for row in self._connection.execute(select(ROLLOUT).where(some)).mappings():
            found.append(_rollout(row))
            if found[-1].said.startswith(DAMAGED):
                log.error("rollout.damaged", rollout=row["id"], reason=found[-1].said)
        return found

    def some(self, wanted: Wanted) -> tuple[int, Sequence[Rollout]]:
        """Return how many rollouts match, and those of the page; the latest first."""
        where = _where(wanted)
        count = select(func.count()).select_from(ROLLOUT).where(where)
        query = select(ROLLOUT).where(where).order_by(ROLLOUT.c.began_at.desc(), ROLLOUT.c.id)
        rows = self._connection.execute(query.limit(wanted.limit).offset(wanted.offset)).mappings()
        return int(self._connection.execute(count).scalar_one()), [_rollout(row) for row in rows]

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


def _rollout(row: RowMapping) -> Rollout:
    try:
        body = BODY.decode(row["body"])
        return _made(row, State(row["state"]), TERMS.decode(row["terms"]), body)
    except (msgspec.MsgspecError, ValueError, Refusal) as error:
        return _held(row, str(error))


def _held(row: RowMapping, why: str) -> Rollout:
    """Return a rollout of which it cannot be read how it stands: a person is to say what follows.

    Its alias leads where it led, and is nobody's prey: the rollout is watched by the usual terms,
    and can be taken back, promoted or taken over. It grows by itself no more.
    """
    gate = Gate(min(row["weight"] + 1, WHOLE), APPROVAL)
    terms = Terms(ramp=ramp_of("evidence"), gates=(gate,), step_timeout_s=0)
    state = State.PAUSED if row["owning"] else State.TAKEN_OVER
    return _made(row, state, terms, Body(said=f"{DAMAGED}: {why}", since=row["began_at"]))


def _made(row: RowMapping, state: State, terms: Terms, body: Body) -> Rollout:
    return Rollout(
        id=row["id"],
        function=FunctionName(row["namespace"], row["function"]),
        function_id=row["function_id"],
        alias=row["alias"],
        stable=row["stable"],
        candidate=row["candidate"],
        terms=terms,
        owner=row["owner"],
        reason=row["reason"],
        state=state,
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
